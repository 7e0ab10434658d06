"""Draw a mask found on a small copy at full size, its outline along the picture's own edges."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from . import masks
from .blocks import Block

BLOCK_PX = 128  # what is drawn at a time, where the outline runs; elsewhere there is nothing to draw
LEAST_RADIUS_PX = 3  # of the filter, where the mask was found at full size; of 2, 3 and 4 the best on tuning
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
    """Blocks that were drawn before, since a click changes few of them. `picture`: what tells it from all others."""

    blocks: dict[bytes, np.ndarray]
    picture: bytes

    def draw(self, smooth: np.ndarray, block: _Block, read: Read) -> np.ndarray:
        digest = hashlib.sha256(self.picture + repr((block, smooth.shape)).encode())
        digest.update(smooth[block.beneath].tobytes())
        key = digest.digest()
        drawn = self.blocks.pop(key, None)
        if drawn is None:
            drawn = _drawn(smooth, block, read)
        self.blocks[key] = drawn
        while len(self.blocks) > KEPT_BLOCKS:
            del self.blocks[next(iter(self.blocks))]
        return drawn


@dataclass(frozen=True)
class _Span:
    """Rows or columns: what is `drawn`, that with all that the filter looks at `around` it, and what of the mask lies
    `beneath`, with a pixel more, which it is mixed with."""

    drawn: slice
    around: slice
    beneath: slice


@dataclass(frozen=True)
class _Block:
    """`size`: of all that is drawn on · `radius`: of the filter."""

    rows: _Span
    columns: _Span
    size: tuple[int, int]
    radius: int

    @property
    def beneath(self) -> tuple[slice, slice]:
        return self.rows.beneath, self.columns.beneath


def draw(mask: np.ndarray, size: tuple[int, int], read: Read, kept: Kept | None = None) -> Drawn:
    """Coverage at `size` (height, width) of a bool `mask` of any smaller size.

    The soft edge is one or two pixels wide and lies where the picture's own edge is.
    """
    smooth = masks.feather(mask.astype(np.float32), 1.5)
    blocks = list(_blocks(smooth, size))
    if not blocks:
        return Drawn(np.zeros((0, 0), np.float32), 0, 0)
    rows, columns = [block.rows.drawn for block, _ in blocks], [block.columns.drawn for block, _ in blocks]
    top, left = min(each.start for each in rows), min(each.start for each in columns)
    bottom, right = max(each.stop for each in rows), max(each.stop for each in columns)
    coverage = np.zeros((bottom - top, right - left), np.float32)
    for (block, is_whole), down, across in zip(blocks, rows, columns, strict=True):
        part = coverage[down.start - top : down.stop - top, across.start - left : across.stop - left]
        if is_whole:
            part[:] = 1
        elif kept is None:
            part[:] = _drawn(smooth, block, read)
        else:
            part[:] = kept.draw(smooth, block, read)
    return Drawn(coverage, top, left)


def _blocks(smooth: np.ndarray, size: tuple[int, int]) -> Iterator[tuple[_Block, bool]]:
    """Those in or beside which `smooth` is not nothing, and whether it is whole all over."""
    radius = max(LEAST_RADIUS_PX, round(2 * max(size) / max(smooth.shape)))
    across = list(_spans(size[1], smooth.shape[1], radius))
    for rows in _spans(size[0], smooth.shape[0], radius):
        strip = smooth[rows.beneath]
        most, least = strip.max(axis=0), strip.min(axis=0)
        for columns in across:
            if most[columns.beneath].max() > 1e-3:
                yield _Block(rows, columns, size, radius), bool(least[columns.beneath].min() > 1 - 1e-3)


def _spans(length: int, smaller: int, radius: int) -> Iterator[_Span]:
    """All of a picture's rows or columns, which lie over so many of the mask's."""
    margin = 2 * radius + (COARSER_PX if radius >= 8 else 0)
    for start in range(0, length, BLOCK_PX):
        stop = min(start + BLOCK_PX, length)
        first, last = max(0, start - margin), min(length, stop + margin)
        beneath = slice(max(0, math.floor(first * smaller / length) - 1), math.ceil(last * smaller / length) + 1)
        yield _Span(slice(start, stop), slice(first, last), beneath)


def _drawn(smooth: np.ndarray, block: _Block, read: Read) -> np.ndarray:
    """One block, looked at with what lies around it."""
    rows, columns = block.rows, block.columns
    large = masks.stretched(smooth, block.size, rows.around, columns.around)
    guided = masks.follow_edges(large, read(rows.around, columns.around), block.radius, 1e-3)
    inside = Block((rows.drawn, columns.drawn), (rows.around, columns.around)).inside
    return masks.levels(guided[inside], 0.3, 0.7)
