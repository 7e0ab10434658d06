"""The colours of the foreground without its background's, beside the edge of a matte."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import blocks, masks
from .matting import Read

BLOCK_PX, MARGIN_PX = 512, 64
BESIDE_PX = 3  # from what is partial: there colours are cleaned too, for a mask that is softened or moved later

Write = Callable[[blocks.Part, np.ndarray, np.ndarray], None]
"""Rows and columns, colours H×W×3, which of them are new (bool)."""


def clean(read: Read, write: Write, alpha: np.ndarray, report: Callable[[float], None]) -> None:
    """Take the background out of the colours where `alpha` (H×W) is neither 0 nor 1.

    Foreground and background are estimated together (Germer et al. 2020), then made to agree with every pixel (Forte
    2021). Where `alpha` is 1, or 0 and not beside an edge, nothing is written.
    """
    touched = blocks.along((alpha > 0) & (alpha < 1), BLOCK_PX, MARGIN_PX)
    for index, block in enumerate(touched):
        report(index / len(touched))
        rgb, zone = foreground(read(*block.around), alpha[block.around])
        write(block.core, rgb[block.inside], zone[block.inside])


def foreground(rgb: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`rgb` (H×W×3 float32) with the foreground's own colours in a zone along the edge, and that zone (bool)."""
    import pymatting

    zone = masks.grow((alpha > 0) & (alpha < 1), BESIDE_PX) & (alpha < 1)
    estimated = pymatting.estimate_foreground_ml(
        np.clip(rgb, 0, None).astype(np.float64), alpha.astype(np.float64), return_background=True
    )
    front, back = (np.asarray(colours, np.float32)[zone] for colours in estimated)
    share = alpha[zone][:, None]
    missing = rgb[zone] - share * front - (1 - share) * back
    front = front + missing * share / (share**2 + (1 - share) ** 2 + 0.02)
    cleaned = rgb.astype(np.float32, copy=True)
    cleaned[zone] = np.clip(front, min(0.0, float(rgb.min())), max(1.0, float(rgb.max())))
    return cleaned, zone
