"""One client, over our own ZMTP and over pyzmq, on ipc and on tcp: the same promises on all four ways."""

from __future__ import annotations

import os
import select

import msgpack
import pytest
from scumble_protocol import wire
from scumble_protocol.client import Client, digest
from scumble_protocol.errors import DaemonUnavailable, Invalid, MissingModel, Unauthorised, Unsupported
from scumble_protocol.image import Bounds, Layer, Point, Raster, Reference, ReferenceLayer, SegmentSlice
from scumble_protocol.messages import (
    Accepted,
    Bye,
    Cancel,
    Catalogue,
    Failure,
    Finish,
    GetCatalogue,
    GetStatus,
    Hello,
    Message,
    Preview,
    Progress,
    Result,
    Status,
    Stop,
    Submit,
)

from .peer import Peer, Peers
from .test_catalogue import CATALOGUE
from .ways import AREA, BIG, CANVAS, PIXELS, Impatient, Way, drain, run

# --- a session ------------------------------------------------------------------------------------------------------


def test_a_session_opens_with_hello_and_closes_with_bye(peers: Peers, way: Way) -> None:
    """The token and the client's name go with Hello; leaving the session says Bye."""
    peer = peers()
    with way.connect(peer) as client:
        assert client.welcome.pid == os.getpid()
        assert 0 < client.ping() < 10
    hello = peer.heard[0]
    assert isinstance(hello, Hello)
    assert hello.client == "test"
    client.close()  # a second time does no harm
    with pytest.raises(DaemonUnavailable):
        client.ping()
    with way.connect(peer) as client:
        client.ping()  # the peer has read everything that came before
    assert sum(isinstance(message, Bye) for message in peer.heard) >= 1


def test_a_wrong_token_is_unauthorised(peers: Peers, way: Way) -> None:
    """A connection file that another daemon wrote gives a clear error."""
    peer = peers()
    peer.publish(way.way, token="yesterday's")
    with pytest.raises(Unauthorised, match="token"):
        Client.connect(name="test", start=False, transport=way.kind)


def test_another_version_is_unsupported(peers: Peers, way: Way) -> None:
    """A daemon of another protocol version is told apart from one that is broken: both have to be updated."""

    def script(peer: Peer, message: Message) -> bool:
        peer.say_frames([msgpack.packb({"v": 2, "type": "failure", "id": message.id, "code": "unsupported"})])
        return True

    with pytest.raises(Unsupported, match="version"):
        way.connect(peers(script))


def test_questions_about_the_daemon(peers: Peers, way: Way) -> None:
    """Catalogue and status come as values; stop waits until the daemon is gone."""

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, GetCatalogue):
            peer.say(Catalogue(message.id, CATALOGUE.to_json()))
        elif isinstance(message, GetStatus):
            peer.say(Status(message.id, {"queued": ["identity"]}))
        else:
            return False
        return True

    with way.connect(peers(script)) as client:
        assert client.catalogue() == CATALOGUE
        assert client.status() == {"queued": ["identity"]}
        client.stop()
        with pytest.raises(DaemonUnavailable):
            client.ping()


def test_a_daemon_that_does_not_stop_is_reported(peers: Peers, way: Way) -> None:
    """Stop without an end is an error, not a success."""
    with (
        way.connect(peers(lambda _peer, message: isinstance(message, Stop)), Impatient) as client,
        pytest.raises(DaemonUnavailable, match="does not stop"),
    ):
        client.stop()


