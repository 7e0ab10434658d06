"""A scripted daemon: a real pyzmq ROUTER in a thread that speaks the wire and does as a test tells it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import zmq
from scumble_protocol import wire
from scumble_protocol.connection import Connection, make_private
from scumble_protocol.image import Layer, Raster, SegmentSlice
from scumble_protocol.messages import (
    Accepted,
    Bye,
    Cancel,
    Failure,
    Hello,
    Message,
    Ping,
    Pong,
    Progress,
    Release,
    Result,
    Stop,
    Submit,
    Welcome,
)
from scumble_protocol.segments import SegmentFolder, SegmentPool, SegmentViews

TOKEN = "the right token"
Script = Callable[["Peer", Message], bool]
Peers = Callable[..., "Peer"]  # the fixture that starts them


class Peer:
    """Answers as a daemon does, unless `script(peer, message)` returns True: then the script has dealt with it.

    `heard` lists every message that came. A job's result is its own image, the way the image came.
    """

    def __init__(self, home: Path, script: Script | None = None) -> None:
        self.home = home
        self.script = script
        self.heard: list[Message] = []
        self.client = b""
        self.runtime = make_private(home / "runtime")
        self.folder = make_private(self.runtime / "segments")
        self._shared = SegmentFolder(self.folder)
        self.pool = SegmentPool(self._shared, "w")
        self.views = SegmentViews(self._shared)
        self.profiles: dict[str, bytes] = {}
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.bind(f"ipc://{self.runtime}/s")
        port = self._router.bind_to_random_port("tcp://127.0.0.1")
        self.endpoints = {"ipc": f"ipc://{self.runtime}/s", "tcp": f"tcp://127.0.0.1:{port}"}
        self._orders = self._context.socket(zmq.PAIR)
        self._orders.bind("inproc://orders")
        self._voice = self._context.socket(zmq.PAIR)
        self._voice.connect("inproc://orders")
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def publish(self, way: str, token: str = TOKEN) -> None:
        Connection((self.endpoints[way],), token, os.getpid(), "0").write(self.runtime)

    def say(self, *messages: Message) -> None:
        """Send to the client that spoke last; from the peer's own thread."""
        for message in messages:
            self.say_frames(wire.encode(message))

    def say_frames(self, frames: list[Any]) -> None:
        self._router.send_multipart([self.client, *frames], copy=False)

    def die(self) -> None:
        """Close the socket, as a killed daemon's is closed; from any thread."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._voice.send(b"")
            self._thread.join()
        self._router.close(0)

    def wait(self) -> None:
        """Until a client says Stop."""
        self._thread.join()

    def close(self) -> None:
        self.die()
        for socket in (self._orders, self._voice):
            socket.close(0)
        self._context.term()
        self._shared.close()

    # --- in the thread -------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        poller.register(self._orders, zmq.POLLIN)
        while self._orders not in dict(poller.poll()):
            client, *frames = self._router.recv_multipart(copy=False)
            self.client = client.bytes
            message = wire.decode([frame.buffer for frame in frames])
            self.heard.append(message)
            if not (self.script and self.script(self, message)):
                self.answer(message)
            if self._router.closed:
                return

    def answer(self, message: Message) -> None:
        if isinstance(message, Hello):
            if message.token != TOKEN:
                self.say(Failure(message.id, "unauthorised", "The token is wrong.", "Restart."))
            else:
                folder = str(self.folder) if message.segments else ""
                self.say(Welcome(message.id, "session", "0", os.getpid(), folder))
        elif isinstance(message, Ping):
            self.say(Pong(message.id))
        elif isinstance(message, Submit):
            self.profiles.update(message.profiles)
            self.say(Accepted(message.id), Progress(message.id, 0.5, "Halfway"))
            self.say(Result(message.id, (Layer("Same", self.same(message.image)),)))
        elif isinstance(message, Cancel):
            self.say(Failure(message.id, "cancelled", "The job was cancelled."))
        elif isinstance(message, Release):
            for name in message.segments:
                self.pool.release(name)
        elif isinstance(message, Stop):
            self.die()
        else:
            assert isinstance(message, Bye), message

    def same(self, image: Raster) -> Raster:
        if not isinstance(image.data, SegmentSlice):
            return image
        lease = self.pool.allocate(image.nbytes)
        lease.memory[:] = self.views.view(image.data)
        return replace(image, data=lease.slice)


@contextmanager
def running_peer(home: Path, script: Script | None = None) -> Iterator[Peer]:
    peer = Peer(home, script)
    try:
        yield peer
    finally:
        peer.close()
