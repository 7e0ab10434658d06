"""Patches as a few numbers each: the principal components of colours and texture in a square around a pixel."""

from __future__ import annotations

import cv2
import numpy as np

SIDE_PX = 7
REACH_PX = SIDE_PX // 2
COMPONENTS = 24
STRIP_PX = 1 << 13  # that are described at once
SAMPLES = 4000  # patches that the components are found from
TEXTURE_WEIGHT = 3.0  # beside L, a and b over 100
CHANNELS = 5  # L, a, b, texture across, texture down


def texture(rgb: np.ndarray, known: np.ndarray, radius_px: int) -> np.ndarray:
    """H×W×2 float32: the strength of gradients across and down around each pixel, of what is `known` only.

    After Newson et al. 2014, section 3.2: without them, a vote on colours alone turns texture into plain grey. But it
    is the mean of roots, squared: texture is everywhere, and a plain mean takes one strong edge for a lot of it.
    """
    light = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    strength = np.dstack([np.abs(cv2.Sobel(light, cv2.CV_32F, *way, scale=0.25)) for way in ((1, 0), (0, 1))])
    trusted = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    size = (2 * radius_px + 1,) * 2
    weight = cv2.blur(trusted, size)
    return (cv2.blur(np.sqrt(strength) * trusted[..., None], size) / (weight[..., None] + 1e-4)) ** 2


def channels(rgb: np.ndarray, textures: np.ndarray) -> np.ndarray:
    """H×W×5 float32, scaled so that a difference in each means as much."""
    lab = cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2LAB) / 100
    return np.concatenate([lab, TEXTURE_WEIGHT * textures], axis=2).astype(np.float32)


def padded(picture: np.ndarray) -> np.ndarray:
    """H×W×C with a rim of REACH_PX mirrored around it, so that every pixel has a patch."""
    return np.pad(picture, ((REACH_PX, REACH_PX), (REACH_PX, REACH_PX), (0, 0)), mode="reflect")


def components(picture: np.ndarray, sources: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """COMPONENTS×(SIDE·SIDE·C): what the patches around the pixels `sources` (flat indices) vary in most."""
    chosen = sources if len(sources) <= SAMPLES else random.choice(sources, SAMPLES, replace=False)
    found = flat_patches(picture, chosen)
    found -= found.mean(axis=0)
    _, vectors = np.linalg.eigh((found.T @ found).astype(np.float64))
    return np.ascontiguousarray(vectors[:, -COMPONENTS:].T, np.float32)


def flat_patches(picture: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """N×(SIDE·SIDE·C), row by row."""
    width, count = picture.shape[1:]
    table = padded(picture).reshape(-1, count)
    wide = width + 2 * REACH_PX
    steps = np.arange(SIDE_PX)
    around = (steps[:, None] * wide + steps).reshape(-1)
    corners = centres // width * wide + centres % width
    return table[corners[:, None] + around].reshape(len(centres), -1)


def describe(picture: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(H·W)×COMPONENTS: the patch around every pixel. By strips: it is the largest thing that a level needs."""
    height, width, _ = picture.shape
    wide = padded(picture)
    table = np.empty((height * width, len(vectors)), np.float32)
    squares = np.lib.stride_tricks.sliding_window_view(wide, (SIDE_PX, SIDE_PX), axis=(0, 1))
    squares = squares.transpose(0, 1, 3, 4, 2)
    step = max(1, STRIP_PX // width)
    for top in range(0, height, step):
        rows = min(step, height - top)
        strip = squares[top : top + rows].reshape(rows * width, -1)
        np.matmul(strip, vectors.T, out=table[top * width : (top + rows) * width])
    return table
