"""One daemon for both editors' tests, with test operations beside its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..daemon_process import DaemonProcess, running_daemon
from . import chroot

OPERATIONS = sorted((Path(__file__).parent / "operations").glob("*.py"))


@pytest.fixture(scope="session")
def editor_daemon() -> Iterator[DaemonProcess]:
    chroot.require()
    with running_daemon(OPERATIONS) as daemon:
        daemon.wait_for_worker()
        yield daemon
