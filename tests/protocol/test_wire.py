"""What goes in at one door of the wire comes out at the other, and nothing else gets through."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scumble_protocol import messages, wire
from scumble_protocol.errors import Invalid, Unsupported
from scumble_protocol.fields import MAX_BLOBS, MAX_DEPTH, MAX_ITEMS, MAX_REFERENCE_BYTES, MAX_TEXT
from scumble_protocol.image import Bounds, Layer, Raster, Reference, SegmentSlice
from scumble_protocol.messages import Submit

from .strategies import any_message, message_of

PIXEL = Raster(Bounds(0, 0, 1, 1), "u8", "RGBA", b"\1\2\3\4")
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def submit(**changes: Any) -> Submit:
    return dataclasses.replace(Submit("job-1", "identity", PIXEL, Bounds(0, 0, 8, 8)), **changes)


def frames_with(message: messages.Message, **header: Any) -> list[Any]:
    """The message's frames with header fields overwritten, as a faulty or hostile peer would send them."""
    frames = wire.encode(message)
    return [msgpack.packb({**msgpack.unpackb(frames[0]), **header}), *frames[1:]]


def image_with(**changes: Any) -> list[Any]:
    frames = wire.encode(submit())
    header = msgpack.unpackb(frames[0])
    return [msgpack.packb({**header, "image": {**header["image"], **changes}}), *frames[1:]]


# --- what is valid -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", messages.TYPES)
def test_every_message_survives_the_way_there(name: str) -> None:
    """Whatever a message holds within the limits, decode(encode(it)) equals it."""

    @QUICK
    @given(message_of(messages.TYPES[name]))
    def check(message: messages.Message) -> None:
        assert wire.decode([bytes(frame) for frame in wire.encode(message)]) == message

    check()


def test_pixels_are_never_copied() -> None:
    """A raster's buffer is the frame on the way out, and the frame is the raster's buffer on the way in."""
    data = bytearray(4)
    frames = wire.encode(submit(image=dataclasses.replace(PIXEL, data=data)))
    read = wire.decode(frames)
    assert frames[1] is data
    assert isinstance(read, Submit)
    data[0] = 77
    assert isinstance(read.image.data, memoryview)
    assert read.image.data[0] == 77


def test_fields_of_a_newer_version_are_ignored() -> None:
    """A peer may say more than we know of, in the header and inside an image."""
    read = wire.decode(frames_with(submit(), mood="sunny"))
    assert read == submit()
    assert wire.decode(image_with(gamma=2.2)) == submit()


def test_a_field_that_is_left_out_takes_its_default() -> None:
    """An older peer need not send what has a default; what has none is required."""
    frame = msgpack.packb({"v": 1, "type": "hello", "id": "a", "token": "t"})
    assert wire.decode([frame]) == messages.Hello("a", "t", "", True, False)
    with pytest.raises(Invalid, match="token"):
        wire.decode([msgpack.packb({"v": 1, "type": "hello", "id": "a"})])


# --- what is not -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, 2, 99, "1", None, 1.5, [1]])
def test_another_version_is_unsupported(version: Any) -> None:
    """Only version 1 is version 1; the error says to update."""
    with pytest.raises(Unsupported, match="version"):
        wire.decode(frames_with(submit(), v=version))


@pytest.mark.parametrize("name", ["", "submitt", None, 7, ["submit"], {"submit": 1}, "__class__"])
def test_an_unknown_type_is_unsupported(name: Any) -> None:
    """No type but those of this version is decoded."""
    with pytest.raises(Unsupported, match="type"):
        wire.decode(frames_with(submit(), type=name))


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b""],
        [b"\xc1"],  # the one byte msgpack never uses
        [b"\xff" * 40],
        [msgpack.packb([1, 2])],
        [msgpack.packb({1: 2})],
        [msgpack.packb(None)],
        [b"\xdf\xff\xff\xff\xff"],  # a table of 2³²-1 entries that never come
        [b"\xc6\xff\xff\xff\xff"],  # 4 GiB of bytes that never come
        [b"\x91" * 100_000 + b"\x90"],  # lists in lists
        [bytes(wire.MAX_HEADER_BYTES + 1)],
        [msgpack.packb({"v": 1, "type": "ping", "id": "a"}), *[b""] * (MAX_BLOBS + 1)],
    ],
)
def test_what_is_no_message_is_invalid(frames: list[Any]) -> None:
    """Whatever the bytes are, the answer is Invalid (or Unsupported), and memory is not filled first."""
    with pytest.raises((Invalid, Unsupported)):
        wire.decode(frames)


