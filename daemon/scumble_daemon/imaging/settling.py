"""Settle the outline of a mask found on a small copy where the colours of its two sides meet, at the picture's size.

After Lankton & Tannenbaum 2008, "Localizing Region-Based Active Contours", in one step: what lies near the outline goes
to the side whose colours nearby are more like its own, unless it is farther off than the small copy could be wrong.
"""

from __future__ import annotations

import cv2
import numpy as np

from . import masks
from .segment import Scene

NEAR_PX = 4  # of the small copy: colours this far around tell what either side looks like
BAND_PX = 2.0  # likewise: how wrong its outline may be
HELD = 4.0  # log odds for the side where it was, at the band's edge
GAIN, MOST = 0.5, 4.0  # of the colours' log odds, and what they can be at most: neighbours are no independent witnesses
LEAST_VARIANCE = 9.0  # ΔE², of a flat colour
SMOOTH_PX = 0.35  # of the small copy
ROW = 4096  # OpenCV looks up places in rows, and these must not be too long


def settle(mask: np.ndarray, scene: Scene, rgb: np.ndarray) -> np.ndarray:
    """`mask`: bool, of the `scene` · `rgb`: H×W×3 uint8, the same picture larger → bool at its size."""
    size = rgb.shape[0], rgb.shape[1]
    if not mask.any() or mask.all():
        return np.full(size, bool(mask.any()))
    soft = masks.feather(mask.astype(np.float32), 1.5)
    away = masks.resize(_away(mask), size)
    chance = (away < 0).astype(np.float32)
    band = np.flatnonzero(np.abs(away) < BAND_PX)
    held = away.ravel()[band] * (HELD / BAND_PX)
    odds = np.clip(GAIN * _told_by_colour(soft, scene, rgb, band), -MOST, MOST) - held
    chance.ravel()[band] = 1 / (1 + np.exp(-odds))
    sigma = SMOOTH_PX * max(size) / max(mask.shape)
    return cv2.GaussianBlur(chance, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) > 0.5


def _away(mask: np.ndarray) -> np.ndarray:
    """Distance to the line between the pixels of `mask` (bool) and the others, negative inside."""
    return np.where(mask, 0.5 - masks.distance_to(~mask), masks.distance_to(mask) - 0.5)


def _told_by_colour(soft: np.ndarray, scene: Scene, rgb: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Log odds that the pixels at `places` are inside, by the colours nearby on both sides of the `soft` mask."""
    width = rgb.shape[1]
    rows, columns = places // width, places % width
    shown = rgb.reshape(-1, 3)[places][:, None] / np.float32(255)
    lab = cv2.cvtColor(shown, cv2.COLOR_RGB2LAB)[:, 0]
    down, across = soft.shape[0] / rgb.shape[0], soft.shape[1] / width
    at = [((each + 0.5) * by - 0.5).astype(np.float32) for each, by in ((columns, across), (rows, down))]
    inside, outside = (_unlikely(lab, _looked_up(_usual(side, scene.lab), *at)) for side in (soft, 1 - soft))
    return outside - inside


def _usual(side: np.ndarray, lab: np.ndarray) -> np.ndarray:
    """H×W×4: around every pixel the mean colour of one `side`, and its mean variance."""
    weight = np.square(side)
    square = np.square(lab).sum(axis=2)
    sums = cv2.blur(np.dstack([lab * weight[..., None], square * weight]), (2 * NEAR_PX + 1,) * 2)
    sums /= (cv2.blur(weight, (2 * NEAR_PX + 1,) * 2) + 1e-4)[..., None]
    sums[..., 3] = np.maximum(sums[..., 3] - np.square(sums[..., :3]).sum(axis=2), 0) / 3 + LEAST_VARIANCE
    return sums


def _looked_up(small: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """N×C: `small` at places between its pixels."""
    room = -len(x) % ROW
    across, down = (np.pad(each, (0, room)).reshape(-1, ROW) for each in (x, y))
    found = cv2.remap(small, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(-1, small.shape[2])[: len(x)]


def _unlikely(lab: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Minus the logarithm of how likely a colour is where such are `usual`."""
    variance = usual[:, 3]
    return np.square(lab - usual[:, :3]).sum(axis=1) / (2 * variance) + 1.5 * np.log(variance)
