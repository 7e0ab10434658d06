"""Small pictures of a result that is still being made: for whoever looks, and seldom enough to cost next to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from scumble_protocol.image import Bounds, Raster
from scumble_protocol.messages import Preview, Submit

from ..imaging import masks, samples
from ..imaging.image import Image

INTERVAL_S = 0.3
COST_SHARE = 0.03  # of a job's time, at most
FULL = np.float32(255)


class Previews:
    """Those of one job, as large as its client wants them; none where it wants none.

    `coverage`: H×W float32 over the layer, None where everything is selected.
    """

    def __init__(
        self, submit: Submit, image: Image, coverage: np.ndarray | None, send: Callable[[Preview], None]
    ) -> None:
        self._id, self._longest_px = submit.id, submit.previews
        self._image, self._coverage, self._send = image, coverage, send
        self._next_at = 0.0
        self._place: Bounds | None = None

    def offer(self, make: Callable[[], np.ndarray], place: Bounds | None = None) -> None:
        """Send what `make` gives, unless the last one was just now.

        That is H×W×3 float32 sRGB of any size, of what will lie at `place`: in image coordinates and within the layer,
        all of it where None.
        """
        started = time.monotonic()
        if not self._longest_px or started < self._next_at:
            return
        place = place or self._image.bounds
        if place != self._place:
            self._look_below(place)
        raster = self._compose(make())
        self._send(Preview(self._id, picture=raster, place=place))
        finished = time.monotonic()
        self._next_at = finished + max(INTERVAL_S, (finished - started) / COST_SHARE)

    def _look_below(self, place: Bounds) -> None:
        """What the layer has there, which shows where less than everything is selected."""
        part = place.relative_to(self._image.bounds)
        rows, columns = slice(part.y, part.bottom), slice(part.x, part.right)
        size = masks.fitted_size((part.height, part.width), self._longest_px)
        covered = None if self._coverage is None else masks.resize(self._coverage[rows, columns], size)[..., None]
        self._shows = np.ones((*size, 1), np.float32) if covered is None else covered
        self._below = np.clip(self._image.reduced(rows, columns, size), 0, 1) * (1 - self._shows)
        self._alpha = self._image.reduced_alpha(rows, columns, size)
        self._place = place

    def _compose(self, rgb: np.ndarray) -> Raster:
        height, width = self._alpha.shape
        seen = self._below + self._shows * np.clip(masks.resize(rgb, (height, width)), 0, 1)
        rgba = np.dstack([seen, self._alpha]) * FULL + np.float32(0.5)
        return Raster(Bounds(0, 0, width, height), "u8", "RGBA", samples.to_bytes(rgba.astype(np.uint8)))
