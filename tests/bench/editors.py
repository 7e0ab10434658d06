"""Click to layer in the real editors: `apply_lut` on a 1024×1024 photo, timed by the plug-ins themselves."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from skimage import data

from ..daemon_process import DaemonProcess, running_daemon
from ..editors import chroot
from ..editors.gimp import session as gimp_session
from ..editors.krita import session as krita_session
from .table import Row, median, milliseconds, show

SIDE_PX = 1024
RUNS = 11
SETTLED_S = 1.5  # a document that was just made is still being drawn, thumbnails and all
DEPTHS = {"GIMP": "U8_NON_LINEAR", "Krita": "U8"}


def photo() -> np.ndarray:
    """`astronaut`, tiled to the size, RGBA u8; another every time, so that no cache can answer."""
    rgb = np.tile(data.astronaut(), (SIDE_PX // 512, SIDE_PX // 512, 1))
    noise = np.random.default_rng().integers(0, 2, rgb.shape, np.uint8)
    return np.dstack([rgb ^ noise, np.full((SIDE_PX, SIDE_PX), 255, np.uint8)])


@contextlib.contextmanager
def editor_home(daemon: DaemonProcess) -> Iterator[tuple[Path, Path, dict[str, str]]]:
    """A home for an editor, the file its plug-in writes timings to, and the environment for it."""
    with chroot.home_folder("bench-") as home:
        timings = home / "timings.jsonl"
        yield home, timings, {"SCUMBLE_HOME": str(daemon.home), "SCUMBLE_TIMINGS": str(timings)}


def lines(path: Path) -> list[dict[str, Any]]:
    """The first run is left out: it warms the editor, not the daemon alone."""
    return [json.loads(line) for line in path.read_text().splitlines()][1:]


def in_gimp(daemon: DaemonProcess) -> list[dict[str, Any]]:
    with editor_home(daemon) as (home, timings, env):
        with daemon.client() as client:
            gimp_session.install(home, client.catalogue())
        with chroot.Desktop(home) as desktop, gimp_session.running_gimp(home, env, desktop) as gimp:
            for _ in range(RUNS + 1):
                layer = {"name": "photo", "pixels": photo()}
                document = gimp.document(layer, size=(SIDE_PX, SIDE_PX), precision=DEPTHS["GIMP"])
                gimp.call("show", image=document["image"])
                time.sleep(SETTLED_S)
                done = gimp.run("apply-lut", document)
                assert done["status"] == "success", done
        return lines(timings)


def in_krita(daemon: DaemonProcess) -> list[dict[str, Any]]:
    with editor_home(daemon) as (home, timings, env):
        with daemon.client() as client:
            krita_session.install(home, client.catalogue())
        with chroot.Desktop(home) as desktop, krita_session.running_krita(home, env, desktop) as krita:
            for _ in range(RUNS + 1):
                layer = {"name": "photo", "pixels": photo()}
                document = krita.document(layer, size=(SIDE_PX, SIDE_PX), depth=DEPTHS["Krita"])
                time.sleep(SETTLED_S)
                done = krita.run("Apply LUT")
                assert done["state"] == "done", done
                krita.close(document)
        return lines(timings)


def main() -> str:
    if reason := chroot.missing():
        return f"### Click to layer\n\nNot measured: {reason}.\n"
    with running_daemon() as daemon:
        daemon.wait_for_worker()
        gimp, krita = in_gimp(daemon), in_krita(daemon)
    inside = [line["click_to_layer"] for line in gimp]
    whole = [line["click_to_layer"] + line["process_start"] for line in gimp]
    daemon_only = [line["daemon"]["run"] for line in gimp]
    docker = [line["inserted"] for line in krita]
    return show(
        f"Click to layer, `apply_lut`, {SIDE_PX} × {SIDE_PX} u8, warm daemon: medians of {RUNS} (slowest)",
        [
            Row(
                "Krita: Run clicked in the docker to the layer inserted",
                f"{milliseconds(median(docker))} ({milliseconds(max(docker))})",
                "aim ≤ 100 ms",
            ),
            Row(
                "GIMP: procedure called to the layer inserted, process start excluded",
                f"{milliseconds(median(inside))} ({milliseconds(max(inside))})",
                "≤ 150 ms",
            ),
            Row(
                "GIMP: the same, process start included",
                f"{milliseconds(median(whole))} ({milliseconds(max(whole))})",
                "≤ 400 ms",
            ),
            Row("of that, the job in the daemon's worker", f"{milliseconds(median(daemon_only))}"),
        ],
    )
