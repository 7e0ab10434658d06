"""From what the artist pointed with (a selection, a box, clicks) to a mask of the object meant."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds, Point

from . import blocks, masks
from .clicks import Advice, Click, click_discs, from_clicks
from .image import Image
from .segment import WORK_PX, View

LEAST_PX = 8  # a layer with a shorter side holds nothing to find an outline in
MARGIN = 0.2  # of a box or selection's size, kept around it as a sample of the ground
VIEW_PX = 768  # longest side of what is clicked on; what a click means is looked at in parts of it
CLOSE_UP = 0.5  # of the layer: what is around a smaller selection is looked at alone
SPECK = 0.02  # of the mask's largest part: smaller ones that a network leaves are mistakes
SELECTED = 0.02  # what is less selected is not
EVERYTHING = 0.98  # a selection with this share of what shows points at nothing in particular


@dataclass(frozen=True)
class Window:
    """The part of the layer that is looked at, in the layer's own pixels."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.left, self.top, self.right - self.left, self.bottom - self.top)

    def holds(self, point: Point) -> bool:
        return self.left <= point.x < self.right and self.top <= point.y < self.bottom

    @property
    def longest_px(self) -> int:
        return max(self.size)


@dataclass(frozen=True)
class Found:
    """`mask`: bool, at the working size, of the object inside `window` · `clicks`: in the mask's own pixels.

    `soft`: the mask as a network for the foreground made it, float32 at a size of its own · `blocks`: of outlines that
    were drawn before (see `outline.Kept`), and to be added to.
    """

    mask: np.ndarray
    window: Window
    clicks: tuple[Click, ...] = ()
    soft: np.ndarray | None = None
    blocks: dict[bytes, np.ndarray] | None = None


Segment = Callable[[Image, Window, Sequence[Point], "Bounds | None"], np.ndarray]
"""Part of a layer, clicks and box in pixels from that part's corner → logits over it, at any size."""


class Adviser(Protocol):
    """A network that helps to understand clicks."""

    def look(self, image: Image, window: Window) -> View:
        """The `view_of` what is clicked on, which may be kept from one click to the next."""
        ...

    def advise(self, view: View, region: np.ndarray | None) -> Advice: ...


def region_of(image: Image, selection: np.ndarray | None, box: Bounds | None) -> np.ndarray | None:
    """What selection and box leave of the layer (bool), None where they exclude next to nothing. Raises: Invalid."""
    if selection is None and box is None:
        return None
    height, width = image.bounds.height, image.bounds.width
    hidden = image.hidden(slice(0, height), slice(0, width))
    region = np.ones((height, width), bool) if selection is None else selection > SELECTED
    if hidden is not None:
        region &= ~hidden
    if box is not None:
        inside = box.intersection(Bounds(0, 0, width, height))
        if inside.is_empty:
            raise Invalid("The box lies outside the layer.", "Draw it over the layer and run again.")
        boxed = np.zeros_like(region)
        boxed[inside.y : inside.bottom, inside.x : inside.right] = True
        region &= boxed
    if not region.any():
        raise Invalid("There is nothing to see inside the selection.", "Select a part that is not transparent.")
    shown = region.size if hidden is None else region.size - np.count_nonzero(hidden)
    return None if np.count_nonzero(region) >= EVERYTHING * shown else region


def find(image: Image, region: np.ndarray | None, points: Sequence[Point], adviser: Adviser | None = None) -> Found:
    """The object that `region`, clicks, or both mean; one of the two has to be given. Raises: Invalid, OutOfMemory.

    By colours and edges; `adviser`: a network that is asked what clicks mean.
    """
    points = last_words(points)
    _check_prompts(image, region, points)
    window = whole(image) if region is None else window_around(region)
    view = adviser.look(image, window) if adviser else view_of(image, window, VIEW_PX if points else WORK_PX)
    small_region = None if region is None else _reduced(region, window, view.shape)
    clicks = _to_mask(points, window, view.shape)
    advice = adviser.advise(view, small_region) if adviser else None
    return Found(from_clicks(view, clicks, small_region, advice), window, clicks)


def view_of(image: Image, window: Window, longest_px: int = VIEW_PX) -> View:
    return View.of_layer(image, *window.slices, longest_px)


def find_foreground(image: Image, region: np.ndarray | None, look: Callable[[Image, Window], np.ndarray]) -> Found:
    """What a network takes for the foreground of the layer, or of what is around `region`: of that, what lies in it."""
    window = whole(image) if region is None else window_around(region)
    soft = look(image, window)
    if region is not None:
        soft = soft * _reduced(region, window, soft.shape)
    return Found(masks.resize(soft, masks.fitted_size(window.size, WORK_PX)) > 0.5, window, soft=soft)


