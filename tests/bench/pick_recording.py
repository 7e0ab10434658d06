"""Recordings of picking in a real GIMP and a real Krita, animated: `python -m tests.bench.pick_recording docs`.

With `gimp` or `krita` after the folder, only that one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from ..daemon_process import running_daemon
from ..editors import chroot
from ..editors.gimp import session as gimp_session
from ..editors.gimp.picker import Picker
from ..editors.gimp.session import Gimp
from ..editors.gimp.window import Window
from ..editors.krita import session as krita_session
from ..editors.krita.session import Krita
from . import sheets

PHOTO, CUP = "coffee", (280, 250)
RIM, HANDLE, SAUCER = (290, 130), (222, 270), (440, 210)  # what is clicked on in Krita; the last is not meant
TURNED = {"zoom": 1.7, "rotation": -24.0}
NEAR_PX = 60
WIDTH_PX = 800
COLOURS = 255  # of each frame
STILL_MS, LAST_MS = 1300, 2600
POINTER = ((0, 0), (0, 17), (4, 13), (7, 19), (10, 18), (7, 12), (12, 12))


class Recording:
    def __init__(self, desktop: chroot.Desktop) -> None:
        self._desktop = desktop
        self._frames: list[Image.Image] = []

    def take(self) -> None:
        """A frame, with the pointer where it is: pictures of the screen come without."""
        screen = Image.fromarray(self._desktop.picture())
        told = dict(part.split("=") for part in self._desktop.xdotool("getmouselocation", "--shell").split())
        x, y = int(told["X"]), int(told["Y"])
        pointer = [(x + 1.4 * across, y + 1.4 * down) for across, down in POINTER]
        ImageDraw.Draw(screen).polygon(pointer, fill="white", outline="black")
        height = round(screen.height * WIDTH_PX / screen.width)
        self._frames.append(screen.resize((WIDTH_PX, height), Image.Resampling.LANCZOS))

    def save(self, path: Path) -> None:
        first, *others = (frame.quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG) for frame in self._frames)
        lasts = [STILL_MS] * (len(self._frames) - 1) + [LAST_MS]
        first.save(path, save_all=True, append_images=others, duration=lasts, loop=0, optimize=True)


@contextmanager
def _editor(install: Callable[..., Any], running: Callable[..., Any]) -> Iterator[tuple[Any, chroot.Desktop]]:
    """One that runs beside a daemon, and the desktop it is on."""
    with running_daemon() as daemon, chroot.home_folder("recording-") as home, chroot.Desktop(home) as desktop:
        daemon.wait_for_worker()
        with daemon.client() as client:
            install(home, client.catalogue())
        with running(home, {"SCUMBLE_HOME": str(daemon.home)}, desktop) as editor:
            yield editor, desktop


def _document(editor: Gimp | Krita) -> Any:
    pixels = sheets.photo(PHOTO)
    opaque = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    return editor.document({"name": "Coffee", "pixels": opaque}, size=(pixels.shape[1], pixels.shape[0]))


def record_gimp(path: Path) -> None:
    """The dark of a cup and its saucer is clicked on, looked at closely, and selected."""
    pixels = sheets.photo(PHOTO)
    size = (pixels.shape[1], pixels.shape[0])
    with (
        _editor(gimp_session.install, gimp_session.running_gimp) as (gimp, desktop),
        Window(gimp, desktop, _document(gimp), size) as window,
    ):
        _act(Recording(desktop), Picker(window), pixels, path)


def _act(recording: Recording, picker: Picker, pixels: np.ndarray, path: Path) -> None:
    window, desktop = picker.window, picker.desktop
    window.gimp.begin(
        "call",
        procedure="scumble-pick",
        image=window.document["image"],
        drawables=window.document["layers"],
        mode="INTERACTIVE",
    )
    picker.found()
    cup = _place_of_cup(picker, pixels)
    desktop.xdotool("mousemove", *map(str, cup))
    recording.take()
    picker.click(cup)
    picker.wait_for(lambda: _tinted_px(picker) > 5000, "what is found")
    recording.take()
    for _ in range(2):
        before = _tinted_px(picker)
        picker.scroll(cup, up=True, control=True)
        picker.scroll(cup, up=True, control=True)
        picker.wait_for(lambda before=before: _tinted_px(picker) != before, "the larger picture")
        recording.take()
    picker.key("0")
    picker.wait_for(lambda: _tinted_px(picker) > 5000, "what is found")
    recording.take()
    picker.apply()
    recording.take()
    recording.save(path)


def _place_of_cup(picker: Picker, pixels: np.ndarray) -> tuple[int, int]:
    x, y = CUP
    part = pixels[y - NEAR_PX : y + NEAR_PX, x - NEAR_PX : x + NEAR_PX]

    def look() -> tuple[int, int] | None:
        likeness = cv2.matchTemplate(picker.picture().astype(np.uint8), part, cv2.TM_CCOEFF_NORMED)
        _, most, _, corner = cv2.minMaxLoc(likeness)
        return (corner[0] + NEAR_PX, corner[1] + NEAR_PX) if most > 0.9 else None

    return picker.wait_for(look, "the cup in the preview")


def _tinted_px(picker: Picker) -> int:
    """How much is bluer than red: the cup and its table are brown."""
    shown = picker.picture()
    return int((shown[..., 2] - shown[..., 0] > 30).sum())


def record_krita(path: Path) -> None:
    """A cup is clicked on; turned and from closer by, its handle is added; Enter makes that the selection."""
    with _editor(krita_session.install, krita_session.running_krita) as (krita, desktop):
        _act_in_krita(Recording(desktop), krita, _document(krita), path)


def _act_in_krita(recording: Recording, krita: Krita, document: int, path: Path) -> None:
    krita.call("turn_canvas")
    krita.call("pick", title="Select Object")
    krita.call("defaults")
    krita.call("pick_on_canvas")
    clicks = 0

    def click(place: tuple[int, int], button: int = 1) -> None:
        nonlocal clicks
        clicks += 1
        at = [str(each) for each in krita.call("place_on_canvas", x=place[0], y=place[1])]
        krita.desktop.xdotool("mousemove", *at)
        recording.take()
        krita.desktop.xdotool("click", str(button))
        chroot.wait_until(lambda: _has_found(krita, clicks), f"what {clicks} clicks find")
        recording.take()

    click(RIM)
    krita.call("turn_canvas", **TURNED)
    click(HANDLE)
    click(SAUCER, button=3)
    krita.desktop.xdotool("key", "Return")
    chroot.wait_until(lambda: krita.selection(document) is not None, "the selection")
    recording.take()
    krita.call("turn_canvas")
    recording.take()
    recording.save(path)


def _has_found(krita: Krita, clicks: int) -> bool:
    now = krita.call("picking")
    points = [point for point in str(now["points"]).split(";") if point.strip()]
    return len(points) == clicks and bool(now["found"]) and not now["looking"]


RECORDINGS = {"gimp": record_gimp, "krita": record_krita}

if __name__ == "__main__":
    for name in sys.argv[2:] or RECORDINGS:
        RECORDINGS[name](Path(sys.argv[1]) / f"{name}-pick.gif")
