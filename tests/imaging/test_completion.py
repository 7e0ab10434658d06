"""A hole's first idea is put together of whole pieces of the picture, and pieces join without a stain."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scumble_daemon.context import Context
from scumble_daemon.imaging.completion import bench, curves, gpu_bench, montage, pyramid, seams, search, shares
from scumble_daemon.imaging.completion.complete import complete
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
    pieces = montage.compose(level, [], np.random.default_rng(0), 1.0)
    assert not hole.reshape(-1)[pieces][hole.reshape(-1)].any()
    copied = truth.reshape(-1, 3)[pieces].reshape(truth.shape)
    assert (np.abs(copied - truth)[hole].max(axis=1) < 0.01).mean() > 0.97


def test_what_no_shift_reaches_is_left() -> None:
    """Nearly everything is hole: no pixel is copied from it."""
    photo = RANDOM.uniform(0, 1, (60, 60, 3)).astype(np.float32)
    hole = np.ones((60, 60), bool)
    hole[:, :20] = False
    pieces = montage.compose(level_of(photo, hole), [], np.random.default_rng(0), 1.0)
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
    change = seams.correction(sheet, rows, columns, rows * 60 + columns + away)
    assert np.abs(change).max() < 1e-3


def test_a_step_between_pieces_is_spread_over_them() -> None:
    """The correction is the least-squares one: what a direct solver finds."""
    height, width = 9, 11
    inside = np.zeros((height, width), bool)
    inside[1:-1, 1:-1] = RANDOM.uniform(size=(height - 2, width - 2)) < 0.8
    shapes = ((height - 1, width), (height, width - 1))
    weights = [RANDOM.uniform(0.2, 1, shape).astype(np.float32) for shape in shapes]
    jumps = [RANDOM.normal(0, 0.1, (*shape, 3)).astype(np.float32) for shape in shapes]
    number = np.arange(height * width).reshape(height, width)
    pairs = [(number[:-1], number[1:]), (number[:, :-1], number[:, 1:])]
    lines, wanted = [], []
    for weight, jump, (first, second) in zip(weights, jumps, pairs, strict=True):
        for w, j, a, b in zip(weight.ravel(), jump.reshape(-1, 3), first.ravel(), second.ravel(), strict=True):
            line = np.zeros(height * width)
            line[b], line[a] = w**0.5, -(w**0.5)
            lines.append(line)
            wanted.append(-(w**0.5) * j)
    exact = np.linalg.lstsq(np.array(lines)[:, inside.ravel()], np.array(wanted))[0]
    found = seams.solve(weights, jumps, inside)
    assert np.abs(found[inside] - exact).max() < 1e-3
    assert not found[~inside].any()


def test_in_a_large_hole_chance_looks_near_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its matches come from where all was looked through: none is led farther than NEAR_PX at a time."""
    photo = RANDOM.uniform(0, 1, (60, 900, 3)).astype(np.float32)
    hole = np.zeros((60, 900), bool)
    hole[20:40, 20:40] = True
    level = level_of(photo, hole)
    ground = search.ground(hole, level.sources)
    table = np.ascontiguousarray(level.picture.reshape(-1, 5)[:, :4].repeat(2, axis=1))
    start = np.full(len(ground.targets), 30 * 900 + 60)
    moved = {}
    for large in (len(ground.targets), len(ground.targets) - 1):
        monkeypatch.setattr(search, "LARGE", large)
        matches = search.measured(table[ground.targets], table, start)
        found = search.improve(table[ground.targets], table, ground, matches, np.random.default_rng(0))
        moved[large] = np.abs(found.nearest % 900 - 60).max()
    near, far = moved[len(ground.targets) - 1], moved[len(ground.targets)]
    assert near < 2 * search.NEAR_PX + 25 < far


# --- edges that go on through a hole ------------------------------------------------------------------------------


def plate() -> tuple[np.ndarray, np.ndarray]:
    """A red disc before grainy wood, its edge hidden for a seventh of its length."""
    y, x = np.mgrid[:120, :140]
    inside = (np.hypot(y - 60, x - 40) < 45)[..., None]
    photo = np.where(inside, (0.7, 0.15, 0.1), (0.75, 0.6, 0.45)).astype(np.float32)
    photo += RANDOM.normal(0, 0.01, photo.shape).astype(np.float32)
    return photo.clip(0, 1), np.hypot(y - 55, x - 84) < 18


def test_an_edge_goes_on_through_the_hole_as_it_was_bent() -> None:
    """The two ends of a plate's hidden edge are found and joined along the circle that it is."""
    photo, hole = plate()
    found = curves.joined(level_of(photo, hole).picture, hole)
    assert len(found) == 1
    away = np.hypot(found[0].points[:, 1] - 60, found[0].points[:, 0] - 40) - 45
    assert np.abs(away).max() < 2
    guide = curves.guide(level_of(photo, hole).picture, hole, found, 0.5)
    y, x = np.nonzero(hole & (guide.trust > 0.1))
    aside = np.hypot(y - 60, x - 40) - 45
    far = np.abs(aside) > 1.5  # what is carried on either side is what was on that side
    reds = guide.picture[y, x, 1]
    assert far.sum() > 100
    assert ((reds[far] > 0.3) == (aside[far] < 0)).all()


