"""What can go wrong, in words an artist can act on.

ScumbleError              code, message (what happened, to what), hint (what to do)
├── Invalid               the request cannot be done as it stands
├── Unsupported           this version or this kind of document cannot be served
├── MissingModel          a model has to be fetched first
├── OutOfMemory           neither the device nor the computer has room for the job
├── Cancelled             the artist asked for it
├── Busy                  the queue is full, or a stroke is under way
├── WorkerCrashed         the job's process died; the daemon lives
├── RemoteUnreachable     the remote server does not answer
├── Unauthorised          the session token is wrong or missing
├── Internal              a fault of ours; the log has the details
└── DaemonUnavailable     no daemon runs and none could be started (made by clients only, never sent)
"""

from __future__ import annotations

from typing import Dict, Type


class ScumbleError(Exception):
    """An error with a stable `code`, a `message` for the artist and a `hint` that says what to do."""

    code = "internal"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message + (" " + self.hint if self.hint else "")


class Invalid(ScumbleError):
    code = "invalid"


class Unsupported(ScumbleError):
    code = "unsupported"


class MissingModel(ScumbleError):
    code = "missing-model"


class OutOfMemory(ScumbleError):
    code = "out-of-memory"


class Cancelled(ScumbleError):
    code = "cancelled"


class Busy(ScumbleError):
    code = "busy"


class WorkerCrashed(ScumbleError):
    code = "worker-crashed"


class RemoteUnreachable(ScumbleError):
    code = "remote-unreachable"


class Unauthorised(ScumbleError):
    code = "unauthorised"


class Internal(ScumbleError):
    code = "internal"


class DaemonUnavailable(ScumbleError):
    code = "daemon-unavailable"


_ON_THE_WIRE = (
    Invalid,
    Unsupported,
    MissingModel,
    OutOfMemory,
    Cancelled,
    Busy,
    WorkerCrashed,
    RemoteUnreachable,
    Unauthorised,
    Internal,
)
CODES: Dict[str, Type[ScumbleError]] = {kind.code: kind for kind in _ON_THE_WIRE}


def from_code(code: str, message: str, hint: str = "") -> ScumbleError:
    """The exception for a `code` read off the wire; a code newer than this version becomes `Internal`."""
    return CODES.get(code, Internal)(message, hint)
