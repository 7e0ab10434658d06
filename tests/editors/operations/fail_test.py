"""Fail in a way of your choice, or take long."""

import os
import signal
import time
from typing import Literal

from scumble_daemon.registry import Field, OperationParams, operation
from scumble_protocol.errors import OutOfMemory


class Params(OperationParams):
    how: Literal["fault", "memory", "crash", "slow"] = Field("fault", title="How")
    started: str = Field("", title="A file to make once it runs")


@operation("fail_test", title="Fail Test", menu="Test")
def fail_test(image, params, context):
    if params.started:
        open(params.started, "w").close()
    if params.how == "fault":
        raise ZeroDivisionError("an operation's own fault")
    if params.how == "memory":
        raise OutOfMemory("There is no memory left.", "Use a smaller layer.")
    if params.how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    for step in range(3000):
        context.progress(step / 3000, "Waiting")
        time.sleep(0.02)
    return []
