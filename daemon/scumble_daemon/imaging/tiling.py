"""Put a network over a picture of any size, tile by tile, without seams and in constant memory.

    plan = tiling.plan(network, (height, width), budget_bytes)
    tiling.run(network, plan, forward, read, write, report)      # or, for a picture in memory, `tiling.apply`

A tile is read with the surroundings its network looks at, so that its middle is what the whole picture would have given
there; neighbours cross-fade where both are right. Tiles begin at multiples of the network's stride, which is what keeps
a downsampling network in step with itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scumble_protocol.errors import OutOfMemory

FEATHER_PX = 16
POOLED_FEATHER_PX = 64  # neighbours differ a little everywhere: the change has to be too slow to be seen
LARGEST_TILE_PX = 1024
SMALLEST_TILE_PX = 64  # below, there is more overlap than tile
POOLED_TILE_PX = 256  # what such networks were trained on, at least: smaller tiles change their averages

Statistics = Literal["none", "pooled", "global"]
Forward = Callable[[np.ndarray], np.ndarray]
"""N×H×W×C float32 → N×(H·scale)×(W·scale)×C'. Raises: TileTooLarge"""
Read = Callable[[slice, slice], np.ndarray]
"""`read(rows, columns)`: H×W×C float32 of the picture."""
Write = Callable[[int, np.ndarray], None]
"""`write(top, pixels)`: finished rows of the result, from `top` on; each row comes once, from above to below."""


class TileTooLarge(Exception):
    """The device has no room for tiles of this size; a smaller `Plan` may work."""


@dataclass(frozen=True)
class Network:
    """What has to be known of an image → image network to put it over a picture.

    `overlap_px`: how far around a pixel it looks, as far as that can be seen · `multiple`: sides it takes have to be
    multiples of this, its total stride among them · `least_px`: the shortest side it takes · `statistics`: "none";
    "pooled": it averages over all that it is given, as in training over crops, so that large tiles are right; "global":
    it normalises by what it is given, so that tiles would differ in colour: never tiled · `bytes_per_pixel`: of its
    activations, about, for each pixel that goes in · `largest_px`: the longest side of a tile worth having.
    """

    scale: int = 1
    channels: int = 3
    overlap_px: int = 32
    multiple: int = 1
    least_px: int = 1
    statistics: Statistics = "none"
    bytes_per_pixel: int = 4096
    largest_px: int = LARGEST_TILE_PX

    @property
    def feather_px(self) -> int:
        return POOLED_FEATHER_PX if self.statistics == "pooled" else FEATHER_PX

    @property
    def shared_px(self) -> int:
        """How much two neighbours have in common."""
        return _up(2 * self.overlap_px + self.feather_px, self.multiple)

    @property
    def smallest_tile_px(self) -> int:
        wanted = POOLED_TILE_PX if self.statistics == "pooled" else SMALLEST_TILE_PX
        return _up(max(wanted, self.least_px, 2 * self.shared_px), self.multiple)


@dataclass(frozen=True)
class Axis:
    """Tiles along one side: `length` is the picture's, `padded` what the tiles cover, `tile` the size of each."""

    length: int
    padded: int
    tile: int
    starts: tuple[int, ...]

    def weights(self, index: int, scale: int, feather_px: int) -> np.ndarray:
        """How much each pixel of a tile's result counts: all tiles together give 1 everywhere."""
        ramp = np.ones(self.tile * scale, np.float32)
        place = (np.arange(self.tile * scale, dtype=np.float32) + 0.5) / scale + self.starts[index]
        if index > 0:
            ramp *= _rise(place, self._cut(index - 1), feather_px)
        if index + 1 < len(self.starts):
            ramp *= 1 - _rise(place, self._cut(index), feather_px)
        return ramp

    def _cut(self, index: int) -> float:
        """The middle of what a tile and its next share."""
        return (self.starts[index] + self.tile + self.starts[index + 1]) / 2


@dataclass(frozen=True)
class Plan:
    """Where the tiles of a picture lie, and how many go through the network at a time."""

    rows: Axis
    columns: Axis
    batch: int

    @property
    def count(self) -> int:
        return len(self.rows.starts) * len(self.columns.starts)

    @property
    def tile_px(self) -> int:
        return max(self.rows.tile, self.columns.tile)


