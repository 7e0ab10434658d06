"""One daemon a user."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from .locks import try_lock


class AlreadyRunningError(Exception):
    """Another daemon of this user holds the lock."""


def acquire(folder: Path) -> IO[str]:
    """Take the lock in `folder`; it is held as long as the returned file stays open. Raises: AlreadyRunningError."""
    held = try_lock(folder / "daemon.lock")
    if held is None:
        raise AlreadyRunningError
    return held
