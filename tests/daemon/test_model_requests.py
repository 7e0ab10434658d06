"""Models over the wire: listed, fetched from a real web server and removed, by any number of clients at a time."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scumble_daemon.weights.index import Model
from scumble_protocol import messages
from scumble_protocol.client import Client
from scumble_protocol.errors import DaemonUnavailable, MissingModel
from scumble_protocol.image import Bounds
from scumble_protocol.model_board import ModelBoard

from .. import checkpoints
from ..daemon_process import DaemonProcess, running_daemon, suspend, wait_until
from ..weights.conftest import as_toml, file_of, model_of, noise, small_disk
from ..weights.web_server import Served, WebServer, serving

CANVAS = Bounds(0, 0, 32, 32)
RESIDENT_LIMIT_BYTES = 80 << 20
CONSENT = {"opt_in": True, "licence": "Research only", "licence_note": "Nobody may sell what it makes."}


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real denoiser's checkpoint, of a few blocks."""
    file = checkpoints.save(checkpoints.nafnet(width=48), tmp_path_factory.mktemp("checkpoint") / "a.safetensors")
    return file.read_bytes()


@pytest.fixture
def served(web: WebServer, body: bytes) -> Served:
    return web.serve("a.safetensors", body)


@pytest.fixture
def models_daemon() -> Iterator[DaemonProcess]:
    with running_daemon((), NO_PROXY="127.0.0.1") as daemon:
        yield daemon


@pytest.fixture
def model(web: WebServer, served: Served, body: bytes, models_daemon: DaemonProcess) -> Model:
    """Known to the daemon from its user's own `weights.toml`."""
    return know(
        models_daemon, model_of(file_of("a.safetensors", body, web.url("a.safetensors")), architecture="NAFNet")
    )


def know(daemon: DaemonProcess, model: Model) -> Model:
    (daemon.home / "config" / "weights.toml").write_text(as_toml(model), "utf-8")
    return model


