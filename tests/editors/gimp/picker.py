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
        self._is_awaited = False  # GIMP tells when the procedure ends
        self._box = (0, 0, 0, 0)

    def open(self) -> None:
        image, layers = self.window.document["image"], self.window.document["layers"][-1:]
        self.window.gimp.begin("call", procedure="scumble-pick", image=image, drawables=layers, mode="INTERACTIVE")
        self._is_awaited = True
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

    def open_by_hand(self) -> None:
        """By GIMP's search for actions: the tests can change the image meanwhile."""
        self.desktop.key(self.window.id, "slash")
        search = self.desktop.wait_for_window("^Search Actions$")
        self.desktop.xdotool("windowactivate", "--sync", search)
        self.desktop.xdotool("type", "--delay", "40", "Pick on a Preview")
        self.wait_for(lambda: self._is_opened_by_return(search), "the dialog")
        self.found()

    def _is_opened_by_return(self, search: str) -> bool:
        if search in self.desktop.windows("^Search Actions$"):
            self.desktop.key(search, "Return")
        return bool(self.desktop.windows(TITLE))

    def apply_by_hand(self) -> None:
        self.key("Return")
        self.wait_until_closed()

    def wait_until_closed(self) -> None:
        self.wait_for(lambda: not self.desktop.windows(TITLE), "the dialog to close")

    def leave(self) -> None:
        """Close it where it is still open."""
        if self.desktop.windows(TITLE):
            self.key("Escape")
            if self._is_awaited:
                self.window.gimp.finish()
            self.wait_until_closed()

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

    def words(self) -> bytes:
        """What is said below the preview, as it is drawn."""
        x, y, width, height = self._box
        return self.desktop.picture()[y + height - 150 : y + height - 100, x : x + width * 3 // 5].tobytes()

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
        rows, columns = np.nonzero(np.abs(self.picture() - colour).max(axis=2) < 12)
        return rows, columns

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

    def colour_of_mark(self, place: Place) -> Colour:
        """Beside its sign; the picture's where there is no mark."""
        red, green, blue = self.picture()[place[1] + 3, place[0] + 3]
        return int(red), int(green), int(blue)

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
