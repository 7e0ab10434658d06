"""A matte as layers: a cut-out with clean edge colours and a mask, or the matte itself in grey."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scumble_protocol.image import Bounds

from . import copies, edge_colours, prompts
from .image import Image, NewLayer
from .sheets import NewSamples


def layer(
    image: Image, part: Bounds, coverage: np.ndarray, new_samples: NewSamples, report: Callable[[float], None] | None
) -> NewLayer:
    """The layer's own samples over `part` (in image coordinates), masked by `coverage`.

    `report`: hears the share that is done while colours beside the edge are cleaned; with None they stay as they are.
    """
    copy = copies.copy(image, part, new_samples)
    if report is not None:
        inside = part.relative_to(image.bounds)
        window = prompts.Window(inside.y, inside.x, inside.bottom, inside.right)
        edge_colours.clean(prompts.reader(image, window), copy.replace, coverage, report)
    return NewLayer("Subject", raster=copy.raster, bounds=part, mask=coverage)


def grey_layer(name: str, coverage: np.ndarray, part: Bounds) -> NewLayer:
    return NewLayer(name, np.dstack([coverage] * 3), alpha=np.ones_like(coverage), bounds=part)
