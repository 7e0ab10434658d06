"""Lines before a sky are followed where single pixels are lost in noise, and clouds and stars are no lines."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from scumble_daemon.imaging.sky import closely, islands, lines, wires

SIZE = (120, 200)


def noise(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (*SIZE, 3)).astype(np.float32)


def test_a_faint_wire_is_followed_from_side_to_side() -> None:
    """Ahead of noise that is half as strong as it, and nothing beside it."""
    away = noise()
    cv2.line(away, (0, 40), (199, 75), (-9, 0, 0), 1)
    found = lines.follow(away, np.ones(SIZE, bool)).strength
    on = np.zeros(SIZE, np.uint8)
    cv2.line(on, (0, 40), (199, 75), 1, 1)
    assert (found[on > 0] > 0.5).mean() > 0.95
    assert found[cv2.dilate(on, np.ones((15, 15), np.uint8)) == 0].max() == 0


def test_a_wire_seen_in_pieces_is_one_wire() -> None:
    """It goes on where it is lost in noise pixel by pixel, and its share there is that of its pieces."""
    away = noise(4)
    points = [(x, round(30 + 20 * x / 200 + 15 * (x / 200) ** 2)) for x in range(0, 164, 4)]
    for index, (start, end) in enumerate(itertools.pairwise(points)):
        cv2.line(away, start, end, (-9, 0, 0) if index % 16 < 8 else (-1.5, 0, 0), 1)
    found = lines.follow(away, np.ones(SIZE, bool))
    on = np.zeros(SIZE, np.uint8)
    cv2.polylines(on, [np.array(points, np.int32)], False, 1, 1)
    assert (found.strength[on > 0] > 0.5).mean() > 0.85, "all but its loose end"
    faint = (on > 0) & found.course.any(axis=2)
    assert faint.any()
    share = np.where(away[..., 0] < -5, np.float32(0.6), np.float32(0))
    evened = wires.evened(share, found.course, 1)
    assert evened[faint].mean() > share[faint].mean() + 0.05
    np.testing.assert_array_equal(evened[~found.course.any(axis=2)], share[~found.course.any(axis=2)])


def test_a_gap_between_trees_shows_another_part_of_a_clouded_sky() -> None:
    """Blue, where all that is known of the sky around it is a cloud."""
    lab = np.full((*SIZE, 3), (80, 0, -4), np.float32) + 0.2 * noise(5)
    lab[:60] = (60, 0, -25)
    lab[60:, 60:140] = (35, -15, 20)
    lab[70:90, 90:104] = (60, 0, -25)
    share = (lab[..., 0] > 50).astype(np.float32)
    known, spread = np.full((*SIZE, 3), (80, 0, -4), np.float32), np.full(SIZE, 3, np.float32)
    sky, _ = closely.look(lab, share, known, spread, 1)
    assert np.abs(sky[74:86, 94:100] - (60, 0, -25)).max() < 4


def test_stars_edges_of_clouds_and_lines_that_hang_in_the_air_are_none() -> None:
    away = noise(2)
    away[60, 30::17] += 60
    away[:30, 100:] += 8  # a cloud's edge
    cv2.line(away, (60, 90), (120, 90), (-9, 0, 0), 1)
    assert lines.follow(away, np.ones(SIZE, bool)).strength.max() == 0


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
