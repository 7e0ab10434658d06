"""Questions and answers over one transport: ids, replies, silence, and the end of the daemon."""

from __future__ import annotations

import itertools
import time
from typing import Any, Callable, NoReturn, Optional, Type, TypeVar

from . import wire
from .errors import DaemonUnavailable, Invalid, ScumbleError, Unsupported, from_code
from .messages import VERSION, Failure, Message, Ping
from .transport import Transport

_Reply = TypeVar("_Reply")


class Session:
    """One connection with its message ids. Once the daemon is lost, every call raises DaemonUnavailable."""

    def __init__(self, carrier: Transport, silence_s: float) -> None:
        """`silence_s`: how long a daemon that owes us something may say nothing at all."""
        self.carrier = carrier
        self.silence_s = silence_s
        self._numbers = itertools.count(1)
        self._heard_at = time.monotonic()
        self._pinged_at: Optional[float] = None
        self._lost: Optional[DaemonUnavailable] = None

    def next_id(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers)}"

    def send(self, message: Message) -> None:
        self._guard(lambda: self.carrier.send(wire.encode(message)))

    def receive(self, timeout_s: float) -> Optional[Message]:
        """The next message, or None. What does not decode becomes a Failure of the request that it names."""
        frames = self._guard(lambda: self.carrier.receive(timeout_s))
        if frames is None:
            return None
        self._heard_at, self._pinged_at = time.monotonic(), None
        try:
            return wire.decode(frames)
        except (Invalid, Unsupported) as error:
            return _failure(frames, error)

    def ask(self, request: Any, expected: Type[_Reply], timeout_s: float, others: Callable[[Message], None]) -> _Reply:
        """Send `request` and wait for its answer; what else comes meanwhile goes to `others`.

        Raises: what a Failure says · DaemonUnavailable
        """
        self.send(request)
        deadline = time.monotonic() + timeout_s
        while True:
            message = self.receive(max(0.0, deadline - time.monotonic()))
            if message is None:
                self.lose("Scumble's daemon does not answer.")
            elif message.id != request.id:
                others(message)
            elif isinstance(message, expected):
                return message
            elif isinstance(message, Failure):
                raise from_code(message.code, message.message, message.hint)

    def check_silence(self) -> None:
        """With nothing left to read and an answer due: a Ping, and the end when even that stays unanswered."""
        now = time.monotonic()
        if self._pinged_at is None:
            if now - self._heard_at > self.silence_s / 2:
                self.send(Ping(self.next_id("ping")))
                self._pinged_at = now
        elif now - self._pinged_at > self.silence_s / 2:
            self.lose("Scumble's daemon has fallen silent.")

    def lose(self, message: str) -> NoReturn:
        """Give the daemon up. Raises: DaemonUnavailable"""
        self._lost = DaemonUnavailable(message, "End it with `scumble stop`, then run the operation again.")
        raise self._lost

    def close(self) -> None:
        if self._lost is None:
            self._lost = DaemonUnavailable("The session with Scumble is closed.", "Run the operation again.")
        self.carrier.close()

    def _guard(self, act: Callable[[], Any]) -> Any:
        if self._lost is not None:
            raise DaemonUnavailable(self._lost.message, self._lost.hint)
        try:
            return act()
        except DaemonUnavailable as error:
            self._lost = error
            raise


def _failure(frames: Any, error: ScumbleError) -> Optional[Message]:
    try:
        header = wire.read_header(frames)
    except Invalid:
        return None  # nothing to be learnt from it, and nobody to tell
    if isinstance(error, Unsupported) and header.get("v") == VERSION:
        return None  # a message type of a newer daemon, which a client of this version can do without
    request = header.get("id")
    return Failure(request if isinstance(request, str) else "", error.code, error.message, error.hint)
