"""The same picture at ever smaller sizes: colours averaged of what is known only, and what is hole there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from .patches import REACH_PX, SIDE_PX, channels, texture

RATIO = 0.7  # of one level's sides to the next finer one's
LEAST_SIDES = 3  # patches that the shorter side of the coarsest level holds
LEAST_SOURCES = 49  # patches to choose from
HOLE_SHARE = 0.02  # of a coarse pixel that has to be hole for it to be one


@dataclass(frozen=True)
class Level:
    """`picture`: H×W×5, as patches compare it, with nothing sensible in the hole · `hole`: what is filled ·
    `sources`: centres of patches that may be copied · both bool H×W."""

    picture: np.ndarray
    hole: np.ndarray
    sources: np.ndarray


def build(rgb: np.ndarray, hole: np.ndarray, known: np.ndarray, usable: np.ndarray) -> list[Level]:
    """Coarsest first; none where not even the finest has patches to copy.

    `rgb`: H×W×3 in [0, 1] · `hole`, `known`, `usable`: bool, what is filled, what it joins and what of
    that may be copied.
    """
    sizes = _sizes(hole)
    known = known & ~hole
    textures = texture(rgb, known, radius_px=2 * len(sizes) + 1)
    picture = channels(rgb, textures)
    levels = [_reduced(picture, hole, known, usable & known, size) for size in sizes]
    if levels[-1].sources.sum() < LEAST_SOURCES:
        return []
    return [level for level in levels if level.sources.sum() >= LEAST_SOURCES]


def _sizes(hole: np.ndarray) -> list[tuple[int, int]]:
    """At the coarsest the hole is about as thick as a patch."""
    height, width = hole.shape
    thickness = 2 * float(cv2.distanceTransform(np.pad(hole, 1).astype(np.uint8), cv2.DIST_L2, 5).max())
    steps = math.ceil(math.log(max(thickness / SIDE_PX, 1)) / math.log(1 / RATIO))
    most = int(math.log(max(1, min(height, width) / (LEAST_SIDES * SIDE_PX))) / math.log(1 / RATIO))
    count = 1 + max(0, min(steps, most))
    return [
        (max(1, round(height * RATIO**step)), max(1, round(width * RATIO**step))) for step in reversed(range(count))
    ]


def _reduced(
    picture: np.ndarray, hole: np.ndarray, known: np.ndarray, usable: np.ndarray, size: tuple[int, int]
) -> Level:
    if size == hole.shape:
        return Level(picture, hole, _centres(usable))
    weight = _area(known.astype(np.float32), size)
    weighed = np.dstack([_area(picture[..., each] * known, size) for each in range(picture.shape[2])])
    small_hole = _area(hole.astype(np.float32), size) > HOLE_SHARE
    small_usable = (_area((~(usable | hole)).astype(np.float32), size) <= HOLE_SHARE) & ~small_hole
    return Level(weighed / (weight[..., None] + 1e-4), small_hole, _centres(small_usable))


def _area(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(plane, (size[1], size[0]), interpolation=cv2.INTER_AREA)


def _centres(known: np.ndarray) -> np.ndarray:
    """Where a patch is known as a whole; what is beyond the picture's edge is not."""
    kernel = np.ones((SIDE_PX, SIDE_PX), np.uint8)
    inside = cv2.erode(known.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    rim = np.zeros_like(inside)
    rim[REACH_PX : inside.shape[0] - REACH_PX, REACH_PX : inside.shape[1] - REACH_PX] = True
    return inside & rim
