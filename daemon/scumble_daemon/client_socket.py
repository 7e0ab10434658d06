"""The socket that clients talk to: where it listens, how it is found, and frames in and out of it."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import zmq
from scumble_protocol.connection import Connection

from . import __version__
from .config import Config

MAX_IPC_PATH = 107  # bytes in sockaddr_un, less one
SEND_QUEUE = 1000  # messages for a client that does not read, before progress is dropped and then the client
READ_AT_ONCE = 64  # then look after the workers, even under a flood


class ClientSocket:
    """Bound as soon as it is made; `connection` is what clients need to know."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], settings: Config, runtime: Path) -> None:
        self._settings = settings
        self._runtime = runtime
        self._path = runtime / "scumble.sock"
        self._router = context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)  # without it, replies to a client that reads slowly vanish
        self._router.setsockopt(zmq.SNDHWM, SEND_QUEUE)
        self._router.setsockopt(zmq.LINGER, 200)
        self._departures = self._router.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.connection = Connection(tuple(self._bind()), secrets.token_urlsafe(32), os.getpid(), __version__)

    @property
    def sockets(self) -> tuple[zmq.Socket[bytes], ...]:
        """To be polled for."""
        return self._router, self._departures

    def publish(self) -> None:
        """Let clients find it."""
        self.connection.write(self._runtime)
        for folder in self._settings.connection_copies:
            with contextlib.suppress(OSError):  # an editor that was removed
                self.connection.write(Path(folder))

    def read(self) -> Iterator[tuple[bytes, list[memoryview]]]:
        """(client, frames) of what has come."""
        for _ in range(READ_AT_ONCE):
            try:
                client, *frames = self._router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            yield client.bytes, [frame.buffer for frame in frames]

    def send(self, client: bytes, frames: Sequence[Any], copy: bool = False) -> None:
        """Raises: zmq.Again where the client does not read, another zmq.ZMQError where there is none."""
        self._router.send_multipart([client, *frames], zmq.NOBLOCK, copy=copy)

    def someone_left(self) -> bool:
        """Whether a connection has ended since the last call."""
        found = False
        while self._departures.poll(0):
            self._departures.recv_multipart()
            found = True
        return found

    def close(self) -> None:
        for folder in (str(self._runtime), *self._settings.connection_copies):
            with contextlib.suppress(OSError):
                (Path(folder) / "connection.json").unlink()
        self._router.disable_monitor()
        self._departures.close()  # a socket left open would keep the context from ending
        self._router.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _bind(self) -> list[str]:
        endpoints = []
        if sys.platform != "win32" and len(os.fsencode(self._path)) <= MAX_IPC_PATH:
            self._path.unlink(missing_ok=True)  # the lock says that nobody listens there
            self._router.bind(f"ipc://{self._path}")
            endpoints.append(f"ipc://{self._path}")
        if self._settings.tcp or self._settings.connection_copies or not endpoints:
            port = self._router.bind_to_random_port("tcp://127.0.0.1")
            endpoints.append(f"tcp://127.0.0.1:{port}")
        return endpoints
