"""A GIMP without a screen and one on a desktop of its own, both with the plug-in and one daemon."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from scumble_protocol.connection import cache_folder

from ...daemon_process import DaemonProcess, running_daemon
from .. import chroot
from .session import Gimp, install, running_gimp

OPERATIONS = sorted((Path(__file__).parents[1] / "operations").glob("*.py"))


@pytest.fixture(scope="session")
def editor_daemon() -> Iterator[DaemonProcess]:
    """One daemon with the editors' test operations beside its own."""
    if reason := chroot.missing():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no editors: {reason}")
    compiled = cache_folder() / "numba"  # what `scumble setup` compiled once: a minute that no test has to wait for
    with running_daemon(OPERATIONS, NUMBA_CACHE_DIR=str(compiled)) as daemon:
        daemon.wait_for_worker()
        yield daemon


@pytest.fixture(scope="session")
def gimp_home(editor_daemon: DaemonProcess) -> Iterator[Path]:
    """A home folder whose GIMP profile has the plug-in."""
    home = Path(tempfile.mkdtemp(prefix="gimp-home-", dir="/tmp"))
    try:
        with editor_daemon.client() as client:
            install(home, client.catalogue())
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def gimp(gimp_home: Path, editor_daemon: DaemonProcess) -> Iterator[Gimp]:
    with running_gimp(gimp_home, {"SCUMBLE_HOME": str(editor_daemon.home)}) as session:
        yield session


@pytest.fixture(scope="session")
def desktop(gimp_home: Path) -> Iterator[chroot.Desktop]:
    with chroot.Desktop(gimp_home) as screen:
        yield screen


@pytest.fixture(scope="session")
def gimp_window(gimp_home: Path, editor_daemon: DaemonProcess, desktop: chroot.Desktop) -> Iterator[Gimp]:
    """GIMP as an artist sees it, on `desktop`."""
    with running_gimp(gimp_home, {"SCUMBLE_HOME": str(editor_daemon.home)}, desktop) as session:
        yield session
