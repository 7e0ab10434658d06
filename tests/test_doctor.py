"""`scumble doctor`: what is wrong is named, and what to do about it is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from scumble_daemon import setup
from scumble_daemon.doctor import examine
from scumble_daemon.editors import Installation
from scumble_daemon.installer import install_plugin

from .home_folder import CATALOGUE, KRITARC
from .installations import gimp, krita

__all__ = ["gimp", "krita"]  # fixtures


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
