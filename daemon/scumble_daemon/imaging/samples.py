"""Between the wire's interleaved samples and numpy arrays."""

from __future__ import annotations

import numpy as np
from scumble_protocol.image import CHANNEL_COUNT, Raster

DTYPES = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}
FULL_SCALE = {"u8": 255.0, "u16": 65535.0, "f16": 1.0, "f32": 1.0}


def view(raster: Raster) -> np.ndarray:
    """H×W×C over the raster's own bytes (no copy), channels in the order R, G, B, A or grey, A."""
    assert not hasattr(raster.data, "segment"), "segments are opened before pixels are read"
    pixels = np.frombuffer(raster.data, DTYPES[raster.depth])  # pyright: ignore[reportCallIssue, reportArgumentType]
    pixels = pixels.reshape(raster.bounds.height, raster.bounds.width, CHANNEL_COUNT[raster.channels])
    return pixels[..., [2, 1, 0, 3]] if raster.channels == "BGRA" else pixels


def to_bytes(pixels: np.ndarray) -> memoryview:
    """The bytes of an array, rows tight, as a raster carries them; copied only where they are not contiguous."""
    return np.ascontiguousarray(pixels).data.cast("B")


def to_float(pixels: np.ndarray) -> np.ndarray:
    """Integer samples scaled to [0, 1], float samples as they are; float32. Infinities and NaN become 0."""
    if pixels.dtype == np.uint8:
        return pixels * np.float32(1 / 255)
    if pixels.dtype == np.uint16:
        return pixels * np.float32(1 / 65535)
    return np.nan_to_num(pixels.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def from_float(pixels: np.ndarray, depth: str) -> np.ndarray:
    """The inverse of `to_float`, rounded; integer depths clip to their range, float depths do not."""
    dtype = DTYPES[depth]
    if depth in ("f16", "f32"):
        return pixels.astype(dtype)
    scaled = np.clip(pixels, 0, 1) * np.float32(FULL_SCALE[depth])
    return (scaled + np.float32(0.5)).astype(dtype)


def pack(pixels: np.ndarray, depth: str, channels: str) -> np.ndarray:
    """Float H×W×C (R, G, B, A or grey, A) → interleaved samples in the wire's depth and channel order."""
    packed = from_float(pixels, depth)
    return np.ascontiguousarray(packed[..., [2, 1, 0, 3]] if channels == "BGRA" else packed)


def coverage(mask: Raster) -> np.ndarray:
    """H×W float32 in [0, 1] from a one-channel raster."""
    return np.clip(to_float(view(mask))[..., 0], 0, 1)
