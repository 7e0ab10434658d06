"""An operation's dialog, drawn by GIMP from the procedure's arguments."""

from __future__ import annotations

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
import picture_rows  # noqa: E402
import pointed_arguments as pointed  # noqa: E402
import reference_rows  # noqa: E402
from arguments import argument_name  # noqa: E402
from gi.repository import Gimp, GimpUi, Gtk  # noqa: E402
from prompt_rows import PromptRows  # noqa: E402
from scumble_protocol.catalogue import Operation  # noqa: E402

WIDTH_PX = 460
NOTE = "scumble-note"
POINTING = (
    "Point at it on a preview, or write it down: points are x,y to include and x,y,- to exclude, separated by "
    "semicolons; a box is x0,y0,x1,y1. Anchors of a path and scribbles on a layer point as well."
)


def ask(
    procedure: Gimp.Procedure,
    config: Gimp.ProcedureConfig,
    operation: Operation,
    image: Gimp.Image,
    source: Gimp.Layer,
) -> bool:
    """Let the artist set the arguments in `config`, beginning with the last ones; whether they want it done."""
    inputs = operation.inputs
    pointed.forget_prompts(operation, config)
    if not (operation.parameters or inputs.takes_prompts or inputs.reference):
        return True
    GimpUi.init("scumble")
    dialog = GimpUi.ProcedureDialog.new(procedure, config, operation.title)
    dialog.set_default_size(WIDTH_PX, -1)
    note = operation.description + (f"\n\n{POINTING}" if inputs.points else "")
    dialog.get_label(NOTE, note, False, False).set_line_wrap(True)
    dialog.fill([NOTE])
    if inputs.reference:
        dialog.get_content_area().pack_start(reference_rows.make(config, inputs.reference, image), False, False, 0)
    if inputs.points:
        rows = _prompt_rows(config, operation, image, source, dialog)
        dialog.get_content_area().pack_start(rows, False, False, 0)
    for parameter in filter(picture_rows.shown_for, operation.parameters):
        dialog.get_content_area().pack_start(picture_rows.make(config, parameter), False, False, 0)
    bound_sliders(dialog, operation)
    shown = [argument_name(parameter.name) for parameter in operation.parameters]
    shown += [prompt for prompt, is_taken in (("points", inputs.points), ("box", inputs.box)) if is_taken]
    shown += pointed.names_of_placing(operation)
    if shown:  # an empty list would mean every argument
        dialog.fill(shown)
    wants_it = dialog.run()
    dialog.destroy()
    return wants_it


def bound_sliders(dialog: GimpUi.ProcedureDialog, operation: Operation) -> None:
    """Numbers get sliders, over the range that is of use."""
    for parameter in operation.parameters:
        if parameter.kind in ("number", "integer"):
            entry = dialog.get_scale_entry(argument_name(parameter.name), 1.0)
            if parameter.slider:
                entry.set_bounds(*parameter.slider, True)


def _prompt_rows(
    config: Gimp.ProcedureConfig, operation: Operation, image: Gimp.Image, source: Gimp.Layer, parent: Gtk.Window
) -> PromptRows:
    def pick() -> None:
        import pick_dialog  # not before it is wanted: the form is up sooner

        if pick_dialog.point(operation, config, image, source, parent):
            rows.clear()  # their points are among the marks now

    rows = PromptRows(config, image, source, pick)
    return rows
