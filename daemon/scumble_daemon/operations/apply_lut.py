"""Give a photo the colours of a film, a print or any LUT file, as a new layer over it.

The table is looked up with sRGB-encoded colours, as LUTs for photographs expect, whatever the document's profile is.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

from scumble_protocol.image import Bounds

from ..context import Context
from ..imaging import colour, lut_files, luts, masks
from ..imaging.image import Image, NewLayer
from ..registry import Field, Inputs, OperationParams, ReferenceInput, operation


class Params(OperationParams):
    look: Literal[
        "warm_print",
        "slide",
        "teal_orange",
        "cool_fade",
        "matte",
        "bleach_bypass",
        "silver_mono",
        "high_key_mono",
    ] = Field(
        "warm_print",
        title="Look",
        description="Used where no LUT file is chosen.",
        titles=(
            "Warm print",
            "Slide film",
            "Teal and orange",
            "Cool fade",
            "Soft matte",
            "Bleach bypass",
            "Silver mono",
            "High-key mono",
        ),
    )
    strength: float = Field(1.0, ge=0, le=1, slider=(0, 1), title="Strength", description="0 leaves the colours alone.")


@operation(
    "apply_lut",
    title="Apply LUT",
    menu="Colour",
    inputs=Inputs(
        selection="optional",
        reference=ReferenceInput(
            "LUT file",
            (".cube", ".png"),
            description="A .cube table (1D or 3D) or a Hald CLUT picture; it takes the place of the look.",
        ),
    ),
)
def apply_lut(image: Image, params: Params, context: Context) -> list[NewLayer]:
    context.progress(0.0, "Reading the LUT")
    reference = context.reference
    lut = lut_files.read(reference.data, reference.name) if reference else _look(params.look)
    part = image.bounds
    if context.selection is not None and context.selection.any():
        part = masks.extent(context.selection, image.bounds)
    rows, columns = _slices(part.relative_to(image.bounds))
    context.progress(0.1, "Applying the LUT")
    rgb = colour.to_srgb(image.native_colour[rows, columns], image.profile)
    changed = luts.apply(lut, rgb, params.strength, lambda done: context.progress(0.2 + 0.8 * done, "Applying the LUT"))
    return [NewLayer(lut.title, changed, alpha=image.alpha[rows, columns], bounds=part)]


@cache
def _look(name: str) -> luts.Lut:
    file = resources.files("scumble_daemon") / "looks" / f"{name}.cube"
    return lut_files.read(file.read_bytes(), file.name)


def _slices(part: Bounds) -> tuple[slice, slice]:
    return slice(part.y, part.bottom), slice(part.x, part.right)
