"""Replace Sky by a network, through the daemon; and without any as before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scumble_daemon.imaging import samples
from scumble_daemon.weights import index
from scumble_protocol.client import Client
from scumble_protocol.image import Bounds, Layer
from sklearn.datasets import load_sample_image

from .. import checkpoints
from ..checkpoints import library
from ..daemon_process import DaemonProcess, running_daemon


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    """With a OneFormer of the real size that takes everything for sky."""
    entry = next(
        model
        for model in index.parse(index.shipped_index().read_text("utf-8"), "weights/index.toml")
        if model.id == "oneformer-ade20k-tiny"
    )
    with running_daemon() as daemon:
        daemon.stop()
        folder = daemon.home / "weights" / "scenery"
        folder.mkdir(parents=True)
        library.oneformer(entry, folder)
        state = torch.load(folder / "pytorch_model.bin")
        heads = [name for name in state if "class_embed" in name]
        assert heads
        for name in heads:
            state[name].zero_()
            if name.endswith("bias"):
                state[name][2] = 30
        torch.save(state, folder / "pytorch_model.bin")
        checkpoints.announce(daemon.home, "scenery", "replace_sky", "transformers", "OneFormer")
        daemon.start()
        daemon.wait_for_worker()
        yield daemon


def replaced(client: Client, model: str) -> tuple[float, Layer, tuple[str, ...]]:
    """How much of the lake's middle is sky, the sky's layer, and what was said."""
    photo = np.ascontiguousarray(load_sample_image("china.jpg")[110:302, 380:560])
    area = Bounds(0, 0, photo.shape[1], photo.shape[0])
    image = client.put(samples.to_bytes(photo), area, "u8", "RGB")
    result = client.run("replace_sky", image, area, parameters={"model": model})
    sky = result.layers[-1]
    assert sky.name == "Sky"
    assert sky.mask is not None
    part = sky.mask.bounds
    mask = np.zeros(photo.shape[:2], np.uint8)
    found = np.frombuffer(client.pixels(sky.mask), np.uint8).reshape(part.height, part.width)
    mask[part.y : part.bottom, part.x : part.right] = found
    return float(mask[130:160, 40:120].mean()) / 255, sky, tuple(result.notes)


def test_the_network_says_what_is_sky(daemon: DaemonProcess) -> None:
    """All of it, here, the lake too; it is named in the recipe. Without a model the lake stays."""
    with daemon.client() as client:
        lake, sky, notes = replaced(client, "auto")
        assert sky.recipe["model"]["id"] == "scenery"
        assert lake > 0.9
        assert any("All of it was taken for sky" in note for note in notes)
        lake, sky, _ = replaced(client, "classical")
        assert sky.recipe["model"] is None
        assert lake < 0.1
