"""A photograph through an operation that paints, and how far the layer that comes is from it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from scumble_daemon.imaging import samples
from scumble_protocol.client import Client
from scumble_protocol.image import Bounds, Layer, Reference
from skimage import data


def cup(area: Bounds) -> np.ndarray:
    """height×width×3 float32: the cup, small enough that there is something in every part."""
    small = cv2.resize(data.coffee()[60:380, 80:520], (area.width, area.height), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / 255


def layer_of(
    client: Client,
    operation: str,
    area: Bounds,
    depth: str = "u8",
    rgb: np.ndarray | None = None,
    alpha: np.ndarray | float = 1.0,
    reference: Reference | None = None,
    **parameters: Any,
) -> tuple[Layer, np.ndarray]:
    """The layer, and its colours and alpha: in [0, 1], or as they are in a float document."""
    pixels = cup(area) if rgb is None else rgb
    rgba = np.dstack([pixels, np.broadcast_to(np.float32(alpha), pixels.shape[:2])]).astype(np.float32)
    image = client.put(samples.to_bytes(samples.from_float(rgba, depth)), area, depth, "RGBA")
    result = client.run(operation, image, Bounds(0, 0, 3000, 3000), parameters=parameters, reference=reference)
    (layer,) = result.layers
    at = layer.raster.bounds
    found = np.frombuffer(client.pixels(layer.raster), samples.DTYPES[depth]).reshape(at.height, at.width, 4)
    found = samples.to_float(found.copy())
    client.release(result)
    return layer, found


def off(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference of colours, in grey levels of 255."""
    return float(np.abs(one[..., :3] - other[..., :3]).mean() * 255)
