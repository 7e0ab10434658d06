"""Enlarge a layer two or four times, with edges and textures as sharp as a photo of that size would have them.

The result is a new document of that size; or a larger layer with its upper left corner where your layer has its own;
or, for a soft picture, a layer of the same size, made from more pixels.
"""

from __future__ import annotations

from typing import Literal

from ..context import Context
from ..imaging.image import Image, NewDocument, NewLayer
from ..registry import Field, Inputs, ModelField, OperationParams, operation


class Params(OperationParams):
    factor: Literal["2", "4"] = Field(
        "2", title="Factor", description="How many times wider and higher.", titles=("×2", "×4")
    )
    result: Literal["document", "larger", "same"] = Field(
        "document",
        title="Result",
        description="A larger layer reaches beyond the canvas; the same size stays within it.",
        titles=("A new document", "A larger layer", "A layer of the same size"),
    )
    clean_up: float = Field(
        0.5,
        ge=0,
        le=1,
        title="Clean up",
        description="How much of noise and JPEG blocks is smoothed away. Only Real-ESRGAN general can be set so.",
    )
    model: str = ModelField("upscale")


@operation("upscale", title="Upscale", menu="Restore", inputs=Inputs(selection="optional"))
def upscale(image: Image, params: Params, context: Context) -> list[NewLayer] | NewDocument:
    factor = int(params.factor)
    grows = 1 if params.result == "same" else factor
    layer = context.models.paint(
        "upscale",
        params.model,
        image,
        context,
        f"Upscaled ×{factor}",
        scale=factor,
        grows=grows,
        mix=params.clean_up,
    )
    if params.result == "document":
        return NewDocument((layer,))
    if params.result == "larger":
        context.note("The new layer is larger than the canvas: fit the canvas to the layers to see all of it.")
    return [layer]
