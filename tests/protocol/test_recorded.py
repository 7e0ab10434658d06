"""Frames that were once sent decode for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    assert _as_it_was(new, old) == old


def _as_it_was(new: Any, old: Any) -> Any:
    """`new` without the fields, at any depth, that `old` does not know."""
    if isinstance(new, dict) and isinstance(old, dict):
        return {name: _as_it_was(new[name], old[name]) for name in old if name in new}
    if isinstance(new, list) and isinstance(old, list):
        return [_as_it_was(*pair) for pair in zip(new, old, strict=True)] if len(new) == len(old) else new
    return new


def test_every_kind_of_message_is_recorded() -> None:
    """A message type without a recording could change unseen; so could a sample that was never recorded."""
    types = {msgpack.unpackb(msgpack.unpackb(path.read_bytes())[0])["type"] for path in RECORDINGS}
    assert types == set(messages.TYPES)
    assert {path.stem for path in RECORDINGS} == set(SAMPLES)
