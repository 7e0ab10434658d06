"""What is seen of a window when its hole is filled: reduced where it is large, and with light above white held down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import masks
from .sheet import Part, Sheet

MOST_STOPS = 0.3  # of brightness for each doubling above white: one lamp must not outweigh a picture


@dataclass(frozen=True)
class Seen:
    """`rgb`: H×W×3 float32 in [0, 1] · `hole`, `known`, `usable`: bool, what is filled, what that joins, what may be
    copied · `part`: of the layer · `top`: the brightest light."""

    rgb: np.ndarray
    hole: np.ndarray
    known: np.ndarray
    usable: np.ndarray
    part: Part
    top: float

    @property
    def size(self) -> tuple[int, int]:
        return self.hole.shape[0], self.hole.shape[1]

    @property
    def shape(self) -> tuple[int, int]:
        """At the layer's own size."""
        return self.part[0].stop - self.part[0].start, self.part[1].stop - self.part[1].start

    @property
    def scale(self) -> float:
        """How many of the layer's pixels one seen pixel stands for, in a row."""
        return max(self.shape) / max(self.size)

    @property
    def is_whole(self) -> bool:
        return self.size == self.shape

    def light(self, rgb: np.ndarray) -> np.ndarray:
        """The seen colours `rgb` as they are in the layer."""
        if self.top <= 1:
            return rgb
        held = rgb * _held(self.top)
        return np.where(held > 1, 2 ** ((np.maximum(held, 1) - 1) / MOST_STOPS), held).astype(np.float32)


def view(sheet: Sheet, part: Part, longest_px: int) -> Seen:
    """`part` of the sheet, reduced so that its longer side is at most `longest_px`."""
    shape = part[0].stop - part[0].start, part[1].stop - part[1].start
    size = masks.fitted_size(shape, longest_px)
    usable, known = sheet.usable(part), sheet.known(part)
    if size == shape:
        rgb, hole = sheet.rgb(part), sheet.left_in(part)
    else:
        rgb, hole = sheet.image.reduced(*part, size), masks.resize(sheet.hole_in(part), size) > 0
        usable, known = ((masks.resize(each, size) > 1 - 1e-5) & ~hole for each in (usable, known))
    positive = np.maximum(rgb, 0)
    top = float(positive[known].max(initial=1))
    if top > 1:
        positive = np.where(positive > 1, _held(np.maximum(positive, 1)), positive) / _held(top)
    return Seen(np.minimum(positive, 1).astype(np.float32), hole, known, usable, part, top)


def _held(light: np.ndarray | float) -> np.ndarray | float:
    return 1 + MOST_STOPS * np.log2(light)
