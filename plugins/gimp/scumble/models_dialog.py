"""Filters ▸ Scumble ▸ Models…: what the window asks of the daemon, and what comes."""

from __future__ import annotations

import time

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GimpUi, GLib, Gtk  # noqa: E402
from link import Link  # noqa: E402
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
        self._link = Link("GIMP models", self._look)
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
        self._link.close()
        dialog.destroy()

    def _close(self, *_: object) -> None:
        self._link.is_open = False
        Gtk.main_quit()

    def _connect(self) -> bool:
        """Find the daemon or start it, and ask for the list; the window stays alive meanwhile."""
        self._window.tell("Starting Scumble…", can_retry=False)
        try:
            self._link.connect().models.watch()
        except Cancelled:
            return False
        except ScumbleError as error:
            self._lose(error)
            return False
        self._look()
        return False  # of an idle source: once

    def _look(self) -> bool:
        """Take in what has come; whether to go on being called."""
        try:
            for client, message in self._link.messages():
                is_new = self._board.take(message, client.models.model_of(message) or "")
                if is_new:
                    self._window.tell(self._board.problem)
                self._window.refresh(is_new)
        except ScumbleError as error:
            self._lose(error)
        return True

    def _do(self, request) -> None:
        try:
            if self._link.client is not None:
                request(self._link.client)
                self._look()
        except ScumbleError as error:
            self._lose(error)

    def _lose(self, error: ScumbleError) -> None:
        self._link.drop()
        self._board.lose(str(error))
        self._window.tell(str(error))
        self._window.refresh(is_new_list=False)
