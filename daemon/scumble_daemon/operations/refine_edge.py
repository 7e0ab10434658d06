"""Refine the selection's edge: hair, fur and soft edges are found in a band along it.

Gives the selection, or what is selected as a cut-out.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds

from ..context import Context
from ..fields import CUTOUT_TITLES, CleanField, FeatherField, ShiftField
from ..imaging import cutouts, masks, matting, prompts, trimap
from ..imaging.image import Image, NewLayer, NewSelection
from ..registry import Field, Inputs, ModelField, OperationParams, operation

LEAST_PX, MOST_PX = 4.0, 80.0  # of a radius that is chosen here
OF_SOFTNESS = 1.5  # so many times the width of the selection's own soft edge
OF_SELECTION = 0.02  # of its longer side
MOST_CONTRAST = 0.96  # a soft edge that is left at full contrast is this much narrower
SMALLEST_PX = 3  # a layer with a shorter side has no edge that could be looked along


class Params(OperationParams):
    result: Literal["selection", "cutout", "mask", "trimap"] = Field(
        "selection",
        title="Result",
        titles=("Selection", *CUTOUT_TITLES),
        description="What is selected can be had as layers too, which lie over the untouched one.",
    )
    radius_px: float = Field(
        0.0,
        ge=0,
        le=500,
        slider=(0, 80),
        title="Radius",
        description="How far on both sides of the edge it is looked for, in pixels. 0 chooses by the selection itself.",
    )
    shift_px: float = ShiftField()
    feather_px: float = FeatherField()
    contrast: float = Field(
        0.0, ge=0, le=1, title="Contrast", description="Makes a soft edge crisper; 1 leaves next to nothing of it soft."
    )
    clean_colours: bool = CleanField()
    model: str = ModelField("refine_edge", goes_without=True)


@operation("refine_edge", title="Refine Edge", menu="Cut out", gives="selection", inputs=Inputs(selection="required"))
def refine_edge(image: Image, params: Params, context: Context) -> list[NewLayer] | NewSelection:
    selection = context.selection
    if selection is None:
        raise Invalid("Refine Edge needs a selection.", "Select something roughly, then run again.")
    _check(image, selection)
    context.progress(0.05, "Looking at the selection")
    extent = masks.extent(selection, prompts.whole(image).bounds)
    radius_px = params.radius_px or _radius(selection[extent.y : extent.bottom, extent.x : extent.right])
    room = math.ceil(radius_px + abs(params.shift_px) + 2 * params.feather_px) + matting.AROUND_PX
    window = prompts.Window(
        max(0, extent.y - room),
        max(0, extent.x - room),
        min(image.bounds.height, extent.bottom + room),
        min(image.bounds.width, extent.right + room),
    )
    place, corner = window.bounds, image.bounds
    part = Bounds(place.x + corner.x, place.y + corner.y, place.width, place.height)
    coverage = _refined(image, window, selection[window.slices], radius_px, params, context)
    if params.result == "trimap":
        return [cutouts.grey_layer("Trimap", coverage, part)]
    coverage = masks.feather(masks.shift_edge(coverage, params.shift_px), params.feather_px)
    if params.contrast > 0:
        cut = 0.5 * MOST_CONTRAST * params.contrast
        coverage = masks.levels(coverage, cut, 1 - cut)
    hidden = image.hidden(*window.slices)
    if hidden is not None:
        coverage[hidden] = 0
    made = _made(image, part, coverage, params, context)
    context.progress(0.98, "Done")
    return made


def _made(
    image: Image, part: Bounds, coverage: np.ndarray, params: Params, context: Context
) -> list[NewLayer] | NewSelection:
    if params.result == "selection":
        return NewSelection(coverage, part)
    if params.result == "mask":
        return [cutouts.grey_layer("Mask", coverage, part)]

    def report(share: float) -> None:
        context.progress(0.8 + 0.18 * share, "Cleaning the edge colours")

    return [cutouts.layer(image, part, coverage, context.new_samples, report if params.clean_colours else None)]


def _check(image: Image, selection: np.ndarray) -> None:
    if min(selection.shape) < SMALLEST_PX:
        raise Invalid(
            f"The layer is only {image.bounds.width} × {image.bounds.height} pixels: there is no edge in it.",
            "Use a larger layer.",
        )
    if not (selection > 0.5).any():
        raise Invalid(
            "Nothing is selected by more than half, so there is no edge to refine.", "Make the selection firmer."
        )
    if not (selection < 0.5).any():
        raise Invalid(
            "The selection covers the whole layer, so there is no edge to refine.", "Leave some of the ground out."
        )


def _radius(selection: np.ndarray) -> float:
    """From the softness of the selection's edge, and its size."""
    mask = selection > 0.5
    edge_px = np.count_nonzero(mask & ~masks.erode(mask, 1))
    soft_px = np.count_nonzero((selection > 0.02) & (selection < 0.98)) / max(1, edge_px)
    wanted = max(OF_SOFTNESS * soft_px, OF_SELECTION * max(selection.shape))
    return float(np.clip(wanted, LEAST_PX, MOST_PX))


def _refined(
    image: Image, window: prompts.Window, selection: np.ndarray, radius_px: float, params: Params, context: Context
) -> np.ndarray:
    """The matte in the band; what lies further from the edge is exactly what the artist selected.

    For a trimap that, and no matte.
    """

    def progress(share: float, stage: str) -> None:
        context.progress(0.1 + 0.7 * share, stage)

    wanted = "classical" if params.result == "trimap" else params.model
    with context.models.lend("refine_edge", wanted, context) as edge:
        work_px = matting.WORK_PX if edge is None else edge.work_px
        size = masks.fitted_size(window.size, work_px)
        small = np.clip(image.reduced(*window.slices, size), 0, 1)
        coverage = masks.resize(selection, size)
        known = trimap.band(coverage, max(1.5, radius_px * max(size) / window.longest_px))
        if not (known == 1).any() or not (known == 0).any():
            context.note("The radius leaves nothing that is sure: choose a smaller one for more.")
        if params.result == "trimap":
            return trimap.enlarged(known, window.size)
        read = prompts.reader(image, window)
        matte = matting.matte(read, window.size, small, known, coverage, progress, edge and edge.solve)
    in_band = trimap.enlarged(known, window.size) == 0.5
    return np.where(in_band, matte, selection).astype(np.float32)
