"""Draw the layer as another kind of picture: cel shading, ink, or a domain that you trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds

from ..context import Context
from ..imaging import faces, frames, sheets
from ..imaging.image import Image, NewLayer
from ..imaging.workplace import LEAST_PX, check_size, content_of, enlarged, resized
from ..registry import Field, Inputs, ModelField, OperationParams, ReferenceInput, operation

WORK_PX = 1536  # the longest side on which lines of width 1 are drawn
PREVIEW_PX = 512
PREVIEWED_PIXELS = 1 << 20  # from which on a small picture is shown first
FACE_PX = 512  # that a face is translated at
STYLES = ("cel", "ink")
TOON, NONE = ("domain-toon", "Cel shading, ink"), "none"
TITLES = ("Cel shading", "Ink")
DRAWING = "Drawing"


class Params(OperationParams):
    model: str = ModelField(
        "translate_domain", first=TOON, description="`scumble train domain` makes another from pairs of pictures."
    )
    style: Literal["cel", "ink"] = Field(
        "cel",
        title="Style",
        description="Of a model that has others, its first or second; one with one style ignores it.",
        titles=TITLES,
        pictures=TOON[0],
    )
    intensity: float = Field(
        1.0,
        ge=0,
        le=1,
        title="Intensity",
        description="How far it goes, in lines, tones and colours; nothing is laid over. 0 leaves the layer as it is.",
    )
    second: Literal["none", "cel", "ink"] = Field(
        NONE,
        title="Second style",
        description="What the first one is mixed with.",
        titles=("None", *TITLES),
        pictures=TOON[0],
    )
    mix: float = Field(0.5, ge=0, le=1, title="Mix", description="0 is all of the first style, 1 all of the second.")
    line_width: float = Field(
        1.0,
        ge=0.25,
        le=4,
        slider=(0.5, 2),
        title="Line width",
        description="Above 1 broader lines and areas, below finer.",
    )
    faces: bool = Field(
        False, title="Faces only", description="For models made for faces: each face is drawn upright, by itself."
    )
    steady: float = Field(
        0.8,
        ge=0,
        le=1,
        title="Steadiness",
        description="How much of the previous frame is kept, where both show the same.",
    )


@dataclass(frozen=True)
class _Drawn:
    """At the working size. `coverage`: H×W, where it was drawn; None for everywhere."""

    content: np.ndarray
    picture: np.ndarray
    coverage: np.ndarray | None = None


@operation(
    "translate_domain",
    title="Translate Domain",
    menu="Style",
    inputs=Inputs(
        selection="optional",
        reference=ReferenceInput(
            "Previous frame",
            required=False,
            description="For a film: what this operation made of the frame before, a layer or a file.",
            picture=True,
        ),
    ),
    progressive=True,
)
def translate_domain(image: Image, params: Params, context: Context) -> list[NewLayer]:
    bounds = sheets.visible_part(image, context.selection)
    part = bounds.relative_to(image.bounds)
    check_size("What is to be drawn", part)
    before = _previous(image, part, context)
    content = content_of(image, part, WORK_PX, params.line_width)
    with context.models.borrow("translate_domain", params.model, context) as model:
        artist = _Artist(model, params, context, is_precise=image.raster.depth != "u8")
        drawn = artist.faces(content) if params.faces else artist.whole(content, bounds)
    if before is not None and params.steady > 0:
        context.progress(0.94, "Comparing with the previous frame")
        same = resized(before, drawn.picture.shape[:2])
        drawn = _Drawn(drawn.content, frames.steadied(drawn.picture, same, params.steady), drawn.coverage)
    context.progress(0.97, "Making the layer")
    return [NewLayer("Drawing", raster=_sheet(image, part, drawn, params.intensity, context), bounds=bounds)]


class _Artist:
    """A model, and how it is to draw."""

    def __init__(self, model: Any, params: Params, context: Context, is_precise: bool) -> None:
        self._model, self._params, self._context, self._is_precise = model, params, context, is_precise
        self._amounts = _amounts(model, params)

    def whole(self, content: np.ndarray, bounds: Bounds) -> _Drawn:
        """All of it; a large one small at first, which is what there is if the artist has seen enough."""
        first = 0.05
        if content.shape[0] * content.shape[1] > PREVIEWED_PIXELS:
            scale = PREVIEW_PX / max(content.shape[:2])
            small = resized(
                content,
                (max(LEAST_PX, round(content.shape[0] * scale)), max(LEAST_PX, round(content.shape[1] * scale))),
            )
            first = 0.15
            made = self._draw(small, 0.05, first)
            self._context.preview(lambda: made, bounds)
            if self._context.should_finish(first):
                return _Drawn(small, made)
        return _Drawn(content, self._draw(content, first, 0.93))

    def faces(self, content: np.ndarray) -> _Drawn:
        """Each face that is found; where none is, what is selected counts as one. Raises: Invalid."""
        self._context.progress(0.05, "Looking for faces")
        found = faces.find(content)
        if not found:
            if self._context.selection is None:
                raise Invalid("No face was found in the layer.", "Select the face, or switch «Faces only» off.")
            height, width = content.shape[:2]
            found = [faces.Face((width - 1) / 2, (height - 1) / 2, max(height, width) * 1.1)]
            self._context.note("No face was found: what is selected was taken as one.")
        picture, coverage = content.copy(), np.zeros(content.shape[:2], np.float32)
        for number, face in enumerate(found):
            share = [0.1 + 0.83 * at / len(found) for at in (number, number + 1)]
            made = self._draw(faces.crop(content, face, FACE_PX), *share)
            faces.paste(picture, coverage, face, made)
        return _Drawn(content, picture, coverage)

    def _draw(self, content: np.ndarray, first: float, last: float) -> np.ndarray:
        notes = self._context.models.notes(self._context, DRAWING, first, last)
        if self._amounts is None:
            return self._model.paint(content, self._params.intensity, 0, notes)
        return self._model.translate(content, self._amounts, self._params.intensity, notes, self._is_precise)


def _amounts(model: Any, params: Params) -> dict[str, float] | None:
    """How much of each style; None for a network that has but its own, and knows no intensity. Raises: Invalid."""
    if not hasattr(model, "translate"):
        return None
    share = params.mix if params.second != NONE else 0.0
    amounts = {_named(model.styles, params.style): 1 - share}
    if share > 0:
        second = _named(model.styles, params.second)
        amounts[second] = amounts.get(second, 0.0) + share
    return amounts


def _named(styles: tuple[str, ...], style: str) -> str:
    """Ours by their names, another model's by their places. Raises: Invalid."""
    place = STYLES.index(style)
    if style in styles or len(styles) == 1:
        return style
    if place >= len(styles):
        raise Invalid(f"This model has {len(styles)} styles.", f"Choose {' or '.join(TITLES[: len(styles)])}.")
    return styles[place]


