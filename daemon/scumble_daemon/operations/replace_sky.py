"""Put another sky into a photo: one of ours or a picture's, with the light and the haze that it brings.

The sky comes as a layer with a mask, its light and haze as layers below it; the photo itself stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds

from ..context import Context
from ..fields import ShiftField
from ..imaging import blocks, masks, prompts, relight, sheets
from ..imaging.image import Image, NewLayer
from ..imaging.sky import backdrop, finding, light, matte, water
from ..imaging.sky.backdrop import Backdrop
from ..imaging.sky.finding import Hints, View
from ..imaging.sky.light import Skies
from ..imaging.sky.matte import Edge
from ..registry import Field, Inputs, ModelField, OperationParams, ReferenceInput, operation

SELECT_IT = "Select the sky roughly, or click into it, and run again."
MIDDLE = 0.5  # the tone at which a gain is written into a layer
LEAST_GAIN = 0.01
CLICK_PX = 3
LEAST_SHOWN = 0.004


class Params(OperationParams):
    sky: Literal["cumulus", "clear", "overcast", "sunset", "night"] = Field(
        "cumulus",
        title="Sky",
        description="Used where no picture is chosen.",
        titles=("Fair weather clouds", "Clear", "Overcast", "Sunset", "Starry night"),
    )
    seed: int = Field(
        1, ge=0, le=999999, slider=(1, 50), title="Variation", description="Each number is another sky of that kind."
    )
    light: float = Field(
        0.8,
        ge=0,
        le=1,
        title="Light",
        description="How far the photo gets as dark or as light as the new sky would make it.",
    )
    colour: float = Field(
        0.5, ge=0, le=1, title="Colour", description="How far the photo takes on the colour of the new sky's light."
    )
    haze: float = Field(
        0.7, ge=0, le=1, title="Haze", description="How far haze in the distance takes on the colour of the new sky."
    )
    water: float = Field(
        0.8,
        ge=0,
        le=1,
        title="Mirror in water",
        description="How far a lake or the sea below the old sky shows the new one.",
    )
    horizon: float = Field(
        0.0,
        ge=-1,
        le=1,
        slider=(-0.3, 0.3),
        title="Raise or lower",
        description="Moves the new sky up, or down below 0, as a share of the layer's height.",
    )
    turn: float = Field(
        0.0, ge=-180, le=180, title="Turn", description="Looks at another part of the new sky, in degrees."
    )
    flip: bool = Field(False, title="Mirror", description="Swaps left and right of the new sky.")
    shift_px: float = ShiftField(
        "Lets the new sky reach further over the edges, or less far below 0, in pixels.", slider_px=5
    )
    model: str = ModelField("replace_sky", goes_without=True)


@operation(
    "replace_sky",
    title="Replace Sky",
    menu="Light",
    inputs=Inputs(
        selection="optional",
        points=True,
        box=True,
        reference=ReferenceInput(
            "Sky picture",
            picture=True,
            description="A photo of a sky, with or without land below it; it takes the place of ours.",
        ),
    ),
)
def replace_sky(image: Image, params: Params, context: Context) -> list[NewLayer]:
    prompts.check_size(image)
    region = prompts.region_of(image, context.selection, context.box)
    found = _find(image, region, params, context)
    size = image.bounds.height, image.bounds.width
    context.progress(0.25, "Looking along the edge")
    alpha = matte.solve(
        image.part,
        size,
        found.edge,
        lambda share: context.progress(0.25 + 0.3 * share, "Looking along the edge"),
    )
    alpha = masks.shift_edge(alpha, params.shift_px)
    np.clip(alpha, 0, 1, out=alpha)
    context.progress(0.55, "Making the sky")
    scale = size[0] / found.sky.shape[0]
    horizon = finding.end_of(found.sky) * scale
    new = _backdrop(params, size, horizon - params.horizon * size[0], context)
    if not finding.is_coloured(found.view):
        new = new.without_colour()
    context.progress(0.7, "Measuring the light")
    made = _Made(image, found, alpha, new, horizon, params, context)
    layers = [made.edges(), *made.light(), *made.haze(), made.water(), made.sky()]
    context.progress(0.99, "Done")
    return [layer for layer in layers if layer is not None]


# --- finding it ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    """On a small copy. `sky`: bool · `rgb`: H×W×3."""

    view: View
    rgb: np.ndarray
    sky: np.ndarray
    edge: Edge


def _find(image: Image, region: np.ndarray | None, params: Params, context: Context) -> _Found:
    whole = (slice(None), slice(None))
    shape = image.bounds.height, image.bounds.width
    size = masks.fitted_size(shape, finding.WORK_PX)
    rgb = image.reduced(*whole, size)
    view = View.of(rgb, image.reduced_alpha(*whole, size))
    hints = _hints(image, region, view, context)
    with context.models.lend("replace_sky", params.model, context) as network:
        context.progress(0.1, "Looking for the sky")
        known = None if network is None else masks.resize(network.find(image, prompts.whole(image)), size) > 0.5
    if known is not None and not known.any() and not hints.is_pointed:
        raise Invalid("No sky was found in this layer.", SELECT_IT)
    sky = finding.find(view, hints, known)
    never = finding.denied(view, sky, hints)
    if region is None and context.selection is not None:  # it leaves out something small, as a tower as pale as the sky
        never = never | (masks.resize(context.selection > prompts.SELECTED, size) < 0.5)
    sky = sky & ~never
    if not sky.any() or (known is None and not hints.is_pointed and not finding.seems_sky(view, sky)):
        raise Invalid("No sky was found in this layer.", SELECT_IT)
    if not (view.shows & hints.region & ~sky).any():
        context.note("All of it was taken for sky. If something stands before it, click on that, and run again.")
    edge = Edge.of(view, sky.astype(np.float32), never | ~hints.region)
    closer = image.reduced(*whole, masks.fitted_size(shape, matte.COPY_PX))
    return _Found(view, rgb, sky, edge.closer(closer, never | ~hints.region, image.part, shape))


def _hints(image: Image, region: np.ndarray | None, view: View, context: Context) -> Hints:
    size = view.shows.shape
    hints = Hints.none((size[0], size[1]))
    scale = size[1] / image.bounds.width
    for point in context.points:
        y, x = np.mgrid[: size[0], : size[1]]
        near = np.hypot(x + 0.5 - point.x * scale, y + 0.5 - point.y * scale) <= CLICK_PX
        target = hints.sky if point.include else hints.ground
        target |= near & view.shows
    within = hints.region if region is None else masks.resize(region, (size[0], size[1])) > 0.5
    return Hints(within, hints.sky & within, hints.ground, region is not None or bool(hints.sky.any()))


def _backdrop(params: Params, size: tuple[int, int], horizon: float, context: Context) -> Backdrop:
    if context.has_reference:
        return backdrop.of_picture(context.reference_picture(), size, horizon, params.turn, params.flip)
    return backdrop.of_kind(params.sky, params.seed, size, horizon, params.turn, params.flip)


# --- the layers ----------------------------------------------------------------------------------------------------


class _Made:
    """The layers, from the lowest to the highest."""

    def __init__(
        self,
        image: Image,
        found: _Found,
        alpha: np.ndarray,
        new: Backdrop,
        horizon: float,
        params: Params,
        context: Context,
    ) -> None:
        self._image, self._alpha, self._new, self._params, self._context = image, alpha, new, params, context
        self._found, self._size = found, (alpha.shape[0], alpha.shape[1])
        self._share = found.sky.astype(np.float32)
        self._horizon_row = horizon * found.sky.shape[0] / self._size[0]
        self._new_small = new.reduced(found.sky.shape)
        self._skies = Skies.of(found.rgb, self._new_small, self._share, self._horizon_row)

    def sky(self) -> NewLayer:
        part = masks.extent(self._alpha, _whole(self._size))
        raster = sheets.drawn(
            self._image,
            part,
            self._context.new_samples,
            lambda rows, columns: (self._new.rows(rows)[:, columns], self._image.alpha_part(rows, columns)),
        )
        mask = self._alpha[part.y : part.bottom, part.x : part.right]
        return NewLayer("Sky", raster=raster, bounds=raster.bounds, mask=mask)

    def edges(self) -> NewLayer | None:
        """The photo's own colours along the edge, without the old sky in them."""
        partial = (self._alpha > 0) & (self._alpha < 1)
        if not partial.any():
            return None

        def draw(rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
            touched = partial[rows, columns]
            cleaned = np.zeros((*touched.shape, 3), np.float32)
            for block in blocks.along(touched, matte.BLOCK_PX, 0):
                part = blocks.moved(block.core, rows.start, columns.start)
                cleaned[block.core] = matte.foreground(self._image.part, self._alpha, part, self._found.edge)
            return cleaned, touched * self._image.alpha_part(rows, columns)

        part = masks.extent(partial, _whole(self._size))
        raster = sheets.drawn(self._image, part, self._context.new_samples, draw)
        return NewLayer("Edges", raster=raster, bounds=raster.bounds)

    def light(self) -> list[NewLayer]:
        """One layer that darkens or tints, and where it has to get lighter one that does that."""
        gain = light.gain(self._skies, self._params.light, self._params.colour)
        lift = max(1.0, float(gain.max()))
        layers = []
        if lift > 1 + LEAST_GAIN:
            layers.append(self._flat("Lift", 1 - 1 / self._in_document(np.full(3, lift)), "dodge"))
        if abs(gain / lift - 1).max() > LEAST_GAIN:
            layers.append(self._flat("Light", self._in_document(gain / lift), "multiply"))
        return layers

    def haze(self) -> list[NewLayer]:
        if not finding.is_coloured(self._found.view):
            return []  # in a grey picture everything pale would be taken for haze
        veil = light.haze(self._found.rgb, self._share, self._skies.old, self._horizon_row) * self._params.haze
        veil[veil < LEAST_SHOWN] = 0
        if not veil.any():
            return []

        def draw(rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
            alpha = masks.stretched(veil.astype(np.float32), self._size, rows, columns)
            rgb = np.broadcast_to(self._skies.horizon.astype(np.float32), (*alpha.shape, 3))
            return np.ascontiguousarray(rgb), np.clip(alpha, 0, 1) * self._image.alpha_part(rows, columns)

        part = self._part(veil > 0)
        raster = sheets.drawn(self._image, part, self._context.new_samples, draw)
        return [NewLayer("Haze", raster=raster, bounds=raster.bounds)]

    def water(self) -> NewLayer | None:
        """The new sky in a lake or the sea, with the ripples that are there."""
        strength = self._params.water
        found = water.find(self._found.view, self._found.rgb, self._found.sky) if strength > 0 else None
        if found is None:
            return None
        mirrored = found.mirrored(self._new_small)

        def draw(rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
            rgb, share = water.draw(self._image.part(rows, columns), found, mirrored, self._size, (rows, columns))
            share *= strength * (1 - self._alpha[rows, columns]) * self._image.alpha_part(rows, columns)
            return rgb, share

        part = self._part(found.share > LEAST_SHOWN)
        raster = sheets.drawn(self._image, part, self._context.new_samples, draw)
        return NewLayer("Water", raster=raster, bounds=raster.bounds)

    def _flat(self, name: str, native: np.ndarray, blend_mode: str) -> NewLayer:
        def draw(rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
            alpha = self._image.alpha_part(rows, columns)
            return np.broadcast_to(native.astype(np.float32), (*alpha.shape, len(native))), alpha

        part = sheets.visible_part(self._image, self._context.selection).relative_to(self._image.bounds)
        raster = sheets.drawn(self._image, part, self._context.new_samples, draw, "native")
        return NewLayer(name, raster=raster, bounds=raster.bounds, blend_mode=blend_mode)

    def _part(self, small: np.ndarray) -> Bounds:
        """What `small` (bool), over all of the layer, reaches of it."""
        part = masks.extent(small, _whole((small.shape[0], small.shape[1])))
        y, x = (full / few for full, few in zip(self._size, small.shape, strict=True))
        top, left = int((part.y - 0.5) * y), int((part.x - 0.5) * x)
        bottom, right = int((part.bottom + 0.5) * y) + 1, int((part.right + 0.5) * x) + 1
        return Bounds(left, top, right - left, bottom - top).intersection(_whole(self._size))

    def _in_document(self, gain: np.ndarray) -> np.ndarray:
        """By which the document's own values have to be multiplied, so that light is by `gain`, at a middle tone."""
        base = np.full((1, 1, 3), MIDDLE, np.float32)
        target = relight.encoded(relight.linear(base) * gain.astype(np.float32))
        before, after = self._image.to_native(base), self._image.to_native(target)
        return np.maximum(after / before, 1e-3)[0, 0]


def _whole(size: tuple[int, int]) -> Bounds:
    return Bounds(0, 0, size[1], size[0])
