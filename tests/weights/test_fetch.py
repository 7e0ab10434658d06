"""Fetching, against a real web server: what arrives is the very file or nothing, however the server behaves."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from scumble_daemon.config import Config
from scumble_daemon.weights.errors import DiskFull, FetchFailed
from scumble_daemon.weights.fetch import Fetcher, Progress, mirrors
from scumble_daemon.weights.index import Model
from scumble_daemon.weights.store import Store
from scumble_protocol.errors import Invalid, MissingModel, ScumbleError

from .conftest import BODY, OTHER, QUICK, file_of, ignore, model_of, noise, small_disk
from .web_server import Served, WebServer


def test_a_model_comes_with_progress_and_is_ready(fetcher: Fetcher, store: Store, model: Model, web: WebServer) -> None:
    """The files lie in the model's folder as they are on the server, nothing else does, and progress only grew."""
    heard: list[Progress] = []
    folder = fetcher.fetch(model, heard.append)
    assert (folder / "a.pth").read_bytes() == BODY
    assert {path.name for path in folder.iterdir()} == {"a.pth", ".verified.json"}
    assert store.resolve(model) == folder == store.folder / "tiny"
    assert not store.staging_of(model).exists()
    assert {progress.stage for progress in heard} <= {"fetching", "checking"}
    assert heard[0].file == "a.pth"
    assert all(0 <= progress.fraction <= 1 for progress in heard)
    assert heard[0].whole_bytes == len(BODY)
    fetcher.fetch(model, ignore)
    assert web.requests == ["a.pth"], "what is there is not fetched again"


# --- the server --------------------------------------------------------------------------------------------------


def test_a_truncated_answer_is_gone_on_with(fetcher: Fetcher, model: Model, served: Served, web: WebServer) -> None:
    """Each answer ends early; the next one is asked for the rest, and only for that."""
    served.cut_at = [100_000, 100_000, 200_000]
    folder = fetcher.fetch(model, ignore)
    assert (folder / "a.pth").read_bytes() == BODY
    assert web.requests == ["a.pth", "a.pth bytes=100000-", "a.pth bytes=100000-", "a.pth bytes=200000-"]
    assert web.headers[1]["If-Range"].startswith('"'), "the rest of that file, or the whole of another"


def test_a_stall_is_noticed_and_gone_on_with(fetcher: Fetcher, model: Model, served: Served, web: WebServer) -> None:
    """A connection that stays open without a byte does not hold the artist for ever."""
    served.hold_at = 65_536
    folder = fetcher.fetch(model, ignore)
    assert (folder / "a.pth").read_bytes() == BODY
    assert web.requests == ["a.pth", "a.pth bytes=65536-"]


def test_a_server_that_always_stalls_is_given_up(fetcher: Fetcher, store: Store, model: Model, served: Served) -> None:
    """After some tries without a new byte it is said so, and what has come is kept."""
    served.hold_at = 65_536
    served.ranges = False
    with pytest.raises(FetchFailed, match=r"tiny could not be fetched: 127\.0\.0\.1 has stopped sending") as raised:
        fetcher.fetch(model, ignore)
    assert "goes on there" in raised.value.hint
    assert store.condition(model).here_bytes == 65_536
    assert store.condition(model).state == "partial"


def test_a_server_that_ignores_ranges_is_read_from_the_start(
    fetcher: Fetcher, model: Model, served: Served, web: WebServer
) -> None:
    """The whole file comes again, and is not appended to what was there."""
    served.ranges = False
    served.cut_at = [100_000]
    folder = fetcher.fetch(model, ignore)
    assert (folder / "a.pth").read_bytes() == BODY
    assert web.requests == ["a.pth", "a.pth bytes=100000-"]


def test_wrong_bytes_are_never_installed(
    fetcher: Fetcher, store: Store, model: Model, served: Served, web: WebServer
) -> None:
    """A file of the right size with another digest is refused at once and deleted."""
    served.body = OTHER
    with pytest.raises(FetchFailed, match="is not the file: its digest is"):
        fetcher.fetch(model, ignore)
    assert web.requests == ["a.pth"]
    assert store.condition(model).state == "absent"
    assert not store.staging_of(model).exists()
    with pytest.raises(MissingModel, match="not installed"):
        store.resolve(model)


