"""Work on those blocks of a large picture in which something is to be done, each seen with what lies around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Part = tuple[slice, slice]


@dataclass(frozen=True)
class Block:
    """`core`: rows and columns that are worked on · `around`: the same with a margin · `inside`: core within that."""

    core: Part
    around: Part

    @property
    def inside(self) -> Part:
        rows, columns = (
            slice(core.start - around.start, core.stop - around.start)
            for core, around in zip(self.core, self.around, strict=True)
        )
        return rows, columns


def along(needed: np.ndarray, block_px: int, margin_px: int) -> list[Block]:
    """The blocks, row by row, that hold a pixel of `needed` (bool)."""
    height, width = needed.shape
    found = []
    for top in range(0, height, block_px):
        rows = slice(top, min(top + block_px, height))
        columns = np.asarray(needed[rows].any(axis=0))
        for left in range(0, width, block_px):
            across = slice(left, min(left + block_px, width))
            if columns[across].any():
                around = (_wider(rows, margin_px, height), _wider(across, margin_px, width))
                found.append(Block((rows, across), around))
    return found


def _wider(part: slice, by_px: int, length: int) -> slice:
    return slice(max(0, part.start - by_px), min(length, part.stop + by_px))
