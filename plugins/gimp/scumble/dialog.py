"""An operation's dialog, drawn by GIMP from the procedure's arguments."""

from __future__ import annotations

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
import jobs  # noqa: E402
import reference_rows  # noqa: E402
from gi.repository import Gimp, GimpUi  # noqa: E402
from procedures import argument_name  # noqa: E402
from scumble_protocol.catalogue import Operation  # noqa: E402

WIDTH_PX = 460
NOTE = "scumble-note"


def ask(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, operation: Operation, image: Gimp.Image) -> bool:
    """Let the artist set the arguments in `config`, beginning with the last ones; whether they want it done."""
    inputs = operation.inputs
    for prompt, is_taken in (("points", inputs.points), ("box", inputs.box)):
        if is_taken:
            config.set_property(prompt, "")  # the last picture's points mean nothing on this one
    if not (operation.parameters or inputs.takes_prompts or inputs.reference):
        return True
    GimpUi.init("scumble")
    dialog = GimpUi.ProcedureDialog.new(procedure, config, operation.title)
    dialog.set_default_size(WIDTH_PX, -1)
    dialog.get_label(NOTE, _note(operation, image), False, False).set_line_wrap(True)
    dialog.fill([NOTE])
    if inputs.reference:
        dialog.get_content_area().pack_start(reference_rows.make(config, inputs.reference, image), False, False, 0)
    for parameter in operation.parameters:
        if parameter.kind in ("number", "integer"):
            entry = dialog.get_scale_entry(argument_name(parameter.name), 1.0)
            if parameter.slider:
                entry.set_bounds(*parameter.slider, True)
    shown = [argument_name(parameter.name) for parameter in operation.parameters]
    shown += [prompt for prompt, is_taken in (("points", inputs.points), ("box", inputs.box)) if is_taken]
    if shown:  # an empty list would mean every argument
        dialog.fill(shown)
    wants_it = dialog.run()
    dialog.destroy()
    return wants_it


def _note(operation: Operation, image: Gimp.Image) -> str:
    notes = [operation.description]
    if operation.inputs.points:
        anchors = len(jobs.path_points(image))
        notes.append(
            f"With points and box left empty, the {anchors} anchors of the selected path are the points."
            if anchors
            else "Points: x,y to include and x,y,- to exclude, separated by semicolons. Or leave them empty and click "
            "them with the Paths tool before: the selected path's anchors are taken. Box: x0,y0,x1,y1."
        )
    return "\n\n".join(notes)
