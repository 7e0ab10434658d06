"""Draw a mask found on a small copy at full size, its outline along the picture's own edges."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from . import masks

BLOCK_PX = 128  # what is drawn at a time, where the outline runs; elsewhere there is nothing to draw
COARSER_PX = 8  # beyond its two radii the filter looks this far, where it has a coarser grid
KEPT_BLOCKS = 256  # 64 kB each

Read = Callable[[slice, slice], np.ndarray]
"""Rows, columns → the picture there, H×W×3 float32."""


@dataclass(frozen=True)
class Drawn:
    """`coverage`: float32, of the part of the picture that begins at `top`, `left`; elsewhere there is none."""

    coverage: np.ndarray
    top: int
    left: int

    def whole(self, size: tuple[int, int]) -> np.ndarray:
        """Coverage of all of the picture, which is of `size` (height, width)."""
        coverage, (height, width) = np.zeros(size, np.float32), self.coverage.shape
        coverage[self.top : self.top + height, self.left : self.left + width] = self.coverage
        return coverage


@dataclass(frozen=True)
class Kept:
    """Blocks that were drawn before, since a click changes few of them. `peek`: rows, columns → what tells pictures
    apart there."""

    blocks: dict[bytes, np.ndarray]
    peek: Callable[[slice, slice], bytes]

    def draw(self, smooth: np.ndarray, canvas: _Canvas, rows: slice, columns: slice, read: Read) -> np.ndarray:
        around = canvas.around(rows, columns)
        digest = hashlib.sha256(repr((canvas, rows, columns, smooth.shape)).encode())
        digest.update(np.ascontiguousarray(smooth[canvas.beneath(*around)]).tobytes())
        digest.update(self.peek(*around))
        key = digest.digest()
        drawn = self.blocks.pop(key, None)
        if drawn is None:
            drawn = _drawn(smooth, canvas, rows, columns, read)
        self.blocks[key] = drawn
        while len(self.blocks) > KEPT_BLOCKS:
            del self.blocks[next(iter(self.blocks))]
        return drawn


@dataclass(frozen=True)
class _Canvas:
    """What is drawn on, over a mask of `smaller` size."""

    size: tuple[int, int]
    smaller: tuple[int, int]
    radius: int

    def around(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """A block with all that the filter looks at."""
        margin = 2 * self.radius + (COARSER_PX if self.radius >= 8 else 0)
        down, across = (
            slice(max(0, part.start - margin), min(length, part.stop + margin))
            for part, length in zip((rows, columns), self.size, strict=True)
        )
        return down, across

    def beneath(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """What of the mask lies there, and a pixel more, which it is mixed with."""
        down, across = (
            slice(max(0, math.floor(part.start * small / length) - 1), math.ceil(part.stop * small / length) + 1)
            for part, length, small in zip((rows, columns), self.size, self.smaller, strict=True)
        )
        return down, across


def draw(mask: np.ndarray, size: tuple[int, int], read: Read, kept: Kept | None = None) -> Drawn:
    """Coverage at `size` (height, width) of a bool `mask` of any smaller size.

    The soft edge is one or two pixels wide and lies where the picture's own edge is.
    """
    scale = max(size) / max(mask.shape)
    smooth = masks.feather(mask.astype(np.float32), 1.5)
    canvas = _Canvas(size, mask.shape, max(2, round(2 * scale)))
    blocks = list(_blocks(smooth, canvas))
    if not blocks:
        return Drawn(np.zeros((0, 0), np.float32), 0, 0)
    top, bottom = min(rows.start for rows, _, _ in blocks), max(rows.stop for rows, _, _ in blocks)
    left, right = min(columns.start for _, columns, _ in blocks), max(columns.stop for _, columns, _ in blocks)
    coverage = np.zeros((bottom - top, right - left), np.float32)
    for rows, columns, is_whole in blocks:
        part = coverage[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        if is_whole:
            part[:] = 1
        elif kept is None:
            part[:] = _drawn(smooth, canvas, rows, columns, read)
        else:
            part[:] = kept.draw(smooth, canvas, rows, columns, read)
    return Drawn(coverage, top, left)


def _blocks(smooth: np.ndarray, canvas: _Canvas) -> Iterator[tuple[slice, slice, bool]]:
    """Those in or beside which `smooth` is not nothing, and whether it is whole all over."""
    height, width = canvas.size
    for top in range(0, height, BLOCK_PX):
        rows = slice(top, min(top + BLOCK_PX, height))
        if not smooth[canvas.beneath(*canvas.around(rows, slice(0, width)))].any():
            continue
        for left in range(0, width, BLOCK_PX):
            columns = slice(left, min(left + BLOCK_PX, width))
            beneath = smooth[canvas.beneath(*canvas.around(rows, columns))]
            if beneath.max() > 1e-3:
                yield rows, columns, bool(beneath.min() > 1 - 1e-3)


def _drawn(smooth: np.ndarray, canvas: _Canvas, rows: slice, columns: slice, read: Read) -> np.ndarray:
    """One block, looked at with what lies around it."""
    around = canvas.around(rows, columns)
    large = masks.stretched(smooth, canvas.size, *around)
    guided = masks.follow_edges(large, read(*around), canvas.radius, 1e-3)
    top, left = rows.start - around[0].start, columns.start - around[1].start
    inside = guided[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
    return masks.levels(inside, 0.3, 0.7)
