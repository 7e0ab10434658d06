"""A first idea of what is in the hole: ring by ring inwards, each pixel from the patch most like what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from . import patches
from .pyramid import Level

if TYPE_CHECKING:
    import torch

CHUNK_PAIRS = 8_000_000
MOST_PAIRS = 4_000_000  # in a ring: with more, fewer patches are offered


def peel(level: Level, generator: torch.Generator, offered_share: float) -> np.ndarray:
    """`level.picture` with its hole filled, H×W×C. `offered_share`: how many of the known patches may be taken.

    On the processor: the coarsest picture is small, and its rings are many.
    """
    import torch

    count = level.picture.shape[2]
    sources = np.flatnonzero(level.sources)
    sources = sources[:: max(1, len(sources) * _ring(level.hole) // MOST_PAIRS)]
    picture = torch.from_numpy(level.picture).clone()
    at = torch.from_numpy(sources)
    if offered_share < 1:
        at = at[torch.randperm(len(at), generator=generator)[: max(1, round(offered_share * len(at)))]]
    offered = patches.flat_patches(picture, at)
    squares = offered * offered
    colours = picture.reshape(-1, count)[at]
    known = ~level.hole
    flat = picture.reshape(-1, count)
    while not known.all():
        ring = ~known & (cv2.dilate(known.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
        if not ring.any():
            break  # nothing is known at all
        centres = torch.from_numpy(np.flatnonzero(ring))
        weight = torch.from_numpy(known.astype(np.float32)[..., None])
        counts = patches.flat_patches(weight, centres).repeat_interleave(count, dim=1)
        wanted = patches.flat_patches(picture, centres) * counts
        step = max(1, CHUNK_PAIRS // len(offered))
        best = [
            (counts[first : first + step] @ squares.T - 2 * wanted[first : first + step] @ offered.T).argmin(1)
            for first in range(0, len(centres), step)
        ]
        flat[centres] = colours[torch.cat(best)]
        known |= ring
    return picture.numpy()


def _ring(hole: np.ndarray) -> int:
    """How many pixels the outermost ring has."""
    return int((hole & (cv2.erode(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)).sum())
