"""Networks for cutting out: the files that are published fit, and pixels reach them as they were trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scumble_daemon.imaging.image import Image
from scumble_daemon.imaging.prompts import Window
from scumble_daemon.models import loading
from scumble_daemon.models.architectures import birefnet
from scumble_daemon.models.cutout import Edge, Foreground
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.networks import FixedSize
from scumble_daemon.models.segmenter import MEAN, SPREAD
from scumble_daemon.models.sources import Installed
from scumble_protocol.errors import Cancelled, Invalid, Unsupported

from .. import checkpoints

RANDOM = np.random.default_rng(4)
PUBLISHED_BYTES = 177634392  # of BiRefNet_lite's model.safetensors


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    return checkpoints.birefnet()


@pytest.fixture(scope="module")
def file(state: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("birefnet") / "model.safetensors"
    save_file(state, file, {"format": "pt"})
    return file


def installed(file: Path, id: str = "birefnet-lite") -> Installed:
    return Installed(id, "BiRefNet", ("remove_background",), "light", (file,), "own", "BiRefNet")


def test_the_file_is_as_long_as_the_published_one(file: Path) -> None:
    """To the byte: the same names, shapes and precisions, also of what only training needs."""
    assert file.stat().st_size == PUBLISHED_BYTES


def test_each_variant_is_shown_pictures_of_the_size_it_was_trained_at(file: Path) -> None:
    for id, size in (("birefnet-lite", (1024, 1024)), ("birefnet-lite-2k", (1440, 2560))):
        loaded = loading.load(installed(file, id))
        assert isinstance(loaded, FixedSize)
        assert loaded.size == size
    assert sum(parameter.numel() for parameter in loaded.module.parameters()) == pytest.approx(44.3e6, rel=0.01)


def test_the_larger_one_is_known_by_its_width() -> None:
    """Swin-L, as in BiRefNet itself: only its shapes, which cost nothing."""
    with torch.device("meta"):
        network = birefnet.BiRefNet(192, *birefnet.BACKBONES[192])
    assert sum(parameter.numel() for parameter in network.parameters()) == pytest.approx(220.1e6, rel=0.001)


def test_half_precision_and_other_files(state: dict[str, Any]) -> None:
    """Published in fp16 it computes in fp32; what is missing, or of another network, is told."""
    network = birefnet.build(
        {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    )
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    with pytest.raises(RuntimeError, match="conv_out1"):
        birefnet.build({name: value for name, value in state.items() if "conv_out1" not in name})
    with pytest.raises(Unsupported, match="no BiRefNet"):
        birefnet.build(checkpoints.nafnet())


def test_a_file_with_a_tensor_missing_is_refused_in_words(state: dict[str, Any], tmp_path: Path) -> None:
    rest = {name: value for name, value in state.items() if name != "bb.norm3.weight"}
    with pytest.raises(Invalid, match="does not fit its network"):
        loading.load(installed(checkpoints.save(rest, tmp_path / "model.safetensors")))


def test_a_part_of_the_layer_is_shown_normalised_and_stretched(state: dict[str, Any]) -> None:
    network = birefnet.build(state)
    image = Image.from_array(RANDOM.integers(0, 256, (90, 140, 3), np.uint8))
    window = Window(10, 20, 80, 130)
    found = Foreground(FixedSize(network, "BiRefNet", (96, 128)), CPU, "Test").find(image, window)
    pixels = torch.from_numpy((image.reduced(*window.slices, (96, 128)) - MEAN) / SPREAD).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = network(pixels.contiguous()).sigmoid()[0, 0].numpy()
    assert np.abs(found - expected).max() < 1e-5
    assert np.ptp(found) > 0.01


# --- edges


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> tuple[Edge, Any]:
    folder = tmp_path_factory.mktemp("vitmatte")
    module = checkpoints.pretrained_folder(folder, checkpoints.vitmatte_config())
    files = tuple(sorted(folder.iterdir()))
    model = Installed("vitmatte", "ViTMatte", ("refine_edge",), "default", files, "transformers", "VitMatte")
    return Edge(loading.load(model), CPU, "Test"), module


def test_one_tile_is_what_the_library_says(edge: tuple[Edge, Any]) -> None:
    """Colours from −1 to 1, the trimap from 0 to 1 as a fourth channel; what is known stays as it is."""
    refiner, module = edge
    rgb = RANDOM.random((64, 96, 3), np.float32)
    known = np.full((64, 96), 0.5, np.float32)
    known[:, :30], known[:, 60:] = 1, 0
    found = refiner.solve(rgb, known, lambda share: None)
    pixels = torch.from_numpy(np.dstack([rgb * 2 - 1, known])).permute(2, 0, 1)[None]
    with torch.inference_mode():
        expected = module(pixel_values=pixels).alphas[0, 0].numpy()
    assert np.abs(found - expected)[:, 30:60].max() < 1e-4
    assert (found[:, :30] == 1).all()
    assert (found[:, 60:] == 0).all()


def test_only_tiles_at_the_edge_are_computed(edge: tuple[Edge, Any]) -> None:
    """In a large picture; between them there are no holes, and it can be cancelled."""
    refiner, _ = edge
    known = np.zeros((1200, 1500), np.float32)
    known[:, 700:] = 1
    known[:, 690:710] = 0.5
    counted: list[tuple[int, ...]] = []
    hook = refiner._module.register_forward_pre_hook(
        lambda _module, _inputs, named: counted.append(tuple(named["pixel_values"].shape)), with_kwargs=True
    )
    try:
        found = refiner.solve(RANDOM.random((1200, 1500, 3), np.float32), known, lambda share: None)
    finally:
        hook.remove()
    assert np.isfinite(found).all()
    assert 0 < len(counted) <= 6
    assert max(max(shape[2:]) for shape in counted) <= 512

    def cancel(share: float) -> None:
        raise Cancelled("The job was cancelled.")

    with pytest.raises(Cancelled):
        refiner.solve(np.zeros((64, 96, 3), np.float32), np.full((64, 96), 0.5, np.float32), cancel)
