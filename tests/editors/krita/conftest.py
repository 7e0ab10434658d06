"""One Krita on a desktop of its own, with the plug-in and one daemon, for all tests that leave it as it was."""

from __future__ import annotations

import contextlib
import functools
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ...daemon_process import DaemonProcess
from .. import chroot
from .session import Krita, KritaDied, install, running_krita


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a test again, once, in whose midst Krita itself died; the last lines of the run say how many those were.

    Krita 5.2 dies once in some thousand tests of its own accord, in the thumbnails that it draws when idle
    (KisLayer::createThumbnail, KisTileDataStore::duplicateTileData), with none of our code running.
    """
    again = pytest.mark.flaky(reruns=1, only_rerun=[KritaDied.__name__])
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(again)


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


class Kritas:
    """The Krita that runs; another one where it has died."""

    def __init__(self, home: Path, env: dict[str, str], desktop: chroot.Desktop) -> None:
        self._start = functools.partial(running_krita, home, env, desktop)
        self._running = contextlib.ExitStack()
        self._krita: Krita | None = None

    def get(self) -> Krita:
        if self._krita is None or not self._krita.is_alive:
            self.close()
            self._krita = self._running.enter_context(self._start())
        return self._krita

    def close(self) -> None:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # of one that is dead
            self._running.close()


@pytest.fixture(scope="session")
def kritas(krita_home: Path, editor_daemon: DaemonProcess, desktop: chroot.Desktop) -> Iterator[Kritas]:
    starter = krita_home / "start"  # the daemon's Python is out here: Krita asks for it, and a test starts it
    starter.write_text(f"#!/bin/sh\ntouch {krita_home}/asked\n", encoding="utf-8")
    starter.chmod(stat.S_IRWXU)
    env = {
        "SCUMBLE_HOME": str(editor_daemon.home),
        "SCUMBLE_COMMAND": str(starter),
        "SCUMBLE_TIMINGS": str(krita_home / "timings.jsonl"),
    }
    kritas = Kritas(krita_home, env, desktop)
    yield kritas
    kritas.close()


@pytest.fixture
def krita(kritas: Kritas) -> Krita:
    return kritas.get()
