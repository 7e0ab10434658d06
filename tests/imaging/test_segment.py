"""A rough selection means what stands out from the ground beside it, not from all the ground there is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scumble_daemon.imaging import masks, prompts
from scumble_daemon.imaging.clicks import Advice, click_discs
from scumble_daemon.imaging.image import Image
from scumble_daemon.imaging.segment import WORK_PX, Scene, View, within
from scumble_protocol.image import Bounds, Point
from skimage import data

from ..bench import cutout_sheet

FLOOR, RUBBER, PAINT, LEAVES = (94, 76, 62), (62, 60, 58), (190, 40, 40), (24, 72, 60)
NOISE = 4


def scene_of(picture: np.ndarray) -> Scene:
    return Scene.of(picture / np.float32(255), np.ones(picture.shape[:2], np.float32), WORK_PX)


def noisy(picture: np.ndarray) -> np.ndarray:
    drawn = np.random.default_rng(5).normal(0, NOISE, picture.shape)
    return np.clip(picture + drawn, 0, 255).astype(np.uint8)


def disc(shape: tuple[int, ...], centre: tuple[int, int], radius: int) -> np.ndarray:
    return cv2.circle(np.zeros(shape[:2], np.uint8), centre, radius, 1, -1) > 0


def found_in(picture: np.ndarray, region: np.ndarray) -> np.ndarray:
    return within(scene_of(picture), region)


def test_a_dark_part_stays_though_as_dark_a_ground_stands_further_off() -> None:
    """A red thing with a dark wheel on a brown floor; the wall at the other end is as dark, and large."""
    picture = np.full((200, 320, 3), FLOOR, np.float32)
    picture[:, :120] = RUBBER
    body, wheel = disc(picture.shape, (210, 90), 34), disc(picture.shape, (250, 120), 30)
    picture[wheel] = RUBBER
    picture[body] = PAINT
    meant = body | wheel
    region = cv2.dilate(meant.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
    found = found_in(noisy(picture), region)
    assert found[wheel].mean() > 0.95
    assert (found & ~meant).sum() < 0.03 * meant.sum()


def test_a_shade_that_the_ground_fades_into_is_no_part_of_the_thing() -> None:
    """Darker than any ground around the selection, and beside the object: but no edge parts it from the ground."""
    picture = np.full((200, 240, 3), LEAVES, np.float32)
    rows, columns = np.mgrid[:200, :240]
    shade = np.exp(-((rows - 100) ** 2 + (columns - 160) ** 2) / (2 * 18**2))
    picture *= 1 - 0.5 * shade[..., None]
    thing = disc(picture.shape, (110, 100), 36)
    picture[thing] = PAINT
    found = found_in(noisy(picture), disc(picture.shape, (115, 100), 72))
    assert found[thing].mean() > 0.97
    assert (found & ~thing).sum() < 0.02 * thing.sum()


def test_an_ear_in_the_ground_s_colours_is_taken() -> None:
    """A cat before a wall and a cushion not unlike its fur."""
    photo = cv2.resize(data.chelsea(), (226, 150), interpolation=cv2.INTER_AREA)
    corners = np.array(
        [(48, -5), (103, 10), (135, 10), (173, -5), (208, 50), (230, 80), (230, 155), (-5, 155), (-5, 45), (30, 30)]
    )
    region = cv2.fillPoly(np.zeros(photo.shape[:2], np.uint8), [corners.astype(np.int32)], 1) > 0
    found = found_in(photo, region)
    assert found[25:45, 60:75].mean() > 0.9, "the ear on the left"
    assert found[40:60, 168:178].mean() > 0.9, "the cheek out of focus on the right"


def test_a_click_that_excludes_is_not_taken_for_the_object() -> None:
    """In a box, without any other click."""
    picture = np.full((160, 200, 3), FLOOR, np.float32)
    first, second = disc(picture.shape, (70, 80), 24), disc(picture.shape, (140, 80), 24)
    picture[first | second] = PAINT
    picture[40:80, 150:170] = LEAVES
    image = Image.from_array(noisy(picture))
    region = prompts.region_of(image, None, Bounds(30, 40, 150, 90))
    shown = shown_in(image, region, (Point(110, 60, False),))
    assert shown[first].mean() > 0.9
    assert not shown[59:62, 109:112].any()


@pytest.mark.parametrize("click", [(420, 200), (400, 200)])
def test_a_click_takes_the_whole_cushion_and_none_of_the_cat(click: tuple[int, int]) -> None:
    """A click that excludes, within a rough selection: three cushions out of focus go, the cheek before them stays."""
    photo = data.chelsea()
    selection = cutout_sheet.selection_of(photo.shape, cutout_sheet.CASES["chelsea"][0])
    image = Image.from_array(photo)
    region = prompts.region_of(image, selection, None)
    before, after = (prompts.find(image, region, points).mask for points in ((), (Point(*click, False),)))
    assert before[160:290, 375:445].mean() > 0.9
    assert after[160:290, 375:445].mean() < 0.05, "cushions"
    cat = np.zeros_like(after)
    cat[10:280, 60:290] = cat[100:170, 290:350] = cat[5:40, 340:375] = True
    assert after[cat].mean() > 0.97


def test_no_specks_are_left_of_a_floor_that_a_click_takes() -> None:
    """Within a selection: what is too small to be a thing goes too."""
    photo = cutout_sheet.photo_of("motorcycle")
    image = Image.from_array(photo)
    selection = cutout_sheet.selection_of(photo.shape, cutout_sheet.CASES["motorcycle"][0])
    points = Point(590, 215, False), Point(565, 238), Point(480, 395, False)
    shown = shown_in(image, prompts.region_of(image, selection, None), points)
    _, areas = masks.components(shown[400:, 380:520])
    assert areas[1:].min(initial=1000) > 30, areas
    assert shown[238, 565]


@pytest.mark.parametrize("click", [(484, 385), (480, 395), (470, 390)])
def test_a_click_on_the_floor_leaves_the_wheel_that_stands_on_it(click: tuple[int, int]) -> None:
    """However close to the wheel, which an edge parts from the floor, and far from the middle of the motorcycle."""
    photo = cutout_sheet.photo_of("motorcycle")
    image = Image.from_array(photo)
    selection = cutout_sheet.selection_of(photo.shape, cutout_sheet.CASES["motorcycle"][0])
    shown = shown_in(image, prompts.region_of(image, selection, None), (Point(*click, False),))
    assert shown[385:405, 440:500].mean() < 0.05, "the floor"
    assert shown[330:420, 585:640].mean() > 0.9, "the wheel"


def test_a_click_that_includes_makes_nothing_else_jump() -> None:
    """The first of them, after one that excludes: what is far from it stays as it was."""
    photo = cutout_sheet.photo_of("motorcycle")
    image = Image.from_array(photo)
    selection = cutout_sheet.selection_of(photo.shape, cutout_sheet.CASES["motorcycle"][0])
    region = prompts.region_of(image, selection, None)
    points = Point(590, 215, False), Point(565, 238)
    before, after = (shown_in(image, region, points[:count]) for count in (1, 2))
    assert (after & ~before)[238, 565]
    assert np.array_equal(before[:, :450], after[:, :450])


def test_a_click_beside_what_was_found_changes_nothing_else() -> None:
    """What is excluded there was not taken anyway."""
    picture = np.full((160, 200, 3), FLOOR, np.float32)
    thing = disc(picture.shape, (90, 80), 30)
    picture[thing] = PAINT
    image = Image.from_array(noisy(picture))
    region = prompts.region_of(image, disc(picture.shape, (90, 80), 60).astype(np.float32), None)
    before, after = (prompts.find(image, region, points).mask for points in ((), (Point(132, 80, False),)))
    assert (before != after).mean() < 0.002


def test_a_click_adds_to_what_a_selection_meant() -> None:
    """Nothing of the cat is lost, though the click that includes comes after one that takes the cushions away."""
    photo = data.chelsea()
    image = Image.from_array(photo)
    region = prompts.region_of(image, cutout_sheet.selection_of(photo.shape, cutout_sheet.CASES["chelsea"][0]), None)
    points = (Point(420, 200, False), Point(435, 90))
    before, after = (shown_in(image, region, points[:count]) for count in (1, 2))
    assert not before[90, 435]
    assert after[90, 435]
    assert after[before].mean() > 0.99
    assert after.sum() < 1.2 * before.sum()


@pytest.mark.parametrize(("floor", "is_advised"), [((480, 395), False), ((480, 395), True), ((490, 399), True)])
def test_a_click_on_the_floor_takes_no_part_of_what_stands_there(floor: tuple[int, int], is_advised: bool) -> None:
    """Without and with a network, in whose opinion nothing beside the clicks is of the object."""
    photo = data.stereo_motorcycle()[0]
    image = Image.from_array(photo)
    selection = cutout_sheet.selection_of(photo.shape, cutout_sheet.CASES["motorcycle"][0])
    region = prompts.region_of(image, selection, None)
    others = ((380, 92), (590, 215), (270, 150), (346, 182))  # shelf, bin, bench, boxes
    points = (*(Point(x, y, False) for x, y in others), Point(565, 238), Point(*floor, False))
    adviser = Doubtful() if is_advised else None
    before, after = (shown_in(image, region, points[:count], adviser) for count in (5, 6))
    assert before[floor[1], floor[0]]
    assert not after[floor[1], floor[0]]
    wheels, engine = (slice(300, 420), slice(150, 250)), (slice(290, 360), slice(340, 440))
    assert all(after[part][before[part]].mean() > 0.9 for part in (wheels, engine))
    assert after.sum() > 0.8 * before.sum()
    assert after[370:400, 430:500].mean() < 0.1, "floor"


class Doubtful:
    """Sees an object at the clicks that include, and nowhere else."""

    look = staticmethod(prompts.view_of)

    def advise(self, view: View, region: np.ndarray | None) -> Advice:
        return Advice(lambda part, clicks, before: click_discs(part.shape, clicks, True).astype(np.float32))


def shown_in(
    image: Image, region: np.ndarray | None, points: tuple[Point, ...], adviser: prompts.Adviser | None = None
) -> np.ndarray:
    """What was found of all the layer (bool)."""
    found = prompts.find(image, region, points, adviser)
    shown = np.zeros((image.bounds.height, image.bounds.width), bool)
    shown[found.window.slices] = cv2.resize(found.mask.astype(np.uint8), found.window.size[::-1]) > 0
    return shown
