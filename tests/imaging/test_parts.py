"""What a click means: thin things whole, and no failure where there is next to nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scumble_daemon.imaging import judging, parts
from scumble_daemon.imaging.clicks import Advice, Click, from_clicks
from scumble_daemon.imaging.segment import Scene, View


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).normal(110, 3, (height, width, 3))


def scene_of(pixels: np.ndarray) -> Scene:
    return Scene.of(np.clip(pixels / 255, 0, 1).astype(np.float32), np.ones(pixels.shape[:2], np.float32))


def overlap(found: np.ndarray, meant: np.ndarray) -> float:
    return float((found & meant).sum() / (found | meant).sum())


def meant_by_click(pixels: np.ndarray, domain: np.ndarray, at: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    proposals = parts.around_click(scene_of(pixels), domain, at, np.zeros_like(at), beyond)
    return proposals.parts[judging.likeliest((slice(None), slice(None)), proposals)]


def line() -> tuple[np.ndarray, np.ndarray]:
    """A line 3 pixels wide across a noisy grey, and where it is."""
    pixels, meant = noise(90, 120), np.zeros((90, 120), bool)
    meant[40:43, 10:110] = True
    pixels[meant] = (200, 170, 60)
    return pixels, meant


def test_a_thin_line_is_taken_whole() -> None:
    """By a click on it, and neither a bit of it nor the ground on both sides."""
    pixels, meant = line()
    at, nothing = np.zeros((2, 90, 120), bool)
    at[41, 60] = True
    assert (
        overlap(meant_by_click(pixels, np.ones_like(at), at, nothing), meant) > 0.7
    )  # a pixel more on one side is 0.75


@pytest.mark.parametrize("width", [5, 9, 20])
def test_one_click_takes_a_bar_alone_in_a_plain_picture(width: int) -> None:
    """However little of the picture its outline is."""
    pixels, meant = np.random.default_rng(3).normal(150, 2, (500, 700, 3)), np.zeros((500, 700), bool)
    meant[100:400, 340 : 340 + width] = True
    pixels[meant] = (90, 60, 40)
    view = View(np.clip(pixels, 0, 255).astype(np.uint8), np.ones_like(meant))
    assert overlap(from_clicks(view, [Click(340 + width // 2, 250, True)]), meant) > 0.9


@pytest.mark.parametrize("inside_px", [2, 3, 5, 8, 13, 17, 40, 70])
def test_one_click_near_a_corner_takes_all_of_a_plain_thing(inside_px: int) -> None:
    """Two of its four edges are close to the click, and nothing parts it from the rest of the thing."""
    pixels, meant = np.random.default_rng(7).integers(120, 150, (400, 600, 3), np.uint8), np.zeros((400, 600), bool)
    meant[120:260, 400:540] = True
    pixels[meant] = (40, 170, 70)
    found = from_clicks(View(pixels, np.ones_like(meant)), [Click(400 + inside_px, 120 + inside_px, True)])
    assert overlap(found, meant) > 0.95


def test_one_click_near_the_rim_of_a_plain_disc_takes_nothing_beside_it() -> None:
    pixels = np.random.default_rng(7).integers(120, 150, (400, 600, 3), np.uint8)
    rows, columns = np.mgrid[:400, :600] + 0.5
    meant = np.hypot(rows - 200, columns - 180) < 84
    pixels[meant] = (210, 40, 50)
    assert overlap(from_clicks(View(pixels, np.ones_like(meant)), [Click(130, 160, True)]), meant) > 0.95


def test_what_adjoins_the_object_comes_before_an_island() -> None:
    """A click on a gap in a line closes it as far as the parts of the line that are there already."""
    pixels, meant = line()
    there = meant.copy()
    there[:, 45:75] = False
    at = np.zeros((90, 120), bool)
    at[41, 60] = True
    found = meant_by_click(pixels, ~there, at, there)
    assert overlap(found, meant & ~there) > 0.6  # a pixel more on both sides is 0.6


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_domain_of_a_few_pixels_is_enough(count: int) -> None:
    """A click into a gap of a pixel or two takes what there is of it."""
    domain, at = np.zeros((2, 40, 40), bool)
    domain[20, 10 : 10 + count] = True
    at[20, 10] = True
    found = meant_by_click(noise(40, 40), domain, at, ~domain)
    assert found[20, 10]
    assert not (found & ~domain).any()


def on_a_thread(colour: tuple[int, int, int]) -> tuple[View, np.ndarray, np.ndarray]:
    """A coat, a black box with a crank of some colour, which a thread joins to the coat; all that, and the box."""
    pixels, everything, box = noise(200, 240), np.zeros((200, 240), bool), np.zeros((200, 240), bool)
    box[120:165, 130:180] = True
    things = [(slice(20, 180), slice(10, 100), (40, 30, 60)), (slice(90, 91), slice(100, 200), colour)]
    things += [(slice(90, 138), slice(199, 200), colour), (slice(138, 146), slice(180, 206), colour)]
    for rows, columns, its in [*things, (slice(120, 165), slice(130, 180), (25, 25, 25))]:
        pixels[rows, columns], everything[rows, columns] = its, True
    return View(np.clip(pixels, 0, 255).astype(np.uint8), np.ones_like(box)), everything, box


def test_what_hangs_on_a_thread_goes_with_what_it_is_of() -> None:
    """The crank goes with its box, and the thread with it, but nothing of the coat."""
    view, everything, box = on_a_thread((25, 25, 25))
    at = np.zeros_like(box)
    at[100, 50] = True
    hung = parts.hung(view, everything, everything & ~box, at)
    assert hung[138:146, 180:206].all()
    assert hung[90, 110:200].all()
    assert not hung[20:180, 10:100].any()


def test_what_hangs_on_a_thread_stays_where_it_is_no_part_of_what_goes() -> None:
    """A red flower on a thin stalk in front of the box; or the crank, where a click included it."""
    for colour, place in (((220, 60, 40), (100, 50)), ((25, 25, 25), (142, 195))):
        view, everything, box = on_a_thread(colour)
        at = np.zeros_like(box)
        at[100, 50] = at[place] = True
        assert not parts.hung(view, everything, everything & ~box, at).any()


def test_a_thread_goes_with_what_it_leads_to_and_stays_beside_ground() -> None:
    """Nothing is left of a crank that went with its box but the thread, which goes too; one along ground that goes, or
    that ends in it, stays."""
    view, everything, _ = on_a_thread((25, 25, 25))
    at, crank, ground = np.zeros((3, *everything.shape), bool)
    at[100, 50] = True
    crank[120:165, 130:210] = True
    crank &= everything
    assert parts.hung(view, everything, everything & ~crank, at)[90, 110:200].all()
    ground[91:118, 105:198] = True
    assert not parts.hung(view, everything | ground, everything, at).any()
    thread = everything & ~crank
    ground[100:160, 190:230] = True
    assert not parts.hung(view, thread | ground, thread & ~ground, at).any()


@pytest.mark.parametrize("width", [2, 3, 5])
def test_a_thin_leg_stays_where_its_shadow_goes(width: int) -> None:
    """A leg is held by the seat as broadly as by the shadow at its foot."""
    pixels, seat, shadow = noise(200, 240), np.zeros((200, 240), bool), np.zeros((200, 240), bool)
    seat[20:60, 20:160] = seat[60:150, 140 : 140 + width] = True
    seat[145:152, 138 : 142 + width] = True  # the foot
    shadow[146:166, 60:138] = True
    pixels[seat], pixels[shadow] = (60, 40, 30), (70, 65, 65)
    at = np.zeros_like(seat)
    at[40, 40] = True
    view = View(np.clip(pixels, 0, 255).astype(np.uint8), np.ones_like(seat))
    assert not parts.hung(view, seat | shadow, seat, at).any()


def test_a_click_that_takes_a_box_takes_its_crank() -> None:
    """Also where the crank is a little lighter, and a network says that the click means the box alone."""
    view, everything, box = on_a_thread((45, 45, 45))
    coat, click = Click(50, 100, True), Click(150, 142, False)
    advice = Advice(lambda part, clicks, before: (~box).astype(np.float32), {(coat,): np.packbits(everything)})
    found = from_clicks(view, [coat, click], advice=advice)
    assert not found[130:150, 120:210].any()
    assert found[20:180, 10:100].mean() > 0.98
