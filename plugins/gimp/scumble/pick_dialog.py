"""Pick on a Preview: point at the object, see at once what is found, and have it as selection, mask or layer."""

from __future__ import annotations

from typing import Any, Optional

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
import arguments  # noqa: E402
import dialog as forms  # noqa: E402
import jobs  # noqa: E402
import placing  # noqa: E402
import pointed_arguments as pointed  # noqa: E402
from gi.repository import Gdk, Gimp, GimpUi, Gtk  # noqa: E402
from pick_looks import Question  # noqa: E402
from pick_pane import GONE, PickPane  # noqa: E402
from scumble_protocol.catalogue import Operation  # noqa: E402
from scumble_protocol.errors import Cancelled, Invalid  # noqa: E402
from scumble_protocol.image import Raster  # noqa: E402
from scumble_protocol.prompts import Prompts  # noqa: E402

TITLE = "Pick on a Preview"
SIZE_PX = (1040, 720)
SIDE_PX = 300
PARAMETERS = "scumble-pick-parameters"


def pick(
    procedure: Gimp.Procedure,
    config: Gimp.ProcedureConfig,
    operation: Operation,
    image: Gimp.Image,
    source: Gimp.Layer,
) -> Optional[Gimp.Layer]:
    """Let the artist point until what is found can be placed; the new layer, where there is one.

    Raises: Cancelled where they leave, Invalid where the layer has gone; then nothing was changed.
    """
    GimpUi.init("scumble")
    pointed.forget_prompts(operation, config)
    dialog = GimpUi.ProcedureDialog.new(procedure, config, TITLE)
    dialog.set_default_size(*SIZE_PX)
    picking = _Picking(dialog, image, source, Prompts(), lambda prompts: _question(operation, config, image, prompts))
    forms.bound_sliders(dialog, operation)
    names = [arguments.argument_name(each.name) for each in operation.parameters]
    picking.show_beside(dialog.fill_box(PARAMETERS, [*pointed.names_of_placing(operation), *names]))
    config.connect("notify", picking.pane.ask_again)
    try:
        while not picking.is_gone and dialog.run():
            found = picking.finish()
            if found is None:
                continue
            try:
                return _place(found, picking.pane.in_image, operation, config, image, source)
            except Invalid as error:
                picking.pane.tell(error)
        raise GONE if picking.is_gone else Cancelled("The dialog was closed.")
    finally:
        picking.pane.close()
        dialog.destroy()


def _place(
    found: Raster,
    prompts: Prompts,
    operation: Operation,
    config: Gimp.ProcedureConfig,
    image: Gimp.Image,
    source: Gimp.Layer,
) -> Optional[Gimp.Layer]:
    how = pointed.placement(operation, config)
    request = jobs.Request(
        operation.id,
        operation.title,
        arguments.parameters(operation, config),
        points=prompts.points,
        box=prompts.box,
        has_fine_edge=pointed.has_fine_edge(operation, config),
    )
    layer = placing.place(found, how, image, source, jobs.recipe(request, source))
    Gimp.displays_flush()
    return layer


def point(
    operation: Operation, config: Gimp.ProcedureConfig, image: Gimp.Image, source: Gimp.Layer, parent: Gtk.Window
) -> bool:
    """Let the artist point for an operation whose form is open; whether that is written into `config` now."""
    dialog = GimpUi.Dialog(title=TITLE, role="scumble-pick", transient_for=parent, modal=True)
    dialog.add_button("_Cancel", Gtk.ResponseType.CANCEL)
    dialog.add_button("_Use These Marks", Gtk.ResponseType.OK)
    dialog.set_default_response(Gtk.ResponseType.OK)
    dialog.set_default_size(SIZE_PX[0] - SIDE_PX, SIZE_PX[1])
    shows_found = operation.gives == "selection"
    picking = _Picking(
        dialog,
        image,
        source,
        _start(operation, config, image, source),
        lambda prompts: _question(operation, config, image, prompts) if shows_found else None,
    )
    picking.show_beside(None)
    try:
        if dialog.run() != Gtk.ResponseType.OK or picking.is_gone:
            return False
        for name, text in picking.pane.in_image.written().items():
            if name == "points" or operation.inputs.box:
                config.set_property(name, text)
        return True
    finally:
        picking.pane.close()
        dialog.destroy()


def _start(operation: Operation, config: Gimp.ProcedureConfig, image: Gimp.Image, source: Gimp.Layer) -> Prompts:
    """All that points already; what cannot be read does not."""
    box = config.get_property("box") if operation.inputs.box else ""
    written = Prompts.read({"points": config.get_property("points") or "", "box": box or ""})
    try:
        others = pointed.points(config, image, source)
    except Invalid:
        others = ()
    return Prompts((*written.points, *others), written.box)


def _question(
    operation: Operation, config: Gimp.ProcedureConfig, image: Gimp.Image, prompts: Prompts
) -> Optional[Question]:
    try:
        parameters = arguments.parameters(operation, config)
    except Invalid:
        return None  # OK will say so
    has_outline = pointed.has_outline(operation, config)
    if prompts.is_empty and not (has_outline and Gimp.Selection.bounds(image).non_empty):
        return None
    return Question(
        operation.id,
        parameters,
        prompts,
        has_outline,
        pointed.has_fine_edge(operation, config),
    )


class _Picking:
    """A dialog with the pane in it. Its end is the artist's, or the layer's."""

    def __init__(self, dialog: Gtk.Dialog, image: Gimp.Image, layer: Gimp.Layer, start: Prompts, ask: Any) -> None:
        self._dialog = dialog
        self.is_gone = self._is_left = False
        self.pane = PickPane(image, layer, start, ask, self._end)
        dialog.connect("key-press-event", self._key)
        dialog.connect("focus-in-event", self.pane.renew)
        dialog.connect("response", self._respond)

    def show_beside(self, side: Optional[Gtk.Widget]) -> None:
        row = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=12)
        row.pack_start(self.pane, True, True, 0)
        if side is not None:
            scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
            scrolled.set_size_request(SIDE_PX, -1)
            scrolled.add(side)
            row.pack_start(scrolled, False, False, 0)
        content = self._dialog.get_content_area()
        content.set_border_width(12)
        content.pack_start(row, True, True, 0)
        row.show_all()
        self.pane.grab()

    def finish(self) -> Optional[Raster]:
        """What is found, in pixels of the image, once the last question is answered; None where that is nothing."""
        self._is_left = False
        while self.pane.is_looking and not self._is_left:
            Gtk.main_iteration_do(True)
        if self._is_left or self.pane.has_trouble:
            return None
        found = self.pane.found_in_image
        if found is None or found.bounds.is_empty:
            self.pane.tell(Invalid("Nothing is found yet.", "Click on the object, or draw a box around it."))
            return None
        return found

    def _end(self) -> None:
        self.is_gone = True
        self._dialog.response(Gtk.ResponseType.CANCEL)

    def _respond(self, _dialog: Gtk.Dialog, response: int) -> None:
        if response != Gtk.ResponseType.OK:
            self._is_left = True

    def _key(self, dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
        if isinstance(dialog.get_focus(), Gtk.Entry):
            return False
        return self.pane.take_key(event)
