"""A new layer's samples, made strip by strip in the document's own form: no float copy of a whole layer is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import CHANNEL_COUNT, Bounds, Raster

from . import masks, samples
from .image import Image

STRIP_PIXELS = 1 << 20

NewSamples = Callable[[int], "tuple[memoryview, Any]"]
Draw = Callable[[slice, slice], "tuple[np.ndarray, np.ndarray]"]
"""Rows and columns of the source layer → colours there, H×W×3 float sRGB, and alpha H×W."""


def visible_part(image: Image, selection: np.ndarray | None) -> Bounds:
    """What shows and is selected of the layer, in image coordinates. Raises: Invalid where nothing is."""
    part = image.bounds
    if selection is not None:
        part = masks.extent(selection, image.bounds)
    alpha = samples.alpha(image.raster)
    if alpha is not None:
        part = part.intersection(masks.extent(alpha, image.bounds))
    if part.is_empty:
        raise Invalid("Nothing of the layer shows in the selection.", "Select a part of it that can be seen.")
    return part


def blank(image: Image, bounds: Bounds, new_samples: NewSamples) -> tuple[np.ndarray, Raster]:
    """H×W×C samples to be filled, with alpha, in the source's depth, order and profile; and the raster they are of."""
    source = image.raster
    channels = samples.WITH_ALPHA.get(source.channels, source.channels)
    shape = (bounds.height, bounds.width, CHANNEL_COUNT[channels])
    dtype = np.dtype(samples.DTYPES[source.depth])
    memory, data = new_samples(int(np.prod(shape)) * dtype.itemsize)
    out = np.frombuffer(memory, dtype).reshape(shape)
    return out, Raster(bounds, source.depth, channels, data, source.profile)


def drawn(image: Image, part: Bounds, new_samples: NewSamples, draw: Draw, encoded: str = "srgb") -> Raster:
    """`part` of the layer (in its own pixels), as `draw` makes it: in sRGB, or with "native" as the document has it."""
    placed = Bounds(part.x + image.bounds.x, part.y + image.bounds.y, part.width, part.height)
    out, raster = blank(image, placed, new_samples)
    columns = slice(part.x, part.right)
    step = max(1, STRIP_PIXELS // max(1, part.width))
    for top in range(part.y, part.bottom, step):
        rows = slice(top, min(top + step, part.bottom))
        rgb, alpha = draw(rows, columns)
        native = rgb if encoded == "native" else image.to_native(rgb)
        packed = samples.pack(native, alpha, raster.depth, raster.channels)
        out[rows.start - part.y : rows.stop - part.y] = packed
    return raster
