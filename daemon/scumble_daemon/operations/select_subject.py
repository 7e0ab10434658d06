"""Select what the picture is of, without pointing at it."""

from __future__ import annotations

from scumble_protocol.errors import Invalid

from ..context import Context
from ..fields import FeatherField, ShiftField
from ..imaging import prompts, selections, subjects
from ..imaging.image import Image, NewSelection
from ..registry import Field, Inputs, ModelField, OperationParams, operation


class Params(OperationParams):
    shift_px: float = ShiftField(
        "Moves the outline outwards, or inwards below 0, in pixels.", title="Grow or shrink", slider_px=20
    )
    feather_px: float = FeatherField("Width of the soft edge in pixels. 0 keeps a clean, smooth outline.", slider_px=40)
    fill_holes: bool = Field(True, title="Fill holes", description="Selects what the subject encloses.")
    model: str = ModelField("remove_background", goes_without=True)


@operation("select_subject", title="Select Subject", menu="Select", gives="selection", inputs=Inputs())
def select_subject(image: Image, params: Params, context: Context) -> NewSelection:
    prompts.check_size(image)
    with context.models.lend("remove_background", params.model, context) as foreground:
        context.progress(0.1, "Finding the subject")
        if foreground is None:
            found = subjects.guess(image, context.note)
        else:
            found = prompts.find_foreground(image, None, foreground.find)
    if not found.mask.any():
        raise Invalid("No subject stands out from its background.", "Click on it with Select Object instead.")
    context.progress(0.7, "Drawing the outline")
    finish = selections.Finish(params.shift_px, params.feather_px, params.fill_holes)
    return selections.selection_of(image, found, finish)
