"""ShadowFormer: its training's files fit, it computes what the paper says, and it can be dropped in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scumble_daemon.imaging import relight, samples
from scumble_daemon.models import loading
from scumble_daemon.models.architectures import shadowformer
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.sources import Installed
from scumble_daemon.models.unshadow import Unshadow
from scumble_protocol.errors import Invalid, Unsupported
from scumble_protocol.image import Bounds

from .. import checkpoints
from ..checkpoints import own
from ..daemon_process import running_daemon, wait_until
from ..operations import photos
from .test_dropped import choices

PUBLISHED = 11.37e6  # parameters, as the paper's table has it
SMALL: dict[str, Any] = {"channels": 16, "window": 4, "blocks": 2}


def as_trained(state: dict[str, Any], file: Path) -> Path:
    """What its training loop saves: from several GPUs, with the optimiser's state beside it."""
    table = {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}}
    torch.save({**table, "optimizer": {"state": {}, "param_groups": [{"lr": 2e-4}]}}, file)
    return file


def installed(file: Path) -> Installed:
    return Installed("mine", "Mine", ("remove_shadow",), "own", (file,), "own", "ShadowFormer")


def test_a_file_as_its_training_writes_it_fits_the_network_of_the_paper(tmp_path: Path) -> None:
    loaded = loading.load(installed(as_trained(own.shadowformer(), tmp_path / "model_best.pth")))
    count = sum(parameter.numel() for parameter in loaded.module.parameters())
    assert count == pytest.approx(PUBLISHED, rel=0.01)
    assert loaded.module.multiple == 80  # pyright: ignore[reportAttributeAccessIssue]


def test_other_files_are_refused_in_words(tmp_path: Path) -> None:
    state = own.shadowformer(**SMALL)
    with pytest.raises(Unsupported, match="no ShadowFormer"):
        shadowformer.build(checkpoints.nafnet())
    state.pop("output_proj.proj.0.bias")
    with pytest.raises(Invalid, match="does not fit its network"):
        loading.load(installed(checkpoints.save(state, tmp_path / "mine.safetensors")))


def test_every_part_of_the_network_is_used() -> None:
    """With an output that looks at it, each tensor of the file changes the result."""
    state = own.shadowformer(**SMALL)
    state["output_proj.proj.0.weight"].normal_(0, 0.1, generator=torch.Generator().manual_seed(1))
    net = shadowformer.build(state).requires_grad_(True)
    picture, shadow = torch.rand(1, 3, 64, 96), torch.zeros(1, 1, 64, 96)
    shadow[..., 20:50, 30:70] = 1
    net(picture, shadow).square().sum().backward()
    assert not [name for name, each in net.named_parameters() if each.grad is None or not each.grad.any()]


def attention(heads: int = 2, window: int = 4, shift: int = 0) -> Any:
    torch.manual_seed(2)
    layer = shadowformer._Attention(8, heads, window, shift)
    layer.relative_position_bias_table.data.normal_()
    return layer


def test_attention_is_the_paper_s() -> None:
    """One window, computed here pixel by pixel: scores across the shadow's edge count five times as much."""
    layer, values = attention(heads=1), torch.randn(1, 8, 4, 4)
    shadow = torch.zeros(1, 1, 4, 4)
    shadow[..., :2] = 1
    expected = torch.zeros(16, 8)
    with torch.no_grad():
        pixels = values[0].permute(1, 2, 0).reshape(16, 8)
        queries, both = layer.qkv["to_q"](pixels), layer.qkv["to_kv"](pixels)
        for one in range(16):
            scores = torch.zeros(16)
            for other in range(16):
                down, across = one // 4 - other // 4, one % 4 - other % 4
                far = 1.0 if (one % 4 < 2) != (other % 4 < 2) else 0.2
                bias = layer.relative_position_bias_table[(down + 3) * 7 + across + 3, 0]
                scores[other] = far * (queries[one] @ both[other, :8]) / 8**0.5 + bias
            expected[one] = layer.proj(scores.softmax(0) @ both[:, 8:])
        found = layer(values, shadow)[0].permute(1, 2, 0).reshape(16, 8)
    assert torch.allclose(found, expected, atol=1e-5)


def test_shifted_windows_do_not_see_around_the_picture() -> None:
    """Its opposite ends lie in one window after the roll, and are kept apart."""
    layer, values = attention(shift=2), torch.randn(1, 8, 12, 8)
    shadow = torch.zeros(1, 1, 12, 8)
    with torch.no_grad():
        before = layer(values, shadow)
        values[..., 0, :] += 1
        changed = (layer(values, shadow) - before).abs().amax(dim=(0, 1, 3))
    assert changed[:2].min() > 1e-4
    assert changed[2:].max() < 1e-6


def test_any_size_is_padded_and_the_light_is_what_was_added(tmp_path: Path) -> None:
    """This one adds 0.2 to every sample."""
    loaded = loading.load(installed(checkpoints.save(own.shadowformer(**SMALL), tmp_path / "mine.safetensors")))
    rgb = np.random.default_rng(1).random((45, 70, 3), np.float32) * 0.7
    found = Unshadow(loaded, CPU, "Test").log_gain(rgb, np.ones((45, 70), np.float32))
    expected = np.log(relight.linear(rgb + 0.2) + 1 / 512) - np.log(relight.linear(rgb) + 1 / 512)
    assert found.shape == rgb.shape
    assert np.abs(found - expected).max() < 1e-4


def test_dropped_into_the_folder_it_removes_a_selected_shadow() -> None:
    """Recognised by its tensors, offered for this operation alone, named in the recipe; outside nothing changes."""
    photo = photos.flower()[0]
    area = Bounds(0, 0, photo.shape[1], photo.shape[0])
    selection = np.zeros(photo.shape[:2], np.uint8)
    selection[100:220, 250:380] = 255
    with running_daemon() as daemon:
        daemon.wait_for_worker()
        folder = daemon.home / "weights"
        wait_until(folder.is_dir, "the weights folder")
        made = as_trained(own.shadowformer(**SMALL), daemon.home / "model_best.pth")
        made.rename(folder / "model_best.pth")
        wait_until(lambda: "model_best.pth" in choices(daemon, "remove_shadow"), "the new choice")
        assert "model_best.pth" not in choices(daemon, "enhance_with_model")
        with daemon.client() as client:
            image = client.put(samples.to_bytes(photo), area, "u8", "RGB")
            selected = client.put(samples.to_bytes(selection), area, "u8", "GRAY")
            parameters = {"model": "model_best.pth", "find_edge": False}
            result = client.run("remove_shadow", image, area, selection=selected, parameters=parameters)
            (layer,) = result.layers
            assert layer.recipe["model"]["id"] == "model_best.pth"
            assert layer.blend_mode == "dodge"
            raster = layer.raster
            dodge = np.frombuffer(client.pixels(raster), np.uint8).reshape(
                raster.bounds.height, raster.bounds.width, -1
            )
    base = photo[150, 300].astype(np.float32) / 255
    here = dodge[150 - raster.bounds.y, 300 - raster.bounds.x, :3] / 255
    assert np.abs(np.minimum(base / (1 - here), 1) - np.minimum(base + 0.2, 1)).max() < 0.02
