"""Between the wire's interleaved samples and numpy arrays."""

from __future__ import annotations

import cv2
import numpy as np
from scumble_protocol.image import CHANNEL_COUNT, Raster

DTYPES = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}
WITH_ALPHA = {"RGB": "RGBA", "GRAY": "GRAYA"}
CV_DEPTHS = {"u8": cv2.CV_8U, "u16": cv2.CV_16U}
MIXING = {"RGBA": [0, 0, 1, 1, 2, 2, 3, 3], "BGRA": [0, 2, 1, 1, 2, 0, 3, 3], "GRAYA": [0, 0, 1, 1]}  # from, to, …
LEAST_COVERAGE = 0.5 / 65535  # a feather computed in floats never ends; the selection it belongs to does
FULL_SCALE = {"u8": 255.0, "u16": 65535.0, "f16": 1.0, "f32": 1.0}


def stored(raster: Raster) -> np.ndarray:
    """H×W×C over the raster's own bytes (no copy), channels in the order they have there."""
    assert not hasattr(raster.data, "segment"), "segments are opened before pixels are read"
    pixels = np.frombuffer(raster.data, DTYPES[raster.depth])  # pyright: ignore[reportCallIssue, reportArgumentType]
    return pixels.reshape(raster.bounds.height, raster.bounds.width, CHANNEL_COUNT[raster.channels])


def view(raster: Raster) -> np.ndarray:
    """H×W×C, channels in the order R, G, B, A or grey, A; copied only where they are stored in another."""
    pixels = stored(raster)
    return pixels[..., [2, 1, 0, 3]] if raster.channels == "BGRA" else pixels


def colour(raster: Raster) -> np.ndarray:
    """H×W×3 (R, G, B) or H×W×1 over the raster's own bytes, no copy."""
    return colour_of(stored(raster), raster.channels)


def colour_of(pixels: np.ndarray, channels: str) -> np.ndarray:
    """The same of any samples that lie as `channels` says."""
    if channels == "BGRA":
        return pixels[..., 2::-1]
    return pixels[..., : 3 if pixels.shape[2] >= 3 else 1]


def alpha(raster: Raster) -> np.ndarray | None:
    """H×W over the raster's own bytes, no copy; None where there is no alpha."""
    return stored(raster)[..., -1] if raster.channels in ("RGBA", "BGRA", "GRAYA") else None


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
    if depth in ("f16", "f32"):
        return pixels.astype(DTYPES[depth])
    floats = np.ascontiguousarray(pixels, np.float32)
    # A weighted sum with itself, for the one thing about it: OpenCV scales, rounds and saturates in a single pass.
    integers = cv2.addWeighted(floats, FULL_SCALE[depth], floats, 0, 0, dtype=CV_DEPTHS[depth])
    return integers.reshape(pixels.shape)  # OpenCV drops a last axis of one


def pack(colour: np.ndarray, alpha: np.ndarray, depth: str, channels: str) -> np.ndarray:
    """Float colour H×W×(3|1) and alpha H×W → interleaved samples in the wire's depth and channel order."""
    converted = [from_float(colour, depth), from_float(alpha, depth)]
    if depth == "f16":  # which OpenCV does not mix
        joined = np.dstack(converted)
        return np.ascontiguousarray(joined[..., [2, 1, 0, 3]] if channels == "BGRA" else joined)
    packed = np.empty((*alpha.shape, colour.shape[2] + 1), DTYPES[depth])
    cv2.mixChannels(converted, [packed], MIXING[channels])
    return packed


def resize(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """H×W×C of any depth at `size` (height, width): averaged when it shrinks, linear when it grows."""
    height, width = size
    if pixels.shape[:2] == size:
        return pixels
    plain = pixels.astype(np.float32) if pixels.dtype == np.float16 else pixels  # which OpenCV does not resize
    method = cv2.INTER_AREA if height * width < pixels.shape[0] * pixels.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(plain, (width, height), interpolation=method).reshape(height, width, pixels.shape[2])


def coverage(mask: Raster) -> np.ndarray:
    """H×W float32 in [0, 1] from a one-channel raster; what is less than half a step of 16 bits is 0."""
    found = np.clip(to_float(view(mask))[..., 0], 0, 1)
    if mask.depth in ("f16", "f32"):
        found[found < LEAST_COVERAGE] = 0
    return found
