"""Both PyQts: all of the plug-in that needs no Krita, in the editors' own Python. Krita 6 will have PyQt6 only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ...daemon_process import DaemonProcess
from .. import chroot
from .session import HERE


@pytest.fixture(params=["PyQt5", "PyQt6"])
def seen(request: pytest.FixtureRequest, krita_home: Path, editor_daemon: DaemonProcess) -> dict[str, Any]:
    """What without_krita.py saw there."""
    folder = krita_home / ".local/share/krita/pykrita/scumble"
    env = {"SCUMBLE_HOME": str(editor_daemon.home), "QT_QPA_PLATFORM": "offscreen"}
    script = str(HERE / "without_krita.py")
    ran = chroot.run(
        ["python3", "-W", "error::DeprecationWarning", script, request.param, str(folder)], krita_home, env
    )
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    told = json.loads(ran.stdout)
    assert told["qt"] == f"{request.param}.QtCore"
    return told


def test_the_plug_in_works_with_either_pyqt(seen: dict[str, Any]) -> None:
    """Its names are there, form and queue answer to the mouse, and its thread brings a job's pixels from a daemon."""
    assert seen["missing"] == []

    form = seen["form"]
    first = {"amount": 0.5, "layer_count": 2, "is_soft": True, "kind": "warm", "words": "", "reference": ""}
    assert form["first"] == first
    assert form["slid"] == 0.8
    assert form["set"] == {**first, "amount": 0.25, "is_soft": False, "kind": "cold", "words": "été"}
    assert form["changes"] >= 5

    job = seen["job"]
    assert job["signals"][0] == ["submitted", 7]
    assert job["signals"][1][:2] == ["accepted", 7]
    assert job["signals"][-1] == ["finished", 7]
    assert job["notes"] == ["0.25 2 False cold «été» 0"]
    assert job["in the GUI's thread"]
    assert job["thread ended"]
    size, mean = job["layers"]["Inverted"]
    assert size == 60 * 40 * 4
    assert mean == pytest.approx(((255 - 119.5) * 3 + 119.5) / 4, abs=4), "the picture's negative, its alpha kept"

    assert seen["keeps what it reads"]

    models = seen["models"]
    assert models["first"] == "✓", "the one that ships"
    assert "Licence" in models["facts"]
    assert models["question"].startswith("Fetch «RealPLKSR, denoise»? Licence: ")
    assert models["buttons"] == ["Agree and Fetch", "Cancel"]

    assert seen["rows"] == {
        "running": [250, True, "Cancel"],
        "over": ["a note", False, "×"],
        "clicked": [["cancel", 3], ["forget", 3]],
    }
