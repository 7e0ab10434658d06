"""Results that are only looked at: no row in the queue, nothing is inserted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Dict, Iterator, Optional, Tuple

from scumble_protocol.errors import ScumbleError
from scumble_protocol.image import Raster
from scumble_protocol.messages import Result

from .order import order_of
from .qt import QObject
from .request import Request
from .session import Session
from .source import Source


@dataclass(frozen=True)
class Found:
    """A selection, with bytes of its own. `source`: where it was found, without the pixels."""

    source: Source
    selection: Raster


Answer = Callable[[Optional[Found], Optional[ScumbleError]], None]
"""Takes what was found, or why nothing was."""


class Looks(QObject):
    """`numbers`: those of the jobs · `read`: the active layer, with the selection or without."""

    def __init__(self, session: Session, numbers: Iterator[int], read: Callable[[bool], Source]) -> None:
        super().__init__()
        self._session = session
        self._numbers = numbers
        self._read = read
        self._open: Dict[int, Tuple[Source, Answer]] = {}
        session.finished.connect(self._finished)  # before the queue's, which releases what is none of its jobs
        session.failed.connect(self._failed)

    def start(self, request: Request, answer: Answer) -> int:
        """Have an operation find a selection on the active layer; the look's number.

        What is selected now does not limit it: the artist is choosing anew. Raises: Invalid · Unsupported
        """
        source = self._read(False)
        number = next(self._numbers)
        self._open[number] = source.without_pixels(), answer
        self._session.submit(order_of(number, source, request, None))
        return number

    def stop(self, number: int) -> None:
        """Nobody waits for it any more."""
        if self._open.pop(number, None) is not None:
            self._session.cancel(number)

    def _finished(self, number: int, result: Result) -> None:
        if number in self._open and result.selection is not None:
            source, answer = self._open.pop(number)
            answer(Found(source, replace(result.selection, data=bytes(result.selection.data))), None)

    def _failed(self, number: int, error: ScumbleError) -> None:
        if number in self._open:
            self._open.pop(number)[1](None, error)
