"""A network that normalises by the whole picture, over one too large for it: tiles by what the whole looks like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scumble_daemon.models import devices, loading, running
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.running import Notes, RunningModel
from scumble_daemon.models.sources import Installed
from torch import nn

from ..checkpoints import own

SIZE = (300, 420)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published style's architecture, names and form, with random weights whose colours vary."""
    torch.manual_seed(2)
    network = own.StyleNet()
    for name, value in network.named_parameters():
        if ".in" in f".{name}":
            nn.init.normal_(value, 1, 0.3)
    with torch.no_grad():
        last = network.deconv3.conv2d
        assert last.bias is not None
        last.weight.mul_(60)
        last.bias.add_(120)
    own.as_onnx(network.state_dict(), file := tmp_path_factory.mktemp("style") / "style.onnx")
    return file


@pytest.fixture
def model(file: Path) -> RunningModel:
    torch.set_num_threads(1)
    installed = Installed("style", "Style", ("stylize",), "extra", (file,), "own", "TransformerNet")
    loaded = loading.load(installed)
    assert hasattr(loaded, "holding")
    return RunningModel(loaded, CPU, "Style")  # pyright: ignore[reportArgumentType]


def picture() -> np.ndarray:
    """With another light at each end, so that no part of it is like the whole."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    texture = np.random.default_rng(1).random((*SIZE, 3), np.float32) * 0.3
    return np.clip(texture + (x / SIZE[1])[..., None] * 0.6 + (np.sin(y / 15) * 0.1)[..., None], 0, 1)


def painted(model: RunningModel) -> tuple[np.ndarray, int]:
    """And through how many passes it went."""
    passes: list[float] = []
    return model.paint(picture(), 1.0, 0, Notes(report=passes.append)), len(passes)


def in_tiles(monkeypatch: pytest.MonkeyPatch, sample_px: int) -> None:
    monkeypatch.setattr(running, "WHOLE_PIXELS", 1000)
    monkeypatch.setattr(running, "SAMPLE_PX", sample_px)
    monkeypatch.setattr(devices, "CPU_ACTIVATION_BYTES", 1 << 20)  # the smallest tiles that there are


def test_tiles_are_what_the_whole_would_be(model: RunningModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the whole is looked at as it is, to half a grey level; and nothing of it is held afterwards."""
    whole, once = painted(model)
    assert whole.std() > 0.05
    with monkeypatch.context() as patch:
        in_tiles(patch, 1024)
        tiles, several = painted(model)
    assert several > once
    assert np.abs(tiles - whole).max() < 0.5 / 255
    again, _ = painted(model)
    assert (again == whole).all()


def test_a_sample_of_the_whole_is_enough(model: RunningModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no seams, though colours shift a little together; tiles by themselves would differ far more."""
    whole, _ = painted(model)
    with monkeypatch.context() as patch:
        in_tiles(patch, 256)
        tiles, _ = painted(model)
    alone = model.paint(picture()[:, :140], 1.0, 0, Notes())
    difference = tiles - whole
    across = np.abs(np.diff(difference, axis=1)).mean((0, 2))
    assert across.max() < 4 * np.median(across), "no column stands out"
    assert np.abs(difference).mean() < 0.5 * np.abs(alone - whole[:, :140]).mean()
