"""The dynamic U-Net: any size, no checkerboard, styles and intensity inside, quicker forms that give the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scumble_daemon.models import devices, loading, translator
from scumble_daemon.models.architectures import dynamic_unet
from scumble_daemon.models.architectures.dynamic_unet import DynamicUNet
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.networks import Domain
from scumble_daemon.models.running import Notes
from scumble_daemon.models.sources import Installed
from scumble_daemon.models.translator import Translator
from scumble_protocol.errors import Invalid

from .. import checkpoints
from ..checkpoints.own import dynamic_unet as trained

ENCODERS = ("resnet18", "resnet34", "small")
SIZES = ((16, 16), (33, 47), (96, 64), (17, 130))
STYLES = ("cel", "ink")


def picture(height: int, width: int) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    return torch.stack([x, y, (torch.sin(x * 40) * torch.cos(y * 30) + 1) / 2])[None]


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("size", SIZES)
@torch.inference_mode()
def test_any_size_comes_out_as_it_went_in(encoder: str, size: tuple[int, int]) -> None:
    found = trained(encoder)(picture(*size))
    assert found.shape[2:] == size
    assert torch.isfinite(found).all()
    assert (found - picture(*size)).abs().mean() > 0.01


@pytest.mark.parametrize("encoder", ENCODERS)
@torch.inference_mode()
def test_without_intensity_it_is_the_picture(encoder: str) -> None:
    """To the bit; and between none and all, it is not one laid over the other: features are in between."""
    net, given = trained(encoder, styles=3), picture(64, 80)
    weights = torch.tensor([[0.2, 0.5, 0.3]])
    nothing, half, all_ = (net(given, weights, each) for each in (0.0, 0.5, 1.0))
    assert torch.equal(nothing, given)
    assert 0 < (half - given).abs().mean() < (all_ - given).abs().mean()
    assert (half - (given + all_) / 2).abs().max() > 1e-3


@torch.inference_mode()
def test_each_picture_of_a_batch_has_its_own_mixture() -> None:
    net, given = trained("small", styles=2), picture(40, 48)
    weights, intensity = torch.tensor([[1.0, 0.0], [0.3, 0.7]]), torch.tensor([0.4, 1.0])
    both = net(given.expand(2, -1, -1, -1), weights, intensity)
    for index in range(2):
        alone = net(given, weights[index : index + 1], float(intensity[index]))
        assert (both[index] - alone[0]).abs().max() < 1e-5
    assert (both[0] - both[1]).abs().max() > 1e-2


@pytest.mark.parametrize("encoder", ENCODERS)
@torch.inference_mode()
def test_settled_it_gives_the_same(encoder: str) -> None:
    """Scales, shifts and batch normalisations are in the convolutions: less than 1 of 255 apart, nothing else left."""
    net, given = trained(encoder, styles=3), picture(61, 90)
    weights = torch.tensor([[0.1, 0.2, 0.7]])
    settled = net.settled(weights, 0.7)
    assert settled.is_settled
    assert not any(name.endswith((".scale", ".shift")) for name in settled.state_dict())
    assert (settled(given) - net(given, weights, 0.7)).abs().max() < 1e-4


@pytest.mark.parametrize("encoder", ENCODERS)
@torch.inference_mode()
def test_in_strips_it_gives_the_same(encoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their height, rounding apart; and there are several on each level."""
    settled, given = trained(encoder).settled(), picture(150, 90)
    monkeypatch.setattr(dynamic_unet, "STRIP_BYTES", 1 << 40)
    whole = settled(given)
    seen: list[int] = []

    def watch(_: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        seen.append(given[0].shape[2])

    settled.last1.register_forward_pre_hook(watch)
    for strip_bytes in (1, 50_000):
        seen.clear()
        monkeypatch.setattr(dynamic_unet, "STRIP_BYTES", strip_bytes)
        assert (settled(given) - whole).abs().max() < 1e-4
        assert len(seen) > 2
        assert max(seen) < 150


@torch.inference_mode()
def test_a_mean_of_two_by_two_is_fastais() -> None:
    """And 1 2 1 leaves what is flat as it is, to the border, and nothing of a pattern of two pixels."""
    given = torch.rand(2, 5, 6, 8)
    theirs = torch.nn.Sequential(torch.nn.ReplicationPad2d((1, 0, 1, 0)), torch.nn.AvgPool2d(2, 1))
    assert (dynamic_unet.Blur((1, 1))(given) - theirs(given)).abs().max() < 1e-6
    smooth = dynamic_unet.Blur((1, 2, 1))
    assert (smooth(torch.ones(1, 2, 4, 5)) - 1).abs().max() < 1e-6
    given = torch.full((1, 1, 8, 8), 0.5)
    given[..., ::2] += 0.25
    assert smooth(given)[..., 1:-1].std() < 1e-6


def test_it_begins_without_a_checkerboard() -> None:
    """Of a flat picture it makes a flat one, away from the border: all four of a pixel's quarters are alike (ICNR)."""
    torch.manual_seed(0)
    net = DynamicUNet("resnet18").eval()
    with torch.inference_mode():
        found = net(torch.full((1, 3, 640, 640), 0.3))[0, :, 304:336, 304:336]
    spread = (found - found.mean((1, 2), keepdim=True)).abs().max()
    assert spread < 1e-5
    assert (found - 0.3).abs().max() > 1e-3


@pytest.mark.parametrize(("encoder", "millions"), [("resnet18", 31.12), ("resnet34", 41.23), ("small", 0.71)])
def test_its_size(encoder: str, millions: float) -> None:
    """ResNet-34's is the article's 41.4 M; a file of ResNet-18 takes less than 90 MB, a student's less than 16."""
    net = DynamicUNet(encoder)
    assert sum(each.numel() for each in net.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)
    stored = sum(each.nbytes for each in dynamic_unet.compact(net).values())
    assert stored < {"resnet18": 90e6, "resnet34": 90e6, "small": 16e6}[encoder]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_file_tells_what_it_is(encoder: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    save_file(dynamic_unet.compact(trained(encoder, styles=2)), file, {"format": "pt", "styles": "day,night"})
    found = checkpoints.recognised(file)
    assert (found["state"], found["architecture"], found["loader"]) == ("recognised", "DynamicUNet", "own"), found
    loaded = opened(file)
    assert loaded.names == ("day", "night")
    assert isinstance(loaded.module, DynamicUNet)
    assert loaded.module.kind == encoder


def test_weights_of_another_network_are_told() -> None:
    """A sentence and a way out: for another architecture, another encoder's layers, and a layer that is missing."""
    with pytest.raises(Invalid, match="not those of a DynamicUNet"):
        dynamic_unet.of_state({"conv.weight": torch.zeros(3, 3)})
    mixed = trained("resnet18").state_dict()
    mixed["encoder.layer1.2.conv1.weight"] = torch.zeros(64, 64, 3, 3)
    with pytest.raises(Invalid, match=r"around resnet34: .* differ"):
        dynamic_unet.of_state(mixed)
    lacking = trained("small").state_dict()
    del lacking["last1.bias"]
    with pytest.raises(Invalid, match=r"last1\.bias is the first of 1"):
        dynamic_unet.of_state(lacking)


def test_published_encoders_are_taken() -> None:
    """In torchvision's names, with what only classifies beside; another network's are refused."""
    import torchvision

    torch.manual_seed(1)
    published = torchvision.models.resnet18(weights=None).state_dict()
    net = DynamicUNet("resnet18")
    net.take_encoder(published)
    assert torch.equal(net.encoder.state_dict()["layer3.1.conv2.weight"], published["layer3.1.conv2.weight"])
    with pytest.raises(Invalid, match="not those of resnet34"):
        DynamicUNet("resnet34").take_encoder(published)
    with pytest.raises(Invalid, match="not those of small"):
        DynamicUNet("small").take_encoder(published)


def test_our_resnet_is_torchvisions() -> None:
    import torchvision

    torch.manual_seed(2)
    theirs = torchvision.models.resnet34(weights=None).eval()
    net = DynamicUNet("resnet34").eval()
    net.take_encoder(theirs.state_dict())
    given = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        wanted = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(given))))
        for layer in (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4):
            wanted = layer(wanted)
        assert (net.encoder(given)[-1] - wanted).abs().max() < 1e-4


