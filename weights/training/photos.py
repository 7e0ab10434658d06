"""Real photographs that come inside installed packages: to look at while tuning, and others to judge by."""

from __future__ import annotations

import numpy as np

TUNING = ("astronaut", "chelsea", "china")
JUDGING = ("coffee", "rocket", "flower", "motorcycle", "immunohistochemistry", "retina", "hubble_deep_field")
SIX = ("astronaut", "coffee", "chelsea", "rocket", "china", "flower")  # of earlier measurements, three of them tuned on


def photo(name: str, longest_px: int = 512) -> np.ndarray:
    """H×W×3 uint8, cut around the centre, sides divisible by 12 (so that ×2, ×3 and ×4 fit)."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    if name in ("china", "flower"):
        picture = load_sample_image(f"{name}.jpg")
    elif name == "motorcycle":
        picture = data.stereo_motorcycle()[0]
    else:
        picture = getattr(data, name)()
    height, width = (min(side, longest_px) // 12 * 12 for side in picture.shape[:2])
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return np.ascontiguousarray(picture[top : top + height, left : left + width, :3])


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Over all channels; uint8."""
    difference = one.astype(np.float64) - other.astype(np.float64)
    return float(10 * np.log10(255**2 / max(float((difference**2).mean()), 1e-9)))


def luma_psnr(one: np.ndarray, other: np.ndarray, border_px: int) -> float:
    """Of ITU-R BT.601 luma without the border, as papers on super-resolution measure; uint8."""
    weights = np.array([65.481, 128.553, 24.966]) / 255
    inner = slice(border_px, -border_px)
    difference = ((one.astype(np.float64) - other.astype(np.float64)) @ weights)[inner, inner]
    return float(10 * np.log10(255**2 / max(float((difference**2).mean()), 1e-9)))
