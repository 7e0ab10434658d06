"""Fill the holes of a layer, window by window; each window's hole is copied together and then joined tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .. import masks
from . import seams
from .complete import Copies, complete
from .sheet import Part, Sheet
from .windows import Window

MOST_PIXELS = 1_000_000  # of a window in which patches are searched; a larger one is reduced for that
MOST_HOLE_PIXELS = 170_000
MOST_STOPS = 0.3  # of compressed brightness for each doubling above white: one lamp must not outweigh a picture
SEARCH = 0.85  # of the time; the rest goes into the seams
TILE_PX = 768

Report = Callable[[float], None]


def fill(
    sheet: Sheet, window: Window, alpha: Callable[[Part], np.ndarray], seed: int, device: str, report: Report
) -> None:
    """Fill what is left of the holes in the window's core. `alpha`: what it will have over a part of the layer.

    Raises: what `report` raises.
    """
    found, size = _found(sheet, window, seed, device, lambda share: report(SEARCH * share))
    tiles = list(_tiles(window.core))
    for index, tile in enumerate(tiles):
        report(SEARCH + (1 - SEARCH) * index / len(tiles))
        rows, columns = np.nonzero(sheet.left[tile])
        if not len(rows):
            continue
        rows, columns = rows + tile[0].start, columns + tile[1].start
        sources = _lifted(sheet, found, size, window.part, rows, columns)
        change = seams.correction(sheet, rows, columns, sources, device, lambda _: report(SEARCH))
        copied = sheet.looked_at(sources)
        image = sheet.image
        moved = image.to_native((copied + change)[None])[0] - image.to_native(copied[None])[0]
        at = rows * sheet.size[1] + columns
        sheet.write(at, sheet.native(sources) + moved, alpha(tile)[rows - tile[0].start, columns - tile[1].start])


def _found(sheet: Sheet, window: Window, seed: int, device: str, report: Report) -> tuple[Copies, tuple[int, int]]:
    """What is copied from where in the window, at the size that it was looked for at."""
    part = window.part
    shape = part[0].stop - part[0].start, part[1].stop - part[1].start
    hole = sheet.hole[part]
    scale = min(1.0, (MOST_PIXELS / hole.size) ** 0.5, (MOST_HOLE_PIXELS / max(1, hole.sum())) ** 0.5)
    size = masks.fitted_size(shape, max(1, round(max(shape) * scale)))
    usable = sheet.usable(part)
    if size == shape:
        rgb, hole = sheet.rgb(part), sheet.left[part]
    else:
        rgb, hole = sheet.image.reduced(*part, size), masks.resize(hole, size) > 0
        usable = (masks.resize(usable, size) > 1 - 1e-5) & ~hole
    return complete(_compressed(rgb, usable), hole, usable, seed, device, report), size


def _compressed(rgb: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """In [0, 1], with what is brighter than white between it and 1."""
    clipped = np.maximum(rgb, 0)
    top = float(clipped[usable].max(initial=1))
    if top <= 1:
        return np.minimum(clipped, 1)
    bright = np.where(clipped > 1, 1 + MOST_STOPS * np.log2(np.maximum(clipped, 1)), clipped)
    return np.minimum(bright / (1 + MOST_STOPS * np.log2(top)), 1).astype(np.float32)


def _tiles(part: Part) -> Iterator[Part]:
    for top in range(part[0].start, part[0].stop, TILE_PX):
        for left in range(part[1].start, part[1].stop, TILE_PX):
            yield slice(top, min(top + TILE_PX, part[0].stop)), slice(left, min(left + TILE_PX, part[1].stop))


def _lifted(
    sheet: Sheet, found: Copies, size: tuple[int, int], part: Part, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Where each of the layer's pixels is copied from (flat indices), when `found` is for a reduced window.

    Real pixels of the layer's own size are copied: nothing is enlarged.
    """
    down, across = ((p.stop - p.start) / length for p, length in zip(part, size, strict=True))
    offsets = np.zeros((size[0] * size[1], 2), np.float32)
    offsets[found.holes, 0] = found.sources // size[1] - found.holes // size[1]
    offsets[found.holes, 1] = found.sources % size[1] - found.holes % size[1]
    at = ((rows - part[0].start) / down).astype(np.int64) * size[1]
    at += ((columns - part[1].start) / across).astype(np.int64)
    to_rows = rows + np.rint(offsets[at, 0] * down).astype(np.int64)
    to_columns = columns + np.rint(offsets[at, 1] * across).astype(np.int64)
    return _onto_usable(sheet, to_rows, to_columns)


def _onto_usable(sheet: Sheet, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Flat indices; those that rounding has led astray are led to the nearest pixel that can be copied."""
    height, width = sheet.size
    sources = rows.clip(0, height - 1) * width + columns.clip(0, width - 1)
    astray = np.flatnonzero(~sheet.can_copy(sources))
    for radius in range(1, max(height, width)):
        if not len(astray):
            break
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1) if abs(dy) == radius else (-radius, radius):
                y, x = (rows[astray] + dy).clip(0, height - 1), (columns[astray] + dx).clip(0, width - 1)
                beside = y * width + x
                fits = sheet.can_copy(beside)
                sources[astray[fits]] = beside[fits]
                astray = astray[~fits]
                if not len(astray):
                    break
    return sources
