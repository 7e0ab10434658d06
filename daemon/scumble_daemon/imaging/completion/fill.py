"""Fill the holes of a layer, window by window; each window's hole is filled together and then written tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from . import seams, seen, smooth
from .complete import complete
from .lift import lifted
from .seen import Seen
from .sheet import Part, Sheet
from .windows import Window

MOST_PIXELS = 1_000_000  # of a window in which patches are searched; a larger one is reduced for that
MOST_HOLE_PIXELS = 170_000
SEARCH = 0.85  # of the time; the rest goes into the seams
TILE_PX = 768
BLUR = 0.5  # of a pixel of the reduced picture: what is finer it cannot have

Report = Callable[[float], None]
Alpha = Callable[[Part], np.ndarray]
"""A part of the layer → H×W float32, what alpha the filling has there."""
Guess = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A network: H×W×3 in [0, 1] and what is hole (bool) → the same, filled."""


def by_patches(sheet: Sheet, window: Window, alpha: Alpha, seed: int, device: str, report: Report) -> None:
    """Fill what is left of the holes in the window's core with what is around. Raises: what `report` raises."""
    hole = sheet.hole_in(window.part)
    scale = min((MOST_PIXELS / hole.size) ** 0.5, (MOST_HOLE_PIXELS / max(1, hole.sum())) ** 0.5)
    view = seen.view(sheet, window.part, max(1, round(max(hole.shape) * scale)))
    usable = smooth.alike(view)
    found = complete(view.rgb, view.hole, view.known, usable, seed, device, lambda share: report(SEARCH * share))
    if seed == 0 and sheet.offered is None and smooth.is_needed(view, found):  # other seeds are other pieces
        _by_guess(sheet, window, view, smooth.continued(view, device), alpha, device, report)
        return
    for share, tile, rows, columns in _tiles(sheet, window.core):
        report(SEARCH + (1 - SEARCH) * share)
        sources = lifted(sheet, found, view, rows, columns)
        change = seams.correction(sheet, rows, columns, sources)
        _write(sheet, tile, rows, columns, sources, change, alpha)


def by_network(
    sheet: Sheet, window: Window, alpha: Alpha, guess: Guess, work_px: int, device: str, report: Report
) -> None:
    """The same by a network that is shown the window, at most `work_px` large.

    Where it was reduced for that, what is finer comes from the pixels around that are most like what the network gave.
    Raises: what `guess` and `report` raise.
    """
    view = seen.view(sheet, window.part, work_px)
    report(0.0)
    guessed = guess(view.rgb, view.hole)
    _by_guess(sheet, window, view, guessed, alpha, device, report)


def _by_guess(
    sheet: Sheet, window: Window, view: Seen, guessed: np.ndarray, alpha: Alpha, device: str, report: Report
) -> None:
    report(SEARCH)
    if view.is_whole:
        for _, tile, rows, columns in _tiles(sheet, window.core):
            colours = view.light(guessed[rows - window.part[0].start, columns - window.part[1].start])
            at = rows * sheet.size[1] + columns
            sheet.write(at, sheet.image.to_native(colours[None])[0], _at(alpha(tile), tile, rows, columns))
        return
    found = complete(
        guessed, view.hole, view.known, view.usable, 0, device, lambda share: report(SEARCH), is_guessed=True
    )
    for share, tile, rows, columns in _tiles(sheet, window.core):
        report(SEARCH + (1 - SEARCH) * share)
        sources = lifted(sheet, found, view, rows, columns)
        fine = sheet.rgb(tile)
        fine[rows - tile[0].start, columns - tile[1].start] = sheet.looked_at(sources)
        fine -= cv2.GaussianBlur(fine, (0, 0), BLUR * view.scale)
        wanted = view.light(_enlarged(guessed, view, tile)) + fine
        change = _at(wanted, tile, rows, columns) - sheet.looked_at(sources)
        _write(sheet, tile, rows, columns, sources, change, alpha)


def _write(
    sheet: Sheet,
    tile: Part,
    rows: np.ndarray,
    columns: np.ndarray,
    sources: np.ndarray,
    change: np.ndarray,
    alpha: Alpha,
) -> None:
    """Copies, changed by `change` (sRGB-encoded): what is not changed stays exact in the document's own encoding."""
    copied = sheet.looked_at(sources)
    to_native = sheet.image.to_native
    moved = to_native((copied + change)[None])[0] - to_native(copied[None])[0]
    at = rows * sheet.size[1] + columns
    sheet.write(at, sheet.native(sources) + moved, _at(alpha(tile), tile, rows, columns))


def _at(values: np.ndarray, tile: Part, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return values[rows - tile[0].start, columns - tile[1].start]


def _enlarged(guessed: np.ndarray, view: Seen, tile: Part) -> np.ndarray:
    """The part of it that lies over `tile`, at the layer's own size."""
    rows, columns = ((np.arange(t.start, t.stop) + 0.5 - p.start) for t, p in zip(tile, view.part, strict=True))
    across, down = np.meshgrid(columns * view.size[1] / view.shape[1] - 0.5, rows * view.size[0] / view.shape[0] - 0.5)
    return cv2.remap(
        guessed,
        across.astype(np.float32),
        down.astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _tiles(sheet: Sheet, part: Part) -> Iterator[tuple[float, Part, np.ndarray, np.ndarray]]:
    """The share that is done, and tile by tile the rows and columns of what is left to fill there."""
    corners = [
        (top, left)
        for top in range(part[0].start, part[0].stop, TILE_PX)
        for left in range(part[1].start, part[1].stop, TILE_PX)
    ]
    for index, (top, left) in enumerate(corners):
        tile = slice(top, min(top + TILE_PX, part[0].stop)), slice(left, min(left + TILE_PX, part[1].stop))
        rows, columns = np.nonzero(sheet.left_in(tile))
        if len(rows):
            yield index / len(corners), tile, rows + top, columns + left
