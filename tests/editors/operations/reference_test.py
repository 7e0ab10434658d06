"""Paint the mean colour of the reference picture over the layer, and say how large and how deep it was."""

import numpy as np
from scumble_daemon.imaging.image import NewLayer
from scumble_daemon.registry import Inputs, OperationParams, ReferenceInput, operation


class Params(OperationParams):
    pass


@operation(
    "reference_test",
    title="Reference Test",
    menu="Test",
    inputs=Inputs(reference=ReferenceInput("Colours of", required=True, description="What to paint.", picture=True)),
)
def reference_test(image, params, context):
    picture = context.reference_picture()
    mean = picture.rgb[picture.alpha > 0].mean(0)
    size = f"{picture.bounds.width}×{picture.bounds.height}"
    context.note(f"{size} {picture.raster.depth} " + " ".join(f"{each:.6f}" for each in mean))
    return [NewLayer("Mean", np.broadcast_to(mean, image.rgb.shape).astype(np.float32))]
