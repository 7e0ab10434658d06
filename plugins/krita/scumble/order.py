"""A job as it is sent: what was read of the document, and what the artist set."""

from __future__ import annotations

from typing import Optional

from .preview import longest_px
from .references import LayerPixels
from .request import Request
from .session import Order
from .source import Source


def order_of(number: int, source: Source, request: Request, reference: Optional[LayerPixels]) -> Order:
    return Order(
        number=number,
        operation=request.operation.id,
        pixels=source.pixels,
        canvas=source.canvas,
        parameters=dict(request.parameters),
        selection=source.selection,
        points=request.points,
        box=request.box,
        reference=request.reference,
        reference_layer=reference,
        source=source.layer_name,
        previews=longest_px() if request.operation.progressive else 0,
    )
