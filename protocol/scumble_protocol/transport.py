"""What carries frames between a client and the daemon: our own ZMTP inside editors, pyzmq everywhere else."""

from __future__ import annotations

import time
from typing import Any, List, Optional, Protocol, Sequence

from .errors import DaemonUnavailable
from .zmtp import STALL_S, Dealer

KINDS = ("zmtp", "pyzmq")


class Transport(Protocol):
    """One connection to the daemon, owned by one thread."""

    def send(self, frames: Sequence[Any]) -> None:
        """Hand over one message. Raises: DaemonUnavailable"""
        ...

    def receive(self, timeout_s: Optional[float] = 0) -> Optional[List[memoryview]]:
        """The next message; None: nothing came in time. Raises: DaemonUnavailable once the daemon is gone."""
        ...

    def fileno(self) -> int: ...

    def close(self) -> None: ...


def connect(endpoint: str, kind: str = "zmtp", timeout_s: float = 5.0) -> Transport:
    """Connect to `endpoint` by "zmtp" or "pyzmq". Raises: DaemonUnavailable where nobody answers."""
    if kind == "zmtp":
        return Dealer(endpoint, timeout_s)
    if kind == "pyzmq":
        return PyzmqDealer(endpoint, timeout_s)
    raise ValueError(f"there is no transport {kind!r}")


class PyzmqDealer:
    """The same over libzmq. Its `fileno` is edge-triggered: receive until None after every event."""

    def __init__(self, endpoint: str, timeout_s: float = 5.0) -> None:
        import zmq
        from zmq.utils import monitor

        self._zmq = zmq
        self._read_event = monitor.recv_monitor_message
        self._connected = False
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._socket.setsockopt(zmq.RECONNECT_IVL, -1)  # a new daemon knows nothing of this session: say so instead
        self._socket.setsockopt(zmq.SNDTIMEO, int(STALL_S * 1000))
        self._socket.setsockopt(zmq.RCVHWM, 0)
        watched = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
        watched |= zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
        self._monitor = self._socket.get_monitor_socket(watched)
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._gone = False
        try:
            self._socket.connect(endpoint)
            deadline = time.monotonic() + timeout_s
            while not self._connected and not self._gone and time.monotonic() < deadline:
                self._monitor.poll(max(1, int((deadline - time.monotonic()) * 1000)))
                self._read_events()
        except zmq.ZMQError:
            self._gone = True
        if not self._connected or self._gone:
            self.close()
            raise DaemonUnavailable(f"No Scumble daemon answers at {endpoint}.")

    def send(self, frames: Sequence[Any]) -> None:
        self._read_events()
        if self._gone:
            raise self._unavailable()
        try:
            self._socket.send_multipart(frames, copy=False)
        except self._zmq.ZMQError:
            self._gone = True
            raise self._unavailable() from None

    def receive(self, timeout_s: Optional[float] = 0) -> Optional[List[memoryview]]:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            gone = self._gone  # asked before the last look, so that what came before the end is still read
            try:
                return [frame.buffer for frame in self._socket.recv_multipart(self._zmq.NOBLOCK, copy=False)]
            except self._zmq.Again:
                pass
            except self._zmq.ZMQError:
                gone = True
            if gone:
                raise self._unavailable()
            left_s = None if deadline is None else deadline - time.monotonic()
            if left_s is not None and left_s <= 0:
                self._read_events()
                if not self._gone:
                    return None
                continue
            self._poller.poll(None if left_s is None else max(1, int(left_s * 1000)))
            self._read_events()

    def fileno(self) -> int:
        return int(self._socket.getsockopt(self._zmq.FD))

    def close(self) -> None:
        self._gone = True
        if not self._socket.closed:
            self._socket.disable_monitor()
            self._monitor.close(0)
            self._socket.close(0)
            self._context.term()

    def _read_events(self) -> None:
        while not self._monitor.closed and self._monitor.poll(0):
            event = self._read_event(self._monitor)["event"]
            if event == self._zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._connected = True
            else:
                self._gone = True

    def _unavailable(self) -> DaemonUnavailable:
        return DaemonUnavailable(
            "Scumble's daemon has gone away.", "Try again; if it stays so, `scumble doctor` says why."
        )
