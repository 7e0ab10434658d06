"""An outline found on a small copy is settled at the picture's size."""

from __future__ import annotations

import numpy as np
import pytest
from scumble_daemon.imaging import masks, settling
from scumble_daemon.imaging.segment import View


def ragged(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`mask` on a copy of that size, its outline up to two pixels off there."""
    away = masks.resize(masks.signed_distance(mask), size) * size[0] / mask.shape[0]
    noise = np.random.default_rng(5).normal(0, 1, size)
    return away + np.clip(noise, -1.5, 1.5) < 0


@pytest.mark.parametrize("contrast", [12, 60])
def test_an_outline_settles_where_the_colours_meet(contrast: int) -> None:
    """Four times as large as it was found: nearly all of what was wrong is right, however weak the edge is."""
    rows, columns = np.mgrid[:480, :640]
    meant = np.hypot(rows - 240, columns - 300) < 130 + 20 * np.sin(5 * np.arctan2(rows - 240, columns - 300))
    pixels = np.random.default_rng(4).normal(120, 4, (480, 640, 3))
    pixels[meant] += (contrast, 0, -contrast)
    view = View(np.clip(pixels, 0, 255).astype(np.uint8), np.ones_like(meant))
    scene = view.scene(160)
    small = ragged(meant, scene.shape)
    plain, settled = masks.resize(small, meant.shape) > 0.5, settling.settle(small, scene, view.rgb)
    assert (settled ^ meant).sum() < 0.3 * (plain ^ meant).sum()


def test_an_outline_through_one_colour_stays_where_it_was() -> None:
    """And loses its steps."""
    view = View(np.full((480, 640, 3), 120, np.uint8), np.ones((480, 640), bool))
    rows, columns = np.mgrid[:120, :160]
    settled = settling.settle(3 * rows + columns < 300, view.scene(160), view.rgb)
    rows, columns = np.mgrid[:480, :640]
    meant = 3 * rows + columns < 1200
    assert (settled ^ meant).mean() < 0.004


@pytest.mark.parametrize("value", [False, True])
def test_without_an_outline_there_is_nothing_to_settle(value: bool) -> None:
    view = View(np.full((40, 60, 3), 120, np.uint8), np.ones((40, 60), bool))
    scene = view.scene(30)
    assert (settling.settle(np.full(scene.shape, value), scene, view.rgb) == value).all()
