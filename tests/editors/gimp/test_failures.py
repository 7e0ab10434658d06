"""When the daemon, its worker or the operation fails: said clearly, nothing changed, and the next job works."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from ...daemon_process import DaemonProcess, running_daemon
from .. import chroot
from ..conftest import OPERATIONS
from .photos import photo, with_alpha
from .session import Gimp, running_gimp


@pytest.fixture
def document(gimp: Gimp) -> dict[str, Any]:
    return gimp.document({"name": "photo", "pixels": with_alpha(photo()[:40, 200:260])}, size=(60, 40))


def untouched(gimp: Gimp, document: dict[str, Any]) -> bool:
    return [layer["name"] for layer in gimp.tree(document)] == ["photo"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("fault", "failed because of a fault in Scumble"),
        ("memory", "There is no memory left. Use a smaller layer."),
        ("crash", "process"),
    ],
)
def test_a_failing_operation_is_told_in_words(gimp: Gimp, document: dict[str, Any], how: str, words: str) -> None:
    """A fault of the operation, no memory, a worker that dies of a driver's crash: each has its sentence."""
    done = gimp.run("fail-test", document, how=how)

    assert done["status"] == "execution-error"
    assert words in done["error"]
    assert len(done["error"].split()) > 3
    assert "Traceback" not in done["error"]
    assert untouched(gimp, document)
    assert gimp.run("paint-test", document)["status"] == "success"


def test_a_broken_lut_file_is_refused_in_words(gimp: Gimp, document: dict[str, Any]) -> None:
    """The artist is told which file cannot be read, and the document stays as it was."""
    broken = gimp.file(".cube")
    broken.write_text("LUT_3D_SIZE 2\n0 0 0\n1 1\n", encoding="utf-8")

    done = gimp.run("apply-lut", document, reference=str(broken))

    assert done["status"] == "execution-error"
    assert broken.name in done["error"]
    assert untouched(gimp, document)


def test_a_worker_killed_in_mid_job(gimp: Gimp, document: dict[str, Any], editor_daemon: DaemonProcess) -> None:
    """The job is lost with a clear error, the next one works."""
    started = gimp.file(".started")
    gimp.begin("call", procedure="scumble-fail-test", image=document["image"], drawables=document["layers"],
               how="slow", started=str(started))  # fmt: skip
    chroot.wait_until(started.exists, "the job to run")

    os.kill(editor_daemon.worker_pids()[0], signal.SIGKILL)

    done = gimp.finish()
    assert done["status"] == "execution-error"
    assert untouched(gimp, document)
    assert gimp.run("paint-test", document)["status"] == "success"


@pytest.fixture
def lonely_gimp(gimp_home: Path, tmp_path_factory: pytest.TempPathFactory):
    """A GIMP whose daemon is not running, and that can start one: through us, as the daemon's Python is out here."""
    with running_daemon(OPERATIONS) as daemon:
        daemon.stop()
        asked = daemon.home / "asked"
        script = daemon.home / "start"
        script.write_text(f"#!/bin/sh\ntouch {asked}\n", encoding="utf-8")
        script.chmod(stat.S_IRWXU)
        with running_gimp(gimp_home, {"SCUMBLE_HOME": str(daemon.home), "SCUMBLE_COMMAND": str(script)}) as session:
            yield session, daemon, asked


def test_the_daemon_is_started_when_it_is_absent_and_again_after_it_was_killed_in_mid_job(lonely_gimp: Any) -> None:
    """The first click starts it; a daemon killed under a job is an error; the click after that starts it anew."""
    gimp, daemon, asked = lonely_gimp
    document = gimp.document({"name": "photo", "pixels": with_alpha(photo()[:40, 200:260])}, size=(60, 40))

    gimp.begin("call", procedure="scumble-paint-test", image=document["image"], drawables=document["layers"])
    chroot.wait_until(lambda: asked.exists() or gimp.has_finished(), "the plug-in to start the daemon")
    assert asked.exists(), gimp.finish()
    daemon.start()
    first = gimp.finish()
    assert first["status"] == "success", first["error"]
    assert len(gimp.tree(document)) == 2

    started = gimp.file(".started")
    gimp.begin("call", procedure="scumble-fail-test", image=document["image"], drawables=document["layers"],
               how="slow", started=str(started))  # fmt: skip
    chroot.wait_until(started.exists, "the job to run")
    daemon.process.kill()
    daemon.process.wait()
    killed = gimp.finish()
    assert killed["status"] == "execution-error"
    assert "Scumble" in killed["error"]
    assert len(gimp.tree(document)) == 2

    asked.unlink()
    gimp.begin("call", procedure="scumble-paint-test", image=document["image"], drawables=document["layers"])
    chroot.wait_until(asked.exists, "the plug-in to start the daemon again")
    daemon.start()
    again = gimp.finish()
    assert again["status"] == "success", again["error"]
    assert len(gimp.tree(document)) == 3
    assert "Traceback" not in gimp.stderr()


def test_no_traceback_was_printed(gimp: Gimp) -> None:
    """After all failures above, GIMP's error output has none."""
    assert "Traceback" not in gimp.stderr()
    assert "CRITICAL" not in "\n".join(line for line in gimp.stderr().splitlines() if "scumble.py" in line)