def _previous(image: Image, part: Bounds, context: Context) -> np.ndarray | None:
    """The part of the previous frame that lies where the layer's is; H×W×3 in [0, 1]. Raises: Invalid."""
    if not context.has_reference:
        return None
    reference = context.reference_picture()
    found, whole = (reference.bounds.width, reference.bounds.height), (image.bounds.width, image.bounds.height)
    if found == whole:
        rgb = reference.part(slice(part.y, part.bottom), slice(part.x, part.right))
    elif found == (part.width, part.height):
        rgb = reference.rgb
    else:
        raise Invalid(
            f"The previous frame has {found[0]} × {found[1]} pixels, and the layer {whole[0]} × {whole[1]}.",
            "Choose what was made of the frame before, in its full size.",
        )
    return np.clip(rgb, 0, 1)


def _sheet(image: Image, part: Bounds, drawn: _Drawn, intensity: float, context: Context) -> Any:
    """The layer's samples, strip by strip. As the intensity falls, what the working size could not hold comes back:
    at 0 it is the layer itself, with light beyond white and all."""
    size = part.height, part.width
    kept = np.float32(1 - min(1.0, 2 * intensity))
    shrinks = drawn.picture.shape[1] > part.width
    picture, content = ((resized(each, size) if shrinks else each) for each in (drawn.picture, drawn.content))

    def draw(rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
        seen = slice(rows.start - part.y, rows.stop - part.y)
        rgb = enlarged(picture, size, seen)
        if kept > 0:
            rgb = rgb + kept * (image.part(rows, columns) - enlarged(content, size, seen))
        alpha = image.reduced_alpha(rows, columns, (rows.stop - rows.start, part.width))
        if drawn.coverage is not None:
            alpha = alpha * enlarged(drawn.coverage, size, seen)
        return rgb, alpha

    return sheets.drawn(image, part, context.new_samples, draw)
