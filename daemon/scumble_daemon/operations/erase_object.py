"""Take the selected thing out of the picture, and continue what is around it.

Select the object and a little of what is around it. What comes is made of pixels of the same layer; where they may be
taken from can be painted on another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import cv2
import numpy as np
from scumble_protocol.errors import Invalid

from ..context import Context
from ..imaging import masks, samples
from ..imaging.completion import guard, windows
from ..imaging.completion.fill import by_network, by_patches
from ..imaging.completion.sheet import Part, Sheet
from ..imaging.completion.windows import Window
from ..imaging.image import Image, NewLayer
from ..registry import Field, Inputs, ModelField, OperationParams, ReferenceInput, operation

SELECTED = 1 / 512  # half a step of 8 bits: even what is faintly selected holds something of the object
SOFT_PX = 4.0  # of a selection's edge: what is softer is told
PAINTED = 0.5  # of opacity, from which on what is below may be taken
WHOLE = 0.98  # coverage from which on nothing shows through


class Params(OperationParams):
    variants: int = Field(
        1, ge=1, le=4, title="Variants", description="How many fillings you get, as layers to choose from."
    )
    seed: int = Field(
        0, ge=0, le=9999, slider=(0, 20), title="Another try", description="Each number gives another filling."
    )
    reach: float = Field(
        1.0,
        ge=0.1,
        le=10,
        slider=(0.25, 4),
        title="Look around",
        description="How far around the object pixels are taken from, in sizes of the object. Less keeps to what is "
        "near.",
    )
    model: str = ModelField("erase_object", goes_without=True)


@operation(
    "erase_object",
    title="Erase Object",
    menu="Retouch",
    inputs=Inputs(
        selection="required",
        reference=ReferenceInput(
            "Take from",
            picture=True,
            description="A layer on which you paint over what the filling may be taken from: nothing else is copied.",
        ),
    ),
)
def erase_object(image: Image, params: Params, context: Context) -> list[NewLayer]:
    context.progress(0.01, "Reading the selection")
    assert context.selection is not None  # the daemon has asked for one
    if not context.selection.any():
        raise Invalid("Nothing of the layer is selected.", "Select what is to go, then run again.")
    hole, place, guard_px = guard.grown(image, context.selection, SELECTED)
    selected = context.selection[place]
    _tell_softness(context, selected)
    rim = _Rim(image, selected > SELECTED, place, guard_px)
    offered = _offered(image, context)
    sheets = [Sheet.over(image, hole, place, context.new_samples, offered) for _ in range(params.variants)]
    parts = _windows(sheets[0][0], params.reach)
    layers = []
    with context.models.lend("erase_object", params.model, context) as filler:
        for turn, (sheet, raster) in enumerate(sheets):
            first, last = (0.05 + 0.94 * each / params.variants for each in (turn, turn + 1))
            if filler is not None and turn == 0:  # which has one answer only: other variants are made of patches
                fill = partial(by_network, guess=filler.fill, work_px=filler.work_px)
            else:
                fill = partial(by_patches, seed=params.seed + turn)
            _fill(sheet, parts, fill, rim, context, first, last)
            name = "Erased" if params.variants == 1 else f"Erased, variant {turn + 1}"
            layers.append(NewLayer(name, raster=raster, bounds=raster.bounds, visible=turn == 0))
    return layers


def _windows(sheet: Sheet, reach: float) -> list[Window]:
    """Raises: Invalid."""
    parts = windows.around(sheet, reach)
    if not any(sheet.usable(window.part).any() for window in parts):
        if sheet.offered is not None:
            raise Invalid(
                "Nothing of what the layer to take from is painted over can be copied: it is selected or transparent.",
                "Paint over some of what is around the object.",
            )
        raise Invalid(
            "Everything that shows of the layer is selected: nothing is left to fill it with.",
            "Select the object only, then run again.",
        )
    return parts


def _offered(image: Image, context: Context) -> np.ndarray | None:
    """Where the filling may be taken from, bool over the layer; None: anywhere. Raises: Invalid."""
    if not context.has_reference:
        return None
    painted = context.reference_picture()
    bounds = painted.bounds
    if context.reference is not None:
        if (bounds.width, bounds.height) != (image.bounds.width, image.bounds.height):
            raise Invalid(
                f"The picture to take from is {bounds.width} × {bounds.height} pixels, and the layer "
                f"{image.bounds.width} × {image.bounds.height}: it cannot be laid over it.",
                "Choose a layer of this document, or a picture of the layer's size.",
            )
        bounds = image.bounds
    shared = bounds.intersection(image.bounds)
    offered = np.zeros((image.bounds.height, image.bounds.width), bool)
    here, there = shared.relative_to(image.bounds), shared.relative_to(bounds)
    alpha = samples.alpha(painted.raster)
    if not shared.is_empty:
        offered[here.y : here.bottom, here.x : here.right] = (
            True if alpha is None else samples.to_float(alpha[there.y : there.bottom, there.x : there.right]) >= PAINTED
        )
    return offered


def _fill(
    sheet: Sheet, parts: list[Window], fill: Callable[..., None], rim: _Rim, context: Context, first: float, last: float
) -> None:
    areas = np.cumsum([0.0, *(sheet.hole_in(window.core).sum() for window in parts)])
    areas *= (last - first) / areas[-1]
    device = context.models.device()
    for index, window in enumerate(parts):
        begin, end = first + areas[index], first + areas[index + 1]
        stage = "Continuing what is around" if len(parts) == 1 else f"Filling hole {index + 1} of {len(parts)}"

        def report(share: float, begin: float = begin, end: float = end, stage: str = stage) -> None:
            context.progress(begin + (end - begin) * share, stage)

        fill(sheet, window, rim.alpha, device=device, report=report)


@dataclass(frozen=True)
class _Rim:
    """What alpha a filling has: the layer's own, falling to nothing outside what is `selected` (bool, over `place`)."""

    image: Image
    selected: np.ndarray
    place: Part
    guard_px: int

    def alpha(self, part: Part) -> np.ndarray:
        """Over a part of the layer within `place`."""
        over = tuple(slice(p.start - q.start, p.stop - q.start) for p, q in zip(part, self.place, strict=True))
        around = tuple(
            slice(max(0, each.start - self.guard_px - 1), min(length, each.stop + self.guard_px + 1))
            for each, length in zip(over, self.selected.shape, strict=True)
        )
        inner = tuple(slice(p.start - a.start, p.stop - a.start) for p, a in zip(over, around, strict=True))
        away = masks.distance_to(self.selected[around])[inner]
        return np.clip(1 - away / (self.guard_px + 1), 0, 1) * self._own(part)

    def _own(self, part: Part) -> np.ndarray | float:
        """Where nothing that shows is selected, it is a hole in the layer that is to be filled."""
        alpha = samples.alpha(self.image.raster)
        if alpha is None or not self._selects_something:
            return 1.0
        return samples.to_float(alpha[part])

    @cached_property
    def _selects_something(self) -> bool:
        alpha = samples.alpha(self.image.raster)
        return alpha is None or bool((self.selected & (alpha[self.place] > 0)).any())


def _tell_softness(context: Context, coverage: np.ndarray) -> None:
    whole = (coverage > WHOLE).astype(np.uint8)
    edge = int((whole - cv2.erode(whole, np.ones((3, 3), np.uint8))).sum())
    soft = int(((coverage > SELECTED) & (coverage <= WHOLE)).sum())
    if soft > SOFT_PX * max(edge, 1):
        context.note(
            "The selection has a soft edge, in which what was there still shows through: grow it, or take the feather "
            "off, if something of the object stays."
        )
