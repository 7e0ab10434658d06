"""Get nearer to the inverted layer step by step, for as long as nobody has seen enough."""

import time

from scumble_daemon.imaging.image import NewLayer
from scumble_daemon.registry import OperationParams, operation


class Params(OperationParams):
    pass


@operation("progressive_test", title="Progressive Test", menu="Test", progressive=True)
def progressive_test(image, params, context):
    steps = 15000
    for step in range(steps):
        context.progress(step / steps, "Inverting")
        context.preview(lambda: 1 - image.rgb)
        if context.should_finish((step + 1) / steps):
            break
        time.sleep(0.02)
    return [NewLayer("Inverted", 1 - image.rgb)]
