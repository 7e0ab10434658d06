"""A painter learns a style from one picture: it gets nearer to it, and an interrupted one goes on where it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scumble_daemon.models import loading
from scumble_daemon.models.architectures.painter import Painter
from scumble_daemon.models.sources import Installed
from scumble_daemon.training import content, patches, style

from ..imaging.test_style import INK, PAPER, hatching

CPU = torch.device("cpu")
PLAN = style.Plan(steps=40, pictures=4, seed=3)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "SIDE_PX", 72)
    monkeypatch.setattr(style, "CROP_PX", 64)
    monkeypatch.setattr(style, "SAVE_EVERY", 2)
    monkeypatch.setattr(style, "WARM_UP", 3)
    monkeypatch.setattr(style, "RATE", 4e-3)
    torch.set_num_threads(1)


def first() -> Painter:
    """That which ships."""
    file = Path(__file__).resolve().parents[2] / "weights" / "paint-oil" / "model.safetensors"
    net = loading.load(Installed("", "", (), "", (file,), "own", "Painter")).module
    assert isinstance(net, Painter)
    return net


def apprentice() -> style.Apprentice:
    torch.manual_seed(0)
    return style.Apprentice(hatching(96), first(), PLAN, CPU)


@pytest.fixture
def practised() -> list[style.Exercise]:
    return style.exercises(hatching(96), PLAN, lambda share: None)


def ignore(*_: object) -> None:
    pass


def painted(net: Painter, practised: list[style.Exercise]) -> torch.Tensor:
    given = torch.from_numpy(np.stack([each.given for each in practised])).permute(0, 3, 1, 2)
    ground = torch.from_numpy(np.stack([style.grain(*each.place, 72, 72) for each in practised])).permute(0, 3, 1, 2)
    with torch.inference_mode():
        return net(given, ground, torch.tensor([[0.0, 1.0]]).repeat(len(practised), 1))


def off_palette(painted: torch.Tensor) -> float:
    """How far from the line between ink and paper, on average."""
    colours = painted.permute(0, 2, 3, 1).reshape(-1, 3).numpy() - INK
    along = (PAPER - INK) / np.linalg.norm(PAPER - INK)
    return float(np.linalg.norm(colours - (colours @ along)[:, None] * along, axis=1).mean())


def test_it_gets_nearer_to_the_style(practised: list[style.Exercise]) -> None:
    """What was the photograph's colours is ink and paper, and what lies between them."""
    learning = apprentice()
    learning.learn(practised, PLAN.steps, ignore, ignore)
    far, near = (off_palette(painted(net, practised)) for net in (first(), learning.net.eval()))
    assert near < 0.85 * far


def test_an_interrupted_one_goes_on_where_it_was(practised: list[style.Exercise]) -> None:
    """To the same weights, from what was kept."""
    whole, cut, again = apprentice(), apprentice(), apprentice()
    whole.learn(practised, 6, ignore, ignore)
    kept: list[bytes] = []
    cut.learn(practised, 4, ignore, kept.append)
    again.take_up(kept[-1])
    assert again.done == 4
    again.learn(practised, 6, ignore, ignore)
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, again.net.state_dict()[name]), name


def test_measuring_its_speed_teaches_it_nothing(practised: list[style.Exercise]) -> None:
    learning = apprentice()
    before = {name: value.clone() for name, value in learning.net.state_dict().items()}
    assert learning.seconds_a_step(practised, tries=1) > 0
    assert learning.done == 0
    assert all(torch.equal(value, before[name]) for name, value in learning.net.state_dict().items())


def test_what_is_practised_on_has_the_styles_colours(practised: list[style.Exercise]) -> None:
    """From formulas, the same for the same seed; and wanted is a picture, in the style's mean colour."""
    again = style.exercises(hatching(96), PLAN, lambda share: None)
    assert all((one.given == other.given).all() for one, other in zip(practised, again, strict=True))
    assert len({each.given.tobytes() for each in practised}) == PLAN.pictures
    mean = np.mean([each.wanted.mean((0, 1)) for each in practised], axis=0)
    assert np.abs(mean - hatching(96).mean((0, 1))).max() < 0.12


def test_the_nearest_patch_is_found() -> None:
    """Of a picture's own patches, each is its own nearest, at every scale."""
    bank = patches.of_picture(hatching(64), np.random.default_rng(0), CPU)
    for each in bank:
        assert (each.nearest(each.values[:50]) - each.values[:50]).abs().max() < 1e-3
    assert len(bank) == len(patches.SCALES)


def test_content_depends_on_its_seed_alone() -> None:
    one, again = (list(content.pictures(2, 48, 5)) for _ in range(2))
    assert all((a == b).all() for a, b in zip(one, again, strict=True))
    assert np.abs(one[0] - next(content.pictures(1, 48, 6))).mean() > 0.02
