"""Cut the subject out: a copy with clean edge colours, and a mask that hides everything behind it."""

from __future__ import annotations

import numpy as np
from scumble_protocol.errors import Invalid

from ..context import Context
from ..imaging import masks, matting, prompts, saliency
from ..imaging.image import Image, NewLayer
from ..imaging.segment import Scene
from ..registry import Field, Inputs, OperationParams, operation

LEAST_SHARE = 0.03  # of a selection: an object smaller than this is a mistake


class Params(OperationParams):
    detail: float = Field(
        0.5,
        ge=0,
        le=1,
        title="Fine detail",
        description="How far from the outline hair, fur and leaves are looked for. 0 gives a plain outline.",
    )
    shift_px: float = Field(
        0.0,
        ge=-100,
        le=100,
        slider=(-10, 10),
        title="Shift edge",
        description="Moves the mask's edge outwards, or inwards below 0, in pixels.",
    )
    soften_px: float = Field(
        0.0, ge=0, le=200, slider=(0, 20), title="Soften edge", description="Blurs the mask's edge, in pixels."
    )
    clean_colours: bool = Field(
        True,
        title="Clean edge colours",
        description="Takes the old background's colour out of half transparent pixels, so that no fringe shows.",
    )


@operation(
    "remove_background",
    title="Remove Background",
    menu="Cut out",
    inputs=Inputs(selection="optional", points=True, box=True),
)
def remove_background(image: Image, params: Params, context: Context) -> list[NewLayer]:
    region = prompts.region_of(image.alpha, context.selection, context.box)
    prompts.check_size(image.alpha)
    context.progress(0.02, "Reading the picture")
    rgb = image.rgb
    context.progress(0.08, "Finding the subject")
    found = _subject(image, region, context)
    inside = rgb[found.window.slices]
    coverage = np.zeros(image.alpha.shape, np.float32)
    coverage[found.window.slices] = matting.matte(
        inside, found.mask, params.detail, lambda fraction, stage: context.progress(0.3 + 0.45 * fraction, stage)
    )
    coverage = masks.feather(masks.shift_edge(coverage, params.shift_px), params.soften_px)
    coverage[image.alpha == 0] = 0
    colours = image.native_colour
    if params.clean_colours:
        context.progress(0.75, "Cleaning the edge colours")
        colours = _cleaned(image, rgb, coverage)
    context.progress(0.98, "Done")
    context.note("The cut-out lies over your untouched layer: hide that one to see it alone.")
    return [NewLayer("Subject", colours, alpha=image.alpha, mask=coverage, encoded="native")]


def _subject(image: Image, region: np.ndarray | None, context: Context) -> prompts.Found:
    if region is None and not context.points:
        return _guess(image, context)
    found = prompts.find(image, region, context.points)
    if region is not None and not context.points:
        selected = masks.resize(region[found.window.slices], found.mask.shape[:2]) > 0.5
        if found.mask.sum() < LEAST_SHARE * selected.sum():
            context.note("Nothing in the selection stands out from what is around it: the outline is the selection's.")
            return prompts.Found(selected, found.window, found.clicks)
    if not found.mask.any():
        raise Invalid("No object stands out there.", "Click on the object, or select it more closely, and run again.")
    return found


def _guess(image: Image, context: Context) -> prompts.Found:
    scene = Scene.of(image.rgb, image.alpha)
    mask, confidence = saliency.find_subject(scene)
    if not mask.any() or mask[scene.shows].all():
        raise Invalid("No subject stands out from its background.", "Select the subject roughly and run again.")
    if confidence < saliency.SURE:
        context.note(
            f"The subject was guessed ({confidence:.0%} sure). If it is wrong, undo, select it roughly, and run again."
        )
    height, width = image.alpha.shape
    return prompts.Found(mask, prompts.Window(0, 0, height, width))


def _cleaned(image: Image, rgb: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """The layer's own colours, replaced beside the edge only."""
    cleaned = matting.foreground_colours(rgb, coverage)
    changed = (cleaned != rgb).any(axis=2)
    if not changed.any():
        return image.native_colour
    colours = image.native_colour.copy()
    colours[changed] = image.to_native(cleaned[changed][None])[0]
    return colours
