"""Apply colour look-up tables: one-dimensional curves, three-dimensional cubes, or a cube behind a shaping curve."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

CHUNK_PIXELS = 1 << 15  # a chunk and the cube stay in the processor's cache
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
    source = np.ascontiguousarray(rgb, np.float32).reshape(-1, 3)
    out = np.empty_like(source)
    look_up = _cube_look_up(lut, lut.cube) if lut.cube is not None else _curve_look_up(lut)

    def convert(start: int) -> None:
        chunk = slice(start, start + CHUNK_PIXELS)
        look_up(source[chunk], np.float32(strength), out[chunk])

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:  # both ways let go of the interpreter lock
        for batch in range(0, len(source), BATCH_PIXELS):
            end = min(batch + BATCH_PIXELS, len(source))
            list(threads.map(convert, range(batch, end, CHUNK_PIXELS)))
            on_batch(end / len(source))
    return out.reshape(rgb.shape)


def warm_up() -> None:
    """Load the compiled interpolation."""
    from . import tetrahedra  # noqa: F401


LookUp = Callable[[np.ndarray, np.float32, np.ndarray], None]
"""`look_up(source, strength, out)`, n×3 each."""


def _cube_look_up(lut: Lut, cube: Cube) -> LookUp:
    from . import tetrahedra

    size = len(cube.table)
    table = np.ascontiguousarray(cube.table, np.float32).ravel()
    low, high = np.array(cube.low, np.float32), np.array(cube.high, np.float32)
    scale = (size - 1) / (high - low)
    domain_low, domain_high = lut.domain

    def look_up(source: np.ndarray, strength: np.float32, out: np.ndarray) -> None:
        shaped = source if lut.curve is None else _through_curve(lut.curve, source)
        tetrahedra.blend(table, size, low, scale, shaped, source, domain_low, domain_high, strength, out)

    return look_up


def _curve_look_up(lut: Lut) -> LookUp:
    curve = lut.curve
    assert curve is not None
    low, high = lut.domain

    def look_up(source: np.ndarray, strength: np.float32, out: np.ndarray) -> None:
        inside = np.clip(source, low, high)
        np.multiply(_through_curve(curve, inside) - inside, strength, out=out)
        out += source

    return look_up


def _through_curve(curve: Curve, colours: np.ndarray) -> np.ndarray:
    """n×3 colours; those outside the curve's range are looked up at its ends."""
    last = np.float32(len(curve.table) - 1)
    low, high = np.array(curve.low, np.float32), np.array(curve.high, np.float32)
    scaled = np.clip((colours - low) * (last / (high - low)), 0, last)
    below = np.minimum(np.floor(scaled), last - 1)
    scaled -= below
    out = np.empty_like(colours)
    for channel in range(3):
        column = np.ascontiguousarray(curve.table[:, channel])
        index = below[:, channel].astype(np.int32)
        start = column[index]
        out[:, channel] = start + (column[index + 1] - start) * scaled[:, channel]
    return out
