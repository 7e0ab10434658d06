"""Files of pix2pix's training load by their own names, and give what their authors' code gives."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from scumble_daemon.models import loading
from scumble_daemon.models.architectures import pix2pix
from scumble_daemon.models.networks import ImageNetwork
from scumble_daemon.models.sources import Installed
from scumble_protocol.errors import Invalid
from torch import nn
from torch.nn import functional


def as_published(net: nn.Module) -> dict[str, torch.Tensor]:
    """Its tensors beside those that a batch normalisation also saves, and that nothing may depend on."""
    state = {name: value.clone() for name, value in net.state_dict().items()}
    for name, part in net.named_modules():
        if isinstance(part, nn.InstanceNorm2d):
            state[f"{name}.running_mean"] = torch.full((part.num_features,), 7.0)
            state[f"{name}.running_var"] = torch.full((part.num_features,), 7.0)
            state[f"{name}.num_batches_tracked"] = torch.tensor(7)
    return state


def unet_plainly(state: dict[str, torch.Tensor], picture: torch.Tensor, depth: int) -> torch.Tensor:
    """One level inside the other, batch normalisation by the picture's own statistics; what goes on beside has been
    rectified in place."""

    def normed(values: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return functional.batch_norm(values, None, None, weight, bias, training=True)

    def level(values: torch.Tensor, place: str, number: int) -> torch.Tensor:
        beside = functional.leaky_relu(values, 0.2)
        down = functional.conv2d(beside, state[f"{place}.1.weight"], stride=2, padding=1)
        if number == depth:
            up = functional.conv_transpose2d(functional.relu(down), state[f"{place}.3.weight"], stride=2, padding=1)
            return torch.cat([beside, normed(up, f"{place}.4")], 1)
        inner = level(normed(down, f"{place}.2"), f"{place}.3.model", number + 1)
        up = functional.conv_transpose2d(functional.relu(inner), state[f"{place}.5.weight"], stride=2, padding=1)
        return torch.cat([beside, normed(up, f"{place}.6")], 1)

    down = functional.conv2d(picture, state["model.model.0.weight"], stride=2, padding=1)
    inner = functional.relu(level(down, "model.model.1.model", 2))
    weight, bias = state["model.model.3.weight"], state["model.model.3.bias"]
    return functional.conv_transpose2d(inner, weight, bias, stride=2, padding=1).tanh()


def loaded(file: Path, architecture: str) -> ImageNetwork:
    found = loading.load(Installed("", "", (), "own", (file,), "own", architecture))
    assert isinstance(found, ImageNetwork)
    return found


def begun(net: nn.Module) -> nn.Module:
    torch.manual_seed(2)
    pix2pix.begin(net)
    return net.eval()


def test_a_u_net_is_what_its_authors_run(tmp_path: Path) -> None:
    state = as_published(begun(pix2pix.UNet(6, 8)))
    save_file(state, tmp_path / "unet.safetensors")
    network = loaded(tmp_path / "unet.safetensors", "Pix2PixUNet")
    picture = torch.rand(1, 3, 128, 64)
    with torch.inference_mode():
        plain = unet_plainly(state, picture * 2 - 1, 6)
        assert torch.allclose(network.call(picture), (plain + 1) / 2, atol=1e-5)
    assert plain.std() > 1e-3
    assert network.traits.network.multiple == 64


def test_a_resnet_is_what_its_authors_run(tmp_path: Path) -> None:
    """Its layers, with batch normalisations that count as in training: those have the picture's own statistics."""
    net = begun(pix2pix.ResNet(3, 8))
    save_file(as_published(net), tmp_path / "resnet.safetensors")
    network = loaded(tmp_path / "resnet.safetensors", "Pix2PixResNet")
    for name, part in list(net.named_modules()):
        if isinstance(part, nn.InstanceNorm2d):
            norm = nn.BatchNorm2d(part.num_features).train()
            norm.load_state_dict(part.state_dict(), strict=False)
            net.set_submodule(name, norm)
    picture = torch.rand(1, 3, 60, 44)
    with torch.inference_mode():
        assert torch.allclose(network.call(picture), (net(picture * 2 - 1) + 1) / 2, atol=1e-5)


@pytest.mark.parametrize("kind", ["unet", "resnet"])
def test_those_with_instance_normalisation_and_without_dropout_load(kind: str) -> None:
    """As CycleGAN's training writes them: with biases, and nothing learned in the normalisations."""
    options = {"width": 8, "affine": False, "biased": True, "drops": False}
    net = pix2pix.UNet(5, **options) if kind == "unet" else pix2pix.ResNet(9, **options)
    again = pix2pix.built(begun(net).state_dict()).eval()
    picture = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(again(picture), net(picture))


def test_tensors_of_something_else_are_refused() -> None:
    with pytest.raises(Invalid, match="no generator of pix2pix"):
        pix2pix.built({"conv.weight": torch.ones(1)})
