"""Give two layers back, the upper of them hidden and beyond the layer's lower right corner."""

import numpy as np
from scumble_daemon.imaging.image import NewDocument, NewLayer
from scumble_daemon.registry import Field, OperationParams, operation
from scumble_protocol.image import Bounds

BEYOND_PX = 7


class Params(OperationParams):
    opens: bool = Field(False, title="Open as a new document")


@operation("hidden_test", title="Hidden Test", menu="Test")
def hidden_test(image, params, context):
    area = image.bounds
    beyond = Bounds(area.x + BEYOND_PX, area.y + BEYOND_PX, area.width, area.height)
    shown = NewLayer("Shown", 1 - image.native_colour, encoded="native")
    hidden = NewLayer("Hidden", np.ones_like(image.rgb), alpha=np.ones_like(image.alpha), bounds=beyond, visible=False)
    return NewDocument((shown, hidden)) if params.opens else [shown, hidden]
