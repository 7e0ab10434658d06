"""A job that gets better step by step: its window with the picture so far, Finish Now, and Cancel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ...daemon_process import DaemonProcess
from .. import chroot
from .photos import photo, with_alpha
from .session import Gimp
from .window import Window

SIZE = (600, 540)
PHOTO = photo()[:, :400]
TITLE = "Progressive Test: Progress"
LONGEST_PX = 400


@pytest.fixture
def window(gimp_window: Gimp, desktop: chroot.Desktop) -> Iterator[Window]:
    document = gimp_window.document({"name": "Astronaut", "pixels": with_alpha(PHOTO), "x": 44, "y": 14}, size=SIZE)
    with Window(gimp_window, desktop, document, SIZE) as opened:
        yield opened


def begin(window: Window) -> str:
    """Choose it, and wait until its window shows the picture; the window. It takes no arguments: no dialog comes up."""
    window.begin("progressive-test")
    found = window.desktop.wait_for_window(f"^{TITLE}$")
    window.desktop.xdotool("windowmove", found, "700", "120")
    chroot.wait_until(lambda: shows_the_inverted_photo(window.desktop), "the picture on the screen")
    return found


def shows_the_inverted_photo(desktop: chroot.Desktop) -> bool:
    """Somewhere, at the size that a preview has: the screen is searched for it."""
    import cv2

    height = LONGEST_PX
    width = round(PHOTO.shape[1] * height / PHOTO.shape[0])
    wanted = cv2.resize(255 - PHOTO, (width, height), interpolation=cv2.INTER_AREA)
    found = cv2.matchTemplate(desktop.picture("gimp-preview"), wanted, cv2.TM_SQDIFF)
    return bool(found.min() / wanted.size < 6**2)


def test_finish_now_inserts_what_is_seen(window: Window) -> None:
    """The picture so far is on the screen in the colours of the result; one undo takes that back."""
    before = window.state()
    progress = begin(window)

    window.desktop.key(progress, "alt+f")

    done = window.gimp.finish()
    assert done["status"] == "success", done["error"]
    assert not window.desktop.windows(f"^{TITLE}$")
    (layer,) = window.gimp.tree(window.document)[0]["children"]
    assert 0 < layer["recipe"]["finished_at"] < 0.5
    shown = window.gimp.read(layer["id"])
    assert np.abs(shown[..., :3].astype(int) - (255 - PHOTO)).max() <= 1
    window.undo()
    window.wait_for_state(before, "the undo")


@pytest.mark.parametrize("key", ["alt+c", "Escape"])
def test_cancel_leaves_nothing(window: Window, editor_daemon: DaemonProcess, key: str) -> None:
    """Although there was something to keep; and the daemon is free for the next job."""
    before = window.state()
    progress = begin(window)

    window.desktop.key(progress, key)

    assert window.gimp.finish()["status"] == "cancel"
    assert not window.desktop.windows(f"^{TITLE}$")
    assert window.state() == before
    chroot.wait_until(lambda: not _is_busy(editor_daemon), "the daemon to drop the job", 20)


def _is_busy(daemon: DaemonProcess) -> bool:
    with daemon.client() as client:
        return any(worker["state"] == "running" for worker in client.status()["workers"])