# --- a job ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("segments", [True, False], ids=["segments", "inline"])
def test_a_job_from_end_to_end(peers: Peers, way: Way, segments: bool) -> None:
    """Everything that was submitted arrives; Accepted, Progress and Result come in order, pixels intact."""
    peer = peers()
    with way.connect(peer, segments=segments) as client:
        image = client.put(PIXELS, AREA, "u8", "BGRA", b"a profile")
        selection = client.put(PIXELS[:20], AREA, "u8", "GRAY")
        other = client.put(PIXELS, AREA, "u8", "RGBA", b"another profile")
        job = client.submit(
            "select_object",
            image,
            CANVAS,
            parameters={"strength": 0.5},
            selection=selection,
            points=[Point(1, 2), Point(3, 4, False)],
            box=Bounds(1, 2, 3, 4),
            reference=Reference("a.cube", b"LUT"),
            reference_layer=ReferenceLayer("sky", "harbour.xcf", other),
            source="Layer 1",
            priority="batch",
        )
        accepted, progress, result = drain(client, job)
        assert isinstance(accepted, Accepted)
        assert progress == Progress(job, 0.5, "Halfway")
        assert isinstance(result, Result)
        assert client.pixels(result.layers[0].raster) == PIXELS
        assert isinstance(result.layers[0].raster.data, SegmentSlice) == segments
        assert client.poll() is None
        client.release(result)
        client.ping()
    (submit,) = [message for message in peer.heard if isinstance(message, Submit)]
    assert submit.operation == "select_object"
    assert submit.parameters == {"strength": 0.5}
    assert submit.points == (Point(1, 2), Point(3, 4, False))
    assert (submit.box, submit.source, submit.priority) == (Bounds(1, 2, 3, 4), "Layer 1", "batch")
    assert submit.reference == Reference("a.cube", b"LUT")
    assert submit.image.profile == digest(b"a profile")
    assert submit.reference_layer is not None
    assert (submit.reference_layer.name, submit.reference_layer.document) == ("sky", "harbour.xcf")
    assert submit.reference_layer.raster.profile == digest(b"another profile")
    assert submit.profiles == {digest(each): each for each in (b"a profile", b"another profile")}
    assert isinstance(submit.reference_layer.raster.data, SegmentSlice) == segments
    assert submit.selection is not None
    assert submit.selection.channels == "GRAY"
    assert isinstance(submit.image.data, SegmentSlice) == segments


@pytest.mark.parametrize("segments", [True, False], ids=["segments", "inline"])
def test_64_mib_there_and_back(peers: Peers, way: Way, segments: bool) -> None:
    """A large layer comes back bit for bit, several times over, inline and by segment."""
    data = os.urandom(1 << 20) * 64
    peer = peers()
    with way.connect(peer, segments=segments) as client:
        for turn in range(3):
            room = client.raster(BIG, "u8", "RGBA", None)
            room.memory[:] = data
            room.memory[turn] ^= 0xFF
            result = client.run("identity", room.raster, BIG)
            seen = client.pixels(result.layers[0].raster)
            assert seen.nbytes == len(data)
            assert seen[turn] == data[turn] ^ 0xFF
            assert (seen[:turn], seen[turn + 1 :]) == (data[:turn], data[turn + 1 :])
            client.release(result)
        client.ping()
        names = sorted(path.name for path in peer.folder.iterdir())
        assert names == (["c-1", "w-1"] if segments else [])  # the same memory each time


def test_run_gives_the_result_and_tells_of_progress(peers: Peers, way: Way) -> None:
    """The blocking form: progress and previews by callback, the result as the value."""

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Submit):
            peer.say(Accepted(message.id), Progress(message.id, -1, "Loading"))
            peer.say(Preview(message.id, (Layer("early", peer.same(message.image)),)))
        return False

    peer = peers(script)
    progress: list[tuple[float, str]] = []
    previews: list[bytes] = []
    with way.connect(peer) as client:
        result = run(
            client,
            on_progress=lambda fraction, stage: progress.append((fraction, stage)),
            on_preview=lambda preview: previews.append(bytes(client.pixels(preview.layers[0].raster))),
        )
        assert client.pixels(result.layers[0].raster) == PIXELS
        client.release(result)
        client.ping()
        assert peer.pool.used == []
    assert progress == [(-1, "Loading"), (0.5, "Halfway")]
    assert previews == [PIXELS]


def test_enough_is_said_once_and_the_result_still_comes(peers: Peers, way: Way) -> None:
    """`is_enough` sends one Finish, and what the job has by then is the value."""
    asked: list[Message] = []

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Submit):
            peer.say(Accepted(message.id), Progress(message.id, 0.1, "Painting"))
            asked.append(message)
            return True
        if isinstance(message, Finish):
            image = asked[0].image  # pyright: ignore[reportAttributeAccessIssue]
            peer.say(Result(message.id, (Layer("so far", peer.same(image)),)))
        return isinstance(message, Finish)

    peer = peers(script)
    seen: list[float] = []
    with way.connect(peer) as client:
        result = run(
            client, on_progress=lambda fraction, stage: seen.append(fraction), is_enough=lambda: bool(seen), previews=64
        )
        assert result.layers[0].name == "so far"
        client.release(result)
        client.ping()
    assert sum(isinstance(message, Finish) for message in peer.heard) == 1
    assert asked[0].previews == 64  # pyright: ignore[reportAttributeAccessIssue]


