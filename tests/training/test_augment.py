"""What a pair is cut and turned to: both alike, as often and as far as the article has it, with mirrored borders."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scumble_daemon.training import augment
from scumble_daemon.training.augment import Move

from .pairs_folder import made


def drawn(count: int, size: tuple[int, int] = (128, 192), side_px: int = 64) -> list[Move]:
    rng = np.random.default_rng(1)
    return [augment.drawn(rng, size, side_px) for _ in range(count)]


def test_both_pictures_move_alike() -> None:
    """What was the first one's negative still is, to a step of rounding."""
    given, _ = made(1, 96)[0]
    for move in drawn(30, (96, 96)):
        first, second = (augment.moved(each, move, 64).astype(int) for each in (given, 255 - given))
        assert first.shape == (64, 64, 3)
        assert np.abs(first + second - 255).max() <= 2


def test_how_often_and_how_far() -> None:
    """Flipped every second time, turned three of four, to 45°; from all of the shorter side to four times that."""
    moves = drawn(4000)
    turned = [move for move in moves if move.degrees]
    whole = 64 / 128
    assert np.mean([move.is_flipped for move in moves]) == pytest.approx(0.5, abs=0.03)
    assert len(turned) / len(moves) == pytest.approx(0.75, abs=0.03)
    angles, scales = [move.degrees for move in turned], [move.scale / whole for move in turned]
    assert min(angles) == pytest.approx(-45, abs=1)
    assert max(angles) == pytest.approx(45, abs=1)
    assert min(scales) == pytest.approx(1, abs=0.02)
    assert max(scales) == pytest.approx(4, abs=0.05)
    assert {move.scale for move in moves if not move.degrees} == {1.0}


def test_a_large_picture_is_also_seen_at_its_own_size() -> None:
    assert max(move.scale for move in drawn(2000, (2000, 3000))) == pytest.approx(1, abs=0.02)


def test_a_change_of_pixels_is_learned_at_its_own_size() -> None:
    """Turned and flipped all the same."""
    rng = np.random.default_rng(1)
    moves = [augment.drawn(rng, (128, 192), 64, 1.0) for _ in range(200)]
    assert {move.scale for move in moves} == {1.0}
    assert sum(1 for move in moves if move.degrees) > 100


def test_beyond_a_border_lies_the_picture_mirrored() -> None:
    """Nothing black comes in, however it is turned."""
    bright = np.full((70, 90, 3), 180, np.uint8)
    assert all((augment.moved(bright, move, 64) == 180).all() for move in drawn(200, (70, 90)))
    ramp = np.repeat(np.arange(100, 164, dtype=np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    left = augment.moved(ramp, Move(False, 0.0, 1.0, (0.0, 31.5)), 64)[32, :, 0].astype(int)
    assert (np.abs(left[:32] - left[32:][::-1]) <= 1).all()
    assert left[63] - left[32] > 25


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
def test_it_shows_the_place_that_was_asked_for(scale: float) -> None:
    """A ramp's values are where the matrix says, enlarged or averaged; turned by a right angle as well."""
    x, y = np.meshgrid(np.arange(200), np.arange(200))
    ramps = np.dstack([x, y, np.zeros_like(x)]).astype(np.uint8)
    for degrees in (0.0, 30.0):
        move = Move(True, degrees, scale, (101.0, 96.0))
        made = augment.moved(ramps, move, 33).astype(float)
        turned = math.radians(degrees)
        for across, down in ((16, 16), (20, 14), (12, 19)):
            right, below = (16 - across) / scale, (down - 16) / scale  # flipped
            expected = 101 + math.cos(turned) * right + math.sin(turned) * below
            assert made[down, across, 0] == pytest.approx(expected, abs=1.2)
            expected = 96 - math.sin(turned) * right + math.cos(turned) * below
            assert made[down, across, 1] == pytest.approx(expected, abs=1.2)


def test_what_is_shrunk_is_averaged() -> None:
    """Stripes of a pixel become grey, and not stripes of another width."""
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    shrunk = augment.moved(stripes, Move(False, 0.0, 0.25, (127.5, 127.5)), 64)
    assert np.abs(shrunk.astype(int) - 127).max() < 12