class Window:
    """What an editor's window does: a client whose board is kept up to date."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.board = ModelBoard()
        self.heard: list[Any] = []
        client.models.watch()
        self.wait(lambda: self.board.folder or self.board.problem, "the first list")

    def look(self) -> None:
        while (message := self.client.poll(0.02)) is not None:
            self.heard.append(message)
            self.board.take(message, self.client.models.model_of(message) or "")

    def wait(self, until: Callable[[], Any], what: str) -> Any:
        def look() -> Any:
            self.look()
            return until()

        return wait_until(look, what)

    def end_of(self, request: str) -> Any:
        """What a fetch or a removal ended with."""
        ends = (messages.Fetched, messages.Removed, messages.Failure)
        return self.wait(
            lambda: next((each for each in self.heard if each.id == request and isinstance(each, ends)), None),
            f"the end of {request}",
        )

    def state(self, model: str = "tiny") -> str:
        entry = self.board.find(model)
        return entry.state if entry else ""

    def wait_for_state(self, state: str) -> None:
        self.wait(lambda: self.state() == state, f"«{state}» instead of «{self.state()}»")


@pytest.fixture
def window(models_daemon: DaemonProcess, model: Model) -> Iterator[Window]:
    with models_daemon.client() as client:
        yield Window(client)


def denoised(client: Client, model: str) -> float:
    """What the operation makes of grey 0.5 with that model."""
    image = client.put(np.full((32, 32, 4), (128, 128, 128, 255), np.uint8).tobytes(), CANVAS, "u8", "RGBA")
    result = client.run("denoise", image, CANVAS, parameters={"model": model})
    try:
        return client.pixels(result.layers[0].raster)[0] / 255
    finally:
        client.release(result)


# --- the list ----------------------------------------------------------------------------------------------------


def test_the_list_tells_all_that_an_artist_decides_by(window: Window, models_daemon: DaemonProcess) -> None:
    """What ships, what can be fetched, what somebody put there: with licence, size and questions, by operation."""
    board = window.board
    assert board.folder == str(models_daemon.home / "weights")
    tiny = board.find("tiny")
    assert tiny is not None
    assert (tiny.title, tiny.operations, tiny.licence, tiny.state) == ("Tiny", ("Denoise",), "MIT", "absent")
    assert tiny.fetch_label == "Fetch"
    assert not tiny.questions
    shipped = board.find("denoise-small")
    assert shipped is not None
    assert (shipped.state, shipped.licence, shipped.can_be_removed) == ("shipped", "Apache-2.0", False)
    restricted = board.find("denoise-realplksr")
    assert restricted is not None
    assert any("Licence: " in question for question in restricted.questions)
    titles = [title for title, _ in board.groups()]
    assert titles.index("Denoise") < titles.index("Upscale")
    assert all(entry.is_usable for title, entries in board.groups() if title == "Denoise" for entry in entries)

    (models_daemon.home / "weights").mkdir(exist_ok=True)
    broken = models_daemon.home / "weights" / "mine.safetensors"
    broken.write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    window.wait(lambda: window.state("mine.safetensors") in ("waiting", "broken"), "the file in the list")
    window.wait(lambda: window.state("mine.safetensors") == "broken", "what is wrong with it")
    mine = board.find("mine.safetensors")
    assert mine is not None
    assert mine.problem
    assert not mine.can_be_removed
    assert board.groups()[-1][0] == "Your own files" or board.groups()[-2][0] == "Your own files"


def test_the_list_comes_whatever_the_worker_does(models_daemon: DaemonProcess, model: Model) -> None:
    """With the worker stopped in its tracks, and in a daemon that stays as small as it was."""
    suspend(models_daemon.wait_for_worker())
    with models_daemon.client() as client:
        started = time.monotonic()
        window = Window(client)
        assert window.state() == "absent"
        assert time.monotonic() - started < 5
        assert client.ping() < 1
        pages = int(Path(f"/proc/{client.welcome.pid}/statm").read_text().split()[1])
        assert pages * os.sysconf("SC_PAGE_SIZE") < RESIDENT_LIMIT_BYTES


def test_an_index_that_cannot_be_read_is_named(models_daemon: DaemonProcess) -> None:
    """The answer is a sentence with the file in it, and the next one is right when that is put right."""
    entries = models_daemon.home / "config" / "weights.toml"
    entries.write_text("format = 1\n[[model]]\nid = 7\n", "utf-8")
    with models_daemon.client() as client:
        window = Window(client)
        assert str(entries) in window.board.problem
        entries.unlink()
        client.models.watch()
        window.wait(lambda: window.board.entries, "the list")
        assert not window.board.problem


# --- fetching ----------------------------------------------------------------------------------------------------


def test_a_fetched_model_can_be_used_and_a_removed_one_cannot(window: Window, models_daemon: DaemonProcess) -> None:
    """Progress in bytes of the whole, then the list says so; the first job after either answer knows, however soon."""
    end = window.end_of(window.client.models.fetch("tiny"))
    assert isinstance(end, messages.Fetched)
    steps = [each for each in window.heard if isinstance(each, messages.Fetching) and each.id == end.id]
    assert steps
    size = (models_daemon.home / "weights" / "tiny" / "a.safetensors").stat().st_size
    assert {step.whole_bytes for step in steps} == {size}
    assert denoised(window.client, "tiny") == pytest.approx(0.5 + checkpoints.SHIFT, abs=0.01)
    window.wait_for_state("installed")

    removed = window.end_of(window.client.models.remove("tiny"))
    assert isinstance(removed, messages.Removed)
    assert removed.bytes == size
    with pytest.raises(MissingModel, match="tiny is not installed"):
        denoised(window.client, "tiny")
    assert not models_daemon_status(window.client)
    window.wait_for_state("absent")
    assert not (models_daemon.home / "weights" / "tiny").exists()


def models_daemon_status(client: Client) -> list[Any]:
    return [model for worker in client.status()["workers"] for model in worker["models"]]


def test_what_has_to_be_agreed_to_is_not_fetched_before(
    models_daemon: DaemonProcess, model: Model, web: WebServer
) -> None:
    """Refused with the questions, and nothing asked of any server; fetched when the artist agrees."""
    know(models_daemon, dataclasses.replace(model, **CONSENT))
    with models_daemon.client() as client:
        window = Window(client)
        tiny = window.board.find("tiny")
        assert tiny is not None
        assert tiny.questions == ("Licence: Research only. Nobody may sell what it makes.",)

        refused = window.end_of(client.models.fetch("tiny"))
        assert isinstance(refused, messages.Failure)
        assert refused.code == "invalid"
        assert "Nobody may sell what it makes." in refused.message
        assert "--yes" not in refused.hint
        assert web.requests == []

        assert isinstance(window.end_of(client.models.fetch("tiny", agreed=True)), messages.Fetched)
        window.wait_for_state("installed")


def test_another_file_than_promised_is_not_installed(window: Window, served: Served, body: bytes) -> None:
    """Its digest says so; the reason stays in the list until the next try."""
    served.body = noise(len(body))
    end = window.end_of(window.client.models.fetch("tiny"))
    assert isinstance(end, messages.Failure)
    assert end.code == "missing-model"
    assert "is not the file: its digest is" in end.message
    window.wait(lambda: (entry := window.board.find("tiny")) and "digest" in entry.trouble, "the reason in the list")
    window.wait_for_state("absent")
    served.body = body
    assert isinstance(window.end_of(window.client.models.fetch("tiny")), messages.Fetched)
    window.wait(lambda: (entry := window.board.find("tiny")) and not entry.trouble, "the reason to go")


def test_a_server_that_stalls_is_given_up_and_gone_on_with(
    models_daemon: DaemonProcess, model: Model, served: Served, web: WebServer
) -> None:
    """After `weights_stall_s`, some times; what had come is kept, and only the rest is asked for the next time."""
    (models_daemon.home / "config" / "config.toml").write_text("weights_stall_s = 0.3\n", "utf-8")
    served.hold_at = 65_536
    served.ranges = False  # each try begins anew, and brings nothing new
    with models_daemon.client() as client:
        window = Window(client)
        end = window.end_of(client.models.fetch("tiny"))
        assert isinstance(end, messages.Failure)
        assert "has stopped sending" in end.message
        assert "goes on there" in end.hint
        window.wait_for_state("partial")
        served.ranges = True
        served.hold_at = None
        assert isinstance(window.end_of(client.models.fetch("tiny")), messages.Fetched)
    assert web.requests[-1] == "a.safetensors bytes=65536-"


def test_a_server_that_is_not_there_is_said(window: Window, models_daemon: DaemonProcess, model: Model) -> None:
    """No network: a sentence with what to do."""
    file = dataclasses.replace(model.files[0], urls=("http://127.0.0.1:9/a.safetensors",))
    know(models_daemon, dataclasses.replace(model, files=(file,)))
    end = window.end_of(window.client.models.fetch("tiny"))
    assert isinstance(end, messages.Failure)
    assert "tiny could not be fetched: 127.0.0.1 cannot be reached" in end.message
    assert "Look whether the network is there" in end.hint


def test_a_cancelled_fetch_goes_on_where_it_ended(window: Window, served: Served, web: WebServer) -> None:
    """At once, with all that came kept; its process is gone."""
    served.hold_at = 65_536
    request = window.client.models.fetch("tiny")
    window.wait(lambda: served.held.is_set() and fraction(window) >= 0, "some bytes")
    window.client.models.cancel("tiny")
    end = window.end_of(request)
    assert isinstance(end, messages.Failure)
    assert end.code == "cancelled"
    window.wait_for_state("partial")
    entry = window.board.find("tiny")
    assert entry is not None
    assert (entry.fetch_label, entry.here_bytes, entry.trouble) == ("Go on", 65_536, "")
    served.hold_at = None
    assert isinstance(window.end_of(window.client.models.fetch("tiny")), messages.Fetched)
    assert web.requests == ["a.safetensors", "a.safetensors bytes=65536-"]


def fraction(window: Window) -> float:
    entry = window.board.find("tiny")
    return entry.fraction if entry and entry.fetching else -1


def test_two_clients_share_one_fetch(
    window: Window, models_daemon: DaemonProcess, served: Served, web: WebServer
) -> None:
    """Both hear how far it is; when the one that began goes away, it goes on; the file was asked for once."""
    served.hold_at = 65_536
    with models_daemon.client() as first:
        other = Window(first)
        first.models.fetch("tiny")
        other.wait(lambda: served.held.is_set() and fraction(other) >= 0, "some bytes")
        window.wait(lambda: fraction(window) >= 0, "the progress to be seen by who only watches")
        request = window.client.models.fetch("tiny")
        window.wait(lambda: any(each.id == request for each in window.heard), "the second to have joined")
    served.go_on.set()
    assert isinstance(window.end_of(request), messages.Fetched)
    window.wait_for_state("installed")
    assert web.requests == ["a.safetensors"]


def test_a_fetch_outlives_every_editor_and_can_be_ended_from_another(
    models_daemon: DaemonProcess, model: Model, served: Served
) -> None:
    """Closed, opened again: the list says that it runs; whoever cancels ends it."""
    served.hold_at = 65_536
    with models_daemon.client() as client:
        client.models.fetch("tiny")
        wait_until(served.held.is_set, "some bytes")
    with models_daemon.client() as client:
        window = Window(client)
        entry = window.board.find("tiny")
        assert entry is not None
        assert entry.fetching is not None
        assert not entry.fetch_label
        client.models.cancel("tiny")
        window.wait(lambda: (entry := window.board.find("tiny")) and entry.fetching is None, "the end of it")
        window.wait_for_state("partial")


# --- accidents ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_daemon_that_ends_leaves_nothing_half_installed(
    models_daemon: DaemonProcess, model: Model, served: Served, web: WebServer, how: str
) -> None:
    """Whether it was stopped or killed: its fetch ends with it, nothing is installed, and the next daemon goes on."""
    served.hold_at = 65_536
    with models_daemon.client() as client:
        window = Window(client)
        request = client.models.fetch("tiny")
        window.wait(lambda: served.held.is_set() and fraction(window) >= 0, "some bytes")
        errand = errand_of(client.welcome.pid)
        if how == "stop":
            models_daemon.stop()
            with pytest.raises(DaemonUnavailable):
                window.wait(lambda: False, "the end of the connection")
            (end,) = (each for each in window.heard if each.id == request and isinstance(each, messages.Failure))
            assert end.code == "cancelled"
            assert "was stopped while it fetched tiny" in end.message
        else:
            os.kill(client.welcome.pid, signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{errand}").exists(), "its process to end")
    weights = models_daemon.home / "weights"
    assert not (weights / "tiny").exists()
    assert (weights / "tiny.part").is_dir()
    served.hold_at = None
    models_daemon.stop()
    (models_daemon.home / "runtime" / "connection.json").unlink(missing_ok=True)  # what a killed one leaves
    models_daemon.start()
    with models_daemon.client() as client:
        window = Window(client)
        assert window.state() == "partial"
        assert isinstance(window.end_of(client.models.fetch("tiny")), messages.Fetched)
    assert web.requests[-1].startswith("a.safetensors bytes=")


def errand_of(daemon: int) -> int:
    """The child of the daemon that fetches, once no other one makes a list."""

    def look() -> list[int]:
        children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split()
        found = [int(pid) for pid in children if b"weights.errand" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return found if len(found) == 1 else []

    return wait_until(look, "one errand")[0]


def test_the_command_line_says_what_is_being_fetched(
    window: Window, models_daemon: DaemonProcess, served: Served
) -> None:
    """`scumble status` while it comes; `scumble stop`, that it has ended with the daemon."""
    served.hold_at = 65_536
    window.client.models.fetch("tiny")
    window.wait(served.held.is_set, "some bytes")
    assert "fetching:  tiny" in models_daemon.cli("status").stdout
    stopped = models_daemon.cli("stop")
    assert "It was fetching tiny: what has come is kept." in stopped.stdout


def test_a_process_that_dies_is_told_and_the_daemon_lives(window: Window, served: Served) -> None:
    """Killed from outside in the middle: a failure, and the next try works."""
    served.hold_at = 65_536
    request = window.client.models.fetch("tiny")
    window.wait(served.held.is_set, "some bytes")
    errand = errand_of(window.client.welcome.pid)
    os.kill(errand, signal.SIGKILL)
    end = window.end_of(request)
    assert isinstance(end, messages.Failure)
    assert "has died" in end.message
    served.hold_at = None
    assert isinstance(window.end_of(window.client.models.fetch("tiny")), messages.Fetched)


def test_a_full_disk_is_said_in_words(tmp_path: Path, model: Model, web: WebServer) -> None:
    """Before the first byte is asked for."""
    with (
        small_disk(tmp_path / "disk", 16) as disk,
        running_daemon((), SCUMBLE_WEIGHTS_FOLDER=str(disk / "w")) as daemon,
    ):
        know(daemon, model)
        with daemon.client() as client:
            window = Window(client)
            end = window.end_of(client.models.fetch("tiny"))
        assert isinstance(end, messages.Failure)
        assert "are needed" in end.message
        assert "weights_folder" in end.hint
    assert web.requests == []


def test_a_folder_that_cannot_be_used_is_named(window: Window, models_daemon: DaemonProcess) -> None:
    """A file stands where the folder should be."""
    weights = models_daemon.home / "weights"
    shutil.rmtree(weights, ignore_errors=True)
    weights.write_bytes(b"")
    end = window.end_of(window.client.models.fetch("tiny"))
    assert isinstance(end, messages.Failure)
    assert str(weights) in end.message


def test_what_is_not_known_or_under_way_is_refused(window: Window, served: Served) -> None:
    """A name nobody knows gets the nearest; a model that is being fetched is not removed under it."""
    unknown = window.end_of(window.client.models.fetch("tinny"))
    assert isinstance(unknown, messages.Failure)
    assert unknown.code == "invalid"
    assert "tiny" in unknown.hint
    served.hold_at = 65_536
    request = window.client.models.fetch("tiny")
    window.wait(served.held.is_set, "some bytes")
    busy = window.end_of(window.client.models.remove("tiny"))
    assert isinstance(busy, messages.Failure)
    assert busy.code == "busy"
    served.go_on.set()
    assert isinstance(window.end_of(request), messages.Fetched)
    nothing = window.end_of(window.client.models.remove("scunet-real-psnr"))
    assert nothing == messages.Removed(nothing.id, "scunet-real-psnr", 0)
