"""The models' window in a real GIMP: an artist finds a model, agrees, watches it come, uses it and removes it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ... import checkpoints
from ...daemon_process import DaemonProcess
from .. import chroot
from ..offered import ID, Offered, entry_of, offered
from .photos import photo, with_alpha
from .session import Gimp, install, running_gimp

TITLE = "Scumble Models"
HALF = 640 << 10  # about, of the file
BESIDE_TITLE = np.s_[88:116, 1020:1108]  # on the screen: nothing, or the end of what is said above the list
ACTION = (590, 484)  # in the window


@pytest.fixture(scope="module")
def screen() -> Iterator[chroot.Desktop]:
    """As small as an artist's may be."""
    with chroot.home_folder("gimp-models-") as home, chroot.Desktop(home, 1280, 800) as desktop:
        yield desktop


@pytest.fixture(scope="module")
def gimp_on_screen(editor_daemon: DaemonProcess, screen: chroot.Desktop) -> Iterator[Gimp]:
    with editor_daemon.client() as client:
        install(screen.home, client.catalogue())
    with running_gimp(screen.home, {"SCUMBLE_HOME": str(editor_daemon.home)}, screen) as session:
        yield session


@pytest.fixture
def offer(editor_daemon: DaemonProcess, tmp_path: Path) -> Iterator[Offered]:
    with offered(editor_daemon, tmp_path) as found:
        yield found


@pytest.fixture
def document(gimp_on_screen: Gimp) -> dict[str, Any]:
    return gimp_on_screen.document({"name": "photo", "pixels": with_alpha(photo()[:40, 200:260])}, size=(60, 40))


class Models:
    """The open window; at the end it is closed, and the procedure has ended well."""

    def __init__(self, gimp: Gimp, screen: chroot.Desktop, document: dict[str, Any]) -> None:
        self.gimp = gimp
        self.screen = screen
        gimp.begin("call", procedure="scumble-models", image=document["image"], drawables=[], mode="INTERACTIVE")
        self.id = screen.wait_for_window(f"^{TITLE}$")
        screen.xdotool("windowmove", self.id, "120", "60")

    def __enter__(self) -> Models:
        return self

    def __exit__(self, *_: object) -> None:
        self.screen.key(self.id, "Escape")
        assert self.gimp.finish()["status"] == "success"

    def choose(self, words: str) -> None:
        """Find a model by typing the beginning of its name."""
        chroot.wait_until(lambda: self.colours_of_list() > 40, "the list")
        self.screen.key(self.id, "Home")
        self.screen.xdotool("type", "--delay", "60", words)
        self.screen.key(self.id, "Return")

    def colours_of_list(self) -> int:
        return len(np.unique(self.screen.picture()[200:500, 140:640].reshape(-1, 3), axis=0))

    def has_bar(self) -> bool:
        """Whether the window says something above its list: what is told of the model then begins further down."""
        title = self.screen.picture()[BESIDE_TITLE]
        return len(np.unique(title.reshape(-1, 3), axis=0)) > 8

    def click_action(self) -> None:
        """The first button under what is told of the model: Fetch, Cancel or Remove."""
        self.screen.xdotool("mousemove", "--window", self.id, *map(str, ACTION), "click", "1")

    def answer(self, key: str) -> None:
        """Click Fetch or Remove, and answer the question that it raises."""
        question = chroot.wait_until(self._question, "the question")
        self.screen.picture("gimp-models-question")
        self.screen.key(question, key)
        chroot.wait_until(lambda: not self.questions(), "the question to go")

    def _question(self) -> str:
        """A click before the button is up is none: click until there is a question."""
        if not self.questions():
            self.click_action()
            with contextlib.suppress(TimeoutError):
                chroot.wait_until(self.questions, "the question", 2)
        return next(iter(self.questions()), "")

    def questions(self) -> list[str]:
        return [window for window in self.screen.windows(f"^{TITLE}$") if window != self.id]


