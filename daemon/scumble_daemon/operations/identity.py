"""Give the layer back as it is, to measure the way there and back and to test that it is open."""

from __future__ import annotations

from ..context import Context
from ..imaging.image import Image, NewLayer
from ..registry import Inputs, OperationParams, operation


class Params(OperationParams):
    pass


@operation("identity", title="Identity", menu="Scumble", inputs=Inputs(selection="none"), hidden=True, raw=True)
def identity(image: Image, params: Params, context: Context) -> list[NewLayer]:
    return [NewLayer("Identity", raster=image.raster)]
