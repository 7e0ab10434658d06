"""Sample photos with known answers: outlines that can be told by colour, and shadows cast by arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from skimage import data
from sklearn.datasets import load_sample_image


def flower() -> tuple[np.ndarray, np.ndarray]:
    """The dahlia, and its outline: the large orange thing."""
    photo = load_sample_image("flower.jpg")
    hue, _, value = cv2.split(cv2.cvtColor(photo, cv2.COLOR_RGB2HSV))
    orange = ((hue < 25) & (value > 90)).astype(np.uint8)
    orange = cv2.morphologyEx(orange, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    orange[372:] = 0  # the second flower begins there
    orange = cv2.morphologyEx(orange, cv2.MORPH_OPEN, np.ones((15, 15), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(orange)
    return photo, labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])


def cup() -> tuple[np.ndarray, np.ndarray]:
    """The coffee cup on its saucer, outlined by two ellipses."""
    photo = data.coffee()
    outline = np.zeros(photo.shape[:2], np.uint8)
    cv2.ellipse(outline, (278, 205), (202, 178), 10, 0, 360, 1, -1)
    cv2.ellipse(outline, (290, 110), (120, 100), 0, 0, 360, 1, -1)
    return photo, outline > 0


def overlap(coverage: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union at half coverage."""
    found = coverage > 0.5
    return float((found & truth).sum() / (found | truth).sum())


def roughly(outline: np.ndarray, by_px: int) -> np.ndarray:
    """A selection drawn generously around an outline: its convex hull, grown."""
    points = np.argwhere(outline)[:, ::-1].astype(np.int32)
    drawn = np.zeros(outline.shape, np.uint8)
    cv2.fillConvexPoly(drawn, cv2.convexHull(points), 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by_px + 1, 2 * by_px + 1))
    return cv2.dilate(drawn, kernel).astype(np.float32)


@dataclass(frozen=True)
class Shadowed:
    """A photo, the same with a soft bluish shadow, where the shadow is (0 to 1), and a generous selection of it."""

    lit: np.ndarray
    photo: np.ndarray
    shadow: np.ndarray
    selection: np.ndarray


def shadowed(lit: np.ndarray, centre: tuple[int, int], axes: tuple[int, int], light: float = 0.4) -> Shadowed:
    """An ellipse of shadow in which `light` of the light is left, and a little more of the blue."""
    drawn = np.zeros(lit.shape[:2], np.float32)
    cv2.ellipse(drawn, centre, axes, 20, 0, 360, 1, -1)
    shadow = cv2.GaussianBlur(drawn, (0, 0), 3)
    return Shadowed(lit, darkened(lit, shadow, light), shadow, roughly(drawn > 0, 14))


def darkened(lit: np.ndarray, shadow: np.ndarray, light: float) -> np.ndarray:
    """`lit` (uint8) where `shadow` (0 to 1) leaves `light` of the light, and a little more of the blue; and noise."""
    left = light * np.array([0.92, 0.97, 1.0])
    encoded = lit / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    linear = linear * (1 - shadow[..., None] * (1 - left))
    dark = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    noisy = dark * 255 + np.random.default_rng(7).normal(0, 1, dark.shape)
    return np.clip(noisy + 0.5, 0, 255).astype(np.uint8)


def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """ΔE 1976 a pixel, of two H×W×3 float sRGB images."""
    lab = [cv2.cvtColor(each.astype(np.float32), cv2.COLOR_RGB2LAB) for each in (first, second)]
    return np.linalg.norm(lab[0] - lab[1], axis=2)
