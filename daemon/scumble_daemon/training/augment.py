"""A pair cut and turned at random, both pictures alike: flipped, rotated, scaled, with reflected borders.

Flip with p = 0.5; affine with p = 0.75, of which rotation to 45° and scaling to ×4; what lies beyond a border is the
picture, mirrored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

FLIP_P, AFFINE_P = 0.5, 0.75
MOST_DEGREES = 45.0
MOST_SCALE = 4.0  # beyond what shows the whole of the shorter side


@dataclass(frozen=True)
class Move:
    """`scale`: pixels of the crop for one of the picture · `centre`: of the crop, x and y in the picture."""

    is_flipped: bool
    degrees: float
    scale: float
    centre: tuple[float, float]

    def matrix(self, side_px: int) -> np.ndarray:
        """2×3: from places in the picture to places in the crop."""
        turned = math.radians(self.degrees)
        cos, sin = math.cos(turned) * self.scale, math.sin(turned) * self.scale
        linear = np.array([[cos, -sin], [sin, cos]])
        if self.is_flipped:
            linear[0] *= -1
        middle = (side_px - 1) / 2
        return np.column_stack([linear, middle - linear @ self.centre])


def drawn(rng: np.random.Generator, size: tuple[int, int], side_px: int, most_scale: float = MOST_SCALE) -> Move:
    """`size`: height, width of the picture.

    Three of four are turned, and scaled from all of the shorter side in the crop to four times that, or up to the
    picture's own size where that is more. The rest is a straight crop, at its own size where the picture has so much;
    so are all with a `most_scale` of 1, for a change that is of pixels, and not of what is seen.
    """
    height, width = size
    whole = side_px / min(height, width)
    is_flipped = bool(rng.random() < FLIP_P)
    if rng.random() < AFFINE_P:
        degrees = float(rng.uniform(-MOST_DEGREES, MOST_DEGREES))
        scale = whole * math.exp(rng.uniform(0, math.log(max(most_scale, 1 / whole))))
    else:
        degrees, scale = 0.0, max(whole, 1.0)
    if most_scale <= 1:
        scale = max(whole, 1.0)
    reach = (side_px - 1) / 2 / scale  # how far the crop sees from its centre, before it is turned
    centre = tuple(
        float(rng.uniform(min(reach, (side - 1) / 2), max(side - 1 - reach, (side - 1) / 2)))
        for side in (width, height)
    )
    return Move(is_flipped, degrees, scale, (centre[0], centre[1]))


def moved(picture: np.ndarray, move: Move, side_px: int) -> np.ndarray:
    """H×W×3 uint8 → side×side×3 uint8."""
    matrix = move.matrix(side_px)
    if move.scale < 1:  # to be averaged, which sampling does not
        height, width = picture.shape[:2]
        size = max(1, round(width * move.scale)), max(1, round(height * move.scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        shrunk = np.array([size[0] / width, size[1] / height])
        # a place p lies at (p + 1/2) · shrunk − 1/2 afterwards
        matrix[:, :2] /= shrunk
        matrix[:, 2] += matrix[:, :2] @ (0.5 - 0.5 * shrunk)
    size = side_px, side_px
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
