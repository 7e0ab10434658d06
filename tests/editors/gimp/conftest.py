"""A GIMP without a screen and one on a desktop of its own, both with the plug-in and one daemon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ...daemon_process import DaemonProcess
from .. import chroot
from .session import Gimp, install, running_gimp


@pytest.fixture(scope="session")
def gimp_home(editor_daemon: DaemonProcess) -> Iterator[Path]:
    """A home folder whose GIMP profile has the plug-in."""
    with chroot.home_folder("gimp-home-") as home:
        with editor_daemon.client() as client:
            install(home, client.catalogue())
        yield home


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
