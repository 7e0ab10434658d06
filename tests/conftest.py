"""Fixtures every part of the suite uses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .daemon_process import DaemonProcess, running_daemon


@pytest.fixture(scope="session")
def daemon() -> Iterator[DaemonProcess]:
    """One daemon for all tests that leave it as they found it."""
    with running_daemon() as process:
        yield process


@pytest.fixture
def own_daemon() -> Iterator[DaemonProcess]:
    """A daemon for one test that may break it."""
    with running_daemon() as process:
        yield process
