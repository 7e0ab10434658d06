"""Give a selection back: a soft disc around every point, or the box, or the left half."""

import numpy as np
from scumble_daemon.imaging.image import NewSelection
from scumble_daemon.registry import Inputs, OperationParams, operation


class Params(OperationParams):
    pass


@operation("select_test", title="Select Test", menu="Test", gives="selection", inputs=Inputs(points=True, box=True))
def select_test(image, params, context):
    height, width = image.alpha.shape
    y, x = np.mgrid[:height, :width].astype(np.float32) + 0.5
    coverage = np.zeros((height, width), np.float32)
    for point in context.points:
        disc = np.clip(6 - np.hypot(x - point.x, y - point.y), 0, 4) / 4
        coverage = np.maximum(coverage, disc) if point.include else np.where(disc > 0, 0, coverage)
    if context.box:
        box = context.box
        coverage[max(box.y, 0) : max(box.bottom, 0), max(box.x, 0) : max(box.right, 0)] = 1
    if not context.points and not context.box:
        coverage[:, : width // 2] = 1
    context.note(f"{len(context.points)} points")
    return NewSelection(coverage)
