"""Say which colour was seen, and paint one, both in sRGB."""

import json

import numpy as np
from scumble_daemon.imaging.image import NewLayer
from scumble_daemon.registry import OperationParams, operation

PAINTED = (0.75, 0.35, 0.2)


class Params(OperationParams):
    pass


@operation("colour_test", title="Colour Test", menu="Test")
def colour_test(image, params, context):
    context.note(json.dumps(image.rgb.mean((0, 1)).tolist()))
    return [NewLayer("Painted", np.full_like(image.rgb, PAINTED), alpha=np.ones_like(image.alpha))]
