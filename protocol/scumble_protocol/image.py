"""Pixels, masks, layers and where they lie, as they travel between an editor and the daemon."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Optional, Union

MAX_SIDE_PX = 1 << 20
MAX_PIXELS = 1 << 29  # 23170 × 23170: above what either editor opens comfortably, below what a lie would allocate

BYTES_PER_SAMPLE = {"u8": 1, "u16": 2, "f16": 2, "f32": 4}
CHANNEL_COUNT = {"RGBA": 4, "BGRA": 4, "RGB": 3, "GRAYA": 2, "GRAY": 1}
BLEND_MODES = ("normal", "dodge", "screen", "addition", "multiply", "overlay", "soft-light", "color", "luminosity")

SRGB = ""  # the profile digest that stands for plain sRGB (IEC 61966-2-1)


@dataclass(frozen=True)
class Bounds:
    """A rectangle in image coordinates, in pixels; x and y may be negative, a layer need not lie inside the canvas."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def area(self) -> int:
        return max(self.width, 0) * max(self.height, 0)

    @property
    def is_empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def intersection(self, other: "Bounds") -> "Bounds":
        """The part both cover; `is_empty` where they do not meet."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        return Bounds(x, y, min(self.right, other.right) - x, min(self.bottom, other.bottom) - y)

    def contains(self, other: "Bounds") -> bool:
        return self.intersection(other) == other

    def relative_to(self, other: "Bounds") -> "Bounds":
        """The same rectangle, measured from the top left corner of `other`."""
        return Bounds(self.x - other.x, self.y - other.y, self.width, self.height)


@dataclass(frozen=True)
class SegmentSlice:
    """Bytes in a memory-mapped segment of the session's folder: a name, never a path."""

    segment: str
    offset: int
    length: int


Buffer = Union[bytes, bytearray, memoryview, SegmentSlice]


@dataclass(frozen=True)
class Raster:
    """A block of pixels as the editor holds it.

    Rows are interleaved and tight (no padding), top first; alpha is straight; samples are native-endian.
    `depth`: u8 u16 (full range) f16 f32 · `channels`: see CHANNEL_COUNT · `profile`: sha256 hex digest of the ICC
    profile that the values are encoded in, or SRGB. A mask or a selection is a Raster with channels "GRAY" and no
    profile, whose samples are coverage: 0 outside, full scale (255, 65535, 1.0) inside, anything between is feather.
    """

    bounds: Bounds
    depth: str
    channels: str
    data: Buffer
    profile: str = SRGB

    @property
    def row_bytes(self) -> int:
        return self.bounds.width * CHANNEL_COUNT[self.channels] * BYTES_PER_SAMPLE[self.depth]

    @property
    def nbytes(self) -> int:
        return self.row_bytes * self.bounds.height

    def relative_to(self, other: Bounds) -> "Raster":
        """The same pixels, measured from the top left corner of `other`."""
        return replace(self, bounds=self.bounds.relative_to(other))


@dataclass(frozen=True)
class Layer:
    """A new layer to insert above the source; a list of layers runs from the bottom of the stack to its top.

    `blend_mode`: one of BLEND_MODES, applied to the values as the document encodes them · `opacity`: 0 to 1 ·
    `mask`: coverage over its own bounds, nothing shows outside them · `recipe`: what made the layer, as plain JSON ·
    `visible`: whether its eye is open at first.
    """

    name: str
    raster: Raster
    mask: Optional[Raster] = None
    blend_mode: str = "normal"
    opacity: float = 1.0
    recipe: Dict[str, Any] = field(default_factory=dict)
    visible: bool = True

    def relative_to(self, canvas: Bounds) -> "Layer":
        """The layer as it lies in a document of its own, whose canvas is `canvas`."""
        mask = None if self.mask is None else self.mask.relative_to(canvas)
        return replace(self, raster=self.raster.relative_to(canvas), mask=mask)


@dataclass(frozen=True)
class Point:
    """A click, in image coordinates (pixel centres at .5); `include` is False for "not this"."""

    x: float
    y: float
    include: bool = True


@dataclass(frozen=True)
class ReferenceLayer:
    """A layer that the artist chose as the reference, of this document or another open one; where it lies is told."""

    name: str
    document: str
    raster: Raster


@dataclass(frozen=True)
class Reference:
    """A file the artist chose (a LUT, a style picture): its name for messages and its bytes. Never a path."""

    name: str
    data: Union[bytes, bytearray, memoryview]
