"""The dialog Pick on a Preview on a desktop: clicks at places of the screen, and what it shows there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import chroot
from .window import Window

TITLE = "^Pick on a Preview$"
Place = tuple[int, int]
Colour = tuple[int, int, int]


class Picker:
    """Opened over `window`; all places are the screen's."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.desktop = window.desktop
        self.id = ""
        self._box = (0, 0, 0, 0)

    def open(self, **arguments: Any) -> None:
        image, layers = self.window.document["image"], self.window.document["layers"][-1:]
        self.window.gimp.begin(
            "call", procedure="scumble-pick", image=image, drawables=layers, mode="INTERACTIVE", **arguments
        )
        self.found()

    def found(self) -> None:
        """Wait for the dialog, and put it where all of it is seen."""
        self.id = self.desktop.wait_for_window(TITLE)
        self.desktop.xdotool("windowmove", "--sync", self.id, "180", "60")
        self.desktop.xdotool("windowactivate", "--sync", self.id)
        told = self.desktop.xdotool("getwindowgeometry", "--shell", self.id)
        values = dict(line.split("=", 1) for line in told.splitlines())
        x, y, width, height = (int(values[name]) for name in ("X", "Y", "WIDTH", "HEIGHT"))
        self._box = (x, y, width, height)

    def leave(self) -> None:
        if self.desktop.windows(TITLE):
            self.key("Escape")
            self.window.gimp.finish()

    def apply(self) -> dict[str, Any]:
        """What Enter gives."""
        self.key("Return")
        return self.window.gimp.finish()

    def key(self, *keys: str) -> None:
        self.desktop.key(self.id, *keys)

    def click(self, place: Place, button: int = 1) -> None:
        self.desktop.xdotool("mousemove", *map(str, place), "click", str(button))

    def drag(self, start: Place, end: Place) -> None:
        steps = [
            (start[0] + (end[0] - start[0]) * step // 8, start[1] + (end[1] - start[1]) * step // 8)
            for step in range(9)
        ]
        moves = [word for place in steps for word in ("mousemove", *map(str, place), "sleep", "0.03")]
        self.desktop.xdotool(*moves[:5], "mousedown", "1", *moves[5:], "mouseup", "1")

    def scroll(self, place: Place, up: bool, control: bool = False) -> None:
        held = (["keydown", "ctrl"], ["keyup", "ctrl"]) if control else ([], [])
        self.desktop.xdotool("mousemove", *map(str, place), *held[0], "click", "4" if up else "5", *held[1])

    # --- what it shows -------------------------------------------------------------------------------------------

    @property
    def middle(self) -> Place:
        """Of the preview, nearly."""
        x, y, width, height = self._box
        return x + width // 3, y + height // 2

    def picture(self) -> np.ndarray:
        """The screen, black beside the dialog: GIMP shows the same layer."""
        screen = self.desktop.picture().astype(int)
        x, y, width, height = self._box
        shown = np.zeros_like(screen)
        shown[y : y + height, x : x + width] = screen[y : y + height, x : x + width]
        return shown

    def _of(self, colour: Colour) -> tuple[np.ndarray, np.ndarray]:
        return np.nonzero(np.abs(self.picture() - colour).max(axis=2) < 12)

    def place_of(self, colour: Colour) -> Place:
        """The middle of what has that colour."""

        def look() -> Place | None:
            rows, columns = self._of(colour)
            return (round(columns.mean()), round(rows.mean())) if len(rows) > 200 else None

        return self.wait_for(look, f"{colour} to be in the preview")

    def area_of(self, colour: Colour) -> int:
        return len(self._of(colour)[0])

    def corner_of(self, colour: Colour) -> Place | None:
        """The upper left one."""
        rows, columns = self._of(colour)
        return (int(columns.min()), int(rows.min())) if len(rows) else None

    def shows_found(self, place: Place) -> bool:
        """Whether the blue of what is found lies there, beside the mark of a click."""
        patch = self.picture()[place[1] + 12 : place[1] + 18, place[0] + 12 : place[0] + 18].reshape(-1, 3)
        return bool(np.median(patch[:, 2]) > 110 and np.median(patch[:, 2] - patch[:, 0]) > -60)

    def wait_for_found(self, place: Place) -> None:
        self.wait_for(lambda: self.shows_found(place), "what is found to be shown")

    def wait_for(self, look: Callable[[], Any], what: str) -> Any:
        try:
            return chroot.wait_until(look, what)
        except TimeoutError:
            self.desktop.picture("picking/failed")
            raise