def test_a_server_that_lies_about_the_length(fetcher: Fetcher, store: Store, model: Model, served: Served) -> None:
    """A promise other than the index's is refused before a byte is written; the right promise unkept is a failure."""
    served.promised = len(BODY) + 1
    with pytest.raises(FetchFailed, match="has a file of 300001 bytes, the index says 300000"):
        fetcher.fetch(model, ignore)
    assert store.condition(model).here_bytes == 0
    served.promised = len(BODY)
    served.body = BODY[:-1]
    with pytest.raises(FetchFailed, match=r"has another file now|broke off after 299999 of 300000 bytes"):
        fetcher.fetch(model, ignore)
    assert store.condition(model).state != "installed"


@pytest.mark.parametrize("has_length", [True, False])
def test_more_than_promised_never_reaches_the_disk(
    fetcher: Fetcher, store: Store, model: Model, served: Served, has_length: bool
) -> None:
    """An endless answer ends at the size that the index says; where a length was given, at that."""
    served.body = BODY + b"x" * 5_000_000
    served.has_length = has_length
    served.promised = len(BODY) if has_length else None
    if has_length:  # what is over lies beyond the answer and is never read
        assert (fetcher.fetch(model, ignore) / "a.pth").read_bytes() == BODY
        return
    with pytest.raises(FetchFailed, match="sends more than the 300000 bytes"):
        fetcher.fetch(model, ignore)
    assert store.condition(model) == store.condition(replace(model, id="other")), "nothing of it is left"


def test_a_page_is_no_model(fetcher: Fetcher, store: Store, unpinned: Model, served: Served) -> None:
    """The log-in page of a hotel's network is not remembered as the digest of a model."""
    served.kind = "text/html; charset=utf-8"
    with pytest.raises(FetchFailed, match="a page instead of the file") as raised:
        fetcher.fetch(unpinned, ignore, agreed=True)
    assert "log-in" in raised.value.hint
    assert store.trusted.digest(unpinned, unpinned.files[0]) is None


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (503, QUICK.tries)])
def test_a_refusal_is_told_with_its_number(
    fetcher: Fetcher, model: Model, served: Served, web: WebServer, status: int, requests: int
) -> None:
    """What is gone is gone at the first answer; a server that is busy is asked again."""
    served.status = status
    with pytest.raises(FetchFailed, match=f"answers «{status} "):
        fetcher.fetch(model, ignore)
    assert len(web.requests) == requests


# --- redirects, mirrors, no network ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(fetcher: Fetcher, model: Model, web: WebServer, status: int) -> None:
    """As releases and model hubs do it; the range goes along."""
    web.files["there.pth"] = replace(web.files["a.pth"], cut_at=[100_000])
    web.serve("a.pth", b"", status=status, location=web.url("there.pth"))
    assert (fetcher.fetch(model, ignore) / "a.pth").read_bytes() == BODY
    assert web.requests[-1] == "there.pth bytes=100000-"


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/a.pth", "data:,x", "gopher://x/"])
def test_a_redirect_off_the_web_is_refused(
    fetcher: Fetcher, store: Store, unpinned: Model, web: WebServer, location: str
) -> None:
    """No server can make Scumble read a file of this computer and call it a model."""
    web.serve("a.pth", b"", status=302, location=location)
    with pytest.raises(FetchFailed):
        fetcher.fetch(unpinned, ignore, agreed=True)
    assert store.condition(unpinned).state == "absent"


def test_mirrors_are_asked_in_turn(fetcher: Fetcher, store: Store, web: WebServer, model: Model) -> None:
    """The first is gone, the second has other bytes, the third has the file; a partial of another source goes on."""
    web.serve("altered.pth", OTHER)
    web.serve("broken.pth", BODY, cut_at=[100_000] * QUICK.tries)
    names = ("gone.pth", "altered.pth", "broken.pth", "a.pth")
    model = model_of(file_of("a.pth", BODY, *map(web.url, names)))
    assert (fetcher.fetch(model, ignore) / "a.pth").read_bytes() == BODY
    assert list(dict.fromkeys(request.split()[0] for request in web.requests)) == list(names)
    assert web.requests[-1] == "a.pth bytes=100000-"


def test_all_mirrors_are_named_when_none_has_it(fetcher: Fetcher, web: WebServer) -> None:
    """What each of them said is in the message."""
    web.serve("altered.pth", OTHER)
    model = model_of(file_of("a.pth", BODY, web.url("gone.pth"), web.url("altered.pth")))
    with pytest.raises(FetchFailed, match=r"404.*its digest is"):
        fetcher.fetch(model, ignore)


