"""A window's connection to the daemon, in GTK's own loop so that nothing freezes."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator, Optional, Tuple

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GLib, Gtk  # noqa: E402
from scumble_protocol.client import Client  # noqa: E402
from scumble_protocol.errors import Cancelled, ScumbleError  # noqa: E402


class Link:
    """To be closed. `on_news`: called when something has come, or the connection has ended.

    `client`: None before it is opened, and after it was dropped.
    """

    def __init__(
        self, name: str, on_news: Callable[[], object], on_wait: Callable[[str], None] = lambda words: None
    ) -> None:
        self._name, self._on_news, self._on_wait = name, on_news, on_wait
        self._watch = 0
        self.client: Optional[Client] = None
        self.is_open = True

    def connect(self) -> Client:
        """Find the daemon or start it; the window stays alive meanwhile.

        Raises: Cancelled where the window was closed, and other ScumbleErrors.
        """
        self.drop()
        self.client = Client.connect(name=self._name, on_wait=self._wait)
        self._watch = GLib.io_add_watch(self.client.fileno(), GLib.IO_IN | GLib.IO_HUP, self._tell)
        return self.client

    def messages(self) -> Iterator[Tuple[Client, Any]]:
        """Those that have come, each with the client it came to. Raises: ScumbleError."""
        while self.client is not None:
            client = self.client
            message = client.poll()
            if message is None:
                return
            yield client, message

    def drop(self) -> None:
        """Of this connection nothing more is wanted; there may be another one."""
        if self._watch:
            GLib.source_remove(self._watch)
            self._watch = 0
        client, self.client = self.client, None
        if client is not None:
            with contextlib.suppress(ScumbleError, OSError):
                client.close()

    def close(self) -> None:
        self.is_open = False
        self.drop()

    def _tell(self, *_: Any) -> bool:
        self._on_news()
        return True

    def _wait(self, words: str) -> None:
        self._on_wait(words)
        while self.is_open and Gtk.events_pending():
            Gtk.main_iteration_do(False)
        if not self.is_open:
            raise Cancelled("The window was closed.")
