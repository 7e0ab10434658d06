"""LaMa and MI-GAN as they are published: their files are read without running them, and pixels reach them as they were
trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scumble_daemon.models import loading
from scumble_daemon.models.architectures.migan import MIGAN
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.filler import Filler
from scumble_daemon.models.networks import Loaded
from scumble_daemon.models.sources import Installed
from scumble_protocol.errors import Invalid

from .. import checkpoints
from ..checkpoints import migan, published
from ..checkpoints.index import lama_as_torchscript, migan_as_torchscript

RANDOM = np.random.default_rng(8)


@pytest.fixture(scope="module")
def lama(tmp_path_factory: pytest.TempPathFactory) -> tuple[Filler, Any]:
    """Loaded from a TorchScript archive like the published one, and the network that was written into it."""
    torch.manual_seed(1)
    network = published.lama().eval()
    file = tmp_path_factory.mktemp("lama") / "big-lama.pt"
    lama_as_torchscript(network.state_dict(), file)
    model = Installed("big-lama", "LaMa", ("erase_object",), "default", (Path(file),), "spandrel", "LaMa")
    return Filler(loading.load(model), CPU, "Test"), network


def hole(height: int, width: int) -> np.ndarray:
    found = np.zeros((height, width), bool)
    found[height // 3 : height // 2, width // 4 : width // 2] = True
    return found


def test_only_the_hole_is_changed_and_what_was_there_is_not_seen(lama: tuple[Filler, Any]) -> None:
    filler, _ = lama
    rgb, gone = RANDOM.random((48, 64, 3), np.float32), hole(48, 64)
    filled = filler.fill(rgb, gone)
    assert filled.shape == rgb.shape
    assert np.array_equal(filled[~gone], rgb[~gone])
    assert np.abs(filled - rgb)[gone].mean() > 0.02
    other = np.where(gone[..., None], 1 - rgb, rgb)
    assert np.array_equal(filler.fill(other, gone), filled)


def test_sides_that_do_not_fit_are_mirrored_to_multiples_of_eight(lama: tuple[Filler, Any]) -> None:
    """The network's own answer for the mirrored picture, cropped."""
    filler, network = lama
    rgb, gone = RANDOM.random((45, 62, 3), np.float32), hole(45, 62)
    filled = filler.fill(rgb, gone)
    more = ((0, 3), (0, 2))
    picture = torch.from_numpy(np.pad(rgb, (*more, (0, 0)), mode="symmetric")).permute(2, 0, 1)[None]
    mask = torch.from_numpy(np.pad(gone.astype(np.float32), more, mode="symmetric"))[None, None]
    with torch.inference_mode():
        expected = network(picture, mask)[0].permute(1, 2, 0).numpy()[:45, :62]
    assert np.abs(filled - expected).max() < 1e-5


def test_a_tiny_picture_is_mirrored_to_the_least_that_it_takes(lama: tuple[Filler, Any]) -> None:
    filler, _ = lama
    gone = np.zeros((3, 5), bool)
    gone[1, 2] = True
    assert np.isfinite(filler.fill(RANDOM.random((3, 5, 3), np.float32), gone)).all()


def test_a_damaged_file_is_told() -> None:
    """Weights that give no numbers must not paint the hole black."""

    class Broken(torch.nn.Module):
        def forward(self, picture: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return picture / 0 - picture / 0

    filler = Filler(Loaded(Broken(), "LaMa"), CPU, "Test")
    with pytest.raises(Invalid, match="gives no picture"):
        filler.fill(RANDOM.random((32, 32, 3), np.float32), hole(32, 32))


@pytest.fixture(scope="module")
def migan_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, migan.Generator]:
    torch.manual_seed(2)
    network = migan.Generator().eval()
    file = tmp_path_factory.mktemp("migan") / "migan_traced.pt"
    migan_as_torchscript(network.state_dict(), file)
    return file, network


def test_migan_is_read_from_its_program_and_gives_what_its_authors_network_gives(
    migan_file: tuple[Path, migan.Generator],
) -> None:
    """It is shown 512 × 512 pixels, whatever there is; the rest is mirrored."""
    file, network = migan_file
    model = Installed("migan", "MI-GAN", ("erase_object",), "extra", (file,), "own", "MIGAN")
    filler = Filler(loading.load(model), CPU, "Test")
    assert filler.work_px == 512
    rgb, gone = RANDOM.random((300, 512, 3), np.float32), hole(300, 512)
    filled = filler.fill(rgb, gone)
    assert np.array_equal(filled[~gone], rgb[~gone])
    more = ((0, 212), (0, 0))
    known = ~np.pad(gone, more, mode="symmetric")[..., None]
    seen = np.concatenate([known - 0.5, (np.pad(rgb, (*more, (0, 0)), mode="symmetric") * 2 - 1) * known], axis=2)
    with torch.inference_mode():
        given = network(torch.from_numpy(seen.astype(np.float32)).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    expected = np.clip(given[:300] / 2 + 0.5, 0, 1)[gone]
    assert expected.std() > 0.01
    assert np.abs(filled[gone] - expected).max() < 1e-4


def test_a_migan_of_the_newer_form_is_read_as_well(tmp_path: Path) -> None:
    """There the zeros between pixels come from a picture of ones and zeros."""
    from safetensors.torch import save_file

    state = dict(MIGAN(64).state_dict())
    newer = {name.replace(".filter.weight", ".filter_const"): torch.ones(1) for name in state if "up" in name}
    assert newer
    save_file({**newer, **state}, tmp_path / "newer.safetensors")
    model = Installed("s", "S", ("erase_object",), "own", (tmp_path / "newer.safetensors",), "own", "MIGAN")
    assert Filler(loading.load(model), CPU, "Test").work_px == 64


def test_a_migan_put_into_the_weights_folder_is_recognised_and_another_size_is_taken_as_it_is(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    smaller = MIGAN(64)
    save_file(smaller.state_dict(), tmp_path / "small.safetensors")
    found = checkpoints.recognised(tmp_path / "small.safetensors")
    assert (found["state"], found.get("architecture")) == ("recognised", "MIGAN")
    model = Installed("s", "S", ("erase_object",), "own", (tmp_path / "small.safetensors",), "own", "MIGAN")
    assert Filler(loading.load(model), CPU, "Test").work_px == 64


def test_a_migan_that_lacks_its_levels_is_told(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"synthesis.b4.conv1.conv1.weight": torch.zeros(1)}, tmp_path / "no.safetensors")
    model = Installed("s", "S", ("erase_object",), "own", (tmp_path / "no.safetensors",), "own", "MIGAN")
    with pytest.raises(Invalid, match="no levels"):
        loading.load(model)
