"""Which parts of a layer are looked at to fill its holes: each hole, or a group of small ones, and what is around."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .sheet import Part, Sheet

CELL_PX = 16  # holes nearer to each other than this are one
GROUP_PX = 384  # small holes within a square of this side are filled together
LEAST_MARGIN_PX = 64
MARGIN = 1.3  # times the side of a square as large as the hole, kept around it to copy from
SPARSE = 0.3  # of a long hole's box that it fills: with less it is filled in pieces
MOST_OFFERED = 0.9  # of what is offered: when that is in, it is no use to grow
ENOUGH = 3.0  # times as many pixels to copy from as there are to fill; else the window grows


@dataclass(frozen=True)
class Window:
    """`part`: what is looked at · `core`: the rectangle of the holes that are filled; both rows and columns."""

    part: Part
    core: Part

    @property
    def core_in_part(self) -> Part:
        (rows, columns), (top, left) = self.core, (self.part[0].start, self.part[1].start)
        return slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)


def around(sheet: Sheet, reach: float) -> list[Window]:
    """Windows whose cores hold every pixel of the sheet's holes. `reach`: times the usual margin."""
    return [Window(_with_margin(core, sheet, reach), core) for core in _cores(sheet.hole, sheet.place)]


def _cores(hole: np.ndarray, place: Part) -> list[Part]:
    height, width = hole.shape
    y0, x0 = place[0].start, place[1].start
    cells = _cells(hole)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8), connectivity=8)
    boxes: dict[tuple[int, ...], list[int]] = {}
    for index, (x, y, across, down, area) in enumerate(stats[1:count].tolist()):
        box = [y * CELL_PX, x * CELL_PX, (y + down) * CELL_PX, (x + across) * CELL_PX]
        if area < SPARSE * across * down and max(across, down) * CELL_PX > 2 * GROUP_PX:
            _cut(labels == index + 1, boxes)
            continue
        is_large = max(across, down) * CELL_PX > GROUP_PX // 2
        middle = ((box[0] + box[2]) // 2 // GROUP_PX, (box[1] + box[3]) // 2 // GROUP_PX)
        key = (-1, index) if is_large else middle
        old = boxes.setdefault(key, box)
        boxes[key] = [*map(min, old[:2], box[:2]), *map(max, old[2:], box[2:])]
    return [
        (slice(top + y0, min(bottom, height) + y0), slice(left + x0, min(right, width) + x0))
        for top, left, bottom, right in sorted(boxes.values())
    ]


def _cut(cells: np.ndarray, boxes: dict[tuple[int, ...], list[int]]) -> None:
    """A long thin hole in pieces, each by its own square."""
    rows, columns = np.nonzero(cells)
    squares = np.stack([rows * CELL_PX // GROUP_PX, columns * CELL_PX // GROUP_PX], axis=1)
    for square in np.unique(squares, axis=0):
        y, x = (each[(squares == square).all(axis=1)] * CELL_PX for each in (rows, columns))
        box = [int(y.min()), int(x.min()), int(y.max()) + CELL_PX, int(x.max()) + CELL_PX]
        old = boxes.setdefault(tuple(square.tolist()), box)
        boxes[tuple(square.tolist())] = [*map(min, old[:2], box[:2]), *map(max, old[2:], box[2:])]


def _cells(mask: np.ndarray) -> np.ndarray:
    """Whether there is anything in each cell of CELL_PX²."""
    height, width = mask.shape
    rows = np.logical_or.reduceat(mask, np.arange(0, height, CELL_PX), axis=0)
    return np.logical_or.reduceat(rows, np.arange(0, width, CELL_PX), axis=1)


def _with_margin(core: Part, sheet: Sheet, reach: float) -> Part:
    height, width = sheet.size
    margin = max(LEAST_MARGIN_PX, round(MARGIN * reach * float(sheet.hole_in(core).sum()) ** 0.5))
    most = np.inf if sheet.offered is None else MOST_OFFERED * int(sheet.offered.sum())
    while True:
        part = (
            slice(max(0, core[0].start - margin), min(height, core[0].stop + margin)),
            slice(max(0, core[1].start - margin), min(width, core[1].stop + margin)),
        )
        is_whole = part == (slice(0, height), slice(0, width))
        if is_whole or sheet.usable(part).sum() >= min(most, ENOUGH * sheet.hole_in(part).sum()):
            return part
        margin = round(margin * 1.5)
