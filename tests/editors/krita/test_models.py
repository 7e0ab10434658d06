"""The models' tab in a real Krita: an artist finds a model, agrees, watches it come, uses it and removes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ... import checkpoints
from ...daemon_process import DaemonProcess
from .. import chroot
from ..offered import ID, TITLE, Offered, offered
from .pictures import photo, with_alpha
from .session import Krita

SIZE = (240, 200)
HALF = 640 << 10  # about, of the file


@pytest.fixture
def offer(editor_daemon: DaemonProcess, tmp_path: Path) -> Iterator[Offered]:
    with offered(editor_daemon, tmp_path) as found:
        yield found


@pytest.fixture
def document(krita: Krita) -> Iterator[int]:
    number = krita.document({"name": "photo", "pixels": with_alpha(photo()[:200, 130:370])}, size=SIZE)
    yield number
    krita.close(number)


@pytest.fixture
def tab(krita: Krita, offer: Offered, document: int) -> Iterator[Krita]:
    """Krita with the tab in front and the offer in its list; without a document it shows no dockers."""
    krita.call("show_docker", alone=True)
    krita.call("show_tab", name="Models")
    chroot.wait_until(lambda: TITLE in krita.call("models_listed").get("Denoise", {}), "the model in the list")
    yield krita
    krita.call("show_tab", name="Operations")


def test_a_model_is_found_fetched_used_and_removed(document: int, tab: Krita, offer: Offered) -> None:
    """Refused first, then agreed to; cancelled half-way and gone on with; the next job uses it. Krita works on."""
    offer.served.hold_at, offer.served.pause_s = HALF, 0.15
    shown = tab.call("choose_model", title=TITLE)
    assert "What it makes may not be sold." in shown["facts"]
    assert "garden at night" in shown["facts"]
    assert (shown["fetch"], shown["remove"], shown["cancel"]) == ("Fetch", "", "")

    tab.call("click_model", button="fetch")
    assert "What it makes may not be sold." in tab.call("question")
    tab.desktop.picture("krita-models-question")
    tab.call("answer_question", text="Cancel")
    assert offer.web.requests == [], "nothing comes without consent"

    tab.call("click_model", button="fetch")
    tab.call("watch_ticks")
    tab.call("answer_question", text="Agree and Fetch")
    chroot.wait_until(lambda: tab.call("model_shown")["progress"] > 400, "the bar to be near its middle")
    assert " of 1.0 MB" in tab.call("model_shown")["bytes"]
    tab.desktop.picture("krita-models")
    ticks = tab.call("ticked")["count"]
    chroot.wait_until(lambda: tab.call("ticked")["count"] > ticks + 50, "Krita's own loop to go round")
    tab.call("click_model", button="cancel")
    chroot.wait_until(lambda: tab.call("model_shown")["fetch"] == "Go on", "the fetch to end")
    assert not offer.folder.exists()

    offer.served.hold_at = None
    tab.call("click_model", button="fetch")
    tab.call("answer_question", text="Agree and Fetch")
    chroot.wait_until(lambda: tab.call("models_listed")["Denoise"][TITLE] == "✓", "the model to be installed")
    assert offer.web.requests[0] == "brighter.safetensors"
    assert offer.web.requests[1].startswith("brighter.safetensors bytes=")

    tab.call("show_tab", name="Operations")
    before, _ = tab.read(document, "photo")
    done = tab.run("Denoise", model=ID)  # offered by the form at once
    assert done["state"] == "done", done
    after, _ = tab.read(document, "Denoised")
    inside = (before[..., :3] < 200) & (before[..., 3:] == 255)
    assert np.abs((after[..., :3].astype(int) - before[..., :3])[inside] - 255 * checkpoints.SHIFT).max() <= 1

    tab.call("show_tab", name="Models")
    tab.call("choose_model", title=TITLE)
    tab.call("click_model", button="remove")
    assert "1.0 MB" in tab.call("question")
    tab.call("answer_question", text="Cancel")
    assert offer.file.exists(), "a question is not a removal"
    tab.call("click_model", button="remove")
    tab.call("answer_question", text="Remove")
    chroot.wait_until(lambda: not offer.folder.exists(), "the model to be removed")
    chroot.wait_until(lambda: tab.call("model_shown")["fetch"] == "Fetch", "the tab to say so")


def test_a_daemon_that_is_lost_is_said_and_can_be_found_again(
    tab: Krita, offer: Offered, editor_daemon: DaemonProcess
) -> None:
    """Killed in the middle of a fetch: the tab says so and goes on when it is told to, with what had come kept."""
    offer.served.hold_at = HALF
    tab.call("choose_model", title=TITLE)
    tab.call("click_model", button="fetch")
    tab.call("answer_question", text="Agree and Fetch")
    chroot.wait_until(lambda: offer.served.held.is_set() and tab.call("model_shown")["cancel"], "half of it to come")
    assert editor_daemon.process is not None
    editor_daemon.process.kill()
    editor_daemon.process.wait()
    chroot.wait_until(lambda: "daemon" in tab.call("models_problem"), "the tab to say it")
    assert tab.call("model_shown")["cancel"] == ""

    (editor_daemon.home / "runtime" / "connection.json").unlink()
    editor_daemon.start()
    tab.call("click_retry")
    chroot.wait_until(lambda: tab.call("model_shown")["fetch"] == "Go on", "the list to come again")
    assert tab.call("models_problem") == ""
    offer.served.hold_at = None


def test_what_goes_wrong_is_said(tab: Krita, offer: Offered) -> None:
    """A server without the file: a sentence that stays until the next try."""
    offer.served.status = 404
    tab.call("choose_model", title=TITLE)
    tab.call("click_model", button="fetch")
    tab.call("answer_question", text="Agree and Fetch")
    chroot.wait_until(lambda: "404" in tab.call("model_shown")["trouble"], "what went wrong")
    offer.served.status = 200
    tab.call("click_model", button="fetch")
    tab.call("answer_question", text="Agree and Fetch")
    chroot.wait_until(lambda: tab.call("model_shown")["remove"], "the model to be installed")
    assert tab.call("model_shown")["trouble"] == ""
