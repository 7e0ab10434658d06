"""Our own ZMTP against a peer that sends byte by byte what a test says: nothing is lost, nothing is taken on trust."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from scumble_protocol.errors import DaemonUnavailable
from scumble_protocol.zmtp import GREETING, MAX_FRAME_BYTES, READY, Dealer

PEER_READY = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 6) + b"ROUTER"


def frame(flags: int, body: bytes) -> bytes:
    if len(body) > 255:
        return struct.pack(">BQ", flags | 2, len(body)) + body
    return struct.pack(">BB", flags, len(body)) + body


GOOD_START = GREETING + frame(4, PEER_READY)


class Wire:
    """A listening socket that accepts one connection and lets the test write raw bytes into it."""

    def __init__(self, path: Path) -> None:
        self.endpoint = f"ipc://{path}"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen()
        self.peer = socket.socket()

    def open(self, start: bytes = GOOD_START, timeout_s: float = 5.0) -> Dealer:
        """A Dealer that is connected here and was greeted with `start`."""

        def serve() -> None:
            self.peer = self.listener.accept()[0]
            self.peer.sendall(start)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            return Dealer(self.endpoint, timeout_s)
        finally:
            thread.join()

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self.peer.recv(count - len(data))
        return data


@pytest.fixture
def line(home: Path) -> Iterator[Wire]:
    opened = Wire(home / "s")
    yield opened
    opened.listener.close()
    opened.peer.close()


# --- the handshake -----------------------------------------------------------------------------------------------


def test_the_greeting_is_that_of_rfc_37(line: Wire) -> None:
    """Signature, version 3.1, mechanism NULL, then READY as a DEALER, byte for byte."""
    with line.open():
        greeting = line.read(64)
        assert greeting == b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48)
        assert line.read(2 + len(READY)) == b"\x04" + bytes([len(READY)]) + READY


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n" + b" " * 64,
        GREETING[:10] + b"\x02" + GREETING[11:],  # ZMTP 2
        GREETING[:12] + b"CURVE".ljust(20, b"\0") + GREETING[32:],
        GREETING + frame(4, b"\x05ERROR\x04nope"),
        GREETING + frame(0, b"a message before READY"),
    ],
    ids=["http", "old", "curve", "error", "early"],
)
def test_what_is_not_scumble_is_no_daemon(line: Wire, start: bytes) -> None:
    """Another program on the port, or a refusal, counts as no daemon."""
    with pytest.raises(DaemonUnavailable):
        line.open(start)


@pytest.mark.parametrize("start", [b"", GREETING[:30], GREETING], ids=["nothing", "half", "no-ready"])
def test_who_does_not_finish_the_greeting_is_no_daemon(line: Wire, start: bytes) -> None:
    """A program that accepts and then says nothing holds nobody up for ever."""
    with pytest.raises(DaemonUnavailable, match="not answer"):
        line.open(start, timeout_s=0.2)


def test_nobody_there(home: Path) -> None:
    """No socket, a stale socket, a closed port, a path that is too long, an endpoint of another kind."""
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stale.bind(str(home / "stale"))
    stale.close()
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    long = home / ("x" * 120)
    for endpoint in (
        f"ipc://{home}/none",
        f"ipc://{home}/stale",
        f"tcp://127.0.0.1:{port}",
        f"ipc://{long}",
        "udp://1.2.3.4:5",
        "tcp://127.0.0.1:many",
        "nonsense",
    ):
        with pytest.raises(DaemonUnavailable):
            Dealer(endpoint, 1.0)


# --- reading -----------------------------------------------------------------------------------------------------


def test_a_message_that_comes_byte_by_byte_is_whole(line: Wire) -> None:
    """However a message is cut, and however often reading times out in between, it arrives as it was sent."""
    frames = [b"", b"short", os.urandom(300), b"end"]
    sent = b"".join(frame(1 if index < 3 else 0, body) for index, body in enumerate(frames))
    with line.open() as dealer:
        for index in range(len(sent)):
            assert dealer.receive(0) is None
            line.peer.sendall(sent[index : index + 1])
        message = dealer.receive(5)
        assert message is not None
        assert [bytes(each) for each in message] == frames
        assert dealer.receive(0) is None


def test_large_frames_in_pieces(line: Wire) -> None:
    """A frame larger than any buffer, cut at odd places, with the next message right behind it."""
    body = os.urandom(3_000_001)
    sent = frame(1, b"head") + frame(0, body) + frame(0, b"next")
    with line.open() as dealer:

        def write() -> None:
            for start in range(0, len(sent), 70_001):
                line.peer.sendall(sent[start : start + 70_001])

        writer = threading.Thread(target=write)
        writer.start()
        while (first := dealer.receive(0.001)) is None:
            pass
        second = dealer.receive(5)
        writer.join()
    assert [bytes(each) for each in first] == [b"head", body]
    assert second is not None
    assert [bytes(each) for each in second] == [b"next"]


def test_many_messages_in_one_piece(line: Wire) -> None:
    """What arrives together is given out one by one, in order."""
    with line.open() as dealer:
        line.peer.sendall(b"".join(frame(0, b"%d" % n) for n in range(1000)))
        received = [dealer.receive(5) for _ in range(1000)]
        assert [bytes(message[0]) for message in received if message] == [b"%d" % n for n in range(1000)]


def test_a_ping_is_answered_with_its_context(line: Wire) -> None:
    """PING: name, two bytes of time-to-live, context. PONG: name, the context. Also in the middle of a message."""
    with line.open() as dealer:
        line.read(64 + 2 + len(READY))
        line.peer.sendall(frame(4, b"\x04PING\x00\x0acontext"))
        assert dealer.receive(0.05) is None
        assert line.read(14) == b"\x04\x0c\x04PONGcontext"
        line.peer.sendall(frame(1, b"a") + frame(4, b"\x04PING\x00\x00") + frame(0, b"b"))
        message = dealer.receive(5)
        assert message is not None
        assert [bytes(each) for each in message] == [b"a", b"b"]
        assert line.read(7) == b"\x04\x05\x04PONG"


def test_unknown_commands_are_passed_over(line: Wire) -> None:
    """Commands of other sockets or later versions do no harm; nor do damaged ones."""
    with line.open() as dealer:
        line.peer.sendall(frame(4, b"\x09SUBSCRIBEx") + frame(4, b"") + frame(4, b"\xff") + frame(0, b"message"))
        message = dealer.receive(5)
        assert message is not None
        assert bytes(message[0]) == b"message"


@pytest.mark.parametrize(
    "noise",
    [
        b"\x08\x01x",  # a reserved flag
        b"\x05\x01x",  # a command with more to follow
        struct.pack(">BQ", 2, MAX_FRAME_BYTES + 1),
        struct.pack(">BQ", 2, 2**64 - 1),
        frame(1, b"") * 400,  # a message of endless frames
    ],
    ids=["flag", "command", "large", "huge", "endless"],
)
def test_what_is_not_zmtp_ends_the_connection(line: Wire, noise: bytes) -> None:
    """After nonsense no byte can be trusted: the daemon counts as gone, and memory was not taken for it."""
    with line.open() as dealer:
        line.peer.sendall(noise)
        with pytest.raises(DaemonUnavailable):
            dealer.receive(5)
        with pytest.raises(DaemonUnavailable, match="closed"):
            dealer.send([b"x"])


def test_last_words_are_read_before_the_end(line: Wire) -> None:
    """A daemon that sends and dies is heard out; half a message at its end is not."""
    with line.open() as dealer:
        line.peer.sendall(frame(0, b"last") + frame(0, b"words") + frame(1, b"hal"))
        line.peer.close()
        assert [bytes((dealer.receive(5) or [])[0]) for _ in range(2)] == [b"last", b"words"]
        with pytest.raises(DaemonUnavailable, match="gone"):
            dealer.receive(5)


# --- writing -----------------------------------------------------------------------------------------------------


def test_frames_are_written_as_rfc_37_says(line: Wire) -> None:
    """Short and long frames, empty ones, and MORE on all but the last."""
    long = os.urandom(256)
    with line.open() as dealer:
        line.read(64 + 2 + len(READY))
        dealer.send([b"", b"abc", memoryview(long), bytearray(b"z")])
        expected = b"\x01\x00" + b"\x01\x03abc" + struct.pack(">BQ", 3, 256) + long + b"\x00\x01z"
        assert line.read(len(expected)) == expected


def test_a_pong_never_falls_into_a_message(line: Wire) -> None:
    """A PING that comes while a large message is half written is answered after it."""
    body = os.urandom(8 << 20)
    with line.open() as dealer:
        line.read(64 + 2 + len(READY))
        sender = threading.Thread(target=dealer.send, args=([b"head", body],))
        sender.start()
        line.peer.sendall(frame(4, b"\x04PING\x00\x00now"))
        expected = frame(1, b"head") + frame(0, body)
        assert line.read(len(expected)) == expected
        sender.join()
        dealer.receive(0)
        assert line.read(10) == b"\x04\x08\x04PONGnow"


def test_a_daemon_that_dies_while_it_is_written_to(line: Wire) -> None:
    """An error, and no SIGPIPE that would end the editor."""
    with line.open() as dealer:
        line.peer.close()
        with pytest.raises(DaemonUnavailable):
            dealer.send([bytes(8 << 20)])


def test_libzmq_with_heartbeats_keeps_the_connection(home: Path) -> None:
    """A real ROUTER that pings every 20 ms and drops who does not answer keeps a Dealer that only reads."""
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.LINGER, 0)
    router.setsockopt(zmq.HEARTBEAT_IVL, 20)
    router.setsockopt(zmq.HEARTBEAT_TIMEOUT, 2000)
    router.setsockopt(zmq.ROUTER_MANDATORY, 1)
    router.bind(f"ipc://{home}/s")
    departures = router.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    with Dealer(f"ipc://{home}/s") as dealer:
        dealer.send([b"hello"])
        who = router.recv_multipart()[0]
        assert dealer.receive(0.3) is None
        assert departures.poll(0) == 0
        router.send_multipart([who, b"still here"])
        message = dealer.receive(5)
        assert message is not None
        assert bytes(message[0]) == b"still here"
    router.disable_monitor()
    departures.close()
    router.close()
    context.term()
