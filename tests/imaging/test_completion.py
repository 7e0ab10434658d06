"""A hole's first idea is put together of whole pieces of the picture, and pieces join without a stain."""

from __future__ import annotations

import numpy as np
import torch
from scumble_daemon.context import Context
from scumble_daemon.imaging.completion import montage, pyramid, seams
from scumble_daemon.imaging.completion.sheet import Sheet
from scumble_daemon.imaging.image import Image

RANDOM = np.random.default_rng(3)


def wall(height: int, width: int) -> np.ndarray:
    """Bricks in courses, every other one offset by half a brick."""
    y, x = np.mgrid[:height, :width]
    across = (x + (y // 12 % 2) * 13) % 26
    mortar = (y % 12 < 2) | (across < 2)
    return np.dstack([np.where(mortar, 0.8, 0.35).astype(np.float32)] * 3)


def level_of(rgb: np.ndarray, hole: np.ndarray) -> pyramid.Level:
    """The finest one."""
    return pyramid.build(rgb, hole, ~hole, ~hole)[-1]


def test_what_repeats_itself_goes_on_in_step() -> None:
    """Courses of bricks in a hole of several bricks meet those around it: each pixel is copied from its like."""
    truth = wall(130, 150)
    photo = np.clip(truth + RANDOM.normal(0, 0.02, truth.shape), 0, 1).astype(np.float32)
    hole = np.zeros(truth.shape[:2], bool)
    hole[45:85, 50:105] = True
    level = level_of(photo, hole)
    assert montage.fits(level)
    pieces = montage.compose(level, torch.Generator().manual_seed(0), 1.0)
    assert not hole.reshape(-1)[pieces][hole.reshape(-1)].any()
    copied = truth.reshape(-1, 3)[pieces].reshape(truth.shape)
    assert (np.abs(copied - truth)[hole].max(axis=1) < 0.01).mean() > 0.97


def test_what_no_shift_reaches_is_left() -> None:
    """Nearly everything is hole: no pixel is copied from it."""
    photo = RANDOM.uniform(0, 1, (60, 60, 3)).astype(np.float32)
    hole = np.ones((60, 60), bool)
    hole[:, :20] = False
    pieces = montage.compose(level_of(photo, hole), torch.Generator().manual_seed(0), 1.0)
    inside = hole.reshape(-1)
    stays = pieces == np.arange(len(pieces))
    assert (~inside[pieces] | stays).all()
    assert (~stays & inside).any()


def test_a_large_picture_is_left_to_coarser_levels() -> None:
    hole = np.zeros((400, 400), bool)
    hole[190:210, 190:210] = True
    assert not montage.fits(level_of(RANDOM.uniform(0, 1, (400, 400, 3)).astype(np.float32), hole))


def test_a_piece_cut_off_beside_an_edge_takes_nothing_of_it() -> None:
    """Two pieces of one even ground need no correction, though one was copied from right beside a bar."""
    photo = np.full((40, 60, 3), 120, np.uint8)
    photo[:, 12:16] = 150  # the bar
    hole = np.zeros((40, 60), bool)
    hole[10:30, 30:50] = True
    place = slice(10, 30), slice(30, 50)
    sheet, _ = Sheet.over(Image.from_array(photo), np.ones((20, 20), bool), place, Context().new_samples)
    rows, columns = np.nonzero(hole)
    away = np.where(columns < 40, -28, -20)  # the left half ends at column 11, the right half begins at 20
    change = seams.correction(sheet, rows, columns, rows * 60 + columns + away, "cpu", lambda share: None)
    assert np.abs(change).max() < 1e-3
