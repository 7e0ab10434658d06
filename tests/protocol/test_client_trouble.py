"""Cancelling, and a daemon that dies, hangs or talks nonsense: the same on all four ways."""

from __future__ import annotations

import msgpack
import pytest
from scumble_protocol.errors import Cancelled, DaemonUnavailable, Invalid
from scumble_protocol.messages import (
    Accepted,
    Cancel,
    Message,
    Ping,
    Progress,
    Release,
    Result,
    Submit,
)

from .peer import Peer, Peers
from .ways import PIXELS, Impatient, Way, only_accept, run

# --- cancel ---------------------------------------------------------------------------------------------------------


def test_cancel_is_answered(peers: Peers, way: Way) -> None:
    """The artist's cancel reaches the daemon, whose answer ends the job."""
    peer = peers(only_accept)
    with way.connect(peer) as client:
        with pytest.raises(Cancelled):
            run(client, is_cancelled=lambda: True)
        client.ping()
        assert client.poll() is None
    assert any(isinstance(message, Cancel) for message in peer.heard)


def test_a_cancel_nobody_answers_ends_all_the_same(peers: Peers, way: Way) -> None:
    """After the grace the artist has the editor back; what the job sends later is given back unread."""
    late: list[Submit] = []

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Submit):
            late.append(message)
            return only_accept(peer, message)
        if isinstance(message, Ping) and late:
            peer.answer(late.pop())
        return isinstance(message, Cancel)

    peer = peers(script)
    with way.connect(peer, Impatient) as client:
        with pytest.raises(Cancelled):
            run(client, is_cancelled=lambda: True)
        client.ping()
        assert client.poll(0.05) is None
        client.ping()
        assert peer.pool.used == []
        assert any(isinstance(message, Release) for message in peer.heard)


def test_an_error_in_a_callback_cancels_the_job(peers: Peers, way: Way) -> None:
    """A plug-in that fails while it waits leaves no job running and no segment behind."""
    peer = peers()
    with way.connect(peer) as client:
        with pytest.raises(ZeroDivisionError):
            run(client, on_progress=lambda *_: 1 / 0)
        while not any(isinstance(message, Release) for message in peer.heard):
            client.ping()
            assert client.poll() is None
        assert peer.pool.used == []
        assert client.pixels(run(client).layers[0].raster) == PIXELS


# --- a daemon in trouble --------------------------------------------------------------------------------------------


def test_a_daemon_that_dies_in_mid_job_is_noticed(peers: Peers, way: Way) -> None:
    """Its last words are still read; then every call says that it is gone."""

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Submit):
            peer.say(Accepted(message.id), Progress(message.id, 0.1, "Dying"))
        return isinstance(message, Submit)

    peer = peers(script)
    stages: list[str] = []

    def on_progress(_fraction: float, stage: str) -> None:
        stages.append(stage)
        peer.die()

    with way.connect(peer) as client:
        with pytest.raises(DaemonUnavailable, match="gone"):
            run(client, on_progress=on_progress)
        assert stages == ["Dying"]
        for act in (client.poll, client.ping, lambda: run(client)):
            with pytest.raises(DaemonUnavailable):
                act()


def test_a_result_stays_good_when_the_daemon_dies_after_it(peers: Peers, way: Way) -> None:
    """Its pixels can be read and inserted, and giving them back to nobody is no error."""
    peer = peers()
    with way.connect(peer) as client:
        result = run(client)
        peer.die()
        assert client.pixels(result.layers[0].raster) == PIXELS
        client.release(result)
        with pytest.raises(DaemonUnavailable):
            client.ping()


def test_a_daemon_that_does_not_take_the_job_counts_as_none(peers: Peers, way: Way) -> None:
    """No Accepted: no daemon."""
    peer = peers(lambda _peer, message: isinstance(message, Submit))
    with way.connect(peer, Impatient) as client, pytest.raises(DaemonUnavailable, match="did not take"):
        run(client)


def test_a_daemon_that_falls_silent_is_given_up(peers: Peers, way: Way) -> None:
    """In mid-job the client asks with a Ping; when even that stays unanswered, the daemon hangs."""

    def script(peer: Peer, message: Message) -> bool:
        return only_accept(peer, message) or isinstance(message, Ping)

    peer = peers(script)
    with way.connect(peer, Impatient) as client, pytest.raises(DaemonUnavailable, match="silent"):
        run(client)
    assert any(isinstance(message, Ping) for message in peer.heard)


def test_a_long_job_is_not_taken_for_silence(peers: Peers, way: Way) -> None:
    """While Pongs come, a job may take as long as it likes."""
    pings: list[Submit] = []

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Submit):
            pings.append(message)
            return only_accept(peer, message)
        if isinstance(message, Ping) and sum(isinstance(each, Ping) for each in peer.heard) == 4:
            peer.say(Result(pings[0].id))
        return False

    peer = peers(script)
    with way.connect(peer, Impatient) as client:
        assert run(client).layers == ()


def test_an_undecodable_answer_fails_its_own_job_only(peers: Peers, way: Way) -> None:
    """A message of a newer kind is passed over; a broken Result fails its job; the session goes on."""

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Submit) and message.source == "broken":
            peer.say(Accepted(message.id))
            peer.say_frames([msgpack.packb({"v": 1, "type": "applause", "id": message.id})])
            peer.say_frames([b"\xc1"])
            peer.say_frames([msgpack.packb({"v": 1, "type": "result", "id": message.id, "layers": 7})])
            return True
        return False

    with way.connect(peers(script)) as client:
        with pytest.raises(Invalid, match=r"result\.layers"):
            run(client, source="broken")
        assert client.pixels(run(client).layers[0].raster) == PIXELS
