"""One daemon for both editors' tests, with test operations beside its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .. import checkpoints
from ..daemon_process import DaemonProcess, running_daemon, wait_until
from . import chroot

MODEL = "brighter.safetensors"
OPERATIONS = sorted((Path(__file__).parent / "operations").glob("*.py"))


@pytest.fixture(scope="session")
def editor_daemon() -> Iterator[DaemonProcess]:
    chroot.require()
    with running_daemon(OPERATIONS) as daemon:
        daemon.wait_for_worker()
        checkpoints.save(checkpoints.nafnet(), daemon.home / "weights" / MODEL)
        with daemon.client() as client:
            wait_until(lambda: MODEL in str(client.catalogue().find("enhance_with_model").schema), "the model")
        yield daemon
