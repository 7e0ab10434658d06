"""Paint the layer in one of our styles, or one that you trained: in seconds, and in mixtures of two."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import cv2
import numpy as np

from ..context import Context
from ..imaging import sheets
from ..imaging.image import Image, NewLayer
from ..imaging.workplace import check_size, content_of, enlarged, resized
from ..registry import Field, Inputs, ModelField, OperationParams, operation

WORK_PX = 2048  # the longest side on which strokes of size 1 are painted
LIGHT = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601
CHROMA_PX = 2.0  # so much softer the layer's colours are than its strokes
OIL, NONE = ("paint-oil", "Oil paint"), ("none", "None")
PAINTING = "Painting"


class Params(OperationParams):
    style: str = ModelField(
        "stylize", title="Style", first=OIL, description="`scumble train style` makes another from one picture."
    )
    strength: float = Field(
        1.0, ge=0, le=1, title="Strength", description="0 leaves the layer as it is, 1 is the whole style."
    )
    stroke_size: float = Field(
        1.0, ge=0.25, le=4, slider=(0.5, 2), title="Stroke size", description="Below 1 finer strokes, above broader."
    )
    second: str = ModelField(
        "stylize", title="Second style", first=NONE, description="What the first one is mixed with."
    )
    mix: float = Field(
        0.5,
        ge=0,
        le=1,
        title="Mix",
        description="0 is all of the first style, 1 all of the second.",
    )
    keep_colours: bool = Field(
        False, title="Keep the layer's colours", description="Takes over strokes, light and dark, but not the palette."
    )
    seed: int = Field(
        0, ge=0, le=999999, slider=(0, 50), title="Variation", description="Each number has strokes of its own."
    )


@operation("stylize", title="Stylize", menu="Style", inputs=Inputs(selection="optional"))
def stylize(image: Image, params: Params, context: Context) -> list[NewLayer]:
    bounds = sheets.visible_part(image, context.selection)
    part = bounds.relative_to(image.bounds)
    check_size("What is to be painted", part)
    content = content_of(image, part, WORK_PX, params.stroke_size)
    painted = _painted(content, params, context)
    if params.keep_colours:
        painted = _recoloured(painted, content)
    context.progress(0.97, "Making the layer")
    shrinks = painted.shape[1] > part.width
    painted = resized(painted, (part.height, part.width)) if shrinks else painted

    def draw(rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
        seen = slice(rows.start - part.y, rows.stop - part.y)
        alpha = image.reduced_alpha(rows, columns, (rows.stop - rows.start, part.width))
        return enlarged(painted, (part.height, part.width), seen), alpha

    return [NewLayer("Stylized", raster=sheets.drawn(image, part, context.new_samples, draw), bounds=bounds)]


def _painted(content: np.ndarray, params: Params, context: Context) -> np.ndarray:
    """In the style, or in both; two of our own painters become one in between, others' pictures are laid over."""
    has_second = params.second not in (NONE[0], params.style) and params.mix > 0
    with context.models.borrow("stylize", params.style, context) as first:
        lent = context.models.borrow("stylize", params.second, context) if has_second else nullcontext()
        with lent as second:
            if second is None:
                return _by(first, content, params, context, 0.05, 0.95)
            between = first.mixed(second, params.mix)
            if between is not None:
                return _by(between, content, params, context, 0.05, 0.95)
            one = _by(first, content, params, context, 0.05, 0.5)
            other = _by(second, content, params, context, 0.5, 0.95)
            return one + np.float32(params.mix) * (other - one)


def _by(model: Any, content: np.ndarray, params: Params, context: Context, first: float, last: float) -> np.ndarray:
    return model.paint(content, params.strength, params.seed, context.models.notes(context, PAINTING, first, last))


def _recoloured(painted: np.ndarray, content: np.ndarray) -> np.ndarray:
    """The painting's light, the content's colours. After Gatys et al.: Preserving Color in Neural Artistic Style
    Transfer (2016), section 4."""
    soft = cv2.GaussianBlur(content, (0, 0), CHROMA_PX)
    return np.clip(soft + (painted @ LIGHT - soft @ LIGHT)[..., None], 0, 1)
