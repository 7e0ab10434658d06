"""From what the artist pointed with (a selection, a box, clicks) to a mask of the object meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds, Point

from . import masks, segment
from .clicks import Click, click_discs, from_clicks
from .segment import Scene

LEAST_PX = 8  # a layer with a shorter side holds nothing to find an outline in
MARGIN = 0.2  # of a box or selection's size, kept around it as a sample of the ground
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
    def longest_px(self) -> int:
        return max(self.bottom - self.top, self.right - self.left)


@dataclass(frozen=True)
class Found:
    """`mask`: bool, at the working size, of the object inside `window` · `clicks`: in the mask's own pixels."""

    mask: np.ndarray
    window: Window
    clicks: tuple[Click, ...] = ()


def region_of(alpha: np.ndarray, selection: np.ndarray | None, box: Bounds | None) -> np.ndarray | None:
    """What selection and box leave of the layer (bool), None where they exclude next to nothing. Raises: Invalid."""
    shows = alpha > 0
    region = shows.copy()
    if selection is not None:
        region &= selection > 0.02
    if box is not None:
        inside = box.intersection(Bounds(0, 0, alpha.shape[1], alpha.shape[0]))
        if inside.is_empty:
            raise Invalid("The box lies outside the layer.", "Draw it over the layer and run again.")
        boxed = np.zeros_like(region)
        boxed[inside.y : inside.bottom, inside.x : inside.right] = True
        region &= boxed
    if not region.any():
        raise Invalid("There is nothing to see inside the selection.", "Select a part that is not transparent.")
    return None if region.sum() >= EVERYTHING * shows.sum() else region


def find(rgb: np.ndarray, alpha: np.ndarray, region: np.ndarray | None, points: Sequence[Point]) -> Found:
    """The object that `region`, clicks, or both mean; one of the two has to be given. Raises: Invalid."""
    _check_points(alpha, points)
    includes = any(point.include for point in points)
    if region is None and not includes:
        raise Invalid("All clicks say what is not meant.", "Click on the object itself as well.")
    window = _whole(alpha.shape) if region is None else window_around(region)
    scene = Scene.of(rgb[window.slices], alpha[window.slices])
    small_region = None
    if region is not None:
        shrunk = masks.resize(region[window.slices], scene.shape)
        small_region = shrunk >= min(0.5, float(shrunk.max()))
    clicks = _to_scene(points, window, scene)
    if includes and any(click.include for click in clicks):
        mask = from_clicks(scene, clicks, small_region)
    else:
        assert small_region is not None
        mask = segment.within(scene, small_region, click_discs(scene, clicks, False))
    return Found(mask, window, clicks)


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


def check_size(alpha: np.ndarray) -> None:
    """Raises: Invalid where the layer is too small to hold an outline."""
    if min(alpha.shape) < LEAST_PX:
        height, width = alpha.shape
        raise Invalid(
            f"The layer is only {width} × {height} pixels: there is no outline to find in it.",
            f"Use a layer of at least {LEAST_PX} × {LEAST_PX} pixels.",
        )


def _whole(shape: tuple[int, ...]) -> Window:
    return Window(0, 0, shape[0], shape[1])


def _check_points(alpha: np.ndarray, points: Sequence[Point]) -> None:
    height, width = alpha.shape
    for point in points:
        if not point.include:
            continue
        where = f"The click at {point.x:.0f}, {point.y:.0f}"
        if not (0 <= point.x < width and 0 <= point.y < height):
            raise Invalid(f"{where} is outside the layer.", "Click on the object, inside the layer.")
        if alpha[int(point.y), int(point.x)] == 0:
            raise Invalid(f"{where} is on a transparent place.", "Click on something that can be seen.")


def _to_scene(points: Sequence[Point], window: Window, scene: Scene) -> tuple[Click, ...]:
    scale_x = scene.shape[1] / (window.right - window.left)
    scale_y = scene.shape[0] / (window.bottom - window.top)
    clicks = []
    for point in points:
        x, y = int((point.x - window.left) * scale_x), int((point.y - window.top) * scale_y)
        if 0 <= x < scene.shape[1] and 0 <= y < scene.shape[0]:
            clicks.append(Click(x, y, point.include))
    return tuple(clicks)
