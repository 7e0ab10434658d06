"""What a form shows for pointing: a button to the preview, and lists of paths and layers that point as well."""

from __future__ import annotations

from typing import Any, Callable, Iterable, List, Tuple

import gi

gi.require_version("Gtk", "3.0")
import pointed_arguments as pointed  # noqa: E402
import pointing  # noqa: E402
from gi.repository import Gimp, Gtk, Pango  # noqa: E402

NONE = "—"


class PromptRows(Gtk.Grid):
    """Keeps `config` as the artist has it. It begins with the selected path, if one is. `on_pick()`: the preview is
    wanted."""

    def __init__(
        self, config: Gimp.ProcedureConfig, image: Gimp.Image, source: Gimp.Layer, on_pick: Callable[[], None]
    ) -> None:
        super().__init__(row_spacing=6, column_spacing=12)
        button = Gtk.Button(label="Pick on a Preview…")
        button.connect("clicked", lambda _: on_pick())
        self.attach(button, 0, 0, 2, 1)
        self._lists: List[Gtk.ComboBoxText] = []
        paths = image.get_paths()
        selected = pointing.selected_path(image)
        layers = [each for each in image.get_layers() if each.has_alpha() and each.get_id() != source.get_id()]
        for name, title, hint, items, chosen in (
            (pointed.PATH, "Points: path", pointed.PATH_HELP, paths, selected),
            (pointed.NOT_PATH, "Not this: path", pointed.NOT_PATH_HELP, paths, None),
            (pointed.SCRIBBLES, "Scribbles: layer", pointed.SCRIBBLES_HELP, layers, None),
        ):
            if items:
                self._add_list(config, name, (title, hint), items, chosen)
        self.show_all()

    def clear(self) -> None:
        """Nothing points but what is written."""
        for each in self._lists:
            each.set_active(0)

    def _add_list(
        self, config: Gimp.ProcedureConfig, name: str, words: Tuple[str, str], items: Iterable[Any], chosen: Any
    ) -> None:
        title, hint = words
        by_id = {str(item.get_id()): item for item in items}
        listed = Gtk.ComboBoxText(hexpand=True)
        listed.append("", NONE)
        for number, item in by_id.items():
            listed.append(number, item.get_name())
        for cell in listed.get_cells():
            cell.set_property("ellipsize", Pango.EllipsizeMode.MIDDLE)
        listed.connect("changed", lambda _: config.set_property(name, by_id.get(listed.get_active_id() or "")))
        listed.set_active_id(str(chosen.get_id()) if chosen is not None else "")
        row = len(self._lists) + 1
        self.attach(Gtk.Label(label=title, tooltip_text=hint, xalign=0), 0, row, 1, 1)
        self.attach(listed, 1, row, 1, 1)
        self._lists.append(listed)
