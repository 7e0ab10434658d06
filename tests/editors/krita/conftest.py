"""One Krita on a desktop of its own, with the plug-in and one daemon, for all tests that leave it as it was."""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ...daemon_process import DaemonProcess
from .. import chroot
from .session import Krita, install, running_krita


@pytest.fixture(scope="session")
def krita_home(editor_daemon: DaemonProcess) -> Iterator[Path]:
    """A home folder whose Krita profile has the plug-in and the tests' driver."""
    home = Path(tempfile.mkdtemp(prefix="krita-home-", dir="/tmp"))
    try:
        with editor_daemon.client() as client:
            install(home, client.catalogue())
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def desktop(krita_home: Path) -> Iterator[chroot.Desktop]:
    with chroot.Desktop(krita_home) as screen:
        yield screen


@pytest.fixture(scope="session")
def krita(krita_home: Path, editor_daemon: DaemonProcess, desktop: chroot.Desktop) -> Iterator[Krita]:
    starter = krita_home / "start"  # the daemon's Python is out here: Krita asks for it, and a test starts it
    starter.write_text(f"#!/bin/sh\ntouch {krita_home}/asked\n", encoding="utf-8")
    starter.chmod(stat.S_IRWXU)
    env = {
        "SCUMBLE_HOME": str(editor_daemon.home),
        "SCUMBLE_COMMAND": str(starter),
        "SCUMBLE_TIMINGS": str(krita_home / "timings.jsonl"),
    }
    with running_krita(krita_home, env, desktop) as session:
        yield session
