"""The sky's colour right beside a pixel: clouds change it faster than it can be known from further away."""

from __future__ import annotations

import cv2
import numpy as np

from .. import masks
from . import islands
from .field import COUNTS, LEAST_SPREAD, distance, spread_out

BESIDE_PX = (3.0, 8.0, 20.0)  # in a picture of the working copy's size
TRUSTED = 2.5  # spreads from the colour known so far
CUT_OFF = 1.4  # by which the spread of what is trusted is less than that of all
ROUNDS = 3
ENOUGH = 8.0  # one even pixel of twenty to thirty tells the colour
EVEN = 1.5  # Lab, from one pixel to the next


def look(
    lab: np.ndarray, share: np.ndarray, sky: np.ndarray, spread: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """`sky` H×W×3 and its `spread` H×W, Lab, made better by what `lab` shows close by.

    `share`: H×W, of the sky in each pixel, coarsely · `scale`: pixels of the picture for one of the working copy.
    """
    even = share * ENOUGH * _evenness(lab)
    reaches = tuple(reach * max(1.0, scale) ** 0.5 for reach in BESIDE_PX)
    known = islands.coloured(lab, share > 0.5) & _is_alone(_trust(lab, even, 0, sky, spread), reaches[0])
    for _ in range(ROUNDS):
        moved, _ = spread_out(lab - sky, _trust(lab, even, known, sky, spread), reaches)
        sky = sky + moved
        weight = _trust(lab, even, known, sky, spread)
        strayed, seen = spread_out((distance(lab, sky) ** 2)[..., None], weight, reaches)
        found = CUT_OFF * np.sqrt(strayed[..., 0] + (1 - seen) * spread**2)
        spread = np.clip(found, LEAST_SPREAD, np.maximum(spread, LEAST_SPREAD))
    return sky, spread


def _is_alone(trusted: np.ndarray, reach_px: float) -> np.ndarray:
    """Bool: where nothing that is trusted lies within reach, as in a gap that shows another part of a clouded sky."""
    return ~masks.grow(trusted > 1, round(reach_px))


def _evenness(lab: np.ndarray) -> np.ndarray:
    """1 where a pixel is as those around it are, near 0 at anything thin and at edges."""
    mean, squares = cv2.blur(lab, (3, 3)), cv2.blur(lab * lab, (3, 3))
    varies = np.maximum(squares - mean * mean, 0) @ (COUNTS**2)
    return (1 / (1 + varies / EVEN**2) ** 2).astype(np.float32)


def _trust(
    lab: np.ndarray, share: np.ndarray, known: np.ndarray | int, sky: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    near = np.exp(-((distance(lab, sky) / (TRUSTED * spread)) ** 2)).astype(np.float32)
    return share * np.maximum(near, known)
