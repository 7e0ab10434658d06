"""Put any image model over the layer: ours, one that was fetched, or a file of your own.

`scumble weights path` says where that folder is; a checkpoint that is dropped there can be chosen here at once.
"""

from __future__ import annotations

from ..context import Context
from ..imaging.image import Image, NewLayer
from ..registry import Field, Inputs, ModelField, OperationParams, operation


class Params(OperationParams):
    strength: float = Field(
        1.0,
        ge=0,
        le=1,
        title="Strength",
        description="How much of the model's change is taken over; of the noise, for a model that is told how much of "
        "it there is. 0 leaves the layer as it is.",
    )
    model: str = ModelField("enhance_with_model")


@operation("enhance_with_model", title="Enhance with Model", menu="Restore", inputs=Inputs(selection="optional"))
def enhance_with_model(image: Image, params: Params, context: Context) -> list[NewLayer]:
    paint = context.models.paint
    return [paint("enhance_with_model", params.model, image, context, "Enhanced", strength=params.strength)]
