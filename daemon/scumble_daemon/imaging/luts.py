"""Apply colour look-up tables: one-dimensional curves, three-dimensional cubes, or a cube behind a shaping curve."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

CHUNK_PIXELS = 1 << 15  # a chunk's planes and the cube stay in the processor's cache
BATCH_PIXELS = 1 << 20  # between two looks at the cancel button

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Curve:
    """One curve a channel: `table` n×3 float32, evenly spaced from `low` to `high`."""

    table: np.ndarray
    low: Triple = (0.0, 0.0, 0.0)
    high: Triple = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Cube:
    """`table` n×n×n×3 float32, indexed by blue, green, red as `.cube` files write it; spans `low` to `high`."""

    table: np.ndarray
    low: Triple = (0.0, 0.0, 0.0)
    high: Triple = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Lut:
    """A curve, a cube, or both, the curve first."""

    title: str
    curve: Curve | None = None
    cube: Cube | None = None

    @property
    def domain(self) -> tuple[np.ndarray, np.ndarray]:
        """The colours the table was made for, from and to."""
        first = self.curve or self.cube
        assert first is not None
        return np.array(first.low, np.float32), np.array(first.high, np.float32)


def apply(
    lut: Lut, rgb: np.ndarray, strength: float = 1.0, on_batch: Callable[[float], None] = lambda fraction: None
) -> np.ndarray:
    """H×W×3 float32 → the same shape. Cubes are interpolated within tetrahedra.

    What lies outside the table's domain is looked up at its edge and keeps its excess, so a wide-gamut colour stays
    one. `strength` 0 gives `rgb`, 1 the table's colours. `on_batch` hears the part that is done, and may raise.
    """
    source = np.ascontiguousarray(rgb, np.float32).reshape(-1, 1, 3)
    out = np.empty_like(source)
    planes = _planes(lut)
    low, high = (edge.reshape(3, 1) for edge in lut.domain)

    def convert(start: int) -> None:
        colours = np.stack(cv2.split(source[start : start + CHUNK_PIXELS])).reshape(3, -1)
        inside = np.clip(colours, low, high)
        looked_up = _look_up(lut, planes, inside)
        looked_up -= inside
        looked_up *= np.float32(strength)
        looked_up += colours
        cv2.merge(tuple(looked_up[:, :, None]), out[start : start + CHUNK_PIXELS])

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:  # numpy lets go of the interpreter lock
        for batch in range(0, len(source), BATCH_PIXELS):
            end = min(batch + BATCH_PIXELS, len(source))
            list(threads.map(convert, range(batch, end, CHUNK_PIXELS)))
            on_batch(end / len(source))
    return out.reshape(rgb.shape)


def _planes(lut: Lut) -> list[np.ndarray]:
    if lut.cube is None:
        return []
    return [np.ascontiguousarray(lut.cube.table[..., channel]).ravel() for channel in range(3)]


def _look_up(lut: Lut, planes: list[np.ndarray], colours: np.ndarray) -> np.ndarray:
    if lut.curve is not None:
        colours = _through_curve(lut.curve, colours)
    return colours if lut.cube is None else _through_cube(lut.cube, planes, colours)


def _positions(colours: np.ndarray, table: Curve | Cube) -> tuple[np.ndarray, np.ndarray]:
    """3×n colours → the grid point below each (0 to size - 2) and how far it lies towards the next one."""
    last = np.float32(len(table.table) - 1)
    low, high = np.array(table.low, np.float32)[:, None], np.array(table.high, np.float32)[:, None]
    scaled = (colours - low) * (last / (high - low))
    np.clip(scaled, 0, last, out=scaled)
    below = np.minimum(np.floor(scaled), last - 1)
    scaled -= below
    return below, scaled


def _through_curve(curve: Curve, colours: np.ndarray) -> np.ndarray:
    below, towards = _positions(colours, curve)
    out = np.empty_like(colours)
    for channel in range(3):
        column = np.ascontiguousarray(curve.table[:, channel])
        index = below[channel].astype(np.int32)
        start = column[index]
        out[channel] = start + (column[index + 1] - start) * towards[channel]
    return out


def _through_cube(cube: Cube, planes: list[np.ndarray], colours: np.ndarray) -> np.ndarray:
    """After Kasson, Nin, Plouffe & Hafner 1995: the cell is cut into six tetrahedra along its grey diagonal.

    The walk from the cell's first corner to its last goes along the largest fraction first and the smallest last.
    """
    size = len(cube.table)
    step_r, step_g, step_b = np.array([1, size, size * size], np.float32)  # exact: 256³ indices fit in 24 bits
    (below_r, below_g, below_b), (r, g, b) = _positions(colours, cube)
    smaller, larger = np.minimum(r, g), np.maximum(r, g)
    largest, smallest = np.maximum(larger, b), np.minimum(smaller, b)
    middle = np.maximum(smaller, np.minimum(larger, b))

    first = below_r + below_g * step_g + below_b * step_b
    second = first + np.where(largest == r, step_r, np.where(largest == g, step_g, step_b))
    fourth = first + (step_r + step_g + step_b)
    third = fourth - np.where(smallest == b, step_b, np.where(smallest == g, step_g, step_r))
    weights = (1 - largest, largest - middle, middle - smallest, smallest)

    out = np.zeros_like(colours)
    for corner, weight in zip((first, second, third, fourth), weights, strict=True):
        index = corner.astype(np.int32).astype(np.intp)  # twice as fast as at one go
        for channel, plane in enumerate(planes):
            value = plane[index]
            value *= weight
            out[channel] += value
    return out
