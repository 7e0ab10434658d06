"""What lies in the weights folder is known for what it is: whole, damaged, somebody else's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from scumble_daemon.config import Config
from scumble_daemon.weights import store as store_module
from scumble_daemon.weights.fetch import Fetcher
from scumble_daemon.weights.index import Model
from scumble_daemon.weights.store import Store
from scumble_protocol.errors import Busy, Invalid, MissingModel

from .conftest import file_of, ignore, model_of, noise
from .web_server import WebServer

SMALL, LARGE = noise(1_000), noise(100_000, seed=2)


@pytest.fixture
def model(web: WebServer) -> Model:
    web.serve("config.json", SMALL)
    web.serve("a.pth", LARGE)
    files = (file_of("config.json", SMALL, web.url("config.json")), file_of("a.pth", LARGE, web.url("a.pth")))
    return model_of(*files)


@pytest.fixture
def folder(model: Model, fetcher: Fetcher) -> Path:
    return fetcher.fetch(model, ignore)


def alter(path: Path, keeps_time: bool = False) -> None:
    """Change one byte in the middle."""
    was = path.stat()
    with path.open("rb+") as file:
        file.seek(500)
        byte = file.read(1)
        file.seek(500)
        file.write(bytes([byte[0] ^ 1]))
    if keeps_time:
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def test_a_changed_file_is_damage_at_the_next_look(store: Store, model: Model, folder: Path) -> None:
    """A quick look notices a file that was written to; the model is not handed out any more."""
    alter(folder / "a.pth")
    condition = store.condition(model)
    assert condition.state == "damaged"
    assert "a.pth is not what was fetched" in condition.damage[0]
    with pytest.raises(MissingModel, match="is damaged") as raised:
        store.resolve(model)
    assert "scumble weights fetch tiny" in raised.value.hint


def test_what_a_quick_look_cannot_see_verify_does_and_it_stays_known(store: Store, model: Model, folder: Path) -> None:
    """A bit that fell over on the disk, size and time as ever: verify finds it, and after that every look does."""
    alter(folder / "a.pth", keeps_time=True)
    assert store.condition(model).state == "installed"
    assert store.verify(model).state == "damaged"
    assert store.condition(model).state == "damaged"


def test_missing_and_short_files_are_named(store: Store, model: Model, folder: Path) -> None:
    """Each file with what is wrong with it."""
    (folder / "config.json").unlink()
    os.truncate(folder / "a.pth", 10)
    damage = store.condition(model).damage
    assert damage == ("config.json is missing", "a.pth has 10 bytes instead of 100000")


def test_a_damaged_model_is_fetched_again_file_by_file(
    store: Store, model: Model, folder: Path, fetcher: Fetcher, web: WebServer
) -> None:
    """Only what is damaged comes over the network."""
    alter(folder / "config.json")
    web.requests.clear()
    fetcher.fetch(model, ignore)
    assert web.requests == ["config.json"]
    assert store.verify(model).state == "installed"


def test_a_copied_folder_is_looked_at_once(
    tmp_path: Path, model: Model, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied from another computer, with other times: verified at the first look, and not at the second."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(folder, elsewhere / "tiny", copy_function=shutil.copyfile)
    looked: list[str] = []
    real = store_module.digest_of
    monkeypatch.setattr(store_module, "digest_of", lambda path, *rest: (looked.append(path.name), real(path, *rest))[1])
    for _ in range(2):
        assert Store(elsewhere).condition(model).state == "installed"
    assert sorted(looked) == ["a.pth", "config.json"]


def test_removing_leaves_what_is_not_ours(store: Store, model: Model, folder: Path, fetcher: Fetcher) -> None:
    """Our files go and their room is told; a file that the user laid beside them stays, and is not overwritten."""
    (folder / "mine.txt").write_text("notes")
    assert store.remove(model) == 101_000
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    assert store.condition(model).state == "absent"
    assert store.remove(model) == 0
    with pytest.raises(Invalid, match=r"mine\.txt was not put there by Scumble"):
        fetcher.fetch(model, ignore)
    assert (folder / "mine.txt").read_text() == "notes"


def test_what_is_being_fetched_is_not_removed(store: Store, model: Model, folder: Path) -> None:
    """The one who fetches holds a lock, and the answer comes at once."""
    with store.locked(model), pytest.raises(Busy, match="being fetched just now"):
        Store(store.folder).remove(model)
    assert store.remove(model) > 0


def test_the_folder_is_where_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`weights_folder` first, then SCUMBLE_HOME, then the user's data folder."""
    assert Store.open(Config(weights_folder=str(tmp_path / "x"))).folder == tmp_path / "x"
    assert Store.open(Config()).folder == tmp_path / "weights"
    monkeypatch.delenv("SCUMBLE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert Store.open(Config(weights_folder="~/y")).folder == tmp_path / "y"
    assert Store.open(Config()).folder.is_relative_to(tmp_path)
