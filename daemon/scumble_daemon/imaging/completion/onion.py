"""A first idea of what is in the hole: ring by ring inwards, each pixel from the patch most like what is known."""

from __future__ import annotations

import cv2
import numpy as np

from . import patches
from .pyramid import Level

CHUNK_PAIRS = 8_000_000
MOST_PAIRS = 4_000_000  # in a ring: with more, fewer patches are offered


def peel(level: Level, random: np.random.Generator, offered_share: float) -> np.ndarray:
    """`level.picture` with its hole filled, H×W×C. `offered_share`: how many of the known patches may be taken."""
    count = level.picture.shape[2]
    at = np.flatnonzero(level.sources)
    at = at[:: max(1, len(at) * _ring(level.hole) // MOST_PAIRS)]
    picture = level.picture.copy()
    if not level.hole.any():
        return picture
    if offered_share < 1:
        at = random.permutation(at)[: max(1, round(offered_share * len(at)))]
    offered = patches.flat_patches(picture, at)
    squares = offered * offered
    known = ~level.hole
    flat = picture.reshape(-1, count)
    colours = flat[at]
    while not known.all():
        ring = ~known & (cv2.dilate(known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
        if not ring.any():
            break  # nothing is known at all
        centres = np.flatnonzero(ring)
        counts = patches.flat_patches(known.astype(np.float32)[..., None], centres).repeat(count, axis=1)
        wanted = patches.flat_patches(picture, centres) * counts
        step = max(1, CHUNK_PAIRS // len(offered))
        best = [
            (counts[first : first + step] @ squares.T - 2 * wanted[first : first + step] @ offered.T).argmin(1)
            for first in range(0, len(centres), step)
        ]
        flat[centres] = colours[np.concatenate(best)]
        known |= ring
    return picture


def _ring(hole: np.ndarray) -> int:
    """How many pixels the outermost ring has."""
    return int((hole & (cv2.erode(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)).sum())
