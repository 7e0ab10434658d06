"""Give every form of layer back: a copy with a mask, and a dodge layer over it."""

from typing import Literal

import numpy as np
from scumble_daemon.imaging.image import NewLayer
from scumble_daemon.registry import Field, Inputs, OperationParams, ReferenceInput, operation


class Params(OperationParams):
    amount: float = Field(0.5, ge=0, le=1, slider=(0, 0.8), title="Amount", description="How much.")
    layer_count: int = Field(2, ge=1, le=3, title="Layers")
    is_soft: bool = Field(True, title="Soft")
    kind: Literal["warm", "cold"] = Field("warm", title="Kind", titles=("Warm", "Cold"))
    words: str = Field("", title="Words")


@operation(
    "paint_test",
    title="Paint Test",
    menu="Test",
    inputs=Inputs(reference=ReferenceInput("Notes file", (".txt",))),
)
def paint_test(image, params, context):
    height, width = image.alpha.shape
    ramp = np.linspace(0, 1, width, dtype=np.float32)[None].repeat(height, 0)
    native = image.native_colour
    said = context.reference.data if context.reference else b""
    context.note(f"{params.amount:g} {params.layer_count} {params.is_soft} {params.kind} «{params.words}» {len(said)}")
    inverted = NewLayer("Inverted", 1 - native, mask=ramp, opacity=0.5, encoded="native")
    gain = np.full_like(native, params.amount * 0.5)
    dodge = NewLayer("Dodge", gain, alpha=np.ones_like(ramp), mask=ramp[:, ::-1], blend_mode="dodge", encoded="native")
    return [inverted, dodge][: params.layer_count]