@pytest.mark.parametrize(
    "changes",
    [
        {"bounds": [0, 0, 2, 1]},  # more pixels than bytes
        {"bounds": [0, 0, 1, 0]},
        {"bounds": [0, 0, -1, -1]},
        {"bounds": [0, 0, 1 << 31, 1]},
        {"bounds": [0, 0, 1 << 20, 1 << 11]},  # 2³¹ pixels, each side within its limit
        {"bounds": [0, 0, 2**64 - 1, 2**64 - 1]},
        {"bounds": [0, 0, 1]},
        {"bounds": [0.5, 0, 1, 1]},
        {"bounds": None},
        {"depth": "u32"},
        {"depth": None},
        {"depth": ["u8"]},
        {"channels": "CMYK"},
        {"channels": "RGB"},  # three bytes a pixel, and four came
        {"profile": "sRGB"},
        {"profile": 7},
        {"data": 1},  # there is only blob 0
        {"data": -1},
        {"data": True},
        {"data": "c-1"},
        {"data": ["c-1", 0, 3]},
        {"data": ["c-1", 0, 1 << 41]},
        {"data": ["c-1", -4, 4]},
        {"data": ["c-1", 0]},
        {"data": ["../c-1", 0, 4]},
        {"data": ["c-1\n", 0, 4]},
        {"data": ["/etc/passwd", 0, 4]},
        {"data": ["", 0, 4]},
        {"data": [1, 0, 4]},
    ],
)
def test_an_image_that_lies_is_invalid(changes: dict[str, Any]) -> None:
    """Sizes, depths, orders, frame numbers and segment names are checked before anybody relies on them."""
    with pytest.raises(Invalid, match=r"submit\.image"):
        wire.decode(image_with(**changes))


@pytest.mark.parametrize(
    "header",
    [
        {"id": 7},
        {"id": "x" * (MAX_TEXT + 1)},
        {"operation": None},
        {"canvas": [0, 0, 0, 0]},
        {"canvas": "big"},
        {"image": None},
        {"image": {}},
        {"priority": "urgent"},
        {"selection": {"bounds": [0, 0, 1, 1]}},
        {"parameters": []},
        {"parameters": {"a": float("nan")}},
        {"parameters": {"a": float("inf")}},
        {"parameters": {"a": b"bytes"}},
        {"points": [[1, 2]]},
        {"points": [[1, 2, 1]]},
        {"points": [[1, float("nan"), True]]},
        {"points": [[0, 0, True]] * (MAX_ITEMS + 1)},
        {"points": {"x": 1}},
        {"box": [1, 2, 3]},
        {"reference": ["a.cube"]},
        {"reference": ["a.cube", 9]},
        {"reference_layer": ["sky", "harbour.xcf"]},
        {"reference_layer": ["sky", "harbour.xcf", None]},
        {"reference_layer": ["sky", None, {"bounds": [0, 0, 1, 1], "depth": "u8", "channels": "GRAY", "data": 0}]},
        {"reference_layer": ["sky", "harbour.xcf", {"bounds": [0, 0, 1, 1], "depth": "u9", "data": 0}]},
        {"profiles": {"not a digest": 0}},
        {"profiles": {"0" * 64: 5}},
        {"profiles": [0]},
    ],
)
def test_a_field_outside_its_limits_is_invalid(header: dict[str, Any]) -> None:
    """Each field of a Submit refuses what is not of its kind, naming itself."""
    with pytest.raises(Invalid, match=rf"submit\.{next(iter(header))}"):
        wire.decode(frames_with(submit(), **header))


