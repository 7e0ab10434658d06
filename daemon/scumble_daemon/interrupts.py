"""Ctrl+C while a job runs: the first is enough for one that can finish early, the next one cancels it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any


class Interrupts:
    """A context manager, for the main thread. `may_finish`: set it once the job has something to give."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.may_finish = False
        self._is_enough = False
        self._before: Any = None

    def is_enough(self) -> bool:
        """Whether what there is so far is wanted."""
        return self._is_enough

    def __enter__(self) -> Interrupts:
        self._before = signal.signal(signal.SIGINT, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if not self.may_finish or self._is_enough:
            signal.default_int_handler(number, frame)
        self._is_enough = True
        self._tell("Finishing with what there is so far; Ctrl+C again cancels.")
