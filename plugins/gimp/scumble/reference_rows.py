"""What a dialog shows for a reference: a file button, and for a picture the choice between a layer and a file."""

from __future__ import annotations

from typing import Iterable, Iterator, Optional

import gi

gi.require_version("Gtk", "3.0")
import references  # noqa: E402
from gi.repository import Gimp, Gtk, Pango  # noqa: E402
from scumble_protocol.catalogue import ReferenceInput  # noqa: E402

FILE, LAYER = "reference", "reference-layer"


def make(config: Gimp.ProcedureConfig, reference: ReferenceInput, image: Gimp.Image) -> Gtk.Widget:
    """The rows, which keep `config` as the artist has them; they begin with what it holds."""
    rows = _picture_rows(config, reference, image) if reference.picture else _file_row(config, reference)
    rows.show_all()
    return rows


def _file_row(config: Gimp.ProcedureConfig, reference: ReferenceInput) -> Gtk.Widget:
    row = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=12)
    row.pack_start(Gtk.Label(label=reference.title, tooltip_text=reference.description), False, False, 0)
    button = _file_button(config.get_property(FILE), reference)
    button.connect("file-set", lambda _: config.set_property(FILE, button.get_file()))
    row.pack_start(button, True, True, 0)
    return row


def _picture_rows(config: Gimp.ProcedureConfig, reference: ReferenceInput, image: Gimp.Image) -> Gtk.Widget:
    """One of the ways is on, and the other's value is none."""
    file, layer = config.get_property(FILE), config.get_property(LAYER)
    if layer is not None and not layer.is_valid():
        layer = None  # chosen the last time, and deleted since
    grid = Gtk.Grid(row_spacing=6, column_spacing=12)
    grid.attach(Gtk.Label(label=reference.title, tooltip_text=reference.description, xalign=0), 0, 0, 1, 1)
    file_button = _file_button(file, reference)
    layer_button = _layer_list(image, layer)
    by_layer = Gtk.RadioButton(label="Layer", tooltip_text="A layer of this image or of another one that is open")
    by_file = Gtk.RadioButton(label="File", tooltip_text="A picture's file", group=by_layer)
    by_nothing = Gtk.RadioButton(label="None", group=by_layer)
    start = by_file if file is not None else by_nothing if layer is None and not reference.required else by_layer

    def keep(*_: object) -> None:
        config.set_property(FILE, file_button.get_file() if by_file.get_active() else None)
        config.set_property(LAYER, _chosen(layer_button) if by_layer.get_active() else None)

    def choose(way: Gtk.RadioButton) -> None:
        way.set_active(True)
        keep()

    start.set_active(True)
    ways = [(by_layer, layer_button), (by_file, file_button)]
    if not reference.required:
        ways.append((by_nothing, None))
    for row, (way, button) in enumerate(ways):
        grid.attach(way, 1, row, 1, 1)
        way.connect("toggled", keep)
        if button is not None:
            button.set_hexpand(True)
            grid.attach(button, 2, row, 1, 1)
    file_button.connect("file-set", lambda _: choose(by_file))
    layer_button.connect("changed", lambda _: choose(by_layer))
    keep()
    return grid


def _layer_list(image: Gimp.Image, chosen: Optional[Gimp.Layer]) -> Gtk.ComboBoxText:
    """All layers of all open images, those of `image` first; begins with the one below the layer to work on.

    GIMP's own chooser (GimpUi.DrawableChooser) is a button that never tells what was chosen.
    """
    selected = {layer.get_id() for layer in image.get_selected_layers()}
    listed = Gtk.ComboBoxText()
    numbers = []
    for each in [image, *(other for other in Gimp.get_images() if other.get_id() != image.get_id())]:
        for layer in _all_in(each.get_layers()):
            numbers.append(layer.get_id())
            listed.append(str(layer.get_id()), f"{each.get_name()}: {references.path_of(layer)}")
    for cell in listed.get_cells():
        cell.set_property("ellipsize", Pango.EllipsizeMode.MIDDLE)
    if chosen is None or not listed.set_active_id(str(chosen.get_id())):
        below = [index + 1 for index, number in enumerate(numbers) if number in selected]
        listed.set_active(max(below, default=0) % len(numbers))
    return listed


def _all_in(layers: Iterable[Gimp.Layer]) -> Iterator[Gimp.Layer]:
    """From the top down, each group before what is in it."""
    for layer in layers:
        yield layer
        if layer.is_group():
            yield from _all_in(layer.get_children())


def _chosen(layers: Gtk.ComboBoxText) -> Optional[Gimp.Layer]:
    number = layers.get_active_id()
    return Gimp.Layer.get_by_id(int(number)) if number is not None else None


def _file_button(chosen: object, reference: ReferenceInput) -> Gtk.FileChooserButton:
    """One that offers only what the operation reads."""
    button = Gtk.FileChooserButton(title=reference.title, action=Gtk.FileChooserAction.OPEN)
    only = Gtk.FileFilter()
    only.set_name(", ".join("*" + extension for extension in reference.extensions))
    for extension in reference.extensions:
        only.add_pattern("*" + extension)
        only.add_pattern("*" + extension.upper())
    button.add_filter(only)
    if chosen is not None:
        button.set_file(chosen)
    button.set_tooltip_text(reference.description)
    return button