def test_tiles_give_what_the_whole_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing normalises by what it is given: in small tiles each pixel is within 1 of 255 of the whole's."""
    monkeypatch.setattr(devices, "CPU_ACTIVATION_BYTES", 1)
    given = picture(400, 560)[0].permute(1, 2, 0).numpy()
    asked: list[float] = []
    for style in STYLES:
        artist = Translator(shipped(), CPU, "toon")
        tiled = artist.translate(given, {style: 1.0}, 1.0, Notes(report=asked.append), is_precise=True)
        weights = torch.tensor([[float(style == each) for each in STYLES]])
        with torch.inference_mode():
            whole = shipped().module(picture(400, 560), weights)[0].clamp(0, 1).permute(1, 2, 0).numpy()
        assert np.abs(tiled - whole).max() < 1 / 255, style
    assert len(asked) > 4 * len(STYLES)


def test_a_style_that_it_does_not_have() -> None:
    artist = Translator(shipped(), CPU, "toon")
    with pytest.raises(Invalid, match="has no style «oil»"):
        artist.translate(np.zeros((32, 32, 3), np.float32), {"oil": 1.0}, 1.0, Notes(), is_precise=True)


def test_half_precision_is_only_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """46 dB and more to full precision for a document of 8 bits; one of more is computed in full."""
    given = picture(96, 120)[0].permute(1, 2, 0).numpy()
    monkeypatch.setattr(translator, "computes_bf16", lambda device: True)
    artist = Translator(shipped(), CPU, "toon")
    half, full = (artist.translate(given, {"cel": 1.0}, 1.0, Notes(), is_precise=each) for each in (False, True))
    error = ((half - full) ** 2).mean()
    assert error > 0
    assert -10 * np.log10(error) > 46


def opened(file: Path) -> Domain:
    loaded = loading.load(Installed("mine", "mine", (), "own", (file,), "own", "DynamicUNet"))
    assert isinstance(loaded, Domain)
    return loaded


def shipped() -> Domain:
    """The one that ships, whose weights have learned what to look at."""
    return opened(Path(__file__).resolve().parents[2] / "weights" / "domain-toon" / "model.safetensors")
