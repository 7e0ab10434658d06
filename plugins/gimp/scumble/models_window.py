"""The window of the models: a list by operation, what is to be known of one, and Fetch, Cancel and Remove."""

from __future__ import annotations

import os
from typing import Any, Callable, List, Optional, Tuple

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, GimpUi, GLib, Gtk, Pango  # noqa: E402
from scumble_protocol.model_board import ModelBoard  # noqa: E402
from scumble_protocol.models import ModelEntry  # noqa: E402

TITLE = "Scumble Models"
WIDTH_PX, HEIGHT_PX = 1000, 620
LIST_WIDTH_PX = 530
ID, NAME, SIZE, STATUS, WEIGHT = range(5)
IN_A_FORM = (
    "Choose it under Model in an operation's form. GIMP reads those choices only when it starts: until then the form "
    "may still say «(not installed)», and it works all the same."
)


class ModelsWindow:
    """Shows a board. `on_fetch(model, agreed)`, `on_cancel(model)`, `on_remove(model)`, `on_retry()` are the artist's
    wishes, consent and certainty already asked for."""

    def __init__(
        self,
        board: ModelBoard,
        on_fetch: Callable[[str, bool], None],
        on_cancel: Callable[[str], None],
        on_remove: Callable[[str], None],
        on_retry: Callable[[], None],
    ) -> None:
        self._board = board
        self._on_fetch, self._on_cancel, self._on_remove = on_fetch, on_cancel, on_remove
        self._chosen = ""
        self.dialog = GimpUi.Dialog(title=TITLE, role="scumble-models")
        self.dialog.add_button("_Close", Gtk.ResponseType.CLOSE)
        self.dialog.set_default_size(WIDTH_PX, HEIGHT_PX)
        content = self.dialog.get_content_area()
        content.set_border_width(12)
        content.set_spacing(8)
        content.pack_start(self._make_bar(on_retry), False, False, 0)
        panes = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=12)
        panes.pack_start(self._make_list(), False, True, 0)
        panes.pack_start(self._make_details(), True, True, 0)
        content.pack_start(panes, True, True, 0)
        self._folder = Gtk.Button(label="Open Folder", halign=Gtk.Align.START, sensitive=False)
        self._folder.connect("clicked", lambda _: self._open_folder())
        content.pack_start(self._folder, False, False, 0)
        content.show_all()
        self._bar.hide()
        self._show()

    # --- parts ---------------------------------------------------------------------------------------------------

    def _make_bar(self, on_retry: Callable[[], None]) -> Gtk.Widget:
        """For what concerns the whole list."""
        self._bar = Gtk.InfoBar(message_type=Gtk.MessageType.WARNING, no_show_all=True)
        self._bar_text = _label()
        self._bar_text.set_max_width_chars(100)
        self._bar_text.show()
        self._bar.get_content_area().add(self._bar_text)
        self._bar.add_button("_Try Again", Gtk.ResponseType.OK)
        self._bar.connect("response", lambda *_: on_retry())
        return self._bar

    def _make_list(self) -> Gtk.Widget:
        self._rows = Gtk.TreeStore(str, str, str, str, int)
        self._tree = Gtk.TreeView(model=self._rows, show_expanders=False, level_indentation=12, search_column=NAME)
        self._tree.set_tooltip_column(NAME)
        name = Gtk.CellRendererText(ellipsize=Pango.EllipsizeMode.END)
        column = Gtk.TreeViewColumn("Model", name, text=NAME, weight=WEIGHT)
        column.set_expand(True)
        self._tree.append_column(column)
        size = Gtk.TreeViewColumn("Size", Gtk.CellRendererText(xalign=1), text=SIZE)
        self._tree.append_column(size)
        self._tree.append_column(Gtk.TreeViewColumn("State", Gtk.CellRendererText(), text=STATUS))
        selection = self._tree.get_selection()
        selection.set_select_function(lambda _selection, rows, path, _now: bool(rows[path][ID]))
        selection.connect("changed", self._choose)
        scrolled = Gtk.ScrolledWindow(shadow_type=Gtk.ShadowType.IN, hscrollbar_policy=Gtk.PolicyType.NEVER)
        scrolled.set_size_request(LIST_WIDTH_PX, -1)
        scrolled.add(self._tree)
        return scrolled

    def _make_details(self) -> Gtk.Widget:
        self._title = _label()
        self._state = _label()
        self._facts = Gtk.Grid(column_spacing=12, row_spacing=6)
        self._form = _label()
        text = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=10, margin_end=6)
        for part in (self._title, self._state, self._facts, self._form):
            text.pack_start(part, False, False, 0)
        scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
        scrolled.add(text)
        self._trouble = _label(no_show_all=True)
        self._progress = Gtk.ProgressBar(show_text=True, no_show_all=True)
        self._fetch = Gtk.Button(label="Fetch", no_show_all=True)
        self._cancel = Gtk.Button(label="Cancel", no_show_all=True)
        self._remove = Gtk.Button(label="Remove…", no_show_all=True)
        self._fetch.get_style_context().add_class("suggested-action")
        self._fetch.connect("clicked", lambda _: self._ask_to_fetch())
        self._cancel.connect("clicked", lambda _: self._on_cancel(self._chosen))
        self._remove.connect("clicked", lambda _: self._ask_to_remove())
        buttons = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=6)
        for button in (self._fetch, self._cancel, self._remove):
            buttons.pack_start(button, False, False, 0)
        details = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=8)
        details.pack_start(scrolled, True, True, 0)
        for part in (self._trouble, self._progress, buttons):
            details.pack_start(part, False, False, 0)
        return details

    # --- what is shown -------------------------------------------------------------------------------------------

    def refresh(self, is_new_list: bool) -> None:
        """Show the board as it is now."""
        if is_new_list:
            self._fill()
        for row in _models_in(self._rows):
            entry = self._board.find(row[ID])
            if entry is not None and row[STATUS] != entry.status:
                row[STATUS] = entry.status
        self._show()

    def tell(self, problem: str, can_retry: bool = True) -> None:
        """Say something of the whole list; "" takes it away."""
        self._bar_text.set_text(problem)
        self._bar.set_response_sensitive(Gtk.ResponseType.OK, can_retry)
        self._bar.set_visible(bool(problem))

    def _fill(self) -> None:
        wanted = self._chosen
        self._rows.clear()
        for title, entries in self._board.groups():
            parent = self._rows.append(None, ["", title, "", "", Pango.Weight.BOLD])
            for entry in entries:
                cells = [entry.id, entry.title, entry.size, entry.status, Pango.Weight.NORMAL]
                self._rows.append(parent, cells)
        self._tree.expand_all()
        first = next(iter(_models_in(self._rows)), None)
        row = next((row for row in _models_in(self._rows) if row[ID] == wanted), first)
        if row is not None:
            self._tree.get_selection().select_path(row.path)
        self._folder.set_sensitive(os.path.isdir(self._board.folder))  # there is none before the first model
        self._folder.set_tooltip_text(f"Models lie in {self._board.folder}; a file of your own goes there too.")

    def _choose(self, selection: Gtk.TreeSelection) -> None:
        rows, place = selection.get_selected()
        if place is not None and rows[place][ID] != self._chosen:
            self._chosen = rows[place][ID]
            self._show()

    def _show(self) -> None:
        entry = self._board.find(self._chosen)
        self._title.set_markup(f"<big><b>{GLib.markup_escape_text(entry.title)}</b></big>" if entry else "")
        self._state.set_text(entry.explanation if entry else "")
        _fill_grid(self._facts, entry.facts if entry else [])
        self._form.set_text(IN_A_FORM if entry and entry.state in ("installed", "own") and entry.is_usable else "")
        self._trouble.set_markup(f"<b>{GLib.markup_escape_text(entry.trouble)}</b>" if entry else "")
        self._trouble.set_visible(bool(entry and entry.trouble))
        self._show_progress(entry)
        self._fetch.set_label(entry.fetch_label if entry else "")
        self._fetch.set_visible(bool(entry and entry.fetch_label))
        self._remove.set_visible(bool(entry and entry.can_be_removed))
        for button in (self._fetch, self._remove, self._cancel):
            button.set_sensitive(not self._board.problem)

    def _show_progress(self, entry: Optional[ModelEntry]) -> None:
        is_fetching = bool(entry and entry.fetching)
        self._progress.set_visible(is_fetching)
        self._cancel.set_visible(is_fetching)
        if entry is not None and is_fetching:
            self._progress.set_text(entry.progress)
            if entry.fraction < 0:
                self._progress.pulse()
            else:
                self._progress.set_fraction(entry.fraction)

    # --- what is asked -------------------------------------------------------------------------------------------

    def _ask_to_fetch(self) -> None:
        entry = self._board.find(self._chosen)
        if entry is None or not entry.fetch_label:
            return
        if not entry.consent or self._is_sure(entry.fetch_question, entry.consent, "_Agree and Fetch"):
            self._on_fetch(entry.id, bool(entry.consent))

    def _ask_to_remove(self) -> None:
        entry = self._board.find(self._chosen)
        if entry is not None and self._is_sure(entry.remove_question, entry.remove_consequence, "_Remove"):
            self._on_remove(entry.id)

    def _open_folder(self) -> None:
        try:
            Gtk.show_uri_on_window(self.dialog, GLib.filename_to_uri(self._board.folder, None), Gdk.CURRENT_TIME)
        except GLib.Error as error:  # a desktop without a program for folders
            self.tell(f"{self._board.folder} could not be opened: {error.message}.", can_retry=False)

    def _is_sure(self, question: str, text: str, yes: str) -> bool:
        """Ask in a dialog of its own; anything but `yes` is no."""
        asking = Gtk.MessageDialog(
            transient_for=self.dialog, modal=True, message_type=Gtk.MessageType.QUESTION, text=question
        )
        asking.set_title(TITLE)
        asking.format_secondary_text(text)
        asking.add_button("_Cancel", Gtk.ResponseType.CANCEL)
        asking.add_button(yes, Gtk.ResponseType.OK)
        asking.set_default_response(Gtk.ResponseType.CANCEL)
        answer = asking.run()
        asking.destroy()
        return answer == Gtk.ResponseType.OK


def _models_in(rows: Gtk.TreeStore) -> List[Any]:
    return [row for group in rows for row in group.iterchildren()]


def _label(dim: bool = False, **properties: Any) -> Gtk.Label:
    label = Gtk.Label(xalign=0, yalign=0, wrap=True, selectable=not dim, **properties)
    label.set_line_wrap_mode(Pango.WrapMode.WORD_CHAR)
    label.set_max_width_chars(40)  # what it asks for; it takes what there is
    label.set_can_focus(False)
    if dim:
        label.get_style_context().add_class("dim-label")
    return label


def _fill_grid(grid: Gtk.Grid, facts: List[Tuple[str, str]]) -> None:
    for child in grid.get_children():
        child.destroy()
    for row, (heading, text) in enumerate(facts):
        name, value = _label(dim=True), _label()
        name.set_text(heading)
        name.set_line_wrap(False)
        value.set_text(text)
        value.set_hexpand(True)
        grid.attach(name, 0, row, 1, 1)
        grid.attach(value, 1, row, 1, 1)
    grid.show_all()
