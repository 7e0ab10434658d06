"""Patches as a few numbers each: the principal components of colours and texture in a square around a pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import torch

SIDE_PX = 7
REACH_PX = SIDE_PX // 2
COMPONENTS = 24
STRIP_PX = 1 << 15  # that are described at once
SAMPLES = 4000  # patches that the components are found from
TEXTURE_WEIGHT = 3.0  # beside L, a and b over 100
CHANNELS = 5  # L, a, b, texture across, texture down


def texture(rgb: np.ndarray, known: np.ndarray, radius_px: int) -> np.ndarray:
    """H×W×2 float32: mean strength of gradients across and down around each pixel, of what is `known` only.

    After Newson et al. 2014, section 3.2: without them, a vote on colours alone turns texture into plain grey.
    """
    light = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    strength = np.dstack([np.abs(cv2.Sobel(light, cv2.CV_32F, *way, scale=0.25)) for way in ((1, 0), (0, 1))])
    trusted = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    size = (2 * radius_px + 1,) * 2
    weight = cv2.blur(trusted, size)
    return cv2.blur(strength * trusted[..., None], size) / (weight[..., None] + 1e-4)


def channels(rgb: np.ndarray, textures: np.ndarray) -> np.ndarray:
    """H×W×5 float32, scaled so that a difference in each means as much."""
    lab = cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2LAB) / 100
    return np.concatenate([lab, TEXTURE_WEIGHT * textures], axis=2).astype(np.float32)


def padded(picture: torch.Tensor) -> torch.Tensor:
    """H×W×C → 1×C×H×W with a rim of REACH_PX mirrored around it, so that every pixel has a patch."""
    import torch.nn.functional as F  # noqa: N812 - as everybody calls it

    return F.pad(picture.permute(2, 0, 1)[None], (REACH_PX,) * 4, mode="reflect")


def components(picture: torch.Tensor, sources: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """COMPONENTS×C×SIDE×SIDE: what the patches around the pixels `sources` (flat indices) vary in most."""
    import torch

    chosen = sources
    if len(sources) > SAMPLES:
        chosen = sources[torch.randperm(len(sources), generator=generator)[:SAMPLES].to(sources.device)]
    patches = flat_patches(picture, chosen)
    patches = patches - patches.mean(dim=0)
    _, vectors = torch.linalg.eigh((patches.T @ patches).cpu().double())  # some devices have no doubles
    best = vectors[:, -COMPONENTS:].T.float().to(picture.device)
    return best.reshape(len(best), SIDE_PX, SIDE_PX, -1).permute(0, 3, 1, 2).contiguous()


def flat_patches(picture: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """N×(SIDE·SIDE·C), row by row."""
    import torch

    _, width, count = picture.shape
    table = padded(picture)[0].permute(1, 2, 0).reshape(-1, count)
    wide = width + 2 * REACH_PX
    steps = torch.arange(SIDE_PX, device=picture.device)
    around = (steps[:, None] * wide + steps).reshape(-1)
    corners = centres // width * wide + centres % width
    return table[corners[:, None] + around].reshape(len(centres), -1)


def describe(picture: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """(H·W)×COMPONENTS: the patch around every pixel. By strips: it is the largest thing that a level needs."""
    import torch.nn.functional as F  # noqa: N812

    height, width, _ = picture.shape
    wide = padded(picture)
    table = picture.new_empty((height, width, len(vectors)))
    step = max(1, STRIP_PX // width)
    for top in range(0, height, step):
        rows = min(step, height - top)
        found = F.conv2d(wide[:, :, top : top + rows + 2 * REACH_PX], vectors)[0]
        table[top : top + rows] = found.permute(1, 2, 0)
    return table.reshape(height * width, -1)
