"""Copies that were found in a reduced view, for the layer at its own size: real pixels are copied, none enlarged."""

from __future__ import annotations

import numpy as np

from .complete import Copies
from .seen import Seen
from .sheet import Sheet


def lifted(sheet: Sheet, found: Copies, view: Seen, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Where each of the layer's pixels is copied from (flat indices), by what was `found` in the `view`."""
    part, size = view.part, view.size
    down, across = view.shape[0] / size[0], view.shape[1] / size[1]
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
