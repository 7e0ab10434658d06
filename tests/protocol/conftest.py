"""Fixtures for tests that connect: a home of one's own, and scripted daemons in it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .peer import Peer, Script, running_peer
from .ways import WAYS, Way


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty SCUMBLE_HOME whose path is short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="scumble-", dir="/tmp"))
    monkeypatch.setenv("SCUMBLE_HOME", str(path))
    monkeypatch.delenv("SCUMBLE_COMMAND", raising=False)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def peers(home: Path) -> Iterator[Callable[..., Peer]]:
    """Makes scripted daemons in `home` that are closed with the test."""
    with contextlib.ExitStack() as stack:

        def start(script: Script | None = None) -> Peer:
            return stack.enter_context(running_peer(home, script))

        yield start


@pytest.fixture(params=WAYS, ids="-".join)
def way(request: pytest.FixtureRequest) -> Way:
    """Each of the ways a client may reach a daemon."""
    return Way(*request.param)