def test_a_bent_edge_goes_on_in_the_edge_of_the_same_thing() -> None:
    """The plate's edge meets its shadow's in the hole: both have the same ground outside, but only one has the plate
    within its bend."""
    photo, hole = plate()
    y, x = np.mgrid[:120, :140]
    shadow = (np.hypot(y - 64, x - 48) < 45) & (np.hypot(y - 60, x - 40) >= 45) & (y > 58)
    photo = np.where(shadow[..., None], photo * 0.2, photo).astype(np.float32)
    photo = np.where(((np.abs(np.hypot(y - 60, x - 40) - 43) < 1.5) & (y > 70))[..., None], 0.9, photo)  # a highlight
    found = curves.joined(level_of(photo.astype(np.float32), hole).picture, hole)
    ends = sorted(float(np.hypot(end.at[1] - 60, end.at[0] - 40)) for each in found for end in (each.first, each.last))
    assert ends == pytest.approx([45, 45], abs=2.5)


def test_a_thing_that_only_touches_the_hole_does_not_grow_into_it() -> None:
    """A round blob beside the hole: its outline goes on along the hole's rim, and not a blob more is copied."""
    y, x = np.mgrid[:110, :130]
    blob = np.hypot(y - 55, x - 85) < 8
    photo = np.where(blob[..., None], (0.95, 0.7, 0.45), (0.05, 0.3, 0.25)).astype(np.float32)
    photo = (photo + RANDOM.normal(0, 0.01, photo.shape)).clip(0, 1).astype(np.float32)
    hole = np.hypot(y - 55, x - 55) < 23
    found = complete(np.where(hole[..., None], np.float32(0.5), photo), hole, ~hole, ~hole)
    assert (photo.reshape(-1, 3)[found.sources, 0] > 0.5).sum() < 40  # without that outline: 108


def test_a_bent_edge_is_filled_from_its_own_sides() -> None:
    """What is copied inside a plate's outline, of which the hole hides a bend, is plate, and outside none of it."""
    y, x = np.mgrid[:120, :140]
    inside = np.hypot(y - 60, x - 40) < 45
    grain = 0.08 * np.sin((0.5 * x + y) * 1.1)[..., None]
    photo = np.where(inside[..., None], (0.7, 0.15, 0.1), np.array((0.75, 0.6, 0.45)) + grain)
    photo = (photo + np.random.default_rng(3).normal(0, 0.01, photo.shape)).clip(0, 1).astype(np.float32)
    hole = np.hypot(y - 92, x - 70) < 24
    found = complete(np.where(hole[..., None], np.float32(0.5), photo), hole, ~hole, ~hole)
    wrong = inside.reshape(-1)[found.sources] != inside.reshape(-1)[found.holes]
    assert wrong.sum() < 60  # of 1789; 75 where only the first idea knows of the outline


def test_texture_has_no_edges_to_join() -> None:
    photo = RANDOM.uniform(0, 1, (100, 100, 3)).astype(np.float32)
    y, x = np.mgrid[:100, :100]
    hole = np.hypot(y - 50, x - 50) < 20
    assert curves.joined(level_of(photo, hole).picture, hole) == []


# --- on whatever it runs ------------------------------------------------------------------------------------------


def test_threads_do_not_change_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "LEAST", 100)
    photo, hole = plate()
    photo, hole = (np.kron(photo, np.ones((3, 3, 1), np.float32)), np.kron(hole, np.ones((3, 3), bool)))
    found = []
    for cores in (1, 3):
        monkeypatch.setattr(shares, "cores", lambda cores=cores: cores)
        found.append(complete(photo, hole, ~hole, ~hole))
    assert (found[0].sources == found[1].sources).all()
    assert (found[0].holes == np.flatnonzero(hole)).all()


def test_a_gpu_searches_and_votes_as_the_processor_does() -> None:
    """The same first matches give the same votes; what each then finds is as like what is wanted."""
    photo = wall(110, 130) + RANDOM.normal(0, 0.03, (110, 130, 3))
    hole = np.zeros(photo.shape[:2], bool)
    hole[40:75, 50:95] = True
    level = level_of(photo.clip(0, 1).astype(np.float32), hole)
    random = np.random.default_rng(1)
    targets = cv2.dilate(hole.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    ground = search.ground(targets, level.sources)
    start = np.where(hole[..., None], random.uniform(0, 1, level.picture.shape), level.picture).astype(np.float32)
    nearest = search.anywhere(ground, random)
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)[targets]
    held = bench.Held(level.picture[hole], np.full((int(hole.sum()), 1), 0.25, np.float32))
    benches = []
    for make in (bench.OnProcessor, lambda task, random: gpu_bench.OnGpu(task, random, "cpu")):
        task = bench.Task(start.copy(), np.flatnonzero(hole), depth, ground, nearest.copy(), False, held)
        benches.append(make(task, np.random.default_rng(2)))
    processor, gpu = benches
    assert (processor.winners() == gpu.winners()).mean() > 0.99
    for each in benches:
        each.vote()
    assert np.allclose(processor.picture(), gpu.picture(), atol=1e-3)
    voted = [each.picture().copy() for each in benches]
    for before, each in zip(voted, benches, strict=True):
        each.vote(is_led=True)
        assert np.abs(each.picture() - level.picture)[hole].mean() < np.abs(before - level.picture)[hole].mean()
    assert np.allclose(processor.picture(), gpu.picture(), atol=1e-3)
    errors = []
    for each in benches:
        for _ in range(4):
            each.search()
            each.vote()
        errors.append(np.abs(each.picture() - level.picture)[hole].mean())
        assert level.sources.reshape(-1)[each.nearest()].all()
    assert errors[0] == pytest.approx(errors[1], rel=0.3)
    assert max(errors) < 0.5 * np.abs(start - level.picture)[hole].mean()
