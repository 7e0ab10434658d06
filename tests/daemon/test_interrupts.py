"""Ctrl+C on the command line: what there is so far, or nothing at all; and a file that shows how it goes."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from ..daemon_process import DaemonProcess, wait_until

WAIT_S = 60


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(imagecodecs.png_encode(np.full((40, 60, 3), (200, 90, 30), np.uint8)))
    return path


@contextlib.contextmanager
def started(daemon: DaemonProcess, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """`scumble run slow …`, which takes minutes."""
    argv = [sys.executable, "-m", "scumble_daemon", "run", "slow", *map(str, arguments), "--set", "seconds=300"]
    with subprocess.Popen(argv, env=daemon.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a console cannot be sent to one process there")
def test_ctrl_c_is_enough_for_what_gets_better_step_by_step(daemon: DaemonProcess, photo: Path, tmp_path: Path) -> None:
    """The result is written, and how far it came is said; the preview beside it is a picture of it."""
    preview, result = tmp_path / "so-far.png", tmp_path / "r.png"
    with started(daemon, photo, "-o", result, "--preview", preview, "--set", "previews=true", "--json") as process:
        wait_until(preview.exists, "the first preview")
        process.send_signal(signal.SIGINT)
        said, error = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, error
    assert "Ctrl+C again cancels" in error
    last = json.loads(said.splitlines()[-1])
    assert last["type"] == "result"
    assert 0 < last["finished_at"] < 0.5
    for file in (preview, result):
        shown = imagecodecs.imread(str(file))
        assert shown.shape[:2] == (40, 60)
        assert np.abs(shown[..., :3].astype(int) - (55, 165, 225)).max() <= 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a console cannot be sent to one process there")
def test_ctrl_c_a_second_time_leaves_nothing(daemon: DaemonProcess, photo: Path, tmp_path: Path) -> None:
    """Although the job does not heed the first."""
    result = tmp_path / "r.png"
    with started(daemon, photo, "-o", result, "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while json.loads(process.stdout.readline())["type"] != "progress":
            pass
        wait_until(lambda: _runs(daemon), "the job to run")
        process.send_signal(signal.SIGINT)
        assert "Ctrl+C again cancels" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert "cancelled" in error
    assert not result.exists()
    wait_until(lambda: not _runs(daemon), "the daemon to drop the job")


def test_a_preview_is_refused_where_there_is_none(daemon: DaemonProcess, photo: Path, tmp_path: Path) -> None:
    """By an operation that does all at once, and into a file that is no picture."""
    for operation, name, words in (("apply_lut", "p.png", "shows no preview"), ("slow", "p.txt", "no ending")):
        done = daemon.cli("run", operation, photo, "-o", tmp_path / "r.png", "--preview", tmp_path / name)
        assert done.returncode == 2
        assert words in done.stderr


def _runs(daemon: DaemonProcess) -> bool:
    with daemon.client() as client:
        return any(worker["operation"] == "slow" for worker in client.status()["workers"])