def plan(network: Network, size: tuple[int, int], budget_bytes: int, most_at_once: int = 1) -> Plan:
    """Tiles of a picture of `size` (height, width) that take about `budget_bytes`.

    Raises: OutOfMemory for a network that needs to see the whole picture where that does not fit.
    """
    pixels = max(1, budget_bytes // max(1, network.bytes_per_pixel))
    if network.statistics == "global":
        whole = [_padded(network, length) for length in size]
        if whole[0] * whole[1] > pixels:
            raise OutOfMemory(
                f"This model has to see the whole picture at once, and {size[1]} × {size[0]} pixels are too many.",
                "Select a part of the picture, or scale it down, and run again.",
            )
        return Plan(_axis(network, size[0], whole[0]), _axis(network, size[1], whole[1]), 1)
    side = min(network.largest_px, _affordable_side(network, size[1], budget_bytes))
    return _plan(network, size, side, max(1, min(most_at_once, pixels // max(1, side * side))))


def _affordable_side(network: Network, width: int, budget_bytes: int) -> int:
    """Of a tile whose activations take the budget together with the row of finished tiles, which `run` holds."""
    row = width * network.scale**2 * network.channels * 4  # bytes for each pixel of the side
    each = max(1, network.bytes_per_pixel)
    return int((math.sqrt(row * row + 4 * each * budget_bytes) - row) / (2 * each))


def halved(network: Network, size: tuple[int, int], before: Plan) -> Plan | None:
    """Tiles half as large; None where they could not be smaller or must not be."""
    if before.batch > 1:
        return replace(before, batch=before.batch // 2)
    smaller = _plan(network, size, before.tile_px // 2, 1)
    is_smaller = smaller.rows.tile * smaller.columns.tile < before.rows.tile * before.columns.tile
    return smaller if is_smaller and network.statistics != "global" else None


def run(
    network: Network,
    plan: Plan,
    forward: Forward,
    read: Read,
    write: Write,
    report: Callable[[float], None] = lambda fraction: None,
) -> None:
    """One pass over the picture. Holds one row of tiles; what is finished is written at once.

    `report` hears before each step how much is done, and may raise to end it. Raises: TileTooLarge
    """
    scale, rows, columns = network.scale, plan.rows, plan.columns
    width = columns.length * scale
    band: np.ndarray | None = None  # what the rows of tiles so far have given below `written`, not all of it finished
    written = done = 0
    for row, top in enumerate(rows.starts):
        fresh: np.ndarray | None = None  # and lets go of the last row's
        down = rows.weights(row, scale, network.feather_px)[:, None, None]
        for group in _groups(len(columns.starts), plan.batch):
            report(done / plan.count)
            tiles = np.stack([_read_tile(read, plan, top, columns.starts[column]) for column in group])
            for column, result in zip(group, forward(tiles), strict=True):
                if fresh is None:
                    fresh = np.zeros((rows.tile * scale, width, result.shape[2]), np.float32)
                left = columns.starts[column] * scale
                across = columns.weights(column, scale, network.feather_px)[None, :, None]
                right = min(width, left + columns.tile * scale)
                shown = result[:, : right - left]
                fresh[:, left:right] += shown if plan.count == 1 else shown * (down * across[:, : right - left])
            done += len(group)
        assert fresh is not None
        if band is not None:
            fresh[: len(band)] += band
        is_last = row + 1 == len(rows.starts)
        end = rows.length * scale if is_last else rows.starts[row + 1] * scale
        if end > written:
            write(written, fresh[: end - written])
        band, written = fresh[end - written :].copy(), end  # a view would hold all of it
    report(1.0)


def apply(
    network: Network,
    forward: Forward,
    pixels: np.ndarray,
    budget_bytes: int = 1 << 30,
    report: Callable[[float], None] = lambda fraction: None,
) -> np.ndarray:
    """The result for a picture in memory, H×W×C float32; the tiles get smaller until they fit."""
    size = pixels.shape[:2]
    rows: list[np.ndarray] = []
    chosen: Plan | None = plan(network, size, budget_bytes)
    while chosen is not None:
        rows.clear()
        try:
            run(
                network,
                chosen,
                forward,
                lambda down, across: pixels[down, across],
                lambda _, part: rows.append(part),
                report,
            )
            return np.concatenate(rows)
        except TileTooLarge:
            chosen = halved(network, size, chosen)
    raise OutOfMemory("There is not enough memory for this model.", "Close something, or choose a smaller model.")


# --- where the tiles lie -----------------------------------------------------------------------------------------


def _plan(network: Network, size: tuple[int, int], side_px: int, batch: int) -> Plan:
    side_px = max(side_px, network.smallest_tile_px)
    return Plan(_axis(network, size[0], side_px), _axis(network, size[1], side_px), batch)


def _axis(network: Network, length: int, side_px: int) -> Axis:
    """Tiles of at most about `side_px`, all alike, spread evenly over `length`."""
    padded = _padded(network, length)
    if padded <= side_px:
        return Axis(length, padded, padded, (0,))
    shared, multiple = network.shared_px, network.multiple
    side_px = max(side_px // multiple * multiple, network.smallest_tile_px)
    count = math.ceil((padded - shared) / (side_px - shared))
    tile = min(padded, _up(max(math.ceil((padded + (count - 1) * shared) / count), network.least_px), multiple))
    starts = (index * (padded - tile) // max(1, count - 1) // multiple * multiple for index in range(count))
    return Axis(length, padded, tile, tuple(dict.fromkeys(starts)))


def _padded(network: Network, length: int) -> int:
    return _up(max(length, network.least_px), network.multiple)


def _up(value: int, multiple: int) -> int:
    return math.ceil(value / multiple) * multiple


def _rise(place: np.ndarray, middle: float, feather_px: int) -> np.ndarray:
    return np.clip((place - middle) / feather_px + 0.5, 0, 1).astype(np.float32)


def _groups(count: int, size: int) -> Iterator[range]:
    return (range(first, min(count, first + size)) for first in range(0, count, size))


def _read_tile(read: Read, plan: Plan, top: int, left: int) -> np.ndarray:
    """A tile's own pixels; beyond the picture's right and lower end they are mirrored."""
    bottom, right = top + plan.rows.tile, left + plan.columns.tile
    rows, columns = slice(top, min(bottom, plan.rows.length)), slice(left, min(right, plan.columns.length))
    tile = read(rows, columns)
    missing = (bottom - rows.stop, right - columns.stop)
    if missing == (0, 0):
        return tile
    return np.pad(tile, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="reflect")
