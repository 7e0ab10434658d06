"""Cut crops out of generated images, turned, flipped and recoloured, so that few images go a long way."""

from __future__ import annotations

import cv2
import numpy as np


def crop(rng: np.random.Generator, images: np.ndarray, size: int, least_contrast: float = 0.3) -> np.ndarray:
    """size×size×3 float32 in [0, 1] out of N×H×W×3 uint8."""
    image = images[rng.integers(len(images))]
    top, left = rng.integers(0, image.shape[0] - size + 1), rng.integers(0, image.shape[1] - size + 1)
    cut = np.rot90(image[top : top + size, left : left + size], int(rng.integers(4)))
    if rng.random() < 0.5:
        cut = cut[:, ::-1]
    cut = cut[..., rng.permutation(3)].astype(np.float32) / 255
    if rng.random() < 0.4:  # haze, shade, faint texture: contrast is lower in photographs than among leaves
        level = rng.uniform(0, 1)
        cut = level + (cut - level) * np.float32(rng.uniform(least_contrast, 1))
    return np.ascontiguousarray(cut, np.float32)


def vivid(rng: np.random.Generator, cut: np.ndarray) -> np.ndarray:
    """The same with up to three times the chroma: leaves are paler than what people photograph."""
    grey = cut.mean(2, keepdims=True)
    return np.clip(grey + (cut - grey) * np.float32(rng.uniform(1, 3)), 0, 1)


def sharpened(rng: np.random.Generator, cut: np.ndarray) -> np.ndarray:
    """The same with its texture up to three times as strong (unsharp mask of a radius drawn at random)."""
    smooth = cv2.GaussianBlur(cut, (0, 0), rng.uniform(0.8, 3))
    return np.clip(cut + np.float32(rng.uniform(0, 2)) * (cut - smooth), 0, 1)
