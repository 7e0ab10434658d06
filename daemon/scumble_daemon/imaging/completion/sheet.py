"""The layer while its holes are filled: what may be copied, what is filled already, and where the result goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scumble_protocol.image import Bounds, Raster

from .. import colour, samples
from ..image import Image
from ..sheets import NewSamples, blank

SOLID = 0.999  # of the most opaque pixel's alpha: what is less opaque is not copied

Part = tuple[slice, slice]


@dataclass(frozen=True)
class Sheet:
    """`place`: rows and columns of the layer that hold all that is to be filled. Over it: `hole` (bool: that), `left`
    (bool: what is not filled yet) and `out`: H×W×C samples as the editor holds them, in the order `channels`.
    `solid`: a stored alpha from which on a pixel may be copied · `offered`: where in the layer, bool, or anywhere."""

    image: Image
    hole: np.ndarray
    left: np.ndarray
    place: Part
    out: np.ndarray
    channels: str
    solid: float
    offered: np.ndarray | None = None

    @staticmethod
    def over(
        image: Image,
        hole: np.ndarray,
        place: Part,
        new_samples: NewSamples,
        offered: np.ndarray | None = None,
    ) -> tuple[Sheet, Raster]:
        """A sheet for `hole`, which lies over `place`, and the raster that it fills: transparent at first."""
        bounds = Bounds(place[1].start + image.bounds.x, place[0].start + image.bounds.y, hole.shape[1], hole.shape[0])
        out, raster = blank(image, bounds, new_samples)
        out[:] = 0
        alpha = samples.alpha(image.raster)
        solid = 0.0 if alpha is None else SOLID * float(alpha.max())
        return Sheet(image, hole, hole.copy(), place, out, raster.channels, solid, offered), raster

    @property
    def size(self) -> tuple[int, int]:
        """Of the whole layer."""
        return self.image.bounds.height, self.image.bounds.width

    def hole_in(self, part: Part) -> np.ndarray:
        """What is to be filled of a part of the layer, bool."""
        return self._spread(self.hole, part)

    def left_in(self, part: Part) -> np.ndarray:
        """What is not filled yet."""
        return self._spread(self.left, part)

    def usable(self, part: Part) -> np.ndarray:
        """Where the layer is opaque, no hole and offered, bool: what may be copied."""
        usable = self._shows(part) & ~self.hole_in(part)
        return usable if self.offered is None else usable & self.offered[part]

    def can_copy(self, at: np.ndarray) -> np.ndarray:
        """The same for single pixels (flat indices)."""
        rows, columns = np.divmod(at, self.size[1])
        alpha = samples.alpha(self.image.raster)
        down, across = rows - self.place[0].start, columns - self.place[1].start
        inside = (down >= 0) & (down < self.hole.shape[0]) & (across >= 0) & (across < self.hole.shape[1])
        free = np.ones(at.shape, bool)
        free[inside] = ~self.hole[down[inside], across[inside]]
        if self.offered is not None:
            free &= self.offered[rows, columns]
        return free if alpha is None else free & (alpha[rows, columns] >= self.solid)

    def known(self, part: Part) -> np.ndarray:
        """Where the layer is opaque and no hole any more: what a filling has to join."""
        return self._shows(part) & ~self.left_in(part)

    def rgb(self, part: Part) -> np.ndarray:
        """H×W×3 float32, sRGB-encoded, with what is filled already."""
        found = self.image.part(*part)
        filled = self.hole_in(part) & ~self.left_in(part)
        if filled.any():
            rows, columns = np.nonzero(filled)
            found[filled] = self._srgb(self._filled(rows + part[0].start, columns + part[1].start))
        return found

    def native(self, at: np.ndarray) -> np.ndarray:
        """N×(3|1) float32, the layer's own colours of single pixels (flat indices)."""
        rows, columns = np.divmod(at, self.size[1])
        return samples.to_float(samples.colour(self.image.raster)[rows, columns])

    def looked_at(self, at: np.ndarray) -> np.ndarray:
        """N×3 float32, the same sRGB-encoded."""
        return self._srgb(self.native(at))

    def write(self, at: np.ndarray, colours: np.ndarray, alpha: np.ndarray) -> None:
        """Fill the pixels `at` (flat indices) with `colours` N×(3|1) in the document's encoding."""
        packed = samples.pack(colours[None], alpha[None], self.image.raster.depth, self.channels)[0]
        rows, columns = np.divmod(at, self.size[1])
        rows, columns = rows - self.place[0].start, columns - self.place[1].start
        self.out[rows, columns] = packed
        self.left[rows, columns] = False

    def _shows(self, part: Part) -> np.ndarray:
        alpha = samples.alpha(self.image.raster)
        if alpha is None:
            return np.ones((part[0].stop - part[0].start, part[1].stop - part[1].start), bool)
        return alpha[part] >= self.solid

    def _spread(self, mask: np.ndarray, part: Part) -> np.ndarray:
        found = np.zeros((part[0].stop - part[0].start, part[1].stop - part[1].start), bool)
        target, source = [], []
        for wanted, given in zip(part, self.place, strict=True):
            first = max(wanted.start, given.start)
            last = max(first, min(wanted.stop, given.stop))
            target.append(slice(first - wanted.start, last - wanted.start))
            source.append(slice(first - given.start, last - given.start))
        found[tuple(target)] = mask[tuple(source)]
        return found

    def _filled(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        stored = self.out[rows - self.place[0].start, columns - self.place[1].start]
        return samples.to_float(samples.colour_of(stored[None], self.channels)[0])

    def _srgb(self, native: np.ndarray) -> np.ndarray:
        return colour.to_srgb(native[None], self.image.profile)[0]
