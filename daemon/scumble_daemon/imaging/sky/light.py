"""What another sky does to what stands under it: how light it is, of which colour, and how the distance looks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .. import masks, relight
from ..colour import LUMINANCE

TOLERATED = 1.6  # a sky so much brighter or darker than the other lights the ground alike: where the sun is counts more
DARKEST, BRIGHTEST = 0.04, 1.8  # gains in linear light
TINT_SHARE, DARK_SHARE = 0.8, 0.62
MOST_TINT = 2.2
HAZE_REACH = 0.14  # of the layer's height, below the horizon
CLEAR_AIR = 0.95  # how much of the haze the dark channel is trusted with. After He et al. 2011
MOST_HAZE = 0.85


@dataclass(frozen=True)
class Skies:
    """Mean light of both, linear R, G, B, over where the sky shows; and the new one's at its horizon, sRGB-encoded."""

    old: np.ndarray
    new: np.ndarray
    horizon: np.ndarray

    @staticmethod
    def of(old_rgb: np.ndarray, new_rgb: np.ndarray, share: np.ndarray, horizon_row: float) -> Skies:
        """From pictures of both and the sky's share, all at one small size."""
        weight = share[..., None] + 1e-6
        old, new = ((relight.linear(rgb) * weight).sum(axis=(0, 1)) / weight.sum() for rgb in (old_rgb, new_rgb))
        row = int(np.clip(horizon_row, 1, len(new_rgb)))
        low = new_rgb[max(0, row - max(2, len(new_rgb) // 25)) : row].mean(axis=(0, 1))
        return Skies(np.maximum(old, 1e-3), np.maximum(new, 1e-3), low)


def gain(skies: Skies, brightness: float, colour: float) -> np.ndarray:
    """By which the ground's linear light is multiplied: R, G, B.

    `brightness`, `colour`: 0 to 1, how far it follows the new sky.
    """
    before, after = skies.old @ LUMINANCE, skies.new @ LUMINANCE
    change = np.log(after / before)
    beyond = np.sign(change) * max(0.0, abs(change) - np.log(TOLERATED))
    overall = np.clip(np.exp(DARK_SHARE * brightness * beyond), DARKEST, BRIGHTEST)
    tint = np.clip((skies.new / after) / (skies.old / before), 1 / MOST_TINT, MOST_TINT) ** (TINT_SHARE * colour)
    return overall * tint / (tint @ LUMINANCE)


def haze(rgb: np.ndarray, share: np.ndarray, old: np.ndarray, horizon_row: float) -> np.ndarray:
    """How much of each pixel is haze before something far away, H×W in [0, 1], on a small copy.

    By the dark channel of He, Sun & Tang 2011, against the old sky's light, and only near the horizon.
    """
    light = relight.linear(np.clip(rgb, 0, 1))
    darkest = (light / np.maximum(old, 1e-3)).min(axis=2).astype(np.float32)
    reach = max(2, round(0.012 * max(rgb.shape[:2])))
    darkest = cv2.erode(darkest, masks.disc(reach))
    veil = masks.follow_edges(np.clip(CLEAR_AIR * darkest, 0, 1), rgb, 4 * reach, 1e-3)
    below = (np.arange(len(rgb)) + 0.5 - horizon_row) / (HAZE_REACH * len(rgb))
    near = np.exp(-(np.where(below > 0, below, 2 * below) ** 2))[:, None]
    return np.clip((veil - 0.12) / 0.6, 0, 1) * near * MOST_HAZE * (share < 0.98)
