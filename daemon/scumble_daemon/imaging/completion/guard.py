"""How far beyond a selection its object still shows: a soft rim that must neither be copied nor be continued."""

from __future__ import annotations

import cv2
import numpy as np
from scumble_protocol.image import Bounds

from .. import masks
from ..image import Image

MOST_PX = 6
STEP_PX = 3  # outwards, to what a ring of pixels is compared with
DEEP_PX = 2  # inside the selection, where all is object
STANDS_OUT = 0.5  # by how much more an object has to differ from its ground than the ground does from itself
LEAST = 1e-4  # for grounds of one colour
SHOWS = 0.06  # of the object that is mixed into a ring: less is not seen
UNSEEN_PX = 2  # where the selection is too large to look at all of its edge
MOST_LOOKED_AT = 4_000_000


def grown(image: Image, selected: np.ndarray) -> tuple[np.ndarray, int]:
    """`selected` (bool over the layer) and the rim in which its object still shows; and how many pixels that is."""
    around = masks.extent(selected, Bounds(0, 0, selected.shape[1], selected.shape[0]))
    reach = 3 * MOST_PX + STEP_PX + DEEP_PX
    rows = slice(max(0, around.y - reach), min(selected.shape[0], around.bottom + reach))
    columns = slice(max(0, around.x - reach), min(selected.shape[1], around.right + reach))
    width_px = UNSEEN_PX
    if (rows.stop - rows.start) * (columns.stop - columns.start) <= MOST_LOOKED_AT:
        width_px = _width_px(image.part(rows, columns), selected[rows, columns])
    hole = np.zeros_like(selected)
    hole[rows, columns] = masks.grow(selected[rows, columns], width_px)
    return hole, width_px


def _width_px(rgb: np.ndarray, selected: np.ndarray) -> int:
    """Up to the first ring into which nothing of the object is mixed."""
    rgb = np.clip(rgb, 0, 1)
    away = masks.signed_distance(selected)
    for ring in range(1, MOST_PX + 1):
        back = ring + DEEP_PX
        seen, natural = _likeness(rgb, away, ring, back), _likeness(rgb, away, MOST_PX + 1 + back, back)
        if seen is None or natural is None:
            return UNSEEN_PX
        object_and_ground, ground = seen[1], natural[1]
        excess = object_and_ground - ground
        if excess <= STANDS_OUT * ground + LEAST or (seen[0] - natural[0]) / excess < SHOWS:
            return ring if ring > 1 else 0  # where something shows, a ring more is taken: it fades slowly
    return MOST_PX


def _likeness(rgb: np.ndarray, away: np.ndarray, ring: int, back: int) -> tuple[float, float] | None:
    """Of pixels `ring` pixels away from the selection, and others `back` pixels inwards and STEP_PX outwards of them:
    how alike the first two differ from the outer ones, and how much the inner ones do; means of products."""
    slope_x, slope_y = (cv2.Sobel(away, cv2.CV_32F, *way, scale=0.125) for way in ((1, 0), (0, 1)))
    y, x = np.nonzero((away > ring - 0.5) & (away <= ring + 0.5))
    slope_x, slope_y = slope_x[y, x], slope_y[y, x]
    outer, inner = (
        (np.rint(y + step * slope_y).astype(np.int64), np.rint(x + step * slope_x).astype(np.int64))
        for step in (STEP_PX, -back)
    )
    height, width = away.shape
    fits = np.ones(len(y), bool)
    for to_y, to_x in (outer, inner):
        fits &= (to_y >= 0) & (to_y < height) & (to_x >= 0) & (to_x < width)
    if not fits.any():
        return None
    middle, outer, inner = (rgb[at_y[fits], at_x[fits]] for at_y, at_x in ((y, x), outer, inner))
    alike, differ = ((each - outer) * (inner - outer) for each in (middle, inner))
    return float(alike.sum(axis=1).mean()), float(differ.sum(axis=1).mean())
