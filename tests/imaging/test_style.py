"""A style without a network: colours that move over, and patches that carry strokes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from scumble_daemon.imaging.style import colours, enlarge, synthesis
from scumble_protocol.errors import Cancelled
from skimage import data

CPU = torch.device("cpu")
INK, PAPER = (np.array(colour, np.float32) for colour in ((0.1, 0.1, 0.3), (0.95, 0.9, 0.8)))


def photo(side: int) -> np.ndarray:
    picture = data.astronaut()[:256, 100:356]
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def hatching(side: int, period_px: float = 8) -> np.ndarray:
    """Slanted lines of ink, broader from the left to the right: every tone that a photograph has."""
    y, x = np.mgrid[:side, :side]
    share = (x + 0.5) / side
    lines = 0.5 + 0.5 * np.sin((x + y) * 2 * np.pi / period_px)
    ink = np.clip((share - lines) * 6 + 0.5, 0, 1)[..., None]
    return (INK * ink + PAPER * (1 - ink)).astype(np.float32)


def ignore(share: float, make: Callable[[], np.ndarray]) -> bool:
    return False


def test_colours_take_the_mean_and_the_spread_of_others() -> None:
    moved = colours.transported(photo(64), hatching(64))
    assert np.abs(moved.mean((0, 1)) - hatching(64).mean((0, 1))).max() < 1e-3
    covariances = [np.cov(each.reshape(-1, 3).T) for each in (moved, hatching(64))]
    assert np.abs(covariances[0] - covariances[1]).max() < 2e-3


def test_one_flat_colour_is_taken_over_and_nothing_breaks() -> None:
    flat = np.full((20, 30, 3), np.array((0.2, 0.4, 0.6), np.float32))
    assert np.abs(colours.transported(photo(64), flat) - flat[0, 0]).max() < 0.05
    assert np.isfinite(colours.transported(flat, photo(64))).all()


@pytest.fixture(scope="module")
def painted() -> synthesis.Painted:
    style = hatching(96)
    target = np.clip(colours.transported(photo(120), style), 0, 1)
    return synthesis.paint(target, style, 0.5, ignore, CPU, seed=3)


def test_it_is_painted_with_the_styles_strokes(painted: synthesis.Painted) -> None:
    """Lines of ink on paper, where the photograph had soft tones: nearly every pixel is one or the other's mixture, and
    neighbours differ as they do in the hatching."""
    rgb, target = painted.rgb, np.clip(colours.transported(photo(120), hatching(96)), 0, 1)
    between = (PAPER - INK) / np.linalg.norm(PAPER - INK)
    along = (rgb - INK) @ between
    beside = np.linalg.norm(rgb - INK - along[..., None] * between, axis=2)
    assert np.median(beside) < 0.02, "no colour that is neither ink nor paper"

    def roughness(picture: np.ndarray) -> float:
        grey = picture.mean(axis=2)
        return float((grey - cv2.GaussianBlur(grey, (0, 0), 4)).std())

    assert roughness(rgb) > 1.4 * roughness(target)
    assert roughness(rgb) > 0.5 * roughness(hatching(120))


def test_the_photographs_shapes_stay(painted: synthesis.Painted) -> None:
    """Seen from afar it is the photograph."""
    far = [cv2.GaussianBlur(each.mean(axis=2), (0, 0), 6) for each in (painted.rgb, photo(painted.rgb.shape[0]))]
    assert np.corrcoef(far[0].ravel(), far[1].ravel())[0, 1] > 0.85


def test_the_same_seed_paints_the_same_and_another_one_does_not(painted: synthesis.Painted) -> None:
    style = hatching(96)
    target = np.clip(colours.transported(photo(120), style), 0, 1)
    again = synthesis.paint(target, style, 0.5, ignore, CPU, seed=3)
    other = synthesis.paint(target, style, 0.5, ignore, CPU, seed=4)
    assert (again.rgb == painted.rgb).all()
    assert np.abs(other.rgb - painted.rgb).mean() > 0.01


def test_a_large_picture_has_the_styles_own_pixels(painted: synthesis.Painted) -> None:
    """Three times as large, its lines are as sharp as those of the style at that size, and it is the same picture."""
    large = enlarge.enlarge(painted, hatching(288, 24), (96, 96), (360, 360))
    assert large.shape == (360, 360, 3)
    small = cv2.resize(large, (120, 120), interpolation=cv2.INTER_AREA)
    same = cv2.resize(painted.rgb, (120, 120))
    assert np.corrcoef(small.ravel(), same.ravel())[0, 1] > 0.85
    enlarged = cv2.resize(painted.rgb, (360, 360), interpolation=cv2.INTER_CUBIC)
    steps = [np.percentile(np.abs(np.diff(each.mean(axis=2), axis=1)), 95) for each in (large, enlarged)]
    assert steps[0] > 1.2 * steps[1]


@pytest.mark.parametrize("rounds", [1, 5, 13])
def test_ended_early_it_is_painted_as_far_as_it_came(rounds: int) -> None:
    """As small as its scale has it, with patches that can be enlarged to the full picture in the style's colours."""
    heard: list[np.ndarray] = []

    def enough(share: float, make: Callable[[], np.ndarray]) -> bool:
        heard.append(make())
        return len(heard) == rounds

    style = hatching(96)
    target = np.clip(colours.transported(photo(120), style), 0, 1)
    early = synthesis.paint(target, style, 0.5, enough, CPU, seed=3)
    assert len(heard) == rounds
    assert (early.rgb == heard[-1]).all()
    assert early.rgb.shape[0] <= 121
    assert early.style_size[0] == round(96 * (0.25 if rounds == 1 else 0.354 if rounds == 5 else 1))
    large = enlarge.enlarge(early, style, early.style_size, (120, 120))
    between = (PAPER - INK) / np.linalg.norm(PAPER - INK)
    beside = np.linalg.norm(large - INK - ((large - INK) @ between)[..., None] * between, axis=2)
    assert np.median(beside) < 0.03, "no colour that is neither ink nor paper"
    far = [cv2.GaussianBlur(each.mean(axis=2), (0, 0), 8) for each in (large, photo(120))]
    assert np.corrcoef(far[0].ravel(), far[1].ravel())[0, 1] > 0.6


def test_a_cancel_is_heard_between_the_rounds() -> None:
    calls = []

    def cancel(share: float, make: Callable[[], np.ndarray]) -> bool:
        calls.append(share)
        raise Cancelled("The job was cancelled.")

    with pytest.raises(Cancelled):
        synthesis.paint(photo(64), hatching(64), 0.5, cancel, CPU)
    assert len(calls) == 1


@pytest.mark.parametrize("shape", [(16, 16), (17, 200), (200, 17)])
def test_small_and_narrow_pictures_can_be_painted(shape: tuple[int, int]) -> None:
    content = cv2.resize(photo(64), (shape[1], shape[0]))
    for style in (hatching(32), cv2.resize(hatching(64), (90, 18)), np.full((16, 16, 3), INK)):
        painted = synthesis.paint(content, style, 0.5, ignore, CPU)
        assert np.isfinite(painted.rgb).all()
        assert painted.rgb.min() > -0.1
        assert painted.rgb.max() < 1.1