def test_a_model_is_found_fetched_used_and_removed(
    gimp_on_screen: Gimp, screen: chroot.Desktop, offer: Offered, document: dict[str, Any], editor_daemon: DaemonProcess
) -> None:
    """Refused first, then agreed to; cancelled half-way and gone on with; the next job uses it."""
    offer.served.hold_at, offer.served.pause_s = HALF, 0.15
    before = gimp_on_screen.read(document["layers"][0])
    with Models(gimp_on_screen, screen, document) as models:
        models.choose("Brighter")
        models.answer("Escape")
        assert offer.web.requests == [], "nothing comes without consent"
        models.answer("alt+a")
        chroot.wait_until(offer.served.held.is_set, "half of it to come")
        chroot.wait_until(lambda: offer.part.stat().st_size >= HALF, "half of it to be written")
        screen.picture("gimp-models")
        models.click_action()  # Cancel
        chroot.wait_until(lambda: not _is_held(offer.part), "the fetch to end")
        assert not offer.folder.exists()
        offer.served.hold_at = None
        models.answer("alt+a")
        chroot.wait_until(lambda: entry_of(editor_daemon).state == "installed", "the model to be installed")
        screen.picture("gimp-models-installed")
    assert offer.web.requests == ["brighter.safetensors", f"brighter.safetensors bytes={HALF}-"]

    done = gimp_on_screen.run("denoise", document)

    assert done["status"] == "success", done["error"]
    group = gimp_on_screen.tree(document)[0]
    assert group["children"][0]["recipe"]["model"]["id"] == ID
    after = gimp_on_screen.read(group["children"][0]["id"])
    inside = (before[..., :3] < 200) & (before[..., 3:] == 255)
    difference = (after[..., :3].astype(int) - before[..., :3])[inside]
    assert np.abs(difference - 255 * checkpoints.SHIFT).max() <= 1

    with Models(gimp_on_screen, screen, document) as models:
        models.choose("Brighter")
        models.answer("Escape")
        assert offer.file.exists(), "a question is not a removal"
        models.answer("alt+r")
        chroot.wait_until(lambda: not offer.folder.exists(), "the model to be removed")


def test_what_goes_wrong_is_said_and_a_closed_window_loses_nothing(
    gimp_on_screen: Gimp, screen: chroot.Desktop, offer: Offered, document: dict[str, Any], editor_daemon: DaemonProcess
) -> None:
    """A server without the file: a sentence. Then the window is closed in the middle, and the model comes anyway."""
    offer.served.status = 404
    with Models(gimp_on_screen, screen, document) as models:
        models.choose("Brighter")
        models.answer("alt+a")
        chroot.wait_until(lambda: "404" in entry_of(editor_daemon).trouble, "the daemon to have failed")
        screen.picture("gimp-models-trouble")
        offer.served.status, offer.served.hold_at = 200, HALF
        models.answer("alt+a")
        chroot.wait_until(offer.served.held.is_set, "half of it to come")
    offer.served.go_on.set()
    chroot.wait_until(offer.file.exists, "the model to be installed")


def test_a_daemon_that_is_lost_is_found_again(
    gimp_on_screen: Gimp, screen: chroot.Desktop, offer: Offered, document: dict[str, Any], editor_daemon: DaemonProcess
) -> None:
    """Killed while the window is open: it says so, and Try Again brings list and buttons back."""
    with Models(gimp_on_screen, screen, document) as models:
        models.choose("Brighter")
        assert editor_daemon.process is not None
        editor_daemon.process.kill()
        editor_daemon.process.wait()
        chroot.wait_until(models.has_bar, "the window to say it")
        screen.picture("gimp-models-lost")
        (editor_daemon.home / "runtime" / "connection.json").unlink()
        editor_daemon.start()
        screen.key(models.id, "alt+t")
        chroot.wait_until(lambda: not models.has_bar(), "the list to come again")
        models.choose("Brighter")
        models.answer("alt+a")
        chroot.wait_until(offer.file.exists, "the model to be installed")


def test_scripts_get_the_list_in_words(gimp: Gimp) -> None:
    """Without a screen: what there is, by operation, with state and size."""
    document = gimp.document({"name": "photo", "pixels": with_alpha(photo()[:40, 200:260])}, size=(60, 40))
    done = gimp.call("call", procedure="scumble-models", image=document["image"], drawables=[])
    assert done["status"] == "success", done["error"]
    lines = done["values"][0].splitlines()
    ours = lines[lines.index("Denoise") + 1]
    assert ours.startswith("  denoise-small: Small, for any noise, ")
    assert ours.endswith("comes with Scumble")


def _is_held(part: Path) -> bool:
    """Whether a process has it open."""
    for files in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            if any(os.readlink(file) == str(part) for file in files.iterdir()):
                return True
    return False
