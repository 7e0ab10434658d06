"""The image window of a GIMP on a desktop: choose an entry, answer the dialog, undo."""

from __future__ import annotations

import itertools
from typing import Any

from .. import chroot
from .session import Gimp

STATE = ("the layers", "the selected layers", "what shows", "the selection")


class Window:
    """A document of `size` (width, height) in the image window; at the end both are closed."""

    def __init__(self, gimp: Gimp, desktop: chroot.Desktop, document: dict[str, Any], size: tuple[int, int]) -> None:
        self.gimp = gimp
        self.desktop = desktop
        self.document = document
        self.size = size
        self._display = gimp.call("show", image=document["image"])
        self.id = desktop.wait_for_window(f"{size[0]}x{size[1]} – GIMP")
        desktop.xdotool("windowmove", self.id, "0", "0")
        desktop.xdotool("windowsize", self.id, "1430", "870")

    def __enter__(self) -> Window:
        return self

    def __exit__(self, *_: object) -> None:
        self.gimp.call("hide", display=self._display)

    def begin(self, operation: str) -> None:
        """What choosing the menu entry does."""
        image, layers = self.document["image"], self.document["layers"][-1:]
        self.gimp.begin("call", procedure=f"scumble-{operation}", image=image, drawables=layers, mode="INTERACTIVE")

    def run(self, operation: str, title: str, key: str = "Return") -> dict[str, Any]:
        """Choose the menu entry, answer the dialog, and put the notes away."""
        self.begin(operation)
        self.desktop.key(self.desktop.wait_for_window(f"^{title}$"), key)
        done = self.gimp.finish()
        if done["values"][1]:
            self.dismiss_message()
        return done

    def dismiss_message(self) -> None:
        """Wait for GIMP's message box and close it."""
        message = self.desktop.wait_for_window("^GIMP Message$")
        chroot.wait_until(lambda: self._is_closed_by_return(message), "the message box to close")

    def _is_closed_by_return(self, message: str) -> bool:
        self.desktop.key(message, "Return")
        return message not in self.desktop.windows("^GIMP Message$")

    def undo(self) -> None:
        self.desktop.key(self.id, "ctrl+z")

    def is_cancelled_by_a_click(self, place: tuple[int, int]) -> bool:
        self.desktop.xdotool("mousemove", *map(str, place), "click", "1")
        return self.gimp.has_finished()

    def state(self) -> tuple[Any, ...]:
        """Everything of the document that an undo has to restore."""
        return (
            self.gimp.tree(self.document),
            self.gimp.call("selected_layers", image=self.document["image"]),
            self.gimp.composite(self.document).tobytes(),
            self.gimp.selection(self.document, self.size).tobytes(),
            *(self.gimp.read(layer).tobytes() for layer in self.document["layers"]),
        )

    def wait_for_state(self, state: tuple[Any, ...], what: str) -> None:
        try:
            chroot.wait_until(lambda: self.state() == state, what, 20)
        except TimeoutError as error:
            parts = itertools.zip_longest(STATE, self.state(), state, fillvalue="a layer's samples")
            differ = [part for part, now, wanted in parts if now != wanted]
            raise TimeoutError(f"{error}: {', '.join(differ)} are not as before") from None
