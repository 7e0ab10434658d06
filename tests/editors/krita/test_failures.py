"""When the daemon, its worker or the operation fails: said in the docker, nothing changed, and the next job works."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from ...daemon_process import DaemonProcess
from .. import chroot
from .pictures import photo, with_alpha
from .session import Krita

SIZE = (60, 40)


@pytest.fixture
def document(krita: Krita):
    number = krita.document({"name": "photo", "pixels": with_alpha(photo()[:40, 200:260])}, size=SIZE)
    yield number
    krita.close(number)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("fault", "fault in Scumble"),
        ("memory", "There is no memory left.\nUse a smaller layer."),
        ("crash", "process"),
    ],
)
def test_a_failing_operation_is_told_in_words(krita: Krita, document: int, how: str, words: str) -> None:
    """A fault of the operation, no memory, a worker that dies of a driver's crash: each has its sentence."""
    before, undo = krita.composite(document), krita.call("history")

    done = krita.run("Fail Test", how=how)

    assert done["state"] == "failed"
    assert words in done["said"]
    assert "Traceback" not in done["said"]
    assert [node["name"] for node in krita.tree(document)] == ["photo"]
    assert krita.call("history") == undo
    np.testing.assert_array_equal(krita.composite(document), before)
    assert krita.run("Paint Test")["state"] == "done"


def test_a_broken_lut_file_is_named(krita: Krita, document: int) -> None:
    broken = krita.file(".cube")
    broken.write_text("LUT_3D_SIZE 4\n0 0 zero\n", encoding="utf-8")
    done = krita.run("Apply LUT", reference=str(broken))
    assert done["state"] == "failed"
    assert broken.name in done["said"]
    assert len(krita.tree(document)) == 1
    assert krita.run("Apply LUT")["state"] == "done"


def test_a_worker_killed_in_mid_job(krita: Krita, document: int, editor_daemon: DaemonProcess) -> None:
    """The job is lost with a clear error, the next one works."""
    number = krita.start("Fail Test", how="slow")
    krita.wait_for(number, "Waiting")
    os.kill(editor_daemon.worker_pids()[0], signal.SIGKILL)
    assert krita.end(number)["state"] == "failed"
    assert len(krita.tree(document)) == 1
    assert krita.run("Paint Test")["state"] == "done"


def test_a_daemon_killed_in_mid_job_and_started_again_by_the_next_click(
    krita: Krita, document: int, editor_daemon: DaemonProcess, krita_home: Path
) -> None:
    """Krita goes on, both open jobs say what happened, and the next job starts the daemon and waits for it."""
    number = krita.start("Fail Test", how="slow")
    krita.wait_for(number, "Waiting")
    second = krita.start("Paint Test")
    assert editor_daemon.process is not None
    editor_daemon.process.kill()
    editor_daemon.process.wait()
    for each in (number, second):
        done = krita.end(each)
        assert done["state"] == "failed"
        assert "daemon" in done["said"].lower()
    assert len(krita.tree(document)) == 1

    (editor_daemon.home / "runtime" / "connection.json").unlink()
    third = krita.start("Paint Test")
    chroot.wait_until((krita_home / "asked").exists, "Krita to ask for a daemon")
    assert "Starting Scumble" in krita.wait_for(third, "Starting Scumble")["stage"]
    editor_daemon.start()
    assert krita.end(third)["state"] == "done"
