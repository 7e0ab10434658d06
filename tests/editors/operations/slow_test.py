"""Take a minute, and look for a cancel all the time."""

import time

from scumble_daemon.registry import OperationParams, operation


class Params(OperationParams):
    pass


@operation("slow_test", title="Slow Test", menu="Test")
def slow_test(image, params, context):
    for step in range(3000):
        context.progress(step / 3000, "Waiting")
        time.sleep(0.02)
    return []
