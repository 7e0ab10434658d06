"""What the tests of the client share: how they reach their peer, what they send, how they read to the end."""

from __future__ import annotations

from typing import Any

from scumble_protocol.client import Client
from scumble_protocol.image import Bounds
from scumble_protocol.messages import Accepted, Failure, Message, Result, Submit

from .peer import Peer

AREA = Bounds(-2, 3, 5, 4)
PIXELS = bytes(range(80))
CANVAS = Bounds(0, 0, 64, 64)
BIG = Bounds(0, 0, 4096, 4096)  # 64 MiB of RGBA u8

WAYS = [(kind, way) for kind in ("zmtp", "pyzmq") for way in ("ipc", "tcp")]


class Way:
    """How a test reaches its peer."""

    def __init__(self, kind: str, way: str) -> None:
        self.kind, self.way = kind, way

    def connect(self, peer: Peer, kind: type[Client] = Client, **options: Any) -> Client:
        peer.publish(self.way)
        return kind.connect(name="test", start=False, transport=self.kind, **options)


class Impatient(Client):
    """Gives up soon, so that tests of silence are short."""

    accept_within_s = 0.3
    silence_s = 0.6
    cancel_grace_s = 0.2


def run(client: Client, **options: Any) -> Result:
    return client.run("identity", client.put(PIXELS, AREA, "u8", "RGBA"), CANVAS, **options)


def drain(client: Client, job: str) -> list[Message]:
    """Every message of a job up to its end."""
    messages: list[Message] = []
    while not messages or not isinstance(messages[-1], (Result, Failure)):
        message = client.poll(10)
        assert message is not None
        assert message.id == job
        messages.append(message)
    return messages


def only_accept(peer: Peer, message: Message) -> bool:
    """A script: jobs are taken and never done."""
    if isinstance(message, Submit):
        peer.say(Accepted(message.id))
    return isinstance(message, Submit)
