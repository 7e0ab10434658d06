"""Paint the layer in the style of another picture: with its colours, its strokes and its textures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scumble_protocol.image import Bounds

from ..context import Context
from ..imaging import masks, sheets
from ..imaging.image import Image, NewLayer
from ..imaging.style import colours
from ..imaging.style.wish import Report, Wish
from ..imaging.workplace import LEAST_PX, check_size
from ..registry import Field, Inputs, ModelField, OperationParams, ReferenceInput, operation

WORK_PX = 512  # without a model: the longest side on which patches are chosen
STYLE_MOST_PX = 640  # the same for the reference: what they are chosen from
LARGE_STYLE_PX = 4096


class Params(OperationParams):
    amount: float = Field(
        0.5,
        ge=0,
        le=1,
        title="Style",
        description="0 keeps closely to the layer's shapes; 1 lets the strokes take over.",
    )
    stroke_size: float = Field(
        1.0,
        ge=0.25,
        le=4,
        slider=(0.5, 2),
        title="Stroke size",
        description="1 makes the reference as large as the layer; below, its strokes get finer, above, broader.",
    )
    keep_colours: bool = Field(
        False, title="Keep the layer's colours", description="Takes over strokes and textures, but not the palette."
    )
    model: str = ModelField("transfer_style", goes_without=True)
    steps: int = Field(
        100,
        ge=1,
        le=2000,
        slider=(20, 400),
        title="Steps",
        description="For a model that is optimised: more look better and take longer.",
    )
    optimiser: Literal["adam", "lbfgs"] = Field(
        "adam",
        title="Optimiser",
        description="For a model that is optimised: L-BFGS gets as far in a third of the steps.",
        titles=("Adam", "L-BFGS"),
    )
    seed: int = Field(
        0, ge=0, le=2**31 - 1, slider=(0, 100), title="Seed", description="Another number, other strokes."
    )


@operation(
    "transfer_style",
    title="Transfer Style",
    menu="Style",
    inputs=Inputs(
        selection="optional",
        reference=ReferenceInput(
            "Style of",
            required=True,
            description="A painting, a drawing, a photo: another layer, or a file.",
            picture=True,
        ),
    ),
    progressive=True,
)
def transfer_style(image: Image, params: Params, context: Context) -> list[NewLayer]:
    context.progress(0.0, "Looking at the reference")
    bounds = sheets.visible_part(image, context.selection)
    part = bounds.relative_to(image.bounds)
    check_size("What is to be painted", part)
    reference = context.reference_picture()
    shown = masks.extent(reference.alpha > 0, reference.bounds).relative_to(reference.bounds)
    check_size("The reference picture", shown, "Choose a larger one.")
    with context.models.lend("transfer_style", params.model, context) as model:
        longest_px = WORK_PX if model is None else model.longest_px
        content = image.reduced(*_slices(part), masks.fitted_size((part.height, part.width), longest_px))
        content = np.clip(content, 0, 1)
        wanted_px = min(STYLE_MOST_PX, max(content.shape[:2]) * params.stroke_size)
        small = _style_size(shown, wanted_px)
        style = np.clip(reference.reduced(*_slices(shown), small), 0, 1)
        if params.keep_colours:
            style = np.clip(colours.transported(style, content), 0, 1)
        if model is not None:
            wish = Wish(params.amount, params.steps, params.optimiser)
            painted = model.restyle(content, style, wish, _reporting(context, bounds, 0.05, 0.95))
            result = masks.resize(painted, (part.height, part.width))
        else:
            result = _with_patches(content, style, bounds, reference, shown, params, context)
    context.progress(0.98, "Making the layer")
    return [NewLayer("Style", result, alpha=image.alpha[_slices(part)], bounds=bounds)]


def _with_patches(
    content: np.ndarray,
    style: np.ndarray,
    bounds: Bounds,
    reference: Image,
    shown: Bounds,
    params: Params,
    context: Context,
) -> np.ndarray:
    """Without a network; where the layer is larger than what is looked at, its strokes come from the full reference."""
    import torch

    from ..imaging.style import enlarge, synthesis

    if not params.keep_colours:
        content = np.clip(colours.transported(content, style), 0, 1)
    device = torch.device(context.models.device())
    report = _reporting(context, bounds, 0.05, 0.9)
    painted = synthesis.paint(content, style, 1 - params.amount, report, device, params.seed)
    size = bounds.height, bounds.width
    grows = max(size) / max(content.shape[:2])
    if grows <= 1 and painted.style_size == style.shape[:2]:
        return masks.resize(painted.rgb, size)
    large = _style_size(shown, min(LARGE_STYLE_PX, max(style.shape[:2]) * grows))
    full = np.clip(reference.reduced(*_slices(shown), large), 0, 1)
    if params.keep_colours:
        full = np.clip(colours.transported(full, content), 0, 1)
    return enlarge.enlarge(
        painted,
        full,
        painted.style_size,
        size,
        lambda share: context.progress(0.9 + 0.08 * share, "Enlarging"),
    )


def _reporting(context: Context, bounds: Bounds, first: float, last: float) -> Report:
    def report(share: float, make: Callable[[], np.ndarray]) -> bool:
        context.progress(first + (last - first) * share, "Painting")
        context.preview(make, bounds)
        return context.should_finish(share)

    return report


def _style_size(shown: Bounds, longest_px: float) -> tuple[int, int]:
    """(height, width) of the reference, enlarged too where that is wanted."""
    scale = longest_px / max(shown.width, shown.height)
    return max(LEAST_PX, round(shown.height * scale)), max(LEAST_PX, round(shown.width * scale))


def _slices(part: Bounds) -> tuple[slice, slice]:
    return slice(part.y, part.bottom), slice(part.x, part.right)
