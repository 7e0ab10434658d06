"""A mask's coverage as 8 bits, the only depth that Krita's selections and masks have."""

from __future__ import annotations

import struct
import sys
from typing import Any, Union

from scumble_protocol.image import Raster

_HIGH_BYTE = 1 if sys.byteorder == "little" else 0
_SAMPLE = {"f16": "e", "f32": "f"}


def coverage_bytes(mask: Raster) -> Union[bytes, memoryview]:
    """One byte a pixel: 0 stays 0, full stays 255."""
    data: Any = mask.data
    if mask.depth == "u8":
        return memoryview(data)
    if mask.depth == "u16":
        return bytes(data)[_HIGH_BYTE::2]  # 257 × n → n
    count = mask.bounds.area
    samples = struct.unpack(f"={count}{_SAMPLE[mask.depth]}", data)
    return bytes(int(min(max(sample, 0.0), 1.0) * 255 + 0.5) for sample in samples)
