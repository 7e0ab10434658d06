"""Where a client's pixels lie, whose they are and when: the same on all four ways."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds, Raster, SegmentSlice
from scumble_protocol.messages import (
    Accepted,
    Message,
    Ping,
    Result,
    Submit,
)

from .peer import Peer, Peers
from .ways import AREA, CANVAS, PIXELS, Way, run


def test_segments_go_back_to_the_pool_when_their_job_ends(peers: Peers, way: Way) -> None:
    """Not before: the daemon still reads them. A raster used by two jobs is held until both have ended."""
    held: list[Submit] = []

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Submit):
            held.append(message)
            peer.say(Accepted(message.id))
        elif isinstance(message, Ping):
            peer.say(Result(held.pop(0).id))
        return isinstance(message, Submit)

    def is_free(name: str) -> bool:
        room = client.raster(AREA, "u8", "RGBA", None).raster
        client.discard(room)
        return segment_of(room) == name

    with way.connect(peers(script)) as client:
        image = client.put(PIXELS, AREA, "u8", "RGBA")
        for _ in range(2):
            client.submit("identity", image, CANVAS)
        client.ping()
        assert not is_free(segment_of(image))  # the first job has ended, the second has not
        client.ping()
        assert is_free(segment_of(image))


def segment_of(raster: Raster) -> str:
    assert isinstance(raster.data, SegmentSlice)
    return raster.data.segment


def test_pixels_given_back_cannot_be_submitted_again(peers: Peers, way: Way) -> None:
    """The memory belongs to somebody else by then: an error, not another layer's pixels."""
    with way.connect(peers()) as client:
        image = client.put(PIXELS, AREA, "u8", "RGBA")
        client.run("identity", image, CANVAS)
        with pytest.raises(Invalid, match="given back"):
            client.submit("identity", image, CANVAS)


def test_room_that_is_discarded_is_used_again(peers: Peers, way: Way) -> None:
    """A plug-in that fails while it reads a layer loses no segment."""
    with way.connect(peers()) as client:
        first = client.raster(AREA, "u8", "RGBA", None).raster
        client.discard(first)
        assert client.raster(AREA, "u8", "RGBA", None).raster.data == first.data


def test_too_few_or_too_many_bytes_are_refused(peers: Peers, way: Way) -> None:
    """An editor that hands over another size than it said gives a clear error, and the room is free again."""
    with way.connect(peers()) as client:
        for data in (PIXELS[1:], PIXELS + b"x", b""):
            with pytest.raises(Invalid, match="bytes of pixels"):
                client.put(data, AREA, "u8", "RGBA")
        assert segment_of(client.put(PIXELS, AREA, "u8", "RGBA")) == "c-1"


def test_a_folder_that_cannot_be_shared_makes_pixels_travel_inline(peers: Peers, way: Way) -> None:
    """A sandboxed editor that does not see the session's folder works all the same."""
    with way.connect(peers(_hide_folder)) as client:
        assert client.welcome.segments
        image = client.put(PIXELS, AREA, "u8", "RGBA")
        assert not isinstance(image.data, SegmentSlice)
        assert client.pixels(client.run("identity", image, CANVAS).layers[0].raster) == PIXELS


def _hide_folder(peer: Peer, message: Message) -> bool:
    peer.folder = Path("/nowhere/that/exists")
    return False


def test_an_empty_rectangle_is_refused(peers: Peers, way: Way) -> None:
    """Before anything is sent."""
    with way.connect(peers()) as client, pytest.raises(Invalid, match="empty"):
        client.raster(Bounds(0, 0, 0, 7), "u8", "RGBA", None)


def test_a_layer_beyond_the_limits_is_refused(peers: Peers, way: Way) -> None:
    """Before memory for it is taken."""
    with way.connect(peers()) as client:
        for side in ((1 << 21, 1), (1 << 15, 1 << 15)):
            with pytest.raises(Invalid, match="too large"):
                client.raster(Bounds(0, 0, *side), "u8", "GRAY", None)


def test_a_result_segment_that_is_gone_is_invalid(peers: Peers, way: Way) -> None:
    """A worker that died took its segments with it: an error when the pixels are asked for, no crash."""
    peer = peers()
    with way.connect(peer) as client:
        result = run(client)
        peer.pool.close()
        with pytest.raises(Invalid, match="gone"):
            client.pixels(result.layers[0].raster)


def test_views_outlive_the_session(peers: Peers, way: Way) -> None:
    """An editor that still holds pixels when the session closes does not crash."""
    with way.connect(peers()) as client:
        seen = client.pixels(run(client).layers[0].raster)
    gc.collect()
    assert seen == PIXELS
