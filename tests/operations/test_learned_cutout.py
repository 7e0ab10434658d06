"""Remove Background by networks, through the daemon; and without any as before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scumble_daemon.imaging import samples
from scumble_protocol.client import Client
from scumble_protocol.image import Bounds, Layer, Point

from .. import checkpoints
from ..daemon_process import DaemonProcess, running_daemon
from . import photos


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    """With a BiRefNet of the smaller real size that takes everything it is shown for foreground."""
    with running_daemon() as daemon:
        daemon.stop()
        state = checkpoints.birefnet()
        state["decoder.conv_out1.0.weight"].zero_()
        state["decoder.conv_out1.0.bias"].fill_(9)
        checkpoints.save(state, daemon.home / "weights" / "small" / "model.safetensors")
        checkpoints.announce(daemon.home, "small", "remove_background", "own", "BiRefNet")
        checkpoints.pretrained_folder(daemon.home / "weights" / "pointing", checkpoints.sam2_config())
        checkpoints.announce(daemon.home, "pointing", "select_object", "transformers", "Sam2")
        checkpoints.pretrained_folder(daemon.home / "weights" / "fine", checkpoints.vitmatte_config())
        checkpoints.announce(daemon.home, "fine", "refine_edge", "transformers", "VitMatte")
        daemon.start()
        daemon.wait_for_worker()
        yield daemon


def cut(client: Client, pixels: np.ndarray, **options: Any) -> tuple[np.ndarray, Layer]:
    """The cut-out's mask over the whole layer, and the layer."""
    area = Bounds(0, 0, pixels.shape[1], pixels.shape[0])
    image = client.put(samples.to_bytes(pixels), area, "u8", "RGB")
    (layer,) = client.run("remove_background", image, area, **options).layers
    assert layer.mask is not None
    mask, part = np.zeros(pixels.shape[:2], np.uint8), layer.mask.bounds
    found = np.frombuffer(client.pixels(layer.mask), np.uint8).reshape(part.height, part.width)
    mask[part.y : part.bottom, part.x : part.right] = found
    return mask, layer


def used(layer: Layer) -> list[str]:
    model, ids = layer.recipe["model"], []
    while model:
        ids.append(model["id"])
        model = model.get("then")
    return ids


WITHOUT = {"model": "classical", "edge_model": "classical"}


def test_the_network_finds_the_subject(daemon: DaemonProcess) -> None:
    """Within a box all of it, here; and nothing outside. Without models it is as it always was."""
    photo, outline = photos.flower()
    with daemon.client() as client:
        box = Bounds(200, 100, 120, 90)
        mask, layer = cut(client, photo, parameters={"edge_model": "classical"}, box=box)
        assert used(layer) == ["small"]
        assert mask[110:180, 210:310].min() == 255
        assert mask[:80].max() == mask[:, 340:].max() == 0
        classical, layer = cut(client, photo, parameters=WITHOUT)
        assert used(layer) == []
        assert photos.overlap(classical / 255, outline) > 0.8


def test_clicks_go_to_the_network_for_clicks_and_edges_to_that_for_edges(daemon: DaemonProcess) -> None:
    """Both are named in the recipe, in their order."""
    photo, _ = photos.flower()
    with daemon.client() as client:
        _, layer = cut(client, photo, points=(Point(320.5, 190.5),))
        assert used(layer) == ["pointing", "fine"]
        _, layer = cut(client, photo, points=(Point(320.5, 190.5),), parameters={"edge_model": "classical"})
        assert used(layer) == ["pointing"]
        _, layer = cut(client, photo, points=(Point(320.5, 190.5),), parameters={"model": "classical", "detail": 0.0})
        assert used(layer) == []


def test_an_edge_by_the_network_is_another_than_without(daemon: DaemonProcess) -> None:
    """What lies well inside and well outside is the same."""
    photo, _ = photos.flower()
    with daemon.client() as client:
        without, _ = cut(client, photo, parameters=WITHOUT)
        edged, layer = cut(client, photo, parameters={**WITHOUT, "edge_model": "fine"})
    assert used(layer) == ["fine"]
    differs = edged != without
    assert 0.001 < differs.mean() < 0.3
    assert edged[190, 320] == without[190, 320] == 255
    assert edged[5, 5] == without[5, 5] == 0