def test_a_failure_is_raised_as_what_it_is(peers: Peers, way: Way) -> None:
    """Code, message and hint of a Failure arrive in the exception; the next job works."""

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Submit) and message.id.endswith("-2"):
            peer.say(Accepted(message.id), Failure(message.id, "missing-model", "No model.", "Fetch it."))
            return True
        return False

    with way.connect(peers(script)) as client:
        with pytest.raises(MissingModel) as raised:
            run(client)
        assert (raised.value.message, raised.value.hint) == ("No model.", "Fetch it.")
        assert client.pixels(run(client).layers[0].raster) == PIXELS


def test_a_profile_is_sent_until_it_has_arrived_and_then_no_more(peers: Peers, way: Way) -> None:
    """ICC bytes travel once a session; a job that was not even taken does not count."""

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Submit) and message.parameters.get("refuse"):
            peer.say(Failure(message.id, "busy", "Full.", ""))
            return True
        return False

    peer = peers(script)
    with way.connect(peer) as client:
        for refuse in (True, False, False):
            image = client.put(PIXELS, AREA, "u8", "RGBA", b"wide")
            drain(client, client.submit("identity", image, CANVAS, parameters={"refuse": refuse}))
        drain(client, client.submit("identity", client.put(PIXELS, AREA, "u8", "RGBA", b"other"), CANVAS))
        with pytest.raises(Invalid, match="profile"):
            client.submit("identity", Raster(AREA, "u8", "RGBA", PIXELS, digest(b"never given")), CANVAS)
    sent = [set(message.profiles.values()) for message in peer.heard if isinstance(message, Submit)]
    assert sent == [{b"wide"}, {b"wide"}, set(), {b"other"}]


# --- several jobs ---------------------------------------------------------------------------------------------------
def test_several_jobs_at_once_keep_apart(peers: Peers, way: Way) -> None:
    """Answers that come in another order than the questions find their jobs."""
    held: list[Submit] = []

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Submit):
            held.append(message)
            if len(held) == 3:
                for submit in reversed(held):
                    peer.answer(submit)
            return True
        return False

    with way.connect(peers(script)) as client:
        sent = {client.submit("identity", client.put(bytes([n]) * 80, AREA, "u8", "RGBA"), CANVAS): n for n in range(3)}
        seen: dict[str, int] = {}
        while len(seen) < 3:
            message = client.poll(10)
            if isinstance(message, Result):
                seen[message.id] = client.pixels(message.layers[0].raster)[0]
        assert seen == sent
        assert list(seen) == list(sent)[::-1]


def test_run_leaves_other_jobs_messages_for_poll(peers: Peers, way: Way) -> None:
    """A blocking job beside polled ones swallows none of their messages, and keeps their order."""
    with way.connect(peers()) as client:
        first = client.submit("identity", client.put(PIXELS, AREA, "u8", "RGBA"), CANVAS)
        run(client)
        assert [type(message) for message in drain(client, first)] == [Accepted, Progress, Result]


# --- an event loop --------------------------------------------------------------------------------------------------


def test_the_descriptor_wakes_an_event_loop(peers: Peers, way: Way) -> None:
    """Select on `fileno`, then poll until None: nothing is missed, however many messages one wake-up brings."""

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Submit):
            peer.say(Accepted(message.id), *[Progress(message.id, n / 100) for n in range(100)], Result(message.id))
        return isinstance(message, Submit)

    with way.connect(peers(script)) as client:
        client.submit("identity", client.put(PIXELS, AREA, "u8", "RGBA"), CANVAS)
        seen: list[Message] = []
        while not seen or not isinstance(seen[-1], Result):
            while (message := client.poll()) is not None:
                seen.append(message)
            if not (seen and isinstance(seen[-1], Result)):
                assert select.select([client], [], [], 10)[0]
        assert len(seen) == 102


def test_both_ends_may_send_at_once(peers: Peers, way: Way) -> None:
    """A daemon that answers with much while much is being sent to it does not lock both up."""
    flood = [bytes(8 << 20)] * 8

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Cancel):
            peer.say_frames([*wire.encode(Progress("nobody", 0)), *flood])
        return isinstance(message, Cancel)

    with way.connect(peers(script), segments=False) as client:
        for _ in range(3):
            client.cancel("nobody")
            result = client.run("identity", client.raster(BIG, "u8", "RGBA", None).raster, BIG)
            assert client.pixels(result.layers[0].raster).nbytes == 64 << 20
