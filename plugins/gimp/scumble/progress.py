"""Tell the artist how far a job is: in GIMP's own bar, or in a window with the picture so far."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Union

from gi.repository import Gimp
from scumble_protocol.image import Bounds
from scumble_protocol.messages import Preview

if TYPE_CHECKING:
    from progress_window import ProgressWindow

QUIET_S = 0.25
REDRAW_S = 0.05

AnyProgress = Union["Progress", "ProgressWindow"]


def begin(title: str, layer: Bounds, is_watched: bool) -> AnyProgress:
    """A window for what is worth watching where there is a screen, GIMP's bar for all else; to be ended."""
    if is_watched:
        import progress_window

        if progress_window.can_be_shown():
            return progress_window.ProgressWindow(title, layer)
    return Progress(title)


class Progress:
    """GIMP's progress bar, with its Cancel button.

    It comes up only when a job takes a moment, and moves at most twenty times a second: GIMP repaints for every call,
    which would take longer than a short job.
    """

    previews = 0  # it has no place for them

    def __init__(self, title: str) -> None:
        self._title = title
        self._stage = ""
        self._is_up = False
        self._next_at = time.monotonic() + QUIET_S

    def wait(self, stage: str) -> None:
        self.show(-1, stage)

    def tick(self) -> bool:
        """To be asked often whether to cancel: brings the bar up for operations that report nothing."""
        if not self._is_up:
            self.show(-1, self._stage)
        return False  # GIMP's Cancel button ends this process without asking

    def is_enough(self) -> bool:
        return False

    def show_preview(self, preview: Preview, samples: Any) -> None:
        pass

    def show(self, fraction: float, stage: str) -> None:
        now = time.monotonic()
        if now < self._next_at:
            return
        self._next_at = now + REDRAW_S
        if not self._is_up:
            Gimp.progress_init(self._title)
            self._is_up = True
        if stage and stage != self._stage:
            self._stage = stage
            Gimp.progress_set_text(stage)
        if fraction < 0:
            Gimp.progress_pulse()
        else:
            Gimp.progress_update(fraction)

    def end(self) -> None:
        if self._is_up:
            Gimp.progress_end()
