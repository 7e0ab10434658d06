"""What a network for clicks is shown of them: discs, distances, unlikeness in colour, and the mask so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import masks
from .clicks import Click

CHANNELS = 10  # red, green, blue; for clicks of each kind disc, distance and unlikeness; the mask so far
DISC_PX = 3.0
FAR_PX = 96.0  # a distance that is as good as any larger one
UNLIKE = 40.0  # ΔE, likewise


def seen(rgb: np.ndarray, lab: np.ndarray, clicks: Sequence[Click], before: np.ndarray | None) -> np.ndarray:
    """`rgb`: H×W×3 float32 in [0, 1] · `lab`: the same in Lab · `clicks`: in its pixels · `before`: H×W float32, the
    chance that a pixel is of the object as found before, or None → CHANNELS×H×W float32.

    After Xu, Price, Cohen, Yang & Huang 2016, "Deep Interactive Object Selection", where clicks become distance maps.
    """
    height, width = rgb.shape[:2]
    found = np.empty((CHANNELS, height, width), np.float32)
    found[:3] = rgb.transpose(2, 0, 1) * 2 - 1
    for first, include in ((3, True), (6, False)):
        near, unlike = _around(lab, [click for click in clicks if click.include == include])
        found[first] = near <= DISC_PX
        found[first + 1] = near / FAR_PX
        found[first + 2] = unlike / UNLIKE
    found[9] = 0 if before is None else before * 2 - 1
    return found


def _around(lab: np.ndarray, clicks: Sequence[Click]) -> tuple[np.ndarray, np.ndarray]:
    """Everywhere, the distance to the nearest click, and the least ΔE to the colour at any of them."""
    away = np.full(lab.shape[:2], FAR_PX, np.float32)
    unlike = np.full(lab.shape[:2], UNLIKE, np.float32)
    if clicks:
        clicked = np.zeros(lab.shape[:2], bool)
        clicked[[click.y for click in clicks], [click.x for click in clicks]] = True
        away = np.minimum(masks.distance_to(clicked), FAR_PX)
    for colour in _colours(lab, clicks):
        square = np.square(lab - colour).sum(axis=2)
        np.minimum(unlike, np.sqrt(square, out=square), out=unlike)
    return away, unlike


def _colours(lab: np.ndarray, clicks: Sequence[Click]) -> np.ndarray:
    """N×3: the mean colours at the clicks, those that are alike once."""
    found: dict[tuple[int, ...], np.ndarray] = {}
    for click in clicks:
        near = lab[max(0, click.y - 1) : click.y + 2, max(0, click.x - 1) : click.x + 2].reshape(-1, 3).mean(axis=0)
        found.setdefault(tuple((near / 4).astype(int)), near)
    return np.array(list(found.values()), np.float32).reshape(-1, 3)
