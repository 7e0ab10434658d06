"""Fixtures: a GIMP and a Krita profile under a home folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from scumble_daemon.editors import Installation

from .home_folder import KRITARC, make


@pytest.fixture
def gimp(tmp_path: Path) -> Installation:
    profile = make(f"{tmp_path}/home/.config/GIMP/3.0/")
    make(profile / "gimprc", b"(show-tips no)\n")
    return Installation("gimp", "native", profile, version="3.0")


@pytest.fixture
def krita(tmp_path: Path) -> Installation:
    settings = make(tmp_path / "home/.config/kritarc", KRITARC)
    return Installation("krita", "native", tmp_path / "home/.local/share/krita", settings)
