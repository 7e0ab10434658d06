"""Select the object you click on, draw a box around, or select roughly."""

from __future__ import annotations

import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Point

from ..context import Context
from ..imaging import masks, prompts
from ..imaging.image import Image, NewSelection
from ..registry import Field, Inputs, OperationParams, operation

CLICK_PX = 2.5  # around a click the selection is what the click says


class Params(OperationParams):
    shift_px: float = Field(
        0.0,
        ge=-200,
        le=200,
        slider=(-20, 20),
        title="Grow or shrink",
        description="Moves the outline outwards, or inwards below 0, in pixels.",
    )
    feather_px: float = Field(
        0.0,
        ge=0,
        le=500,
        slider=(0, 40),
        title="Feather",
        description="Width of the soft edge in pixels. 0 keeps a clean, smooth outline.",
    )
    fill_holes: bool = Field(
        True, title="Fill holes", description="Selects what the object encloses, unless a click says that is not meant."
    )


@operation(
    "select_object",
    title="Select Object",
    menu="Select",
    gives="selection",
    inputs=Inputs(selection="optional", points=True, box=True),
)
def select_object(image: Image, params: Params, context: Context) -> NewSelection:
    region = prompts.region_of(image.alpha, context.selection, context.box)
    if region is None and not context.points:
        raise Invalid(
            "Nothing says which object to select.",
            "Click on it, draw a box around it, or select it roughly, and run again.",
        )
    prompts.check_size(image.alpha)
    context.progress(0.05, "Reading the picture")
    rgb = image.rgb
    context.progress(0.15, "Finding the object")
    found = prompts.find(rgb, image.alpha, region, context.points)
    if not found.mask.any():
        raise Invalid("No object stands out there.", "Click on the object, or select it more closely, and run again.")
    context.progress(0.7, "Drawing the outline")
    coverage = _outline(rgb, found, params.fill_holes)
    coverage[image.alpha == 0] = 0
    context.progress(0.9, "Finishing the edge")
    coverage = masks.feather(masks.shift_edge(coverage, params.shift_px), params.feather_px)
    return NewSelection(_respect(coverage, context.points))


def _outline(rgb: np.ndarray, found: prompts.Found, fill_holes: bool) -> np.ndarray:
    """The mask at full size, with a soft edge one or two pixels wide that lies where the picture's own edge is."""
    mask = found.mask
    if fill_holes:
        excluded = np.zeros_like(mask)
        for click in found.clicks:
            excluded[click.y, click.x] |= not click.include
        mask = masks.fill_holes(mask, mask.size, excluded)
    inside = rgb[found.window.slices]
    scale = found.window.longest_px / max(mask.shape)
    smooth = masks.feather(mask.astype(np.float32), 1.5)
    large = masks.resize(smooth, inside.shape[:2])
    guided = masks.follow_edges(large, inside, max(2, round(2 * scale)), 1e-3)
    coverage = np.zeros(rgb.shape[:2], np.float32)
    coverage[found.window.slices] = masks.levels(guided, 0.3, 0.7)
    return coverage


def _respect(coverage: np.ndarray, points: tuple[Point, ...]) -> np.ndarray:
    """`coverage` that is whole at including clicks and nothing at excluding ones, softly around them."""
    height, width = coverage.shape
    for point in points:
        top, left = max(0, int(point.y) - 8), max(0, int(point.x) - 8)
        patch = coverage[top : min(height, int(point.y) + 9), left : min(width, int(point.x) + 9)]
        if patch.size == 0:
            continue
        rows, columns = np.mgrid[: patch.shape[0], : patch.shape[1]]
        away = np.hypot(rows + top + 0.5 - point.y, columns + left + 0.5 - point.x)
        weight = np.clip(CLICK_PX - away, 0, 1)
        patch[:] = patch * (1 - weight) + weight * point.include
    return coverage
