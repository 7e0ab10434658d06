"""How far beyond a selection its object still shows: a soft rim that must neither be copied nor be continued."""

from __future__ import annotations

import cv2
import numpy as np
from scumble_protocol.image import Bounds

from .. import masks
from ..image import Image
from .sheet import Part

MOST_PX = 6
STEP_PX = 3  # outwards, to what a ring of pixels is compared with
DEEP_PX = 2  # inside the selection, where all is object
STANDS_OUT = 0.5  # by how much more an object has to differ from its ground than the ground does from itself
LEAST = 1e-4  # for grounds of one colour
SHOWS = 0.06  # of the object that is mixed into a ring: less is not seen
REACH_PX = 3 * MOST_PX + STEP_PX + DEEP_PX  # around the selection, that is looked at
UNSEEN_PX = 2  # where the selection is too large to look at all of its edge
MOST_LOOKED_AT = 4_000_000


def grown(image: Image, coverage: np.ndarray, least: float) -> tuple[np.ndarray, Part, int]:
    """What is selected and the rim in which its object still shows (bool), over which part of the layer that lies, and
    how many pixels the rim is wide. `coverage`: of the selection, over the layer; above `least` it counts.
    """
    around = masks.extent(coverage, Bounds(0, 0, coverage.shape[1], coverage.shape[0]))
    place = _grown(around, REACH_PX, coverage.shape)
    width_px = UNSEEN_PX
    selected = coverage[place] > least
    if selected.size <= MOST_LOOKED_AT:
        width_px = _width_px(image.part(*place), selected)
    hole = masks.grow(selected, width_px)
    within = _grown(around, width_px, coverage.shape)
    inner = tuple(slice(w.start - p.start, w.stop - p.start) for w, p in zip(within, place, strict=True))
    return np.ascontiguousarray(hole[inner]), within, width_px


def _grown(around: Bounds, by_px: int, shape: tuple[int, ...]) -> Part:
    return (
        slice(max(0, around.y - by_px), min(shape[0], around.bottom + by_px)),
        slice(max(0, around.x - by_px), min(shape[1], around.right + by_px)),
    )


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
