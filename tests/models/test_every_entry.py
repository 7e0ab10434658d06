"""Every entry of the index becomes its network, from files as they are published, by what loads the fetched ones."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scumble_daemon.models import loading, sources, tensors
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.lean import LeanBlock
from scumble_daemon.models.networks import ImageNetwork, Loaded
from scumble_daemon.models.running import RunningModel
from scumble_daemon.models.sources import Installed
from scumble_daemon.weights import index
from scumble_daemon.weights.index import Index, Model
from scumble_daemon.weights.storage import digest_of
from scumble_daemon.weights.store import Store

from ..checkpoints.index import PUBLISHED
from ..checkpoints.published import Published

MODELS = index.parse(index.shipped_index().read_text("utf-8"), "weights/index.toml")
CHECKPOINTS = (*tensors.CHECKPOINTS, ".onnx")  # beside them lie settings and vocabularies
MOST_OFF = 0.002  # of a file's size: names in it, and what writers put around the numbers
MOST_OFF_ABOUT = 0.01


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Pictures are so small that several would mostly wait for each other: ten times as long where a core is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Empty again at once: all of them together are many gigabytes."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def test_nothing_is_made_for_what_the_index_does_not_have() -> None:
    assert set(PUBLISHED) <= {model.id for model in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_an_entry_is_loaded(model: Model, folder: Path) -> None:
    """The real architecture at its real size, in as large a file as the published one; and it gives a picture."""
    assert model.id in PUBLISHED, f"tests/checkpoints/index.py has to say how files like those of {model.id} are made"
    published = PUBLISHED[model.id]
    installed = install(model, published, folder)
    loaded = loading.load(installed)
    assert loaded.architecture == model.architecture
    assert f"{parameters(loaded):.3f}" == f"{published.millions:.3f}"
    assert not loaded.module.training
    assert all(tensor.dtype == torch.float32 for tensor in loaded.module.parameters())
    if published.input_px:
        with torch.inference_mode():
            try_out(loaded, model, published.input_px)


def install(model: Model, published: Published, folder: Path) -> Installed:
    """As a fetch leaves it: the files verified, put in their place, and found there."""
    made = folder / "made"
    made.mkdir()
    published.make(model, made)
    files = []
    for file in model.files:
        size = (made / file.name).stat().st_size
        if file.expected_bytes is not None and Path(file.name).suffix in CHECKPOINTS:
            most_off = (MOST_OFF if file.bytes else MOST_OFF_ABOUT) * file.expected_bytes
            assert abs(size + published.more_bytes - file.expected_bytes) <= most_off, (file.name, size)
        files.append(replace(file, bytes=size, about_bytes=None, sha256=digest_of(made / file.name)))
    made_model = replace(model, files=tuple(files))
    store = Store(folder / "weights")
    store.folder.mkdir()
    staging = store.begin(made_model)
    for file in made_model.files:
        (made / file.name).rename(staging / file.name)
    store.install(made_model)
    (installed,) = sources.look(Index((made_model,)), store, folder / "nothing shipped").installed
    return installed


def parameters(loaded: Loaded) -> float:
    """Millions, with the two factors for each channel that a lean block has in its convolutions."""
    counted = sum(parameter.numel() for parameter in loaded.module.parameters())
    lean = [part for part in loaded.module.modules() if isinstance(part, LeanBlock)]
    return (counted + sum(2 * block.norm1.weight.numel() for block in lean)) / 1e6


def try_out(loaded: Loaded, model: Model, side_px: int) -> None:
    if isinstance(loaded, ImageNetwork):
        over_a_picture(loaded, model, side_px)
    else:
        TRIALS[loaded.architecture](loaded.module, side_px)


def over_a_picture(loaded: ImageNetwork, model: Model, side_px: int) -> None:
    """One whose sides fit no network, and are not the same."""
    size = (side_px, side_px + 3)
    picture = np.random.default_rng(1).random((*size, 3), np.float32)
    rows: list[np.ndarray] = []
    RunningModel(loaded, CPU, model.title).over(
        size, lambda down, across: picture[down, across], lambda _, pixels: rows.append(pixels.copy())
    )
    result = np.concatenate(rows)
    scale = model.scale or 1
    assert result.shape == (size[0] * scale, size[1] * scale, 3)
    assert np.isfinite(result).all()
    assert result.std() > 0


# --- networks that are not image → image --------------------------------------------------------------------------


def fill_a_hole(module: torch.nn.Module, side_px: int) -> None:
    picture, hole = torch.rand(1, 3, side_px, side_px), torch.zeros(1, 1, side_px, side_px)
    hole[..., 8:24, 8:24] = 1
    filled = module(picture, hole)
    changed = (filled != picture).any(1, keepdim=True)
    assert bool(changed.any())
    assert not bool((changed & (hole == 0)).any())
    assert bool(filled.isfinite().all())


def restore_a_face(module: torch.nn.Module, side_px: int) -> None:
    restored = module(torch.rand(1, 3, side_px, side_px) * 2 - 1)[0]
    assert restored.shape == (1, 3, side_px, side_px)
    assert bool(restored.isfinite().all())


def look_at_a_picture(module: torch.nn.Module, side_px: int) -> None:
    seen = module(torch.rand(1, 3, side_px, side_px + 16), ["relu1_1", "conv4_2", "relu5_1"])
    assert {name: tuple(value.shape[1:]) for name, value in seen.items()} == {
        "relu1_1": (64, side_px, side_px + 16),
        "conv4_2": (512, side_px // 8, side_px // 8 + 2),
        "relu5_1": (512, side_px // 16, (side_px + 16) // 16),
    }
    assert all(bool(value.isfinite().all()) and float(value.std()) > 0 for value in seen.values())


def give_a_style(module: torch.nn.Module, side_px: int) -> None:
    content, style = torch.rand(1, 3, side_px, side_px), torch.rand(1, 3, side_px + 9, side_px - 9)
    whole, none = module(content, style), module(content, style, strength=0.0)
    assert whole.shape == none.shape == content.shape
    assert bool(whole.isfinite().all())
    assert not torch.equal(whole, none)


def find_the_foreground(module: torch.nn.Module, side_px: int) -> None:
    found = module(torch.randn(1, 3, side_px, side_px + 32))
    assert found.shape == (1, 1, side_px, side_px + 32)
    assert bool(found.isfinite().all())
    assert float(found.std()) > 0


def find_an_edge(module: torch.nn.Module, side_px: int) -> None:
    found = module(torch.rand(1, 4, side_px, side_px + 32)).alphas
    assert found.shape == (1, 1, side_px, side_px + 32)
    assert 0 <= float(found.min()) < float(found.max()) <= 1


def find_the_sky(module: torch.nn.Module, side_px: int) -> None:
    seen = module(torch.randn(1, 3, side_px, side_px), torch.randint(0, 49408, (1, 77)))
    assert seen.class_queries_logits.shape == (1, 150, 151)
    assert seen.masks_queries_logits.shape == (1, 150, side_px // 4, side_px // 4)
    assert bool(seen.masks_queries_logits.isfinite().all())


def measure_depth(module: torch.nn.Module, side_px: int) -> None:
    depth = module(torch.randn(1, 3, side_px, side_px + 14)).predicted_depth
    assert depth.shape == (1, side_px, side_px + 14)
    assert bool(depth.isfinite().all())


TRIALS = {
    "BiRefNet": find_the_foreground,
    "DepthAnything": measure_depth,
    "OneFormer": find_the_sky,
    "VitMatte": find_an_edge,
    "LaMa": fill_a_hole,
    "MIGAN": fill_a_hole,
    "RestoreFormer": restore_a_face,
    "VGG19": look_at_a_picture,
    "AdaIN": give_a_style,
}
