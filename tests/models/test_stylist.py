"""Style by networks of the published shapes, with random weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scumble_daemon.imaging.style.wish import Wish
from scumble_daemon.models import stylist
from scumble_daemon.models.architectures.adain import AdaIN
from scumble_daemon.models.architectures.vgg19 import VGG19
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.networks import Loaded
from scumble_daemon.models.stylist import OnePass, Optimiser, gram
from scumble_protocol.errors import Cancelled

RNG = np.random.default_rng(1)
CONTENT = np.tile(np.linspace(0.2, 0.8, 64, dtype=np.float32)[None, :, None], (48, 1, 3))
STYLE = (0.5 + 0.4 * np.sign(np.sin(np.arange(40) * 0.9))[:, None, None] * np.ones((1, 56, 3))).astype(np.float32)


def ignore(share: float, make: Callable[[], np.ndarray]) -> bool:
    return False


def with_signal(network: torch.nn.Module) -> torch.nn.Module:
    """Random weights under which what goes in still counts in the last layer."""
    torch.manual_seed(2)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
            assert layer.bias is not None
            torch.nn.init.zeros_(layer.bias)
    return network


@pytest.fixture(scope="module")
def optimiser() -> Optimiser:
    network = with_signal(VGG19())
    return Optimiser(Loaded(network.eval(), "VGG19"), CPU, "VGG")


def style_distance(optimiser: Optimiser, picture: np.ndarray) -> float:
    """Of first-layer statistics, which no weight of the losses enters."""
    with torch.no_grad():
        grams = [
            gram(optimiser._module(torch.from_numpy(each).permute(2, 0, 1)[None], ("relu1_1",))["relu1_1"])
            for each in (picture, STYLE)
        ]
    return float((grams[0] - grams[1]).norm() / grams[1].norm())


@pytest.mark.parametrize("how", ["adam", "lbfgs"])
def test_steps_bring_the_picture_nearer_to_the_style(optimiser: Optimiser, how: str) -> None:
    """And it stays a picture: within what can be shown, as large as it was."""
    heard: list[float] = []
    result = optimiser.restyle(CONTENT, STYLE, Wish(1.0, 12, how), lambda share, _: bool(heard.append(share)))
    assert result.shape == CONTENT.shape
    assert result.min() >= 0
    assert result.max() <= 1
    assert style_distance(optimiser, result) < 0.9 * style_distance(optimiser, CONTENT)
    assert heard == sorted(heard)
    assert heard[-1] == 1
    assert len(heard) == 12


def loss(optimiser: Optimiser, picture: np.ndarray) -> float:
    """The article's, of the picture, with as much style as there can be."""
    with torch.no_grad():
        seen, shown, example = (
            optimiser._features(torch.from_numpy(each).permute(2, 0, 1)[None], (*stylist.STYLE, stylist.CONTENT))
            for each in (picture, CONTENT, STYLE)
        )
        apart = [((gram(seen[name]) - gram(example[name])) ** 2).mean() for name in stylist.STYLE]
        content = (seen[stylist.CONTENT] - shown[stylist.CONTENT]).square().mean()
    of_style = stylist.STYLE_WEIGHT * Wish(1.0).style_factor * float(sum(apart)) / len(apart)
    return stylist.FEATURE_SCALE**2 * (stylist.CONTENT_WEIGHT * float(content) + stylist.FEATURE_SCALE**2 * of_style)


def test_l_bfgs_gets_further_in_half_of_the_steps(optimiser: Optimiser) -> None:
    """Each of which looks once at the loss, as Adam's do."""
    quick, slow = (
        loss(optimiser, optimiser.restyle(CONTENT, STYLE, Wish(1.0, steps, how), ignore))
        for steps, how in ((18, "lbfgs"), (36, "adam"))
    )
    assert quick < slow


def test_a_leap_too_far_is_taken_back(optimiser: Optimiser, monkeypatch: pytest.MonkeyPatch) -> None:
    """L-BFGS whose steps are far too long goes on from the best picture with shorter ones; else it would stay at 0.56
    of the loss at first."""
    made = stylist._optimiser
    monkeypatch.setattr(stylist, "_optimiser", lambda name, picture, reach: made(name, picture, 256 * reach))
    result = optimiser.restyle(CONTENT, STYLE, Wish(1.0, 30, "lbfgs"), ignore)
    assert loss(optimiser, result) < 0.45 * loss(optimiser, CONTENT)


def test_less_style_stays_nearer_to_the_content(optimiser: Optimiser) -> None:
    little, much = (optimiser.restyle(CONTENT, STYLE, Wish(amount, 12), ignore) for amount in (0.0, 1.0))
    assert np.abs(little - CONTENT).mean() < np.abs(much - CONTENT).mean()


def test_a_large_picture_is_begun_at_half_its_size(optimiser: Optimiser) -> None:
    """Every step is told, and so is the size of what there is so far."""
    sizes: list[tuple[int, ...]] = []
    content = np.tile(CONTENT, (1, 16, 1))
    optimiser.restyle(content, STYLE, Wish(0.5, 2), lambda _, make: bool(sizes.append(make().shape)))
    assert sizes == [(24, 512, 3), (48, 1024, 3)]


@pytest.mark.parametrize(("steps", "size"), [(1, (24, 512)), (3, (48, 1024))])
def test_ended_early_it_is_the_best_so_far_at_full_size(
    optimiser: Optimiser, steps: int, size: tuple[int, int]
) -> None:
    """Also where it had not come to the full size yet."""
    seen: list[np.ndarray] = []

    def enough(share: float, make: Callable[[], np.ndarray]) -> bool:
        seen.append(make())
        return len(seen) == steps

    content = np.tile(CONTENT, (1, 16, 1))
    result = optimiser.restyle(content, STYLE, Wish(0.5, 4), enough)
    assert len(seen) == steps
    assert seen[-1].shape[:2] == size
    assert result.shape == content.shape
    if size == content.shape[:2]:
        np.testing.assert_array_equal(result, seen[-1])


def test_a_cancel_is_heard_after_a_step(optimiser: Optimiser) -> None:
    def cancel(share: float, make: Callable[[], np.ndarray]) -> bool:
        raise Cancelled("The job was cancelled.")

    with pytest.raises(Cancelled):
        optimiser.restyle(CONTENT, STYLE, Wish(0.5, 50), cancel)


def test_one_pass_gives_a_picture_of_the_contents_size() -> None:
    """Whatever its sides are; and the amount counts."""
    model = OnePass(Loaded(with_signal(AdaIN()).eval(), "AdaIN"), CPU, "AdaIN")
    content = RNG.random((45, 61, 3), np.float32)
    none, all_of_it = (model.restyle(content, STYLE, Wish(amount), ignore) for amount in (0.0, 1.0))
    assert none.shape == content.shape
    assert np.isfinite(all_of_it).all()
    assert np.abs(none - all_of_it).max() > 1e-4
