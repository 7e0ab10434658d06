"""Draw a mask found on a small copy at full size, its outline along the picture's own edges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from . import masks

BLOCK_PX = 128  # what is drawn at a time, where the outline runs; elsewhere there is nothing to draw
COARSER_PX = 8  # beyond its two radii the filter looks this far, because of its coarser grid

Read = Callable[[slice, slice], np.ndarray]
"""Rows, columns → the picture there, H×W×3 float32."""


def draw(mask: np.ndarray, size: tuple[int, int], read: Read) -> np.ndarray:
    """Coverage (float32) at `size` (height, width) of a bool `mask` of any smaller size.

    The soft edge is one or two pixels wide and lies where the picture's own edge is.
    """
    scale = max(size) / max(mask.shape)
    radius = max(2, round(2 * scale))
    smooth = masks.feather(mask.astype(np.float32), 1.5)
    large = masks.resize(smooth, size)
    coverage = (large > 0.5).astype(np.float32)
    for rows, columns in _blocks_with_edges(smooth, size, radius):
        coverage[rows, columns] = _drawn(large, rows, columns, radius, read)
    return coverage


def _blocks_with_edges(smooth: np.ndarray, size: tuple[int, int], radius: int) -> Iterator[tuple[slice, slice]]:
    """The blocks of `size` in or beside which `smooth` is neither nothing nor whole; neighbours in a row are one."""
    partial = np.abs(smooth - 0.5) < 0.499
    height, width = size

    def beside(start: int, axis: int) -> slice:
        """What of `smooth` a block that starts there lies over, and its neighbours, which it is mixed with."""
        scale = smooth.shape[axis] / size[axis]
        return slice(
            max(0, math.floor((start - radius) * scale) - 1), math.ceil((start + BLOCK_PX + radius) * scale) + 1
        )

    for top in range(0, height, BLOCK_PX):
        strip = np.asarray(partial[beside(top, 0)].any(axis=0))
        lefts = range(0, width, BLOCK_PX)
        has_edge = [bool(strip[beside(left, 1)].any()) for left in lefts]
        for is_drawn, blocks in itertools.groupby(lefts, lambda left, has=has_edge: has[left // BLOCK_PX]):
            if is_drawn:
                run = list(blocks)
                yield slice(top, min(top + BLOCK_PX, height)), slice(run[0], min(run[-1] + BLOCK_PX, width))


def _drawn(large: np.ndarray, rows: slice, columns: slice, radius: int, read: Read) -> np.ndarray:
    """One block, looked at with what lies around it."""
    margin = 2 * radius + COARSER_PX
    around = tuple(
        slice(max(0, part.start - margin), min(length, part.stop + margin))
        for part, length in zip((rows, columns), large.shape, strict=True)
    )
    guided = masks.follow_edges(large[around], read(*around), radius, 1e-3)
    top, left = rows.start - around[0].start, columns.start - around[1].start
    inside = guided[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
    return masks.levels(inside, 0.3, 0.7)
