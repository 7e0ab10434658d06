"""From the mask of an object to the selection an artist gets: at full size, its edge along the picture's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scumble_protocol.image import Bounds, Point

from . import masks, outline
from .image import Image, NewSelection
from .prompts import Found, last_words, reader

CLICK_PX = 1.4  # around a clicked pixel the selection turns into what the click says; its neighbours stay what they are


@dataclass(frozen=True)
class Finish:
    """What the artist wants of the outline."""

    shift_px: float
    feather_px: float
    fill_holes: bool


def selection_of(image: Image, found: Found, finish: Finish, points: Sequence[Point] = ()) -> NewSelection:
    """Only as large as the object can reach; nothing is selected where the layer is transparent."""
    coverage, bounds = _outline(image, found, finish)
    coverage = masks.feather(masks.shift_edge(coverage, finish.shift_px), finish.feather_px)
    at = Bounds(bounds.x + image.bounds.x, bounds.y + image.bounds.y, bounds.width, bounds.height)
    return NewSelection(_respect(coverage, bounds, last_words(points)), at)


def _outline(image: Image, found: Found, finish: Finish) -> tuple[np.ndarray, Bounds]:
    """The mask at full size with a soft edge, and which part of the layer that is: all that the object can reach."""
    mask = found.mask
    if finish.fill_holes:
        excluded = np.zeros_like(mask)
        for click in found.clicks:
            excluded[click.y, click.x] |= not click.include
        mask = masks.fill_holes(mask, mask.size, excluded)
    drawn, place = _drawn(image, found, mask)
    bounds = _reachable(masks.extent(drawn, place), finish).intersection(
        Bounds(0, 0, image.bounds.width, image.bounds.height)
    )
    coverage = np.zeros((bounds.height, bounds.width), np.float32)
    shared = bounds.intersection(place)
    target, source = shared.relative_to(bounds), shared.relative_to(place)
    coverage[target.y : target.bottom, target.x : target.right] = drawn[
        source.y : source.bottom, source.x : source.right
    ]
    hidden = image.hidden(slice(bounds.y, bounds.bottom), slice(bounds.x, bounds.right))
    if hidden is not None:
        coverage[hidden] = 0
    return coverage, bounds


def _drawn(image: Image, found: Found, mask: np.ndarray) -> tuple[np.ndarray, Bounds]:
    """The same, without what the artist wants of it."""
    window = found.window
    kept = None if found.blocks is None else outline.Kept(found.blocks, image.digest + repr(window).encode())
    drawn = outline.draw(mask, window.size, reader(image, window), kept)
    height, width = drawn.coverage.shape
    return drawn.coverage, Bounds(window.left + drawn.left, window.top + drawn.top, width, height)


def _reachable(extent: Bounds, finish: Finish) -> Bounds:
    reach = math.ceil(abs(finish.shift_px) + 2 * finish.feather_px) + 8  # and room around a click at its edge
    return Bounds(extent.x - reach, extent.y - reach, extent.width + 2 * reach, extent.height + 2 * reach)


def _respect(coverage: np.ndarray, bounds: Bounds, points: Sequence[Point]) -> np.ndarray:
    """`coverage` that is whole at the pixels of including clicks and nothing at excluding ones, softly around them.

    No more, since a click may be close to the outline, and would leave a knob or a dent there.
    """
    height, width = coverage.shape
    for click in points:
        point = Point(click.x - bounds.x, click.y - bounds.y, click.include)
        top, left = max(0, int(point.y) - 8), max(0, int(point.x) - 8)
        patch = coverage[top : max(0, min(height, int(point.y) + 9)), left : max(0, min(width, int(point.x) + 9))]
        if patch.size == 0:
            continue
        rows, columns = np.mgrid[: patch.shape[0], : patch.shape[1]]
        away = np.hypot(rows + top - math.floor(point.y), columns + left - math.floor(point.x))
        weight = np.clip(CLICK_PX - away, 0, 1)
        patch[:] = patch * (1 - weight) + weight * point.include
    return coverage
