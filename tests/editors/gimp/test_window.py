"""GIMP as an artist uses it: the dialog, one Ctrl+Z, a cancel that works, and what the screen shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from ...daemon_process import DaemonProcess
from .. import chroot
from .photos import photo, with_alpha
from .session import Gimp
from .window import Window

SIZE = (600, 540)
WEIGHTS = Path(__file__).parents[3] / "weights"
CANCEL_BUTTON = (1148, 872)  # in the status bar of a window of the size below


@pytest.fixture
def window(gimp_window: Gimp, desktop: chroot.Desktop) -> Iterator[Window]:
    """A photo at an offset over a grey background, a soft selection around the face."""
    behind = np.full((SIZE[1], SIZE[0], 4), (96, 96, 96, 255), np.uint8)
    document = gimp_window.document(
        {"name": "Background", "pixels": behind},
        {"name": "Astronaut", "pixels": with_alpha(photo()), "x": 44, "y": 14},
        size=SIZE,
    )
    gimp_window.call("select", image=document["image"], x=180, y=40, width=190, height=200, feather=30)
    with Window(gimp_window, desktop, document, SIZE) as opened:
        yield opened


def test_one_undo_takes_back_a_whole_result(window: Window) -> None:
    """Group, layers, masks: gone with one Ctrl+Z, the document exactly as it was; the next one goes on."""
    before = window.state()

    done = window.run("paint-test", "Paint Test")

    assert done["status"] == "success", done["error"]
    after = window.state()
    assert len(after[0]) == 3
    assert after[1] == ["Astronaut"]
    window.undo()
    window.wait_for_state(before, "the undo")
    window.desktop.key(window.id, "ctrl+y")
    chroot.wait_until(lambda: (window.state()[0], window.state()[2]) == (after[0], after[2]), "the redo", 20)
    window.undo()
    window.wait_for_state(before, "the undo")
    window.undo()
    chroot.wait_until(lambda: not window.gimp.selection(window.document, SIZE).any(), "the selection's own undo", 20)


def test_one_undo_brings_the_former_selection_back(window: Window) -> None:
    """Feather and all; the points were the anchors of the selected path."""
    window.gimp.call("make_path", image=window.document["image"], points=[[200, 100], [300, 150]])
    before = window.state()

    done = window.run("select-test", "Select Test")

    assert done["status"] == "success", done["error"]
    assert done["values"][1] == "2 points"
    selected = window.gimp.selection(window.document, SIZE)
    assert selected[100, 200] == 1
    assert selected[150, 300] == 1
    assert selected.sum() < 300
    window.undo()
    window.wait_for_state(before, "the undo")


def test_a_style_is_chosen_by_its_picture(window: Window) -> None:
    """Found on the screen and clicked on there; the layer that comes is painted in it."""
    shown = np.asarray(PIL.Image.open(WEIGHTS / "paint-woodcut" / "model.png").convert("RGB"))
    window.begin("stylize")
    dialog = window.desktop.wait_for_window("^Stylize$")
    place = chroot.wait_until(lambda: _place_of(shown, window.desktop.picture("gimp-stylize")), "the picture", 20)
    assert place is not None
    window.desktop.xdotool("mousemove", *map(str, place), "click", "1")
    window.desktop.key(dialog, "Return")

    done = window.gimp.finish()

    assert done["status"] == "success", done["error"]
    recipes = str(window.gimp.tree(window.document))  # with what lies in groups
    assert "paint-woodcut" in recipes
    assert "paint-oil" not in recipes


def _place_of(picture: np.ndarray, screen: np.ndarray) -> tuple[int, int] | None:
    """The middle of where the screen shows exactly that; None where it does not."""
    found = cv2.matchTemplate(screen[..., :3], picture, cv2.TM_SQDIFF_NORMED)
    top, left = np.unravel_index(int(found.argmin()), found.shape)
    if found[top, left] > 0.01:
        return None
    return int(left) + picture.shape[1] // 2, int(top) + picture.shape[0] // 2


def test_a_failure_is_shown_and_leaves_no_step_to_undo(window: Window) -> None:
    """The message box says it in words; the next Ctrl+Z takes back what the artist did before."""
    before = window.state()
    window.begin("fail-test")
    window.desktop.key(window.desktop.wait_for_window("^Fail Test$"), "Return")

    done = window.gimp.finish()

    assert done["status"] == "execution-error"
    window.dismiss_message()
    assert window.state() == before
    window.undo()
    chroot.wait_until(lambda: not window.gimp.selection(window.document, SIZE).any(), "the selection's own undo", 20)


def test_closing_the_dialog_does_nothing(window: Window) -> None:
    """Escape: no job, no change, no message."""
    before = window.state()

    done = window.run("paint-test", "Paint Test", key="Escape")

    assert done["status"] == "cancel"
    assert window.state() == before


def test_cancel_ends_the_job_and_leaves_the_document_alone(window: Window, editor_daemon: DaemonProcess) -> None:
    """GIMP ends the plug-in; the daemon notices, drops the job and is free for the next."""
    before = window.state()
    window.begin("slow-test")  # it takes no arguments: no dialog comes up
    chroot.wait_until(lambda: _is_busy(editor_daemon), "the job to run")
    chroot.wait_until(lambda: window.is_cancelled_by_a_click(CANCEL_BUTTON), "the Cancel button to work", 30)

    assert window.gimp.finish()["status"] == "cancel"
    assert window.state() == before
    chroot.wait_until(lambda: not _is_busy(editor_daemon), "the daemon to drop the job", 20)
    assert window.run("paint-test", "Paint Test")["status"] == "success"


def test_the_dialog_and_the_result_can_be_seen(window: Window) -> None:
    """The form of Apply LUT over a real photo, then the new group in the Layers dock."""
    desktop = window.desktop
    window.gimp.call("select", image=window.document["image"], x=44, y=14, width=270, height=512, feather=24)
    window.begin("apply-lut")
    dialog = desktop.wait_for_window("^Apply LUT$")
    desktop.xdotool("windowmove", dialog, "620", "420")
    chroot.wait_until(lambda: _colours(desktop.picture("gimp-dialog")) > 2000, "the dialog")
    desktop.key(dialog, "Return")
    done = window.gimp.finish()

    assert done["status"] == "success", done["error"]
    group = window.gimp.tree(window.document)[0]
    assert group["name"] == "Apply LUT"
    assert _colours(desktop.picture("gimp-result")) > 2000


def _is_busy(daemon: DaemonProcess) -> bool:
    with daemon.client() as client:
        return any(worker["state"] == "running" for worker in client.status()["workers"])


def _colours(screen: np.ndarray) -> int:
    return len(np.unique(screen.reshape(-1, 3)[::7], axis=0))
