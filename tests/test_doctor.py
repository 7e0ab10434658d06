"""`scumble doctor`: what is wrong is named, and what to do about it is said."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

import pytest
from scumble_daemon import setup
from scumble_daemon.doctor import examine
from scumble_daemon.doctor_daemon import daemon_findings
from scumble_daemon.editors import Installation
from scumble_daemon.finding import Finding
from scumble_daemon.installer import install_plugin

from .daemon_process import DaemonProcess, environment
from .home_folder import CATALOGUE, KRITARC, make
from .installations import gimp, krita

__all__ = ["gimp", "krita"]  # fixtures


def levels(findings: Iterable[Finding]) -> dict[str, str]:
    return {finding.what: finding.level for finding in findings}


def level_of(findings: Iterable[Finding], words: str) -> str:
    """The level of the finding that has `words` in it."""
    matching = {what: level for what, level in levels(findings).items() if words in what}
    assert len(matching) == 1, matching
    return next(iter(matching.values()))


def test_the_doctor_knows_what_is_wrong_with_a_plug_in(
    gimp: Installation, krita: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not installed, of another version, damaged, switched off, its Python gone: each is named, each has its advice."""
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / "s"))
    monkeypatch.setattr("scumble_daemon.doctor.daemon_findings", lambda: iter(()))

    def found(installation: Installation, word: str) -> bool:
        findings = [each for each in examine([installation]) if installation.title in each.what]
        return any(word in each.what and bool(each.advice) == (each.level != "good") for each in findings)

    assert found(gimp, "not installed")
    install_plugin(gimp, catalogue=CATALOGUE, command=["/gone/python", "-m", "scumble_daemon", "serve"])
    assert found(gimp, "not of this version")
    assert found(gimp, "is gone")
    setup.run(lambda text: None, editors=[gimp, krita])
    assert found(gimp, f"plug-in in {gimp.plugin_folder}")
    assert krita.settings
    krita.settings.write_bytes(KRITARC)
    assert found(krita, "switched off")
    (gimp.plugin_folder / "layers.py").unlink()
    assert found(gimp, "missing or were changed")


def test_a_running_daemon_is_asked_and_sent_a_picture(daemon: DaemonProcess) -> None:
    """The doctor uses the daemon that runs, says its version, and does not end it."""
    with environment(SCUMBLE_HOME=str(daemon.home)):
        found = list(daemon_findings())
    assert [finding.level for finding in found] == ["good", "good"]
    assert "the daemon runs, version" in found[0].what
    assert "went to the worker and back unchanged" in found[1].what
    assert daemon.connection is not None


def test_without_a_daemon_one_is_started_tried_and_ended(own_daemon: DaemonProcess) -> None:
    """An examination leaves nothing running; a daemon that was killed is recognised by the file it left."""
    assert own_daemon.process
    own_daemon.process.send_signal(signal.SIGKILL)
    own_daemon.process.wait()
    assert own_daemon.connection is not None
    with environment(SCUMBLE_HOME=str(own_daemon.home)):
        found = list(daemon_findings())
        assert level_of(found, "without clearing up") == "warning"
        assert level_of(found, "and back unchanged") == "good"
        assert own_daemon.connection is None
        assert level_of(daemon_findings(), "does not run now") == "good"


def test_a_daemon_that_cannot_start_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken config.toml stops the daemon: the doctor names the file and does not faint itself."""
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    make(tmp_path / "config/config.toml", b"devices = 3\n")
    found = list(examine([]))
    assert level_of(found, "config.toml: «devices»") == "bad"
    assert level_of(found, "did not start") == "bad"


def test_what_scumble_runs_on_is_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clashing OpenCV wheels, a folder that cannot be written, an over-long socket path, faults in the log."""
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / ("long" * 30)))
    monkeypatch.setattr("scumble_daemon.doctor.daemon_findings", lambda: iter(()))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    make(tmp_path / "opencv_python-4.0.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: opencv-python\n")
    home = Path(os.environ["SCUMBLE_HOME"])
    make(home / "cache", b"a file where a folder should be")
    make(home / "weights", b"and another one")
    make(home / "logs/worker.log", b"2025-01-01 INFO fine\n2025-01-01 ERROR the paint has run out\n")
    found = list(examine([]))
    assert level_of(found, "overwrite each other: opencv-contrib-python-headless, opencv-python") == "bad"
    assert level_of(found, f"cache folder {home / 'cache'} cannot be written") == "bad"
    assert level_of(found, f"weights folder {home / 'weights'} cannot be written") == "bad"
    assert level_of(found, "models are installed (0 bytes)") == "good"
    assert level_of(found, "socket's path is too long") == "warning"
    assert level_of(found, "the paint has run out") == "warning"
    assert level_of(found, "No GIMP 3 and no Krita 5") == "warning"
    assert level_of(found, "every package is there") == "good"
    assert level_of(found, "background removal will take a minute") == "warning"