def test_a_mirror_of_the_settings_goes_first(store: Store, web: WebServer) -> None:
    """`weights_mirrors` sends what begins with one address to another; the digest is checked as ever."""
    web.serve("hub/org/a.pth", BODY)
    model = model_of(file_of("a.pth", BODY, "https://hub.invalid/org/a.pth"))
    config = replace(Config(), weights_mirrors=(f"https://hub.invalid = {web.url('hub')}",))
    folder = Fetcher(store, mirrors(config), QUICK).fetch(model, ignore)
    assert (folder / "a.pth").read_bytes() == BODY
    with pytest.raises(Invalid, match="is no mirror"):
        mirrors(replace(Config(), weights_mirrors=("https://hub.invalid",)))


def test_without_a_network_it_is_said_what_to_do(fetcher: Fetcher, store: Store) -> None:
    """No waiting through tries: the address is not known, and the ways out are named."""
    model = model_of(file_of("a.pth", BODY, "https://models.invalid/a.pth"))
    with pytest.raises(FetchFailed, match=r"tiny could not be fetched: models\.invalid is not known") as raised:
        fetcher.fetch(model, ignore)
    assert "HTTPS_PROXY" in raised.value.hint
    assert f"copy that weights folder to {store.folder}" in raised.value.hint
    assert not store.staging_of(model).exists()


# --- several files -----------------------------------------------------------------------------------------------


def test_several_files_are_installed_all_or_none(fetcher: Fetcher, store: Store, web: WebServer) -> None:
    """A second file that fails leaves no model behind; the first one is kept and not fetched again."""
    web.serve("config.json", b"{}", kind="application/json")
    weights = web.serve("b.safetensors", OTHER)
    model = model_of(
        file_of("config.json", b"{}", web.url("config.json")),
        file_of("b.safetensors", BODY, web.url("b.safetensors")),
    )
    with pytest.raises(FetchFailed):
        fetcher.fetch(model, ignore)
    assert not store.folder_of(model).exists()
    assert store.condition(model).state == "partial"
    weights.body = BODY
    heard: list[Progress] = []
    folder = fetcher.fetch(model, heard.append)
    assert sorted(path.name for path in folder.iterdir()) == [".verified.json", "b.safetensors", "config.json"]
    assert web.requests.count("config.json") == 1
    assert heard[-1].whole_bytes == len(BODY) + 2


# --- the disk ----------------------------------------------------------------------------------------------------


def test_a_disk_without_room_is_noticed_before_a_byte_is_asked_for(
    tmp_path: Path, model: Model, web: WebServer
) -> None:
    """Said with what is needed and what is free."""
    with small_disk(tmp_path / "disk", 16) as disk:
        with pytest.raises(DiskFull, match=r"are needed, but .* are free") as raised:
            Fetcher(Store(disk / "weights"), patience=QUICK).fetch(model, ignore)
        assert "weights_folder" in raised.value.hint
    assert web.requests == []


def test_a_disk_that_fills_keeps_what_has_come(tmp_path: Path, web: WebServer) -> None:
    """Another program takes the rest of the disk in the middle: a clear word, no model, and it goes on later."""
    body = noise(3_000_000)
    with small_disk(tmp_path / "disk", 80) as disk:

        def fill() -> None:
            free = shutil.disk_usage(disk).free - 1_000_000
            (disk / "filler").write_bytes(bytes(free))

        served = web.serve("big.pth", body, between=fill)
        model = model_of(file_of("a.pth", body, web.url("big.pth")))
        store = Store(disk / "weights")
        with pytest.raises(DiskFull, match="is full") as raised:
            Fetcher(store, patience=QUICK).fetch(model, ignore)
        assert "what has arrived is kept" in raised.value.hint
        condition = store.condition(model)
        assert condition.state == "partial"
        assert condition.here_bytes > 500_000
        (disk / "filler").unlink()
        served.between = lambda: None
        folder = Fetcher(store, patience=QUICK).fetch(model, ignore)
        assert (folder / "a.pth").read_bytes() == body
    assert web.requests[-1].startswith("big.pth bytes=")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, model: Model) -> None:
    """A file where the weights folder should be, for one."""
    (tmp_path / "weights").write_bytes(b"")
    with pytest.raises(ScumbleError) as raised:
        Fetcher(Store(tmp_path / "weights"), patience=QUICK).fetch(model, ignore)
    assert str(tmp_path / "weights") in raised.value.message
    assert "weights_folder" in raised.value.hint
