"""The image an operation works on, converted from the editor's own pixels when it is first asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scumble_protocol.image import SRGB, Bounds, Raster

from . import colour, samples


class Image:
    """One layer, as the editor sent it and as float32 sRGB.

    `native_colour`: H×W×3 (R, G, B), or H×W×1 for a grey document, float32 in the document's own encoding, integer
    samples scaled to [0, 1] · `rgb`: H×W×3 float32, sRGB-encoded, in [0, 1] for colours inside sRGB and beyond it for
    the rest of a wide gamut; where alpha is 0 it carries the colour of the nearest opaque pixel · `alpha`: H×W float32
    in [0, 1].
    All three are shared: copy before writing.
    """

    def __init__(self, raster: Raster, profiles: Mapping[str, bytes] | None = None) -> None:
        self.raster = raster
        self.profiles = dict(profiles or {})

    @staticmethod
    def from_array(pixels: np.ndarray, x: int = 0, y: int = 0) -> Image:
        """An sRGB image from H×W×3 or H×W×4 uint8, uint16 or float32 pixels, placed at (x, y)."""
        height, width = pixels.shape[:2]
        depth = {"uint8": "u8", "uint16": "u16", "float16": "f16", "float32": "f32"}[pixels.dtype.name]
        channels = {1: "GRAY", 2: "GRAYA", 3: "RGB", 4: "RGBA"}[1 if pixels.ndim == 2 else pixels.shape[2]]
        data = samples.to_bytes(pixels)
        return Image(Raster(Bounds(x, y, width, height), depth, channels, data, SRGB))

    @property
    def bounds(self) -> Bounds:
        return self.raster.bounds

    @property
    def profile(self) -> bytes | None:
        """The document's ICC profile, None for plain sRGB."""
        return self.profiles[self.raster.profile] if self.raster.profile else None

    @property
    def has_visible_pixels(self) -> bool:
        alpha = samples.alpha(self.raster)
        return alpha is None or bool(alpha[::16, ::16].any() or alpha.any())

    @cached_property
    def alpha(self) -> np.ndarray:
        alpha = samples.alpha(self.raster)
        if alpha is not None:
            return samples.to_float(alpha)
        return np.ones((self.bounds.height, self.bounds.width), np.float32)

    @cached_property
    def rgb(self) -> np.ndarray:
        converted = colour.to_srgb(self.native_colour, self.profile)
        return colour.extend_under_transparency(converted, self.alpha)

    def part(self, rows: slice, columns: slice) -> np.ndarray:
        """`rgb` there, without converting the rest of the layer."""
        native = samples.to_float(samples.colour(self.raster)[rows, columns])
        converted = colour.to_srgb(native, self.profile)
        alpha = samples.alpha(self.raster)
        return converted if alpha is None else colour.extend_under_transparency(converted, alpha[rows, columns])

    def alpha_part(self, rows: slice, columns: slice) -> np.ndarray:
        """`alpha` there, in the same way."""
        alpha = samples.alpha(self.raster)
        if alpha is None:
            return np.ones((rows.stop - rows.start, columns.stop - columns.start), np.float32)
        return samples.to_float(alpha[rows, columns])

    @cached_property
    def digest(self) -> bytes:
        """Of all that is stored: where this is the same, so are the pixels."""
        size = self.bounds.height, self.bounds.width
        found = hashlib.sha256(repr((size, self.raster.depth, self.raster.channels, self.raster.profile)).encode())
        found.update(self.raster.data)  # pyright: ignore[reportArgumentType]
        return found.digest()

    def hidden(self, rows: slice, columns: slice) -> np.ndarray | None:
        """Where the layer is fully transparent there (bool); None for a layer without alpha."""
        alpha = samples.alpha(self.raster)
        return None if alpha is None else alpha[rows, columns] == 0

    def reduced_alpha(self, rows: slice, columns: slice, size: tuple[int, int]) -> np.ndarray:
        """`alpha` there at `size` (height, width), float32."""
        alpha = samples.alpha(self.raster)
        if alpha is None:
            return np.ones(size, np.float32)
        return samples.to_float(samples.resize(alpha[rows, columns, None], size)[..., 0])

    def reduced(self, rows: slice, columns: slice, size: tuple[int, int]) -> np.ndarray:
        """`rgb` there at `size` (height, width); the averages are taken of the document's own samples."""
        return self.reduced_with_alpha(rows, columns, size)[0]

    def reduced_with_alpha(self, rows: slice, columns: slice, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Both of the above, for little more than one of them."""
        stored = samples.stored(self.raster)[rows, columns]
        small = samples.resize(stored, size)
        has_alpha = samples.alpha(self.raster) is not None
        alpha = samples.to_float(small[..., -1]) if has_alpha else np.ones(size, np.float32)
        if not has_alpha or (small[..., -1] == samples.FULL_SCALE[self.raster.depth]).all():
            return colour.to_srgb(samples.to_float(samples.colour_of(small, self.raster.channels)), self.profile), alpha
        weight = samples.to_float(stored[..., -1:])
        weighed = samples.to_float(samples.colour_of(stored, self.raster.channels)) * weight
        weights = samples.resize(weight, size)
        native = samples.resize(weighed, size) / np.maximum(weights, 1e-6)
        return colour.extend_under_transparency(colour.to_srgb(native, self.profile), weights[..., 0]), alpha

    @cached_property
    def native_colour(self) -> np.ndarray:
        return samples.to_float(samples.colour(self.raster))

    @property
    def is_grey(self) -> bool:
        return self.raster.channels in ("GRAY", "GRAYA")

    def to_native(self, rgb: np.ndarray) -> np.ndarray:
        """sRGB-encoded float H×W×3 → the document's encoding, H×W×3 or H×W×1 float32."""
        return colour.from_srgb(rgb, self.profile, grey=self.is_grey)


@dataclass(frozen=True)
class NewLayer:
    """A layer an operation gives back, over `bounds` (the source layer's where None).

    `rgb`: H×W×3 float32 sRGB-encoded, or with `encoded="native"` H×W×(3|1) in the document's own encoding ·
    `alpha`, `mask`: H×W float32 in [0, 1]; `alpha` defaults to the source's, `mask` to none · `raster`: instead of
    `rgb` and `alpha`, samples exactly as the editor holds them.
    `visible`: False for one that the artist switches on: an alternative, an aid.
    `enlarged`: a `raster` of so many times the size that it has in the document, from its upper left corner on.
    Outside the artist's selection it will be masked away, whatever the operation wrote there.
    """

    name: str
    rgb: np.ndarray | None = None
    raster: Raster | None = None
    alpha: np.ndarray | None = None
    mask: np.ndarray | None = None
    bounds: Bounds | None = None
    blend_mode: str = "normal"
    opacity: float = 1.0
    encoded: str = "srgb"
    enlarged: int = 1
    visible: bool = True


@dataclass(frozen=True)
class NewDocument:
    """Layers that an operation gives back for a document of their own, which is as large as all of them together."""

    layers: tuple[NewLayer, ...]


@dataclass(frozen=True)
class NewSelection:
    """A selection an operation gives back: H×W float32 coverage over `bounds` (the source layer's where None)."""

    coverage: np.ndarray
    bounds: Bounds | None = None
