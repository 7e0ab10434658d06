"""Find faces, take each upright out of a picture, and lay what was made of it back under a soft mask.

Found by a cascade of local binary patterns (Liao et al. 2007, in the form of scikit-image's), which is quick and knows
faces that look at the camera. It is tried on the picture turned a little both ways, so that tilted ones count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

LOOKED_AT_PX = 480  # the longest side on which faces are looked for
TURNS = (0.0, -0.4, 0.4)  # radians
LEAST_SHARE = 0.07  # of the shorter side: what is smaller is seldom a face
NEIGHBOURS = 9  # so many places of the window have to agree: with fewer, cups are faces
AROUND = 2.0  # so much more than the cascade's square, which ends at brows and chin, is taken
UP = 0.06  # of its side: there is more hair than neck
FEATHER = 0.3  # of the mask's radius


@dataclass(frozen=True)
class Face:
    """A square in a picture, in its pixels: `x`, `y` its middle, `turn` radians clockwise."""

    x: float
    y: float
    side: float
    turn: float = 0.0

    def way(self, size_px: int) -> np.ndarray:
        """2×3: from the picture to its crop of that size."""
        scale = size_px / self.side
        cos, sin = scale * math.cos(self.turn), scale * math.sin(self.turn)
        half = size_px / 2 - 0.5
        return np.array(
            [
                [cos, sin, half - cos * self.x - sin * self.y],
                [-sin, cos, half + sin * self.x - cos * self.y],
            ]
        )


def find(picture: np.ndarray) -> list[Face]:
    """`picture`: H×W×3 float32 in [0, 1] → what is to be cropped around each face, the largest first."""
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    height, width = picture.shape[:2]
    scale = min(1.0, LOOKED_AT_PX / max(height, width))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    small = (np.clip(small, 0, 1) * 255 + 0.5).astype(np.uint8)
    cascade = Cascade(lbp_frontal_face_cascade_filename())
    least, most = max(24, round(LEAST_SHARE * min(small.shape[:2]))), min(small.shape[:2])
    if least >= most:
        return []
    faces: list[Face] = []
    for turn in TURNS:
        there = _turned(small.shape[:2], turn)
        seen = cv2.warpAffine(small, there, small.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        back = cv2.invertAffineTransform(there)
        found = cascade.detect_multi_scale(
            seen,
            1.15,
            1,
            (least, least),
            (most, most),
            min_neighbor_number=NEIGHBOURS,
            intersection_score_threshold=0.5,
        )
        for each in found:
            middle = np.array([each["c"] + each["width"] / 2, each["r"] + each["height"] / 2, 1])
            x, y = back @ middle / scale
            side = each["width"] / scale
            lifted = UP * side
            x, y = x + lifted * math.sin(turn), y - lifted * math.cos(turn)
            faces.append(Face(x, y, AROUND * side, turn))
    return _distinct(faces)


def crop(picture: np.ndarray, face: Face, size_px: int) -> np.ndarray:
    """size×size×3, upright; what lies beyond the picture is mirrored."""
    way = cv2.INTER_AREA if face.side > 2 * size_px else cv2.INTER_CUBIC
    if face.side > 2 * size_px:  # `warpAffine` takes single pixels: what is much larger is made smaller first
        scale = size_px / face.side * 2
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=way)
        face = Face(face.x * scale, face.y * scale, face.side * scale, face.turn)
    found = cv2.warpAffine(
        picture, face.way(size_px), (size_px, size_px), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.clip(found, 0, 1)


def paste(picture: np.ndarray, coverage: np.ndarray, face: Face, made: np.ndarray) -> None:
    """Lay a crop back into `picture`, and note in `coverage` (H×W) how much of each pixel comes from one; in place."""
    size_px = made.shape[0]
    way = cv2.invertAffineTransform(face.way(size_px))
    target = picture.shape[1::-1]
    back = np.clip(cv2.warpAffine(made, way, target, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), 0, 1)
    mask = cv2.warpAffine(soft_mask(size_px), way, target, flags=cv2.INTER_LINEAR)
    picture += mask[..., None] * (back - picture)
    np.maximum(coverage, mask, out=coverage)


def soft_mask(size_px: int) -> np.ndarray:
    """size×size in [0, 1]: 1 in an ellipse around the middle, falling smoothly to 0 before the border."""
    at = (np.arange(size_px, dtype=np.float32) + 0.5) / size_px * 2 - 1
    distance = np.hypot(at[None] / 0.86, at[:, None] / 0.98)
    share = np.clip((1 - distance) / FEATHER, 0, 1)
    return share * share * (3 - 2 * share)


def _turned(size: tuple[int, ...], turn: float) -> np.ndarray:
    return cv2.getRotationMatrix2D(((size[1] - 1) / 2, (size[0] - 1) / 2), math.degrees(turn), 1.0)


def _distinct(faces: list[Face]) -> list[Face]:
    """Of those that overlap, the least turned; of these the largest."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: (abs(face.turn), -face.side)):
        apart = [math.hypot(face.x - other.x, face.y - other.y) for other in kept]
        if all(distance > 0.4 * max(face.side, other.side) for distance, other in zip(apart, kept, strict=True)):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.side)
