"""A recipe gives the same again: its images come from a seed, and an interrupted run goes on as if nothing had been."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "weights"))

from training import crops, degradations, generator, loop


class PowerCut(Exception):
    """What the test does to a run."""


def test_an_image_depends_on_its_seed_alone() -> None:
    """The same seed gives the same image to the last bit, another seed another, and neither is empty."""
    image = generator.dead_leaves(7, 64)
    assert np.array_equal(image, generator.dead_leaves(7, 64))
    assert not np.array_equal(image, generator.dead_leaves(8, 64))
    assert image.std() > 10


def test_images_are_made_once(tmp_path: Path) -> None:
    """The cache gives back what was made before, and each image is that of its own seed."""
    made = generator.cached(tmp_path, 3, 32)
    (file,) = tmp_path.iterdir()
    before = file.stat().st_mtime_ns
    assert np.array_equal(made, generator.cached(tmp_path, 3, 32))
    assert file.stat().st_mtime_ns == before
    assert np.array_equal(made[2], generator.dead_leaves(2, 32))


def test_the_camera_keeps_what_it_sees() -> None:
    """With hardly any noise, mosaic and development give the colours back: red is red, and brightness is kept."""
    colour = np.broadcast_to(np.array([0.8, 0.4, 0.2], np.float32), (32, 32, 3))
    seen = degradations.camera(np.random.default_rng(0), colour, shot=1e-7, read=1e-5)
    assert np.abs(seen - colour)[2:-2, 2:-2].max() < 0.01


def test_every_kind_of_damage_stays_a_picture() -> None:
    """Whatever is drawn: float32 of the same shape, within [0, 1], and most often different from the clean crop."""
    images = generator.dead_leaves(1, 64)[None]
    rng = np.random.default_rng(0)
    clean = [crops.crop(rng, images, 48) for _ in range(60)]
    damaged = [degradations.damaged(rng, crop) for crop in clean]
    assert all(each.dtype == np.float32 and each.shape == (48, 48, 3) for each in damaged)
    assert all(each.min() >= 0 and each.max() <= 1 for each in damaged)
    assert sum(not np.array_equal(*pair) for pair in zip(clean, damaged, strict=True)) > 45


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    """Weights, averages and the optimizer's state come back from the checkpoint, and the batches are the same ones."""
    assert torch.equal(run(tmp_path / "a", cut_at=None), run(tmp_path / "b", cut_at=5))


def run(checkpoint: Path, cut_at: int | None) -> torch.Tensor:
    """The weights after eight steps; with `cut_at`, the run dies in that step and is started again."""
    torch.manual_seed(0)
    drawn = 0

    def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        nonlocal drawn
        drawn += 1
        if drawn == cut_at:
            raise PowerCut
        clean = rng.random((2, 8, 8, 3), np.float32)
        return clean * np.float32(0.5), clean

    network = nn.Conv2d(3, 3, 3, padding=1)
    schedule = loop.Schedule(steps=8, save_every=3, judge_every=100)
    if cut_at is not None:
        with pytest.raises(PowerCut):
            loop.train(network, batch, schedule, checkpoint, str)
        network = nn.Conv2d(3, 3, 3, padding=1)  # begins elsewhere: the checkpoint has to bring all of it back
    return loop.train(network, batch, schedule, checkpoint, str).state_dict()["weight"]
