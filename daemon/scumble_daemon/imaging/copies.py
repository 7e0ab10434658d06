"""A part of a layer, copied in the document's own samples, in which some colours are replaced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scumble_protocol.image import Bounds, Raster

from . import samples
from .image import Image
from .sheets import NewSamples, blank


@dataclass(frozen=True)
class Copy:
    """`raster`: over its bounds, with alpha · `out`: its samples, H×W×C as the editor holds them."""

    image: Image
    raster: Raster
    out: np.ndarray

    def replace(self, part: tuple[slice, slice], rgb: np.ndarray, where: np.ndarray) -> None:
        """Give the pixels of a part (in the copy's own rows and columns) that are `where` (bool) other colours.

        `rgb`: H×W×3 float32, sRGB-encoded.
        """
        if not where.any():
            return
        target = self.out[part]
        native = self.image.to_native(rgb[where][None])
        packed = samples.pack(native, np.ones(native.shape[:2], np.float32), self.raster.depth, self.raster.channels)
        target[where, :-1] = packed[0, :, :-1]


def copy(image: Image, part: Bounds, new_samples: NewSamples) -> Copy:
    """`part`: in image coordinates, inside the layer."""
    source = image.raster
    out, raster = blank(image, part, new_samples)
    inside = part.relative_to(image.bounds)
    stored = samples.stored(source)[inside.y : inside.bottom, inside.x : inside.right]
    if raster.channels == source.channels:
        np.copyto(out, stored)
    else:
        out[..., :-1] = stored
        out[..., -1] = samples.FULL_SCALE[source.depth]
    return Copy(image, raster, out)
