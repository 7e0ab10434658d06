"""Take a given time in small steps, and look for a cancel between them."""

import time

from scumble_daemon.registry import Field, OperationParams, operation


class Params(OperationParams):
    seconds: float = Field(1.0, ge=0, le=600, title="Seconds")
    previews: bool = Field(False, title="Previews, and an early end")


@operation("slow", title="Slow", menu="Test", hidden=True, progressive=True)
def slow(image, params, context):
    from scumble_daemon.imaging.image import NewLayer

    steps = max(1, int(params.seconds / 0.02))
    for step in range(steps):
        context.progress(step / steps, f"Step {step}")
        if params.previews:
            context.preview(lambda: 1 - image.rgb)
            if context.should_finish((step + 1) / steps):
                break
        time.sleep(0.02)
    return [NewLayer("Inverted", 1 - image.rgb)]
