"""Lines before a sky are followed where single pixels are lost in noise, and clouds and stars are no lines."""

from __future__ import annotations

import cv2
import numpy as np
from scumble_daemon.imaging.sky import closely, islands, lines

SIZE = (120, 200)


def noise(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (*SIZE, 3)).astype(np.float32)


def test_a_faint_wire_is_followed_from_side_to_side() -> None:
    """Ahead of noise that is half as strong as it, and nothing beside it."""
    away = noise()
    cv2.line(away, (0, 40), (199, 75), (-9, 0, 0), 1)
    found = lines.follow(away, np.ones(SIZE, bool))
    on = np.zeros(SIZE, np.uint8)
    cv2.line(on, (0, 40), (199, 75), 1, 1)
    assert (found[on > 0] > 0.5).mean() > 0.95
    assert found[cv2.dilate(on, np.ones((15, 15), np.uint8)) == 0].max() == 0


def test_stars_edges_of_clouds_and_lines_that_hang_in_the_air_are_none() -> None:
    away = noise(2)
    away[60, 30::17] += 60
    away[:30, 100:] += 8  # a cloud's edge
    cv2.line(away, (60, 90), (120, 90), (-9, 0, 0), 1)
    assert lines.follow(away, np.ones(SIZE, bool)).max() == 0


def test_the_skys_colour_is_that_beside_thin_things() -> None:
    """Behind strands before a cloud that is known from afar only by its mean."""
    lab = np.full((*SIZE, 3), (60, 0, 0), np.float32) + 0.2 * noise(3)
    lab[:, 60:] += (12, 4, 4)
    lab[:, 5::9] = (20, 0, 0)
    known, spread = np.full((*SIZE, 3), (66, 2, 2), np.float32), np.full(SIZE, 5, np.float32)
    sky, spread = closely.look(lab, np.ones(SIZE, np.float32), known, spread, 1)
    assert np.abs(sky[:, 80:180] - (72, 4, 4)).max() < 2
    assert np.abs(sky[:, 20:40] - (60, 0, 0)).max() < 2
    assert spread[:, 80:180].mean() < 3


def test_bits_of_cloud_are_sky_and_things_are_not() -> None:
    lab = np.full((*SIZE, 3), (50, 0, -30), np.float32)
    lab[:, 140:] = (85, 0, 0)
    lab[40:46, 60:68] = (85, 0, 0)  # a wisp of the same cloud
    lab[70:76, 60:68] = (20, 5, 10)  # a bird
    sky = np.ones(SIZE, bool)
    sky[40:46, 60:68] = sky[70:76, 60:68] = False
    found = islands.of_the_sky(lab, sky, np.ones(SIZE, bool))
    assert found[40:46, 60:68].all()
    assert not found[70:76, 60:68].any()