def find_learned(image: Image, region: np.ndarray | None, points: Sequence[Point], segment: Segment) -> Found:
    """The same by a network alone, which is shown the whole layer, or what is around a small region, since it sees only
    so many pixels. Raises: Invalid, OutOfMemory.

    The first click that includes comes first: it proposes the object.
    """
    points = last_words(points)
    _check_prompts(image, region, points)
    window = whole(image)
    if region is not None and window_around(region).longest_px <= CLOSE_UP * window.longest_px:
        window = window_around(region)
    ordered = sorted(points, key=lambda point: not point.include)
    first = [point for point in ordered[:1] if point.include]
    others = [point for point in points if point not in first]
    inside = [point for point in (*first, *others) if window.holds(point)]
    moved = [Point(point.x - window.left, point.y - window.top, point.include) for point in inside]
    box = None if region is None else _box_around(region[window.slices])
    logits = segment(image, window, moved, box)
    size = masks.fitted_size(window.size, WORK_PX)
    mask = masks.resize(logits, size) > 0
    if region is not None:
        mask &= _reduced(region, window, size)
    clicks = _to_mask(points, window, size)
    meant = click_discs(size, clicks, True)
    mask = (mask | meant) & ~click_discs(size, clicks, False)
    return Found(masks.drop_specks(mask, SPECK, meant), window, clicks)


def _box_around(region: np.ndarray) -> Bounds:
    return masks.extent(region, Bounds(0, 0, region.shape[1], region.shape[0]))


def _reduced(region: np.ndarray, window: Window, size: tuple[int, ...]) -> np.ndarray:
    shrunk = masks.resize(region[window.slices], (size[0], size[1]))
    return shrunk >= min(0.5, float(shrunk.max()))


def window_around(region: np.ndarray) -> Window:
    """The bounding box of `region` with a margin."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    height, width = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    margin = max(12, round(MARGIN * max(height, width)))
    return Window(
        max(0, int(rows[0]) - margin),
        max(0, int(columns[0]) - margin),
        min(region.shape[0], int(rows[-1]) + 1 + margin),
        min(region.shape[1], int(columns[-1]) + 1 + margin),
    )


def check_size(image: Image) -> None:
    """Raises: Invalid where the layer is too small to hold an outline."""
    height, width = image.bounds.height, image.bounds.width
    if min(height, width) < LEAST_PX:
        raise Invalid(
            f"The layer is only {width} × {height} pixels: there is no outline to find in it.",
            f"Use a layer of at least {LEAST_PX} × {LEAST_PX} pixels.",
        )


def reader(image: Image, window: Window) -> Callable[[slice, slice], np.ndarray]:
    """Reads the picture in rows and columns of the window's own."""

    def read(rows: slice, columns: slice) -> np.ndarray:
        return image.part(*blocks.moved((rows, columns), window.top, window.left))

    return read


def whole(image: Image) -> Window:
    return Window(0, 0, image.bounds.height, image.bounds.width)


def last_words(points: Sequence[Point]) -> list[Point]:
    """Of several clicks on one pixel the last: it corrects the others."""
    places: dict[tuple[int, int], Point] = {}
    for point in points:
        place = math.floor(point.x), math.floor(point.y)
        if place in places and places[place].include != point.include:
            del places[place]  # and has its turn where it came
        places.setdefault(place, point)
    return list(places.values())


def _check_prompts(image: Image, region: np.ndarray | None, points: Sequence[Point]) -> None:
    _check_points(image, points)
    if region is None and not any(point.include for point in points):
        raise Invalid("All clicks say what is not meant.", "Click on the object itself as well.")


def _check_points(image: Image, points: Sequence[Point]) -> None:
    height, width = image.bounds.height, image.bounds.width
    for point in points:
        if not point.include:
            continue
        where = f"The click at {point.x:.0f}, {point.y:.0f}"
        if not (0 <= point.x < width and 0 <= point.y < height):
            raise Invalid(f"{where} is outside the layer.", "Click on the object, inside the layer.")
        at = slice(int(point.y), int(point.y) + 1), slice(int(point.x), int(point.x) + 1)
        hidden = image.hidden(*at)
        if hidden is not None and hidden.any():
            raise Invalid(f"{where} is on a transparent place.", "Click on something that can be seen.")


def _to_mask(points: Sequence[Point], window: Window, size: tuple[int, int]) -> tuple[Click, ...]:
    """The clicks in pixels of a mask of `size` over the window, those that lie in it."""
    scale_x, scale_y = size[1] / window.size[1], size[0] / window.size[0]
    clicks = []
    for point in points:
        x, y = int((point.x - window.left) * scale_x), int((point.y - window.top) * scale_y)
        if window.holds(point) and x < size[1] and y < size[0]:
            clicks.append(Click(x, y, point.include))
    return tuple(clicks)
