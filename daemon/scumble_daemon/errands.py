"""Processes that the server sends on errands: their news come to its loop, and none of them outlives it."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import zmq

log = logging.getLogger(__name__)

MODULE = "scumble_daemon.weights.errand"
NEWS = "inproc://errands"
OUTCOMES = ("models", "fetched", "removed", "failure")
DIED = {
    "kind": "failure",
    "code": "internal",
    "message": "The process that worked in the models' folder has died.",
    "hint": "Try again; the log has the details.",
}

OnNews = Callable[[dict[str, Any]], None]


@dataclass
class _Errand:
    process: subprocess.Popen[bytes]
    on_news: OnNews


class Errands:
    """Every errand ends with exactly one outcome, or with `end`, after which it says nothing more."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], stderr_file: Path) -> None:
        self._context = context
        self._stderr_file = stderr_file
        self._numbers = itertools.count(1)
        self._running: dict[int, _Errand] = {}
        self.socket = context.socket(zmq.PULL)
        self.socket.bind(NEWS)

    def start(self, order: dict[str, Any], on_news: OnNews) -> int:
        """Send a process; `on_news` is called from `service` with each line it says. Raises: OSError."""
        with self._stderr_file.open("ab") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", MODULE],
                stdin=subprocess.PIPE,  # left open: its end tells the process that the daemon is gone
                stdout=subprocess.PIPE,
                stderr=stderr,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        assert process.stdin is not None
        assert process.stdout is not None
        number = next(self._numbers)
        self._running[number] = _Errand(process, on_news)
        with contextlib.suppress(BrokenPipeError):  # it died already, which its silence will say
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
        # A thread each: no poller waits for a pipe on Windows
        threading.Thread(target=self._listen, args=(number, process.stdout), daemon=True).start()
        return number

    def end(self, number: int) -> None:
        """Kill it, if it still runs."""
        errand = self._running.pop(number, None)
        if errand is not None:
            _end(errand.process)

    def service(self) -> None:
        """Pass on what has been said."""
        while self.socket.poll(0):
            name, line = self.socket.recv_multipart()
            errand = self._running.get(int(name))
            if errand is None:
                continue
            news = json.loads(line) if line else DIED
            if news["kind"] in OUTCOMES:
                del self._running[int(name)]
                _end(errand.process)
            errand.on_news(news)

    def close(self) -> None:
        for number in list(self._running):
            self.end(number)
        self.socket.close(0)

    def _listen(self, number: int, said: IO[bytes]) -> None:
        name = str(number).encode()
        with said, self._context.socket(zmq.PUSH) as news, contextlib.suppress(zmq.ContextTerminated):
            news.setsockopt(zmq.LINGER, 0)
            news.connect(NEWS)
            for line in said:
                news.send_multipart([name, line])
            news.send_multipart([name, b""])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # one that has said its outcome has nothing left to do
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
