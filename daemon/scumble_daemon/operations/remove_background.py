"""Cut the subject out: a copy with clean edge colours, and a mask that hides everything behind it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds

from ..context import Context
from ..fields import CUTOUT_TITLES, CleanField, FeatherField, ShiftField
from ..imaging import cutouts, masks, matting, prompts, subjects, trimap
from ..imaging.image import Image, NewLayer
from ..registry import Field, Inputs, ModelField, OperationParams, operation

LEAST_SHARE = 0.03  # of a selection: an object smaller than this is a mistake


class Params(OperationParams):
    result: Literal["cutout", "mask", "trimap"] = Field(
        "cutout",
        title="Result",
        titles=CUTOUT_TITLES,
        description="A mask or a trimap as a grey layer can be painted over, or used elsewhere: white is the subject.",
    )
    detail: float = Field(
        0.5,
        ge=0,
        le=1,
        title="Fine detail",
        description="How far from the outline hair, fur and leaves are looked for. 0 gives a plain outline.",
    )
    shift_px: float = ShiftField()
    feather_px: float = FeatherField()
    clean_colours: bool = CleanField()
    model: str = ModelField("remove_background", goes_without=True)
    edge_model: str = ModelField("refine_edge", goes_without=True, title="Edge model")


@operation(
    "remove_background",
    title="Remove Background",
    menu="Cut out",
    inputs=Inputs(selection="optional", points=True, box=True),
)
def remove_background(image: Image, params: Params, context: Context) -> list[NewLayer]:
    region = prompts.region_of(image, context.selection, context.box)
    prompts.check_size(image)
    context.progress(0.02, "Finding the subject")
    found = _subject(image, region, params.model, context)
    context.progress(0.3, "Reading the picture")
    part = image.bounds if context.selection is None else masks.extent(context.selection, image.bounds)
    inside = part.relative_to(image.bounds)
    coverage = _placed(_matte(image, region, found, params, context), found.window.bounds, inside)
    if params.result == "trimap":
        return [cutouts.grey_layer("Trimap", coverage, part)]
    coverage = masks.feather(masks.shift_edge(coverage, params.shift_px), params.feather_px)
    hidden = image.hidden(slice(inside.y, inside.bottom), slice(inside.x, inside.right))
    if hidden is not None:
        coverage[hidden] = 0
    if params.result == "mask":
        return [cutouts.grey_layer("Mask", coverage, part)]

    def report(share: float) -> None:
        context.progress(0.75 + 0.22 * share, "Cleaning the edge colours")

    layer = cutouts.layer(image, part, coverage, context.new_samples, report if params.clean_colours else None)
    context.progress(0.98, "Done")
    context.note("The cut-out lies over your untouched layer: hide that one to see it alone.")
    return [layer]


def _subject(image: Image, region: np.ndarray | None, model: str, context: Context) -> prompts.Found:
    if context.points:  # they mean one thing of many: a network for the foreground takes no clicks
        pointing = "classical" if model == "classical" else "auto"
        with context.models.lend("select_object", pointing, context) as segmenter:
            find = segmenter.point if segmenter else prompts.find
            found = find(image, region, context.points)
    else:
        with context.models.lend("remove_background", model, context) as foreground:
            if foreground is not None:
                found = prompts.find_foreground(image, region, foreground.find)
            elif region is None:
                return subjects.guess(image, context.note)
            else:
                found = prompts.find(image, region, ())
    if region is not None and not context.points:
        selected = masks.resize(region[found.window.slices], found.mask.shape[:2]) > 0.5
        if found.mask.sum() < LEAST_SHARE * selected.sum():
            context.note("Nothing in the selection stands out from what is around it: the outline is the selection's.")
            return prompts.Found(selected, found.window, found.clicks)
    if not found.mask.any():
        raise Invalid("No object stands out there.", "Click on the object, or select it roughly, and run again.")
    return found


def _matte(
    image: Image, region: np.ndarray | None, found: prompts.Found, params: Params, context: Context
) -> np.ndarray:
    """Over the window, at full size: by a network for edges, or by colours alone. For a trimap that, and no matte."""

    def progress(share: float, stage: str) -> None:
        context.progress(0.3 + 0.45 * share, stage)

    window = found.window
    mask = found.mask if found.soft is None else found.soft
    wanted = "classical" if params.detail == 0 or params.result == "trimap" else params.edge_model
    with context.models.lend("refine_edge", wanted, context) as edge:
        work_px = matting.WORK_PX if edge is None else edge.work_px
        size = masks.fitted_size(window.size, work_px)
        small = np.clip(image.reduced(*window.slices, size), 0, 1)
        allowed = None if region is None else masks.resize(region[window.slices], size) > 0
        coverage = masks.resize(mask, size)
        known = trimap.around(small, coverage, params.detail, allowed, is_checked=bool(found.clicks))
        if params.result == "trimap":
            return trimap.enlarged(known, window.size)
        read = prompts.reader(image, window)
        if edge is None and found.soft is not None:
            return matting.enlarged(read, window.size, coverage, params.detail, progress)
        return matting.matte(read, window.size, small, known, coverage, progress, edge and edge.solve)


def _placed(matte: np.ndarray, at: Bounds, part: Bounds) -> np.ndarray:
    """What of it lies in `part`, and 0 elsewhere; both in pixels from the layer's corner."""
    if at == part:
        return matte
    coverage = np.zeros((part.height, part.width), np.float32)
    shared = at.intersection(part)
    target, source = shared.relative_to(part), shared.relative_to(at)
    coverage[target.y : target.bottom, target.x : target.right] = matte[
        source.y : source.bottom, source.x : source.right
    ]
    return coverage
