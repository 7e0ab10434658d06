"""Speak ZMTP 3.1 (NULL mechanism, DEALER) over a plain socket, with the standard library alone.

After RFC 37/ZMTP, https://rfc.zeromq.org/spec/37/. No compiled dependency is needed inside an editor, and the file
descriptor is level-triggered, as QSocketNotifier and GLib.io_add_watch expect.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import time
from collections import deque
from itertools import islice
from typing import Any, Deque, List, Optional, Sequence

from .errors import DaemonUnavailable
from .fields import MAX_BLOBS
from .image import MAX_PIXELS

MORE, LONG, COMMAND = 1, 2, 4
SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
GREETING = SIGNATURE + b"\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32)
READY = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER" + b"\x08Identity" + bytes(4)

MAX_FRAME_BYTES = MAX_PIXELS * 16  # the largest raster there can be: RGBA f32
SCRATCH_BYTES = 64 << 10
JOIN_BYTES = 8 << 10  # frames up to this size are joined into one write with what stands before them
CHUNK_BYTES = 256 << 20  # macOS refuses single reads and writes above 2 GiB
STALL_S = 10.0

# Krita's Python does not ignore SIGPIPE for us; a daemon that dies while we write must not take the editor with it.
_SEND_FLAGS = getattr(socket, "MSG_NOSIGNAL", 0)
_SO_NOSIGPIPE = 0x1022  # <sys/socket.h> of macOS, which long had no MSG_NOSIGNAL


class Dealer:
    """One connection to a ROUTER. Not thread-safe. A time-out loses no bytes: the next call goes on from there.

    One readable event may bring several messages: call `receive(0)` until it gives None.
    """

    def __init__(self, endpoint: str, timeout_s: float = 5.0) -> None:
        """Raises: DaemonUnavailable where nobody answers at `endpoint` (ipc://path or tcp://host:port)."""
        self._scratch = memoryview(bytearray(SCRATCH_BYTES))
        self._start = self._end = 0  # what lies in the scratch, read and not yet parsed
        self._body: Optional[memoryview] = None  # the frame that is being read straight into its own memory
        self._filled = 0
        self._flags = 0
        self._parts: List[memoryview] = []
        self._inbox: Deque[List[memoryview]] = deque()
        self._outgoing: Deque[memoryview] = deque()
        self._ready = False
        self._closed = False
        self._socket = _connect(endpoint, timeout_s)
        try:
            self._handshake(time.monotonic() + timeout_s)
        except BaseException:
            self.close()
            raise

    def send(self, frames: Sequence[Any]) -> None:
        """Write one message, waiting while the daemon reads it. The buffers are free again when this returns.

        Raises: DaemonUnavailable
        """
        self._check_open()
        last = len(frames) - 1
        for index, frame in enumerate(frames):
            self._queue(MORE if index < last else 0, memoryview(frame).cast("B"))
        stalled_at = time.monotonic() + STALL_S
        waiting = len(self._outgoing)
        while not self._flush():
            # Reading on meanwhile keeps two full pipes from waiting for each other.
            if self._wait(stalled_at, write=True):
                self._read()
            if len(self._outgoing) != waiting:
                waiting = len(self._outgoing)
                stalled_at = time.monotonic() + STALL_S
            elif time.monotonic() >= stalled_at:
                raise self._gone("Scumble's daemon has stopped reading.")

    def receive(self, timeout_s: Optional[float] = 0) -> Optional[List[memoryview]]:
        """The next message, or None where none came in time (None as `timeout_s`: wait for ever).

        Raises: DaemonUnavailable once the daemon is gone and everything it had sent was read.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._inbox:
            self._check_open()
            if not self._read() and not self._inbox:
                if deadline is not None and time.monotonic() >= deadline:
                    return None
                self._wait(deadline, write=bool(self._outgoing))
        return self._inbox.popleft()

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._closed = True
        self._socket.close()

    def __enter__(self) -> "Dealer":
        return self

    def __exit__(self, *_error: Any) -> None:
        self.close()

    # --- the handshake -------------------------------------------------------------------------------------------

    def _handshake(self, deadline: float) -> None:
        self._outgoing.append(memoryview(GREETING))
        self._flush()
        while self._end < len(GREETING):
            self._await(deadline)
        greeting = bytes(self._scratch[: len(GREETING)])
        mechanism = greeting[12:32].rstrip(b"\0")
        if greeting[0] != 0xFF or greeting[9] != 0x7F or greeting[10] < 3 or mechanism != b"NULL":
            raise self._gone("What answers at Scumble's address is not Scumble.")
        self._start = len(GREETING)
        self._queue(COMMAND, memoryview(READY))
        self._flush()
        self._parse()
        while not self._ready:
            self._await(deadline)
            self._parse()

    def _await(self, deadline: float) -> None:
        if not self._take():
            if time.monotonic() >= deadline:
                raise self._gone("Scumble's daemon does not answer.")
            self._wait(deadline, write=bool(self._outgoing))
            self._flush()

    # --- reading -------------------------------------------------------------------------------------------------

    def _read(self) -> bool:
        """Read until a message is whole or the socket is empty; False: it was empty at once."""
        if self._outgoing:
            self._flush()
        moved = False
        while not self._inbox and self._take():
            moved = True
            self._parse()
        return moved

    def _take(self) -> bool:
        """One read from the socket, into the frame under way or into the scratch; False: there is nothing now."""
        if self._body is not None:
            target = self._body[self._filled : self._filled + CHUNK_BYTES]
        else:
            if self._start:  # what is left is a frame header cut short: at most 8 bytes
                left = bytes(self._scratch[self._start : self._end])
                self._scratch[: len(left)] = left
                self._start, self._end = 0, len(left)
            target = self._scratch[self._end :]
        try:
            count = self._socket.recv_into(target)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            count = 0
        if count == 0:
            raise self._gone("Scumble's daemon has gone away.")
        if self._body is not None:
            self._filled += count
        else:
            self._end += count
        return True

    def _parse(self) -> None:
        """Turn what was read into frames, as far as it goes."""
        while True:
            if self._body is None and not self._begin_frame():
                return
            assert self._body is not None
            count = min(self._end - self._start, self._body.nbytes - self._filled)
            if count:
                self._body[self._filled : self._filled + count] = self._scratch[self._start : self._start + count]
                self._start += count
                self._filled += count
            if self._filled < self._body.nbytes:
                return
            body, self._body = self._body, None
            self._end_frame(body)

    def _begin_frame(self) -> bool:
        held = self._end - self._start
        if held < 2:
            return False
        flags = self._scratch[self._start]
        if flags > (MORE | LONG | COMMAND) or flags & (MORE | COMMAND) == (MORE | COMMAND):
            raise self._gone("Scumble's daemon sent something that is not ZMTP.")
        header = 9 if flags & LONG else 2
        if held < header:
            return False
        size = self._scratch[self._start + 1]
        if flags & LONG:
            (size,) = struct.unpack_from(">Q", self._scratch, self._start + 1)
        if size > MAX_FRAME_BYTES or len(self._parts) > MAX_BLOBS:
            raise self._gone("Scumble's daemon sent a message beyond every limit.")
        self._start += header
        self._flags, self._filled = flags, 0
        try:
            self._body = memoryview(bytearray(size))
        except MemoryError:
            raise self._gone(f"There is no memory for a message of {size >> 20} MiB.") from None
        return True

    def _end_frame(self, body: memoryview) -> None:
        if self._flags & COMMAND:
            self._obey(bytes(body))
        elif not self._ready:
            raise self._gone("What answers at Scumble's address is not Scumble.")
        else:
            self._parts.append(body)
            if not self._flags & MORE:
                self._inbox.append(self._parts)
                self._parts = []

    def _obey(self, command: bytes) -> None:
        name = command[1 : 1 + command[0]] if command else b""
        if name == b"READY":
            self._ready = True
        elif name == b"PING":  # two bytes of time-to-live, then a context that the PONG repeats
            self._queue(COMMAND, memoryview(b"\x04PONG" + command[7:]))
            self._flush()
        elif name == b"ERROR":
            raise self._gone("Scumble's daemon refused the connection.")

    # --- writing -------------------------------------------------------------------------------------------------

    def _queue(self, flags: int, body: memoryview) -> None:
        size = body.nbytes
        head = struct.pack(">BQ", flags | LONG, size) if size > 255 else struct.pack(">BB", flags, size)
        if size <= JOIN_BYTES:
            self._outgoing.append(memoryview(head + bytes(body)))
            return
        self._outgoing.append(memoryview(head))
        for start in range(0, size, CHUNK_BYTES):
            self._outgoing.append(body[start : start + CHUNK_BYTES])

    def _flush(self) -> bool:
        """Write what the socket takes now; True: nothing is left to write."""
        while self._outgoing:
            try:
                if hasattr(self._socket, "sendmsg"):
                    count = self._socket.sendmsg(list(islice(self._outgoing, 64)), [], _SEND_FLAGS)
                else:  # Windows
                    count = self._socket.send(self._outgoing[0])
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                raise self._gone("Scumble's daemon has gone away.") from None
            while count:
                first = self._outgoing[0]
                if count < first.nbytes:
                    self._outgoing[0] = first[count:]
                    break
                count -= first.nbytes
                self._outgoing.popleft()
        return True

    # --- waiting and ending --------------------------------------------------------------------------------------

    def _wait(self, deadline: Optional[float], write: bool) -> bool:
        """Wait until the socket can be read (True) or, if `write`, written, or until the deadline."""
        timeout_s = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not hasattr(select, "poll"):  # Windows
            readable, _, _ = select.select([self._socket], [self._socket] if write else [], [], timeout_s)
            return bool(readable)
        poll = select.poll()  # select.select cannot watch descriptors above 1023, and editors have many
        poll.register(self._socket, select.POLLIN | (select.POLLOUT if write else 0))
        events = poll.poll(None if timeout_s is None else timeout_s * 1000)
        return any(event & ~select.POLLOUT for _, event in events)

    def _check_open(self) -> None:
        if self._closed:
            raise DaemonUnavailable("The connection to Scumble is closed.", "Run the operation again.")

    def _gone(self, message: str) -> DaemonUnavailable:
        self.close()
        return DaemonUnavailable(message, "Try again; if it stays so, `scumble doctor` says why.")


def _connect(endpoint: str, timeout_s: float) -> socket.socket:
    kind, _, where = endpoint.partition("://")
    address: Any
    if kind == "ipc" and hasattr(socket, "AF_UNIX"):
        family, address = socket.AF_UNIX, where
    elif kind == "tcp" and where.rpartition(":")[2].isdigit():
        host, _, port = where.rpartition(":")
        family, address = (socket.AF_INET6 if ":" in host else socket.AF_INET), (host.strip("[]"), int(port))
    else:
        raise DaemonUnavailable(f"This Python cannot connect to {endpoint}.")
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.connect(address)
        if kind == "tcp":
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform == "darwin":
            connection.setsockopt(socket.SOL_SOCKET, _SO_NOSIGPIPE, 1)
        connection.setblocking(False)
    except OSError as error:
        connection.close()
        raise DaemonUnavailable(f"No Scumble daemon answers at {endpoint} ({error}).") from None
    return connection
