"""Select the object you click on, draw a box around, or select roughly."""

from __future__ import annotations

import math

import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds, Point

from ..context import Context
from ..fields import FeatherField, ShiftField
from ..imaging import masks, outline, prompts
from ..imaging.image import Image, NewSelection
from ..registry import Field, Inputs, ModelField, OperationParams, operation

CLICK_PX = 2.5  # around a click the selection is what the click says


class Params(OperationParams):
    shift_px: float = ShiftField(
        "Moves the outline outwards, or inwards below 0, in pixels.", title="Grow or shrink", slider_px=20
    )
    feather_px: float = FeatherField("Width of the soft edge in pixels. 0 keeps a clean, smooth outline.", slider_px=40)
    fill_holes: bool = Field(
        True, title="Fill holes", description="Selects what the object encloses, unless a click says that is not meant."
    )
    model: str = ModelField("select_object", goes_without=True)


@operation(
    "select_object",
    title="Select Object",
    menu="Select",
    gives="selection",
    inputs=Inputs(selection="optional", points=True, box=True),
)
def select_object(image: Image, params: Params, context: Context) -> NewSelection:
    region = prompts.region_of(image, context.selection, context.box)
    if region is None and not context.points:
        raise Invalid(
            "Nothing says which object to select.",
            "Click on it, draw a box around it, or select it roughly, and run again.",
        )
    prompts.check_size(image)
    with context.models.lend("select_object", params.model, context) as segmenter:
        context.progress(0.1, "Finding the object")
        found = prompts.find(image, region, context.points, segmenter and segmenter.find)
    if not found.mask.any():
        raise Invalid("No object stands out there.", "Click on the object, or select it more closely, and run again.")
    context.progress(0.7, "Drawing the outline")
    coverage, bounds = _outline(image, found, params)
    context.progress(0.9, "Finishing the edge")
    coverage = masks.feather(masks.shift_edge(coverage, params.shift_px), params.feather_px)
    at = Bounds(bounds.x + image.bounds.x, bounds.y + image.bounds.y, bounds.width, bounds.height)
    return NewSelection(_respect(coverage, bounds, context.points), at)


def _outline(image: Image, found: prompts.Found, params: Params) -> tuple[np.ndarray, Bounds]:
    """The mask at full size with a soft edge, and which part of the layer that is: all that the object can reach."""
    mask = found.mask
    if params.fill_holes:
        excluded = np.zeros_like(mask)
        for click in found.clicks:
            excluded[click.y, click.x] |= not click.include
        mask = masks.fill_holes(mask, mask.size, excluded)
    window = found.window
    drawn = outline.draw(
        mask,
        window.size,
        lambda rows, columns: image.part(_moved(rows, window.top), _moved(columns, window.left)),
    )
    place = Bounds(window.left, window.top, window.size[1], window.size[0])
    bounds = _reachable(masks.extent(drawn, place), params).intersection(
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


def _reachable(extent: Bounds, params: Params) -> Bounds:
    reach = math.ceil(abs(params.shift_px) + 2 * params.feather_px) + 8  # and room around a click at its edge
    return Bounds(extent.x - reach, extent.y - reach, extent.width + 2 * reach, extent.height + 2 * reach)


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def _respect(coverage: np.ndarray, bounds: Bounds, points: tuple[Point, ...]) -> np.ndarray:
    """`coverage` that is whole at including clicks and nothing at excluding ones, softly around them."""
    height, width = coverage.shape
    for click in points:
        point = Point(click.x - bounds.x, click.y - bounds.y, click.include)
        top, left = max(0, int(point.y) - 8), max(0, int(point.x) - 8)
        patch = coverage[top : max(0, min(height, int(point.y) + 9)), left : max(0, min(width, int(point.x) + 9))]
        if patch.size == 0:
            continue
        rows, columns = np.mgrid[: patch.shape[0], : patch.shape[1]]
        away = np.hypot(rows + top + 0.5 - point.y, columns + left + 0.5 - point.x)
        weight = np.clip(CLICK_PX - away, 0, 1)
        patch[:] = patch * (1 - weight) + weight * point.include
    return coverage
