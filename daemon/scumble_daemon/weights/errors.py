"""What can go wrong while a model is fetched; to an editor each of these is a model that is still missing.

MissingModel
└── FetchFailed      the model did not come, after everything was tried
    └── DiskFull     there is no room for it; nothing else is worth trying
SourceFailed         one try at one url ended without the file; what has arrived may be worth keeping
└── SourceRefused    and trying the same url again would change nothing
"""

from __future__ import annotations

import errno
from pathlib import Path

from scumble_protocol.errors import MissingModel, ScumbleError

NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class FetchFailed(MissingModel):
    pass


class DiskFull(FetchFailed):
    pass


class SourceFailed(Exception):
    """The message says what happened, the hint what a person can do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class SourceRefused(SourceFailed):
    pass


def disk_trouble(error: OSError, folder: Path) -> ScumbleError:
    """In words, for what the file system said about `folder`."""
    if error.errno in NO_ROOM:
        return DiskFull(
            f"The disk with {folder} is full.",
            "Make room and fetch again: what has arrived is kept. `scumble weights remove` gives its room back.",
        )
    return FetchFailed(
        f"{error.filename or folder}: {error.strerror or error}.",
        "Check who owns the folder, or set weights_folder in config.toml.",
    )
