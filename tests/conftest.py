"""Fixtures every part of the suite uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .daemon_process import DaemonProcess, running_daemon

EDITORS = Path(__file__).parent / "editors"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `pytest -n`, one process runs all tests of an editor, so that it is started once, or all of a file."""
    for item in items:
        editor = item.path.relative_to(EDITORS).parts[0] if EDITORS in item.path.parents else ""
        item.add_marker(pytest.mark.xdist_group(editor or str(item.path)))


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
