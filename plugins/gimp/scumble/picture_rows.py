"""Choices that one has to see, as pictures to click on; the list below them has the others too."""

from __future__ import annotations

from typing import Any

import gi

gi.require_version("Gtk", "3.0")
from arguments import argument_name  # noqa: E402
from gi.repository import GdkPixbuf, Gimp, GLib, Gtk, Pango  # noqa: E402
from scumble_protocol.parameters import Parameter  # noqa: E402

COLUMNS = 5
LABEL_CHARS = 12


def shown_for(parameter: Parameter) -> bool:
    """Where there are several, and one is always chosen: a second style, of which there may be none, needs no such
    room."""
    return len(parameter.pictures) > 1 and parameter.default in parameter.pictures


def make(config: Gimp.ProcedureConfig, parameter: Parameter) -> Gtk.Widget:
    """Buttons that keep `config` as the artist has it, and follow it where the list was used."""
    name = argument_name(parameter.name)
    grid = Gtk.Grid(row_spacing=6, column_spacing=6)
    titles = dict(parameter.choices)
    buttons = {}
    for value, png in parameter.pictures.items():
        picture = _image(png)
        if picture is None:
            continue
        button = Gtk.ToggleButton(tooltip_text=titles[value], can_focus=False)  # Return is for OK; keys have the list
        button.set_name(f"scumble-{name}-{value}")
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2)
        label = Gtk.Label(label=titles[value], max_width_chars=LABEL_CHARS, ellipsize=Pango.EllipsizeMode.END)
        box.pack_start(picture, False, False, 0)
        box.pack_start(label, False, False, 0)
        button.add(box)
        grid.attach(button, len(buttons) % COLUMNS, len(buttons) // COLUMNS, 1, 1)
        buttons[value] = button

    def follow(*_: Any) -> None:
        chosen = config.get_property(name)
        for value, button in buttons.items():
            button.handler_block_by_func(choose)
            button.set_active(value == chosen)
            button.handler_unblock_by_func(choose)

    def choose(button: Gtk.ToggleButton) -> None:
        config.set_property(name, next(value for value, each in buttons.items() if each is button))
        follow()  # a click on the chosen one leaves it so

    for button in buttons.values():
        button.connect("toggled", choose)
    follow()
    handler = config.connect(f"notify::{name}", follow)
    grid.connect("destroy", lambda _: config.disconnect(handler))
    grid.show_all()
    return grid


def _image(png: bytes) -> Gtk.Widget | None:
    try:
        loader = GdkPixbuf.PixbufLoader.new_with_type("png")
        loader.write(png)
        loader.close()
    except GLib.Error:
        return None
    return Gtk.Image.new_from_pixbuf(loader.get_pixbuf())
