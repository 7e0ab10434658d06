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
                core = (rows, across)
                found.append(Block(core, wider(core, margin_px, needed.shape)))
    return found


def moved(part: Part, down: int, across: int) -> Part:
    rows, columns = part
    return slice(rows.start + down, rows.stop + down), slice(columns.start + across, columns.stop + across)


def wider(part: Part, by_px: int, size: tuple[int, ...]) -> Part:
    """`part` and what lies around it within a picture of `size`."""
    rows, columns = (
        slice(max(0, each.start - by_px), min(length, each.stop + by_px))
        for each, length in zip(part, size, strict=True)
    )
    return rows, columns
