"""The network for skies: told its task in words, shown pictures as it was trained, asked for the sky."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scumble_daemon.imaging.image import Image
from scumble_daemon.imaging.prompts import Window
from scumble_daemon.models import loading
from scumble_daemon.models.architectures.oneformer import fitted
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.networks import Tasked
from scumble_daemon.models.scenery import SKY, Scenery
from scumble_daemon.models.segmenter import MEAN, SPREAD
from scumble_daemon.models.sources import Installed
from scumble_daemon.weights import index
from scumble_protocol.errors import Invalid

from ..checkpoints import library

ENTRY = next(
    model
    for model in index.parse(index.shipped_index().read_text("utf-8"), "weights/index.toml")
    if model.id == "oneformer-ade20k-tiny"
)
RANDOM = np.random.default_rng(8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The real architecture with random weights, in files as they are published."""
    folder = tmp_path_factory.mktemp("oneformer")
    library.oneformer(ENTRY, folder)
    files = tuple(folder / file.name for file in ENTRY.files)
    return Installed(ENTRY.id, ENTRY.title, ENTRY.operations, "default", files, ENTRY.loader, ENTRY.architecture)


@pytest.fixture(scope="module")
def loaded(model: Installed) -> Tasked:
    loaded = loading.load(model)
    assert isinstance(loaded, Tasked)
    return loaded


def test_the_task_is_told_in_the_numbers_that_its_words_have(model: Installed, loaded: Tasked) -> None:
    """Joined as the library's own tokenizer joins them, from the same two files; nothing but zeros after its end."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = json.loads((model.folder / "vocab.json").read_text())
    lines = (model.folder / "merges.txt").read_text().splitlines()[1:]
    joins = [(first, second) for first, second in (line.split() for line in lines)]
    tokenizer = Tokenizer(models.BPE(words, joins, end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
    told = tokenizer.encode("the task is semantic").ids
    assert len(told) > 4
    first, last = words["<|startoftext|>"], words["<|endoftext|>"]
    assert loaded.task == (first, *told, last, *[0] * (77 - 2 - len(told)))


def test_what_it_is_sure_to_be_sky_is_told(loaded: Tasked) -> None:
    """A part of the layer, normalised, with sides that are multiples of 32; the share of class 2 among all classes."""
    image = Image.from_array(RANDOM.integers(0, 256, (90, 150, 3), np.uint8))
    window = Window(10, 20, 74, 148)
    scenery = Scenery(loaded, CPU, "Test")
    found = scenery.find(image, window)
    size = fitted(window.size)
    assert size == (512, 1024)
    pixels = torch.from_numpy((image.reduced(*window.slices, size) - MEAN) / SPREAD).permute(2, 0, 1)[None]
    with torch.inference_mode():
        seen = loaded.module(pixels.float(), torch.tensor([loaded.task]))
        classes = seen.class_queries_logits.softmax(dim=-1)[..., :-1]
        shares = torch.einsum("bqc,bqhw->bchw", classes, seen.masks_queries_logits.sigmoid())[0]
    expected = (shares[SKY] / shares.sum(dim=0)).numpy()
    assert found.shape == (128, 256)
    assert np.abs(found - expected).max() < 1e-5
    assert 0 <= found.min() < found.max() <= 1


def test_sides_fit_what_it_was_trained_at() -> None:
    """The shorter is 512, the longer at most 2048."""
    assert fitted((3000, 4000)) == (512, 672)
    assert fitted((400, 400)) == (512, 512)
    assert fitted((100, 5000)) == (32, 2048)


def test_words_that_are_missing_are_told(model: Installed, tmp_path: Path) -> None:
    for file in model.files:
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "vocab.json").unlink()
    (tmp_path / "vocab.json").write_text("{}")
    broken = replace(model, files=tuple(tmp_path / file.name for file in model.files))
    with pytest.raises(Invalid, match="has no number for"):
        loading.load(broken)
