"""StyleGAN2's generator is the paper's, two layouts of files are one network, and a blend is of the right layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scumble_daemon.models.tensors import read_tensors
from scumble_daemon.training import blend, pairs, stylegan2
from scumble_daemon.training.stylegan2 import Generator
from scumble_protocol.errors import Invalid

from .stylegan2_files import as_nvidia, plainly, rosinality

MEAN = torch.linspace(-0.5, 0.5, 16)
DEEP = (8, 8, 8, 6, 6, 4)  # of 128 pixels
CPU = torch.device("cpu")


def generator(seed: int = 0, channels: tuple[int, ...] = (12, 10, 8)) -> Generator:
    return stylegan2.of_checkpoint({"g_ema": rosinality(channels, seed=seed), "latent_avg": MEAN}, "made.pt")


def test_a_picture_is_what_the_paper_says() -> None:
    """Modulated and demodulated convolutions, enlarging, noise, truncation: to rounding, as written out plainly."""
    state, net = rosinality(), generator()
    random = torch.Generator().manual_seed(5)
    for _ in range(2):
        z, noises = torch.randn(2, 16, generator=random), net.noises_of(2, random)
        with torch.inference_mode():
            made = net(net.mapped(z, 0.6), noises)
        assert made.shape == (2, 3, 16, 16)
        for index in range(2):
            their = [each[index, 0].double().numpy() for each in noises]
            plain = plainly(state, z[index].double().numpy(), their, MEAN.double().numpy(), 0.6)
            assert np.abs(plain).max() > 0.5
            assert np.abs(made[index].numpy() - plain).max() < 1e-4 * np.abs(plain).max()


def test_both_layouts_are_one_network() -> None:
    """rosinality's and NVIDIA's names of the same weights."""
    one = generator()
    other = stylegan2.of_checkpoint(as_nvidia(rosinality(), MEAN), "nvidia.safetensors")
    assert one.state_dict().keys() == other.state_dict().keys()
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_a_file_without_a_mean_gets_one() -> None:
    """It is what the mapping gives on average."""
    net = stylegan2.of_checkpoint(rosinality(), "made.pt")
    with torch.inference_mode():
        net.mean_latent.zero_()
        latents = net.mapped(torch.randn(4096, 16))
    again = stylegan2.of_checkpoint(rosinality(), "made.pt")
    assert (latents.mean(0) - again.mean_latent).abs().max() < 0.1 * latents.std()


def test_checkpoints_of_something_else_are_refused() -> None:
    """By name, and saying what is wanted; also where layers are missing, or classes wanted."""
    cut = rosinality()
    del cut["convs.1.conv.weight"]
    cases = {
        "is no generator of StyleGAN2": {"head.scale": torch.ones(1)},
        "The layers of file.pt are not": cut,
        "wants a class": as_nvidia(rosinality(), MEAN) | {"mapping.embed.weight": torch.ones(2)},
        "adds up its features": as_nvidia(rosinality(), MEAN) | {"synthesis.b8.skip.weight": torch.ones(2)},
    }
    for words, state in cases.items():
        with pytest.raises(Invalid, match=words) as raised:
            stylegan2.of_checkpoint(state, "file.pt")
        assert "safetensors" in raised.value.hint


def test_a_file_with_code_is_not_opened(tmp_path: Path) -> None:
    class Code:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "it ran",)

    torch.save({"g_ema": rosinality(), "args": Code()}, tmp_path / "code.pt")
    with pytest.raises(Invalid, match="holds more than tensors"):
        read_tensors(tmp_path / "code.pt")
    assert not (tmp_path / "it ran").exists()


def test_a_blend_is_of_the_right_layers() -> None:
    """4 and 8 are the first's, 16 and 32 half of each, from 64 on all is the second's; the mapping is the first's."""
    first, second = generator(0, DEEP), generator(1, DEEP)
    mixed = blend.blended(first, second).state_dict()
    seen = set()
    for name, value in mixed.items():
        ours, theirs = first.state_dict()[name], second.state_dict()[name]
        side = int(name.split(".")[1]) if name.startswith("at.") else 0
        seen.add(side)
        share = {0: 0.0, 4: 0.0, 8: 0.0, 16: 0.5, 32: 0.5, 64: 1.0, 128: 1.0}[side]
        assert torch.allclose(value, ours + share * (theirs - ours), atol=1e-6), name
    assert seen == {0, 4, 8, 16, 32, 64, 128}
    other = blend.blended(first, second, blend.parsed("64=0.25")).state_dict()
    name = "at.64.first.conv.weight"
    assert torch.allclose(other[name], first.state_dict()[name].lerp(second.state_dict()[name], 0.25))
    assert torch.equal(other["at.128.first.conv.weight"], mixed["at.128.first.conv.weight"])


def test_blends_that_cannot_be() -> None:
    with pytest.raises(Invalid, match="different sizes"):
        blend.blended(generator(0), generator(0, DEEP))
    for text in ("16=2", "17=0.5", "16", "a=b"):
        with pytest.raises(Invalid, match="no share of a resolution"):
            blend.parsed(text)


def test_pairs_are_written_that_training_reads(tmp_path: Path) -> None:
    """One of each is the first generator's picture, the other the blend's; an interrupted series goes on alike."""
    first = generator(0, DEEP)
    mixed = blend.blended(first, generator(1, DEEP))
    series = blend.Series(3, seed=2)
    done: list[int] = []
    blend.write_pairs(first, mixed, series, tmp_path, CPU, done.append)
    assert done == [1, 2, 3]
    pictures = pairs.Pictures(pairs.find(tmp_path).pairs)
    assert pictures.checked(lambda done, of: None) == ()
    for index, (given, wanted) in enumerate(pictures):
        expected = blend.pair(first, mixed, series, index, CPU)
        assert (given == expected[0]).all()
        assert (wanted == expected[1]).all()
        assert np.abs(given.astype(int) - wanted).mean() > 5
    kept = (tmp_path / "input" / "000001.png").stat().st_mtime_ns
    whole = (tmp_path / "output" / "000002.png").read_bytes()
    (tmp_path / "output" / "000002.png").unlink()
    blend.write_pairs(first, mixed, series, tmp_path, CPU, done.append)
    assert (tmp_path / "output" / "000002.png").read_bytes() == whole
    assert (tmp_path / "input" / "000001.png").stat().st_mtime_ns == kept
