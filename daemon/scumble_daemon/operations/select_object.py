"""Select the object you click on, draw a box around, or select roughly."""

from __future__ import annotations

from scumble_protocol.errors import Invalid

from ..context import Context
from ..fields import FeatherField, ShiftField
from ..imaging import prompts, selections
from ..imaging.image import Image, NewSelection
from ..registry import Field, Inputs, ModelField, OperationParams, operation


class Params(OperationParams):
    shift_px: float = ShiftField(
        "Moves the outline outwards, or inwards below 0, in pixels.", title="Grow or shrink", slider_px=20
    )
    feather_px: float = FeatherField("Width of the soft edge in pixels. 0 keeps a clean, smooth outline.", slider_px=40)
    fill_holes: bool = Field(
        True, title="Fill holes", description="Selects what the object encloses, unless a click says that is not meant."
    )
    model: str = ModelField("select_object", goes_without=True)


@operation(
    "select_object",
    title="Select Object",
    menu="Select",
    gives="selection",
    inputs=Inputs(selection="optional", points=True, box=True),
)
def select_object(image: Image, params: Params, context: Context) -> NewSelection:
    region = prompts.region_of(image, context.selection, context.box)
    if region is None and not context.points:
        raise Invalid(
            "Nothing says which object to select.",
            "Click on it, draw a box around it, or select it roughly, and run again; or take Select Subject.",
        )
    prompts.check_size(image)
    with context.models.lend("select_object", params.model, context) as segmenter:
        context.progress(0.1, "Finding the object")
        find = segmenter.point if segmenter else prompts.find
        found = find(image, region, context.points)
    if not found.mask.any():
        raise Invalid("No object stands out there.", "Click on the object, or select it more closely, and run again.")
    context.progress(0.7, "Drawing the outline")
    finish = selections.Finish(params.shift_px, params.feather_px, params.fill_holes)
    return selections.selection_of(image, found, finish, context.points)
