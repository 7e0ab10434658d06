"""Write PNG pictures of 8 and 16 bits with their colour profile."""

from __future__ import annotations

import struct
import zlib

import numpy as np

COMPRESSION = 3  # photographs hardly shrink further, and take four times as long
_END_OF_HEADER = 33  # signature and IHDR


def encode(pixels: np.ndarray, profile: bytes | None) -> bytes:
    """H×W×C u8 or u16, C of grey, grey + alpha, RGB or RGB + alpha → a PNG file. `profile` None is marked as sRGB."""
    import imagecodecs

    squeezed = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    encoded = bytes(imagecodecs.png_encode(np.ascontiguousarray(squeezed), level=COMPRESSION))
    if profile is None:
        chunk = _chunk(b"sRGB", b"\0")
    else:
        chunk = _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))
    return encoded[:_END_OF_HEADER] + chunk + encoded[_END_OF_HEADER:]


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
