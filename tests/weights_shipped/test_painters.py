"""The painters that ship do what the renderers do that they learned from; and what they learn from is in order."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scumble_daemon.imaging.style.grain import CHANNELS, LINES, grain
from scumble_daemon.models import loading
from scumble_daemon.models.brush import Brush
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.running import Notes
from scumble_daemon.models.sources import Installed

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "weights"))

from training import generator, painter, photos, renderers

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"
LEAST_GAIN_DB = 2.0  # nearer to the renderer than the photograph itself is


def brush(style: str) -> Brush:
    file = WEIGHTS / f"paint-{style}" / "model.safetensors"
    return Brush(loading.load(Installed(style, style, (), "shipped", (file,), "own", "Painter")), CPU, style)


def photo() -> np.ndarray:
    """192×240×3 float32: a cup of coffee, which no recipe was tuned on."""
    return photos.photo("coffee")[100:292, 180:420].astype(np.float32) / 255


@pytest.mark.parametrize("style", list(renderers.RENDERERS))
def test_it_paints_as_its_renderer_does(style: str) -> None:
    wanted = renderers.RENDERERS[style](photo(), grain(0, 0, 192, 240))
    painted = brush(style).paint(photo(), 1.0, 0, Notes())
    ours, left = (-10 * np.log10(((each - wanted) ** 2).mean()) for each in (painted, photo()))
    assert ours - left >= LEAST_GAIN_DB


@pytest.mark.parametrize("style", list(renderers.RENDERERS))
def test_without_strength_it_leaves_a_picture_as_it_is(style: str) -> None:
    painted = brush(style).paint(photo(), 0.0, 0, Notes())
    assert np.abs(painted - photo()).mean() < 4 / 255


@pytest.mark.parametrize("style", list(renderers.RENDERERS))
def test_half_the_strength_is_seen(style: str) -> None:
    """And is not yet all of it: the slider does something wherever it stands."""
    quarter, half, full = (
        np.abs(brush(style).paint(photo(), each, 0, Notes()) - photo()).mean() for each in (0.25, 0.5, 1)
    )
    assert 0.02 * full < quarter < half
    assert 0.2 * full < half < 0.9 * full


def test_all_of_them_are_one_network() -> None:
    """Which differ by the scales and shifts of their styles alone: between two of them lies a mixture of both."""
    states = [brush(name).loaded.module.state_dict() for name in ("oil", "mosaic")]
    differing = {name for name in states[0] if not torch.equal(states[0][name], states[1][name])}
    assert differing
    assert all(name.endswith((".scale", ".shift")) for name in differing)


@pytest.mark.parametrize("style", list(renderers.RENDERERS))
def test_a_renderer_is_a_function_of_picture_and_grain(style: str) -> None:
    """A picture in [0, 1], the same again for the same grain, another for another; and the input stays as it was."""
    render, given = renderers.RENDERERS[style], photo()[:96, :96].copy()
    ground = grain(0, 0, 96, 96)
    first = render(given, ground)
    assert (first == render(given, ground)).all()
    assert (given == photo()[:96, :96]).all()
    assert first.shape == given.shape
    assert 0 <= first.min() <= first.max() <= 1
    assert np.abs(first - render(given, grain(0, 0, 96, 96, seed=1))).mean() > 2 / 255


def test_pairs_are_made_once_and_belong_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a batch shows and wants is the pair's, with the grain that it was painted on."""
    monkeypatch.setattr(
        generator, "cached", lambda *_: np.stack([generator.dead_leaves(each, 64) for each in range(2)])
    )
    monkeypatch.setattr(painter, "SIDE_PX", 64)
    monkeypatch.setattr(painter, "CROP_PX", 32)
    made = painter.pairs(tmp_path, 2)
    assert made.shape == (2, len(painter.STYLES), 64, 64, 3)
    (file,) = tmp_path.iterdir()
    before = file.stat().st_mtime_ns
    given, wanted = painter.batches(painter.pairs(tmp_path, 2))(np.random.default_rng(1))
    assert file.stat().st_mtime_ns == before
    assert given.shape == (painter.CROPS, 32, 32, 3 + CHANNELS + LINES + len(painter.STYLES))
    assert wanted.shape == (painter.CROPS, 32, 32, 3)
    assert (given[..., -len(painter.STYLES) :].sum(-1) == 1).all()
    picture = (given[0, ..., :3] * 255).round().astype(np.uint8)
    found = [
        (index, top, left)
        for index in range(2)
        for top in range(33)
        for left in range(33)
        if (made[index, 0, top : top + 32, left : left + 32] == picture).all()
    ]
    assert len(found) == 1
    index, top, left = found[0]
    y, x = painter.place(index)
    assert (given[0, ..., 3 : 3 + CHANNELS + LINES] == grain(y + top, x + left, 32, 32)).all()
