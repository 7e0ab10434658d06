"""An operation's dialog, drawn by GIMP from the procedure's arguments."""

from __future__ import annotations

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
import jobs  # noqa: E402
from gi.repository import Gimp, GimpUi, Gtk  # noqa: E402
from procedures import argument_name  # noqa: E402
from scumble_protocol.catalogue import Operation, ReferenceInput  # noqa: E402

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
        dialog.get_content_area().pack_start(_file_row(config, inputs.reference), False, False, 0)
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


def _file_row(config: Gimp.ProcedureConfig, reference: ReferenceInput) -> Gtk.Widget:
    """A file button that offers only what the operation reads."""
    row = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=12)
    button = Gtk.FileChooserButton(title=reference.title, action=Gtk.FileChooserAction.OPEN)
    only = Gtk.FileFilter()
    only.set_name(", ".join("*" + extension for extension in reference.extensions))
    for extension in reference.extensions:
        only.add_pattern("*" + extension)
        only.add_pattern("*" + extension.upper())
    button.add_filter(only)
    chosen = config.get_property("reference")
    if chosen is not None:
        button.set_file(chosen)
    button.set_tooltip_text(reference.description)
    button.connect("file-set", lambda _: config.set_property("reference", button.get_file()))
    row.pack_start(Gtk.Label(label=reference.title, tooltip_text=reference.description), False, False, 0)
    row.pack_start(button, True, True, 0)
    row.show_all()
    return row
