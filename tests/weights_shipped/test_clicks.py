"""The network for clicks understands them, on scenes it has not seen; and what it learns from is in order."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scumble_daemon.imaging import prompts
from scumble_daemon.imaging.image import Image
from scumble_daemon.imaging.segment import Scene
from scumble_daemon.models import loading
from scumble_daemon.models.clicker import Clicker
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.sources import Installed
from scumble_protocol.image import Point

from ..bench import cutout_sheet

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "weights"))

from training import clicker, scenes

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"
UNSEEN = 9_000_000  # a seed far from the recipe's


def shipped() -> Clicker:
    file = WEIGHTS / "click-small" / "model.safetensors"
    return Clicker(loading.load(Installed("c", "c", (), "shipped", (file,), "own", "ClickNet")), CPU, "c")


def test_it_understands_clicks() -> None:
    """On its own, from clicks on its largest mistakes: better after five than after one, and better than nothing."""
    model = shipped()
    first, fifth = [], []
    for seed in range(UNSEEN, UNSEEN + 8):
        image, owner = scenes.scene(seed, 192)
        mask = owner == np.bincount(owner[owner > 0]).argmax()
        scene = Scene.of(image.astype(np.float32) / 255, np.ones(mask.shape, np.float32))
        clicks, found, overlaps = [], None, []
        for _ in range(5):
            click = clicker.next_click(np.zeros_like(mask) if found is None else found > 0.5, mask)
            assert click is not None
            clicks.append(click)
            found = model.chance(scene, clicks, found)
            overlaps.append(clicker.iou(found > 0.5, mask))
        first.append(overlaps[0])
        fifth.append(overlaps[-1])
    assert np.mean(first) > 0.3
    assert np.mean(fifth) > np.mean(first) + 0.1
    assert np.mean(fifth) > 0.6


def test_a_scene_depends_on_its_seed_alone() -> None:
    """The same seed gives the same picture and owners to the last bit; there are objects, and they are seen."""
    image, owner = scenes.scene(7, 96)
    assert all(np.array_equal(*pair) for pair in zip((image, owner), scenes.scene(7, 96), strict=True))
    assert not np.array_equal(image, scenes.scene(8, 96)[0])
    assert 1 <= len(np.unique(owner[owner > 0])) <= 7
    assert image.std() > 5


def test_first_clicks_tell_the_truth() -> None:
    """Including ones lie on the object, excluding ones beside it, whatever the strategy."""
    rng = np.random.default_rng(1)
    mask = np.zeros((80, 80), bool)
    mask[20:50, 30:60] = True
    kinds = set()
    for _ in range(60):
        clicks = clicker.first_clicks(rng, mask)
        assert clicks[0].include
        assert all(mask[each.y, each.x] == each.include for each in clicks)
        kinds |= {each.include for each in clicks}
    assert kinds == {True, False}


def test_the_next_click_is_in_the_middle_of_the_largest_mistake() -> None:
    mask, found = np.zeros((2, 60, 60), bool)
    mask[10:31, 10:31] = True
    found[40:47, 40:47] = True
    click = clicker.next_click(found, mask)
    assert click == clicker.Click(20, 20, True)
    found |= mask
    click = clicker.next_click(found, mask)
    assert click == clicker.Click(43, 43, False)
    assert clicker.next_click(mask, mask) is None


def test_it_has_no_say_where_it_does_not_see_what_a_selection_means() -> None:
    """A bin goes, a tube of the fork comes back, the floor goes: it took all but the tube for floor."""
    photo = cutout_sheet.photo_of("motorcycle")
    image = Image.from_array(photo)
    selection = cutout_sheet.selection_of(photo.shape, cutout_sheet.CASES["motorcycle"][0])
    region = prompts.region_of(image, selection, None)
    points = Point(590, 215, False), Point(565, 238), Point(480, 395, False)
    found = shipped().point(image, region, points).mask
    assert not found[390:400, 475:485].any()
    assert found[190:220, 390:450].all(), "the tank"
    assert found[300:330, 350:400].all(), "the engine"
