"""Take noise and grain out of a photo, and leave its edges and textures.

The whole layer, or the selected part of it, goes through a network for photos.
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
        description="How much of the noise is taken out. 0 leaves the layer as it is. DRUNet is told this share of the "
        "noise that is found in the layer; of other models' work, this share is taken over.",
    )
    model: str = ModelField("denoise")


@operation("denoise", title="Denoise", menu="Restore", inputs=Inputs(selection="optional"))
def denoise(image: Image, params: Params, context: Context) -> list[NewLayer]:
    return [context.models.paint("denoise", params.model, image, context, "Denoised", strength=params.strength)]
