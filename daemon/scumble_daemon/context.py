"""What an operation is given beside the image and its parameters, and how it reports back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scumble_protocol.errors import Cancelled
from scumble_protocol.image import Bounds, Point, Reference

if TYPE_CHECKING:
    from .imaging.image import NewLayer


def _ignore_progress(fraction: float, stage: str) -> None:
    pass


def _ignore_preview(layers: Sequence[NewLayer]) -> None:
    pass


@dataclass
class Context:
    """Everything an operation may know and say beyond its image and parameters.

    `selection`: H×W float32 coverage in [0, 1] over the layer's own bounds, or None where nothing is selected ·
    `points`, `box`: in pixels from the *layer's* top left corner (points may lie outside it, the box does not) ·
    `preview`: show the artist an early result · `notes`: sentences that go with the result."""

    selection: np.ndarray | None = None
    points: tuple[Point, ...] = ()
    box: Bounds | None = None
    reference: Reference | None = None
    device: str = "cpu"
    report: Callable[[float, str], None] = _ignore_progress
    is_cancelled: Callable[[], bool] = lambda: False
    preview: Callable[[Sequence[NewLayer]], None] = _ignore_preview
    notes: list[str] = field(default_factory=list)

    def progress(self, fraction: float, stage: str) -> None:
        """Tell the artist how far the job is; `fraction` 0 to 1. Raises: Cancelled, so call it often."""
        self.check_cancelled()
        self.report(fraction, stage)

    def check_cancelled(self) -> None:
        """Raises: Cancelled."""
        if self.is_cancelled():
            raise Cancelled("The job was cancelled.")

    def note(self, sentence: str) -> None:
        """Say something with the result: a low confidence, a choice that was made."""
        self.notes.append(sentence)
