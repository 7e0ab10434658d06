"""Put a network over a layer in the document's own samples, strip by strip: memory stays the same at any size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import MAX_PIXELS, Bounds, Raster

from ..imaging import samples
from ..imaging.image import Image, NewLayer
from ..imaging.sheets import NewSamples, blank, visible_part

STRIP_PIXELS = 1 << 18  # what is blended and encoded at a time
MARGIN_PX = 2  # that enlarging alpha looks at


@dataclass(frozen=True)
class Sheet:
    """The part of a layer that a network is put over, and where its result goes.

    `grows`: the result's size over the layer's · `scale`: the network's · `strength`: 0 to 1, for results of the same
    size: how much of the network's change is taken over.
    """

    image: Image
    part: Bounds
    scale: int
    grows: int
    strength: float
    out: np.ndarray  # H×W×C samples as the editor holds them
    channels: str

    @property
    def size(self) -> tuple[int, int]:
        return self.part.height, self.part.width

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        """For the network: H×W×3 float32 in [0, 1]; what does not show has the colour of what does nearby."""
        return np.clip(self._rgb(rows, columns), 0, 1)

    def write(self, top: int, pixels: np.ndarray) -> None:
        """Finished rows of the network's, at its scale, blended and encoded."""
        first, last = top // self.scale, (top + len(pixels)) // self.scale
        step = max(1, STRIP_PIXELS // (self.part.width * self.grows * self.grows))
        for row in range(first, last, step):
            rows = slice(row, min(row + step, last))
            part = pixels[(rows.start - first) * self.scale : (rows.stop - first) * self.scale]
            self._write(rows, _reduced(part, self.scale // self.grows))

    def _write(self, rows: slice, clean: np.ndarray) -> None:
        before = self._rgb(rows, slice(0, self.part.width))
        within = np.clip(before, 0, 1)
        if self.grows == 1:
            rgb = before + np.float32(self.strength) * (clean - within)
        else:  # a network knows no colours outside sRGB, and no light above white: what is beyond is put back
            beyond = before - within
            rgb = clean + _enlarged(beyond, self.grows) if beyond.any() else clean
        target = self.out[rows.start * self.grows : rows.stop * self.grows]
        colours = self.image.to_native(rgb)
        target[:] = samples.pack(colours, self._alpha(rows), self.image.raster.depth, self.channels)

    def _rgb(self, rows: slice, columns: slice) -> np.ndarray:
        return self.image.part(*self._place(rows, columns))

    def _alpha(self, rows: slice) -> np.ndarray:
        alpha = samples.alpha(self.image.raster)
        width = self.part.width
        if alpha is None:
            return np.ones(((rows.stop - rows.start) * self.grows, width * self.grows), np.float32)
        first, last = max(0, rows.start - MARGIN_PX), min(self.part.height, rows.stop + MARGIN_PX)
        around = samples.to_float(alpha[self._place(slice(first, last), slice(0, width))])
        skipped = (rows.start - first) * self.grows
        return _enlarged(around, self.grows)[skipped : skipped + (rows.stop - rows.start) * self.grows]

    def _place(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        x, y = self.part.x - self.image.bounds.x, self.part.y - self.image.bounds.y
        return slice(rows.start + y, rows.stop + y), slice(columns.start + x, columns.stop + x)


def sheet(
    image: Image, selection: np.ndarray | None, scale: int, grows: int, strength: float, new_samples: NewSamples
) -> tuple[Sheet, Raster]:
    """A sheet over what shows and is selected of the layer, and the raster that it fills. Raises: Invalid."""
    part = visible_part(image, selection)
    bounds = Bounds(part.x, part.y, part.width * grows, part.height * grows)
    if bounds.width * bounds.height > MAX_PIXELS:
        raise Invalid(
            f"{grows} times {part.width} × {part.height} pixels are more than Scumble can handle.",
            "Choose a smaller factor, or a part of the picture.",
        )
    out, raster = blank(image, bounds, new_samples)
    return Sheet(image, part, scale, grows, strength, out, raster.channels), raster


def as_layer(name: str, raster: Raster, grows: int) -> NewLayer:
    return NewLayer(name, raster=raster, bounds=raster.bounds, enlarged=grows)


def _reduced(pixels: np.ndarray, by: int) -> np.ndarray:
    """Each `by`×`by` pixels become their mean."""
    if by == 1:
        return pixels
    return cv2.resize(pixels, (pixels.shape[1] // by, pixels.shape[0] // by), interpolation=cv2.INTER_AREA)


def _enlarged(values: np.ndarray, by: int) -> np.ndarray:
    if by == 1:
        return values
    return cv2.resize(values, (values.shape[1] * by, values.shape[0] * by), interpolation=cv2.INTER_LINEAR)