def test_nesting_is_bounded() -> None:
    """Parameters may be nested a dozen deep, not a thousand."""
    deep: Any = 1
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert wire.decode(frames_with(submit(), parameters={"a": deep[0]}))
    for levels in (MAX_DEPTH + 1, 400):
        nested: Any = 1
        for _ in range(levels):
            nested = {"a": nested}
        with pytest.raises(Invalid):
            wire.decode(frames_with(submit(), parameters=nested))


def test_a_reference_file_may_not_be_endless() -> None:
    """A LUT of more than the limit is refused by its size alone."""
    huge = memoryview(bytearray(MAX_REFERENCE_BYTES + 1))
    with pytest.raises(Invalid, match="MiB"):
        wire.decode(wire.encode(submit(reference=Reference("big.cube", huge))))


def test_a_layer_has_to_be_whole() -> None:
    """A result's layer without a name, of an unknown mode or with too much opacity is refused."""
    good = wire.encode(messages.Result("job-1", (Layer("a", PIXEL),)))
    header = msgpack.unpackb(good[0])
    for change in (
        {"name": None},
        {"blend_mode": "magic"},
        {"opacity": 1.5},
        {"opacity": True},
        {"recipe": []},
        {"visible": 0},
    ):
        layer = {**header["layers"][0], **change}
        with pytest.raises(Invalid, match=r"result\.layers"):
            wire.decode([msgpack.packb({**header, "layers": [layer]}), *good[1:]])


def test_a_segment_slice_may_lie_anywhere_in_its_segment() -> None:
    """Offsets up to 1 TiB are taken as they are; whether the segment is that long is for whoever opens it."""
    far = dataclasses.replace(PIXEL, data=SegmentSlice("c-1", 1 << 40, 4))
    assert wire.decode(wire.encode(submit(image=far))) == submit(image=far)


# --- whatever comes ----------------------------------------------------------------------------------------------


def decodes_or_refuses(frames: list[Any]) -> None:
    try:
        message = wire.decode(frames)
    except (Invalid, Unsupported):
        return
    assert wire.decode([bytes(frame) for frame in wire.encode(message)]) == message


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_message, st.data())
def test_damaged_bytes_are_refused_and_nothing_worse(message: messages.Message, data: st.DataObject) -> None:
    """A header with any bytes changed, dropped or added still is a message or is refused, never a traceback."""
    frames = [bytes(frame) for frame in wire.encode(message)]
    header = bytearray(frames[0])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, max(len(header) - 1, 0)))
        header[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    decodes_or_refuses([bytes(header), *frames[1:]])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_message, st.data())
def test_damaged_values_are_refused_and_nothing_worse(message: messages.Message, data: st.DataObject) -> None:
    """Any field replaced by any value, at the top or inside, is decoded or refused; so are lost and added frames."""
    odd = st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats()
        | st.text(max_size=5)
        | st.binary(max_size=5),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    )
    frames = [bytes(frame) for frame in wire.encode(message)]
    header = msgpack.unpackb(frames[0])
    table = header
    while data.draw(st.booleans()):
        inner = [value for value in table.values() if isinstance(value, dict) and value]
        inner += [
            item
            for value in table.values()
            if isinstance(value, list)
            for item in value
            if isinstance(item, dict) and item
        ]
        if not inner:
            break
        table = data.draw(st.sampled_from(inner))
    table[data.draw(st.sampled_from(sorted(table)))] = data.draw(odd)
    blobs = frames[1:][: data.draw(st.integers(0, 3))] + [b""] * data.draw(st.integers(0, 2))
    decodes_or_refuses([msgpack.packb(header), *blobs])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_random_frames_are_refused(frames: list[bytes]) -> None:
    """Noise is refused; an empty table, the least that is msgpack at all, for its missing version."""
    with pytest.raises((Invalid, Unsupported)):
        wire.decode(frames)
