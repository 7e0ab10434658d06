"""Real photos in any of GIMP's precisions."""

from __future__ import annotations

import functools

import numpy as np

TYPES = {"U8": np.uint8, "U16": np.uint16, "U32": np.uint32, "HALF": np.float16, "FLOAT": np.float32, "DOUBLE": float}


@functools.cache
def photo(name: str = "astronaut") -> np.ndarray:
    """H×W×3 uint8."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    if name == "china":
        return load_sample_image("china.jpg")
    return getattr(data, name)()


def encoded(pixels: np.ndarray, precision: str) -> np.ndarray:
    """8-bit pixels as samples of a precision such as "U16_NON_LINEAR", with low bits of their own."""
    kind = TYPES[precision.split("_", maxsplit=1)[0]]
    noise = np.random.default_rng(7).random(pixels.shape)
    unit = np.clip((pixels + noise - 0.5) / 255, 0, 1)
    if pixels.shape[-1] in (2, 4):
        unit[..., -1] = pixels[..., -1] / 255
    if precision.endswith("_LINEAR") and not precision.endswith("NON_LINEAR"):
        unit[..., :3] **= 2.2
    full = np.iinfo(kind).max if np.issubdtype(kind, np.integer) else 1
    return np.round(unit * full).astype(kind) if full > 1 else unit.astype(kind)


def unit(samples: np.ndarray) -> np.ndarray:
    """Samples as float64 in [0, 1]."""
    full = np.iinfo(samples.dtype).max if np.issubdtype(samples.dtype, np.integer) else 1
    return samples.astype(np.float64) / full


def with_alpha(pixels: np.ndarray, alpha: np.ndarray | int = 255) -> np.ndarray:
    filled = np.broadcast_to(np.asarray(alpha, pixels.dtype), pixels.shape[:2])
    return np.concatenate([pixels, filled[..., None]], axis=-1)
