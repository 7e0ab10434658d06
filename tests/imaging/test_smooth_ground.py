"""Where no pieces fit into smooth ground it goes on evenly from the hole's rim, with its grain, up to edges in it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scumble_daemon.context import Context
from scumble_daemon.imaging import samples
from scumble_daemon.imaging.completion import smooth
from scumble_daemon.imaging.completion.complete import Copies
from scumble_daemon.imaging.completion.seen import Seen
from scumble_daemon.imaging.image import Image
from scumble_daemon.operations.erase_object import Params, erase_object

NOISE = 0.004


def ball_on_a_table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both shaded as nowhere else · a hole over the ball's edge · where the ball is."""
    y, x = np.mgrid[:180, :240].astype(np.float32)
    ball = np.hypot(x - 70, y - 90) < 60
    light = np.exp(-((x - 45) ** 2 + (y - 60) ** 2) / 60**2)[..., None]
    table = (0.9 * y + 0.25 * x).clip(0, 200)[..., None]
    photo = (
        np.where(ball[..., None], light * (150, 70, 50) + (40, 20, 10), table * (0.3, 0.9, 0.5) + (20, 25, 30)) / 255
    )
    photo = cv2.GaussianBlur(photo, (0, 0), 0.7) + np.random.default_rng(5).normal(0, NOISE, photo.shape)
    return photo.clip(0, 1).astype(np.float32), np.hypot(x - 120, y - 110) < 30, ball


def view(photo: np.ndarray, hole: np.ndarray) -> Seen:
    seen = np.where(hole[..., None], np.float32(0.5), photo)
    return Seen(seen, hole, ~hole, ~hole, (slice(0, hole.shape[0]), slice(0, hole.shape[1])), 1.0)


def copies(hole: np.ndarray, rows: int, columns: int) -> Copies:
    """All from so far away; the right half from as far on the other side."""
    at = np.flatnonzero(hole)
    y, x = np.divmod(at, hole.shape[1])
    way = np.where(x < np.median(x), -1, 1)
    return Copies(at, (y + rows * way) * hole.shape[1] + x + columns * way)


def test_shades_go_on_and_no_light_crosses_an_edge() -> None:
    """Each side of the ball's edge is as light as it was, to a few steps of 255, and the edge is where it was."""
    photo, hole, ball = ball_on_a_table()
    filled = smooth.continued(view(photo, hole), "cpu")
    off = np.abs(cv2.GaussianBlur(filled, (0, 0), 1) - cv2.GaussianBlur(photo, (0, 0), 1)).max(axis=2)
    rim = cv2.morphologyEx(ball.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
    assert np.quantile(off[hole & ~rim], 0.9) < 0.1
    assert (filled[..., 1] > filled[..., 0])[hole & ~rim].tolist() == (~ball)[hole & ~rim].tolist()
    assert (filled[~hole] == photo[~hole]).all()


def test_grain_goes_on() -> None:
    photo, hole, _ = ball_on_a_table()
    filled = smooth.continued(view(photo, hole), "cpu")
    y, x = np.mgrid[: hole.shape[0], : hole.shape[1]]
    core = (np.hypot(x - 140, y - 110) < 8) & hole
    fine = [(each - cv2.GaussianBlur(each, (0, 0), 1.5))[core].std() for each in (filled, photo)]
    assert 0.5 < fine[0] / fine[1] < 1.5


def test_it_is_needed_only_where_pieces_do_not_join_on_smooth_ground() -> None:
    """Not where it was copied from what is alike, nor where all is rough."""
    y, x = np.mgrid[:200, :160].astype(np.float32)
    hole = np.hypot(x - 80, y - 100) < 22
    even = np.dstack([0.3 + 0.002 * x] * 3)
    bars = np.where((x % 60 < 20)[..., None], even + 0.4, even).astype(np.float32)
    rough = np.random.default_rng(2).uniform(0, 1, even.shape).astype(np.float32)
    rim = np.hypot(x - 80, y - 100) < 34
    assert smooth.is_needed(view(np.where(rim[..., None], even, bars), hole), copies(hole, 0, 52))
    assert not smooth.is_needed(view(even, hole), copies(hole, 50, 0))
    assert not smooth.is_needed(view(np.where(rim[..., None], rough, bars), hole), copies(hole, 0, 52))


@pytest.mark.parametrize(("seed", "is_even"), [(0, True), (1, False)])
def test_another_try_is_made_of_pieces(monkeypatch: pytest.MonkeyPatch, seed: int, is_even: bool) -> None:
    """Ground goes on evenly in one way only: what has another number is made of patches."""
    monkeypatch.setattr(smooth, "is_needed", lambda view, found: True)
    monkeypatch.setattr(smooth, "continued", lambda view, device: np.full_like(view.rgb, 0.125))
    photo, hole, _ = ball_on_a_table()
    image = Image.from_array((photo * 255).astype(np.uint8))
    made = erase_object(image, Params(seed=seed), Context(selection=hole.astype(np.float32)))
    assert isinstance(made, list)
    assert made[0].raster is not None
    pixels = samples.view(made[0].raster)
    filled = pixels[pixels[..., 3] == 255][:, :3]
    assert (filled == 32).all() == is_even


def test_nothing_rough_is_copied_into_smooth_ground() -> None:
    """A shaded disc on sand: what comes in its middle is none of the sand, whichever try."""
    y, x = np.mgrid[:150, :200].astype(np.float32)
    away = np.hypot(x - 100, y - 75)
    shade = np.dstack([120 + 1.5 * (x - 100) + 0.4 * (y - 75), 90 - 0.8 * (x - 100) + 0.9 * (y - 75), 60 - (y - 75)])
    random = np.random.default_rng(5)
    sand = random.uniform(-60, 60, (150, 200, 1)) + np.array((120, 90, 60))
    photo = np.where((away < 50)[..., None], shade + random.normal(0, 1, shade.shape), sand).clip(0, 255)
    seen = view((photo / 255).astype(np.float32), away < 34)
    fits = smooth.alike(seen)
    assert not fits[away > 56].any()
    assert fits[(away > 36) & (away < 44)].all()
    assert smooth.alike(view(np.where((away < 50)[..., None], sand, photo).astype(np.float32) / 255, away < 34))[
        away > 40
    ].all()
