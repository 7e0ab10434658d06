"""Real photos in Krita's depths, and the composite that layers should give by the declared formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..gimp.photos import photo, unit, with_alpha
from .session import DTYPES

__all__ = ["composed", "encoded", "feathered", "is_the_same", "photo", "unit", "with_alpha"]


def encoded(pixels: np.ndarray, depth: str) -> np.ndarray:
    """8-bit pixels in a Krita depth, with low bits of their own."""
    kind = DTYPES[depth]
    noise = np.random.default_rng(7).random(pixels.shape)
    share = np.clip((pixels + noise - 0.5) / 255, 0, 1)
    share[..., -1] = pixels[..., -1] / 255
    full = np.iinfo(kind).max if np.issubdtype(kind, np.integer) else 0
    return np.round(share * full).astype(kind) if full else share.astype(kind)


def feathered(size: tuple[int, int], x: int, y: int, width: int, height: int, feather: float) -> np.ndarray:
    """H×W uint8 coverage of a canvas of `size`: a rectangle whose edge fades over `feather` pixels."""
    row, column = np.mgrid[: size[1], : size[0]].astype(float) + 0.5
    inside = np.minimum.reduce([column - x, x + width - column, row - y, y + height - row])
    return np.round(np.clip(inside / feather, 0, 1) * 255).astype(np.uint8)


def is_the_same(after: np.ndarray, *before: np.ndarray, steps: int = 1) -> bool:
    """Whether every sample is, to the bit, one that Krita gave before; for floats within so many of their finest steps.

    Krita composites float samples either one by one or several at a time, by where a region happens to begin, and the
    two differ in the last bit: of two refreshes of an untouched document, a few samples in a thousand differ.
    """
    found = [after == each for each in before]
    if np.issubdtype(after.dtype, np.floating):
        found += [np.abs(after - each) <= steps * np.spacing(np.abs(each)) for each in before]
    return bool(np.any(found, axis=0).all())


def composed(
    below: np.ndarray, layer: dict[str, Any], pixels: np.ndarray, mask: np.ndarray, brightest: float
) -> np.ndarray:
    """The composite of one layer over an opaque image, by the declared formula. All samples in [0, 1].

    `brightest`: 1 for integer samples, infinity for float samples, which keep what is brighter than white.
    """
    x, y, width, height = layer["bounds"]
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, below.shape[1]), min(y + height, below.shape[0])
    inside = (slice(top - y, bottom - y), slice(left - x, right - x))
    colour = pixels[inside][..., :-1]
    share = mask[inside][..., None] * pixels[inside][..., -1:] * layer["opacity"] / 255
    out = below.copy()
    base = out[top:bottom, left:right, :-1]
    mixed = np.minimum(base / (1 - colour), brightest) if layer["mode"].startswith("dodge") else colour
    out[top:bottom, left:right, :-1] = base * (1 - share) + mixed * share
    return out
