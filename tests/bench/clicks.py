"""Select Object with a network of SAM 2.1 tiny's size: the first click on a layer, and the next ones."""

from __future__ import annotations

import time

import cv2
import numpy as np
from scumble_daemon.imaging import samples
from scumble_protocol.client import Client
from scumble_protocol.image import Bounds, Point

from .. import checkpoints
from ..daemon_process import running_daemon
from .table import Row, median, milliseconds

SIDES = (1024, 2048)
CLICKS = 6
LIMIT = "≤ 150 ms"


def picture(side: int) -> np.ndarray:
    """Soft colours, opaque."""
    colours = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    large = cv2.resize(colours, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.dstack([large, np.full((side, side), 255, np.uint8)])


def click(client: Client, pixels: np.ndarray, clicks: tuple[Point, ...]) -> float:
    """Seconds from the pixels at hand to the selection at hand."""
    area = Bounds(0, 0, pixels.shape[1], pixels.shape[0])
    started = time.perf_counter()
    image = client.put(samples.to_bytes(pixels), area, "u8", "RGBA")
    result = client.run("select_object", image, area, points=clicks)
    assert result.selection is not None
    client.pixels(result.selection)
    taken = time.perf_counter() - started
    client.release(result)
    return taken


def rows() -> list[Row]:
    """The weights are random: the outline runs everywhere, which is the slowest case."""
    found = []
    with running_daemon() as daemon:
        daemon.stop()
        checkpoints.pretrained_folder(daemon.home / "weights" / "tiny", checkpoints.sam2_config(published=True))
        checkpoints.announce(daemon.home, "tiny", "select_object", "transformers", "Sam2", "default")
        daemon.start()
        daemon.wait_for_worker()
        with daemon.client() as client:
            for side in SIDES:
                pixels = picture(side)
                at = [Point(side * (0.3 + 0.05 * index), side * 0.4) for index in range(CLICKS)]
                taken = [click(client, pixels, tuple(at[: count + 1])) for count in range(CLICKS)]
                what = f"select_object, SAM 2.1 tiny's size, {side}²"
                loads = ", PyTorch and the model not loaded yet" if side == SIDES[0] else ""
                found.append(Row(f"{what}, first click{loads}", milliseconds(taken[0])))
                found.append(
                    Row(f"{what}, later clicks, median of {CLICKS - 1}", milliseconds(median(taken[1:])), LIMIT)
                )
    return found
