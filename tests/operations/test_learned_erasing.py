"""Erase Object by LaMa, through the daemon: shown what is around the hole, and as sharp as the layer in the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from scumble_daemon.imaging import samples
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds, Layer, Raster
from skimage import data

from .. import checkpoints
from ..checkpoints import published
from ..checkpoints.index import lama_as_torchscript
from ..daemon_process import DaemonProcess, running_daemon

GREY = 0.7  # what the network below gives everywhere


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    """With a LaMa of the real size, as it is published, whose last layer makes everything GREY."""
    with running_daemon() as daemon:
        daemon.stop()
        state = published.lama().state_dict()
        last = max((name for name in state if name.endswith(".bias")), key=lambda name: int(name.split(".")[2]))
        state[last].fill_(float(np.log(GREY / (1 - GREY))))
        state[last.replace(".bias", ".weight")].zero_()
        folder = daemon.home / "weights" / "lama"
        folder.mkdir(parents=True)
        lama_as_torchscript(state, folder / "big-lama.pt")
        checkpoints.announce(daemon.home, "lama", "erase_object", "spandrel", "LaMa")
        daemon.start()
        daemon.wait_for_worker()
        yield daemon


def erase(client: Client, pixels: np.ndarray, hole: np.ndarray, **parameters: Any) -> list[tuple[np.ndarray, Layer]]:
    """Each result layer's colours over the whole picture, 0 where it does not reach, and the layer."""
    area = Bounds(0, 0, pixels.shape[1], pixels.shape[0])
    selection = client.put(samples.to_bytes(hole.astype(np.uint8) * 255), area, "u8", "GRAY")
    image = client.put(samples.to_bytes(pixels), area, "u8", "RGB")
    result = client.run("erase_object", image, area, selection=selection, parameters=parameters)
    return [(_colours(client, layer.raster, area), layer) for layer in result.layers]


def _colours(client: Client, raster: Raster, area: Bounds) -> np.ndarray:
    spread, part = np.zeros((area.height, area.width, 4), np.uint8), raster.bounds
    found = np.frombuffer(client.pixels(raster), np.uint8).reshape(part.height, part.width, 4)
    spread[part.y : part.bottom, part.x : part.right] = found
    return spread[..., :3]


def blob(shape: tuple[int, ...], x: int, y: int, across: int, down: int) -> np.ndarray:
    drawn = np.zeros(shape[:2], np.uint8)
    cv2.ellipse(drawn, (x, y), (across, down), 0, 0, 360, 1, -1)
    return drawn > 0


def test_the_network_fills_the_hole_and_is_named(daemon: DaemonProcess) -> None:
    """Automatic takes it; without a model it is patches; and other variants are, hidden above it."""
    photo = data.chelsea()[:180, :220]
    hole = blob(photo.shape, 110, 90, 20, 15)
    with daemon.client() as client:
        ((filled, layer),) = erase(client, photo, hole)
        assert layer.recipe["model"]["id"] == "lama"
        assert np.abs(filled[hole].astype(int) - round(GREY * 255)).max() <= 1
        ((patched, layer),) = erase(client, photo, hole, model="classical")
        assert layer.recipe["model"] is None
        assert np.abs(patched[hole].astype(int) - round(GREY * 255)).mean() > 10
        (first, shown), (second, hidden) = erase(client, photo, hole, variants=2)
        assert (shown.visible, hidden.visible) == (True, False)
        assert np.array_equal(first, filled)
        assert np.abs(second.astype(int) - first)[hole].mean() > 10


def test_a_large_hole_gets_its_grain_from_the_layer(daemon: DaemonProcess) -> None:
    """The network sees it reduced: its colours come back enlarged, and what is finer is that of the ground around."""
    ground = 178 + np.random.default_rng(3).normal(0, 9, (1100, 1300, 3))
    photo = np.clip(ground, 0, 255).astype(np.uint8)
    hole = blob(photo.shape, 650, 550, 260, 220)
    photo[hole] = (200, 20, 30)
    with daemon.client() as client:
        ((filled, _),) = erase(client, photo, hole)
    inside = filled[cv2.erode(hole.astype(np.uint8), np.ones((9, 9))) > 0].astype(float)
    assert np.abs(inside.mean(axis=0) - GREY * 255).max() < 4
    assert 6 < inside.std() < 11


def test_a_selection_is_needed(daemon: DaemonProcess) -> None:
    """Said before anything is loaded."""
    photo = data.chelsea()[:60, :80]
    area = Bounds(0, 0, 80, 60)
    with daemon.client() as client, pytest.raises(Invalid, match="needs a selection"):
        client.run("erase_object", client.put(samples.to_bytes(photo), area, "u8", "RGB"), area)
