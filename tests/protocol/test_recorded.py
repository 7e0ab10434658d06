"""Frames that were once sent decode for ever."""

from __future__ import annotations

from pathlib import Path

import msgpack
import pytest
from scumble_protocol import messages, wire

from ..wire.samples import SAMPLES

FOLDER = Path(__file__).parents[1] / "wire" / "v1"
RECORDINGS = sorted(FOLDER.glob("*.msgpack"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_means_what_it_meant(path: Path) -> None:
    """Decoding gives the message that was recorded, value for value."""
    assert wire.decode(msgpack.unpackb(path.read_bytes())) == SAMPLES[path.stem]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_encodes_to_itself(path: Path) -> None:
    """What was recorded is sent the same today: every old field with its old value, every blob in its old place.

    Fields that were added since may stand beside them.
    """
    recorded = msgpack.unpackb(path.read_bytes())
    sent = [bytes(frame) for frame in wire.encode(wire.decode(recorded))]
    assert sent[1:] == recorded[1:]
    old, new = msgpack.unpackb(recorded[0]), msgpack.unpackb(sent[0])
    assert {name: new.get(name) for name in old} == old


def test_every_kind_of_message_is_recorded() -> None:
    """A message type without a recording could change unseen; so could a sample that was never recorded."""
    types = {msgpack.unpackb(msgpack.unpackb(path.read_bytes())[0])["type"] for path in RECORDINGS}
    assert types == set(messages.TYPES)
    assert {path.stem for path in RECORDINGS} == set(SAMPLES)
