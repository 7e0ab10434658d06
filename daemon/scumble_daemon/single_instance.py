"""One daemon a user: a lock the operating system lets go of when its holder dies, however it dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO


class AlreadyRunningError(Exception):
    """Another daemon of this user holds the lock."""


def acquire(folder: Path) -> IO[str]:
    """Take the lock in `folder`; it is held as long as the returned file stays open. Raises: AlreadyRunningError."""
    file = (folder / "daemon.lock").open("a+", encoding="ascii")
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.set_inheritable(file.fileno(), False)
    except OSError:
        file.close()
        raise AlreadyRunningError from None
    return file
