"""Filters ▸ Scumble ▸ Models…: the window's connection to the daemon, in GTK's own loop so that nothing freezes."""

from __future__ import annotations

import contextlib
import time
from typing import Optional

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GimpUi, GLib, Gtk  # noqa: E402
from models_window import ModelsWindow  # noqa: E402
from scumble_protocol.client import Client  # noqa: E402
from scumble_protocol.errors import Cancelled, DaemonUnavailable, ScumbleError  # noqa: E402
from scumble_protocol.model_board import ModelBoard  # noqa: E402

LOOK_MS = 500  # how often the connection is looked after where nothing comes
ANSWER_S = 30.0


def show() -> None:
    """Until the artist closes it. What is being fetched goes on afterwards."""
    GimpUi.init("scumble")
    _Models().run()


def report() -> str:
    """The models in words, for scripts. Raises: ScumbleError."""
    board = ModelBoard()
    with Client.connect(name="GIMP") as client:
        client.models.watch()
        latest = time.monotonic() + ANSWER_S
        while not (board.folder or board.problem):
            message = client.poll(0.1)
            if message is not None:
                board.take(message, "")
            if time.monotonic() > latest:
                raise DaemonUnavailable("Scumble's daemon does not list its models.", "Run `scumble doctor`.")
    if board.problem:
        raise ScumbleError(board.problem)
    lines = []
    for title, entries in board.groups():
        lines.append(title)
        lines += [f"  {entry.id}: {entry.title}, {entry.size}, {entry.status}" for entry in entries]
    return "\n".join(lines)


class _Models:
    def __init__(self) -> None:
        self._board = ModelBoard()
        self._client: Optional[Client] = None
        self._watch = 0
        self._is_open = True
        self._window = ModelsWindow(
            self._board,
            on_fetch=lambda model, agreed: self._do(lambda client: client.models.fetch(model, agreed)),
            on_cancel=lambda model: self._do(lambda client: client.models.cancel(model)),
            on_remove=lambda model: self._do(lambda client: client.models.remove(model)),
            on_retry=self._connect,
        )

    def run(self) -> None:
        dialog = self._window.dialog
        dialog.connect("response", self._close)
        dialog.show()
        GLib.idle_add(self._connect)
        GLib.timeout_add(LOOK_MS, self._look)
        Gtk.main()
        self._drop()
        dialog.destroy()

    def _close(self, *_: object) -> None:
        self._is_open = False
        Gtk.main_quit()

    def _connect(self) -> bool:
        """Find the daemon or start it, and ask for the list; the window stays alive meanwhile."""
        self._drop()
        self._window.tell("Starting Scumble…", can_retry=False)
        try:
            self._client = Client.connect(name="GIMP models", on_wait=self._wait)
            self._client.models.watch()
        except Cancelled:
            return False
        except ScumbleError as error:
            self._lose(error)
            return False
        self._watch = GLib.io_add_watch(self._client.fileno(), GLib.IO_IN | GLib.IO_HUP, lambda *_: self._look())
        self._look()
        return False  # of an idle source: once

    def _wait(self, _words: str) -> None:
        while Gtk.events_pending():
            Gtk.main_iteration_do(False)
        if not self._is_open:
            raise Cancelled("The window was closed.")

    def _look(self) -> bool:
        """Take in what has come; whether to go on being called."""
        try:
            while self._client is not None:
                message = self._client.poll()
                if message is None:
                    break
                is_new = self._board.take(message, self._client.models.model_of(message) or "")
                if is_new:
                    self._window.tell(self._board.problem)
                self._window.refresh(is_new)
        except ScumbleError as error:
            self._lose(error)
        return True

    def _do(self, request) -> None:
        try:
            if self._client is not None:
                request(self._client)
                self._look()
        except ScumbleError as error:
            self._lose(error)

    def _lose(self, error: ScumbleError) -> None:
        self._drop()
        self._board.lose(str(error))
        self._window.tell(str(error))
        self._window.refresh(is_new_list=False)

    def _drop(self) -> None:
        if self._watch:
            GLib.source_remove(self._watch)
            self._watch = 0
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(ScumbleError, OSError):
                client.close()
