"""Die as a driver's fault would have it, raise what no operation should, or run out of memory."""

import os
import signal
from typing import Literal

from scumble_daemon.registry import Field, OperationParams, operation


class Params(OperationParams):
    how: Literal["signal", "exception", "memory"] = Field("signal", title="How")


@operation("crash", title="Crash", menu="Test", hidden=True)
def crash(image, params, context):
    if params.how == "exception":
        raise ZeroDivisionError("an operation's own fault")
    if params.how == "memory":
        raise MemoryError
    os.kill(os.getpid(), signal.SIGSEGV)
    return []
