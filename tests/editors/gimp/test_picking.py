"""Pick on a Preview, by real clicks at places of the screen: they are found by what the dialog shows there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from .. import chroot
from .picker import Picker
from .session import Gimp
from .window import Window

SIZE = (640, 440)
LAYER_AT = (20, 20)
LAYER = (600, 400)
RED, GREEN = (210, 40, 50), (40, 170, 70)
INCLUDED, EXCLUDED = (0x1F, 0xBF, 0x4A), (0xE5, 0x36, 0x2F)  # the marks' colours
DISC, SQUARE = (180, 200, 84), (400, 120, 540, 260)  # of the layer: x, y, radius · x0, y0, x1, y1


def disc() -> np.ndarray:
    row, column = np.mgrid[: LAYER[1], : LAYER[0]] + 0.5
    return np.hypot(column - DISC[0], row - DISC[1]) < DISC[2]


def square() -> np.ndarray:
    row, column = np.mgrid[: LAYER[1], : LAYER[0]]
    return (column >= SQUARE[0]) & (column < SQUARE[2]) & (row >= SQUARE[1]) & (row < SQUARE[3])


def picture() -> np.ndarray:
    """Two things on a grey, uneven ground; a corner is transparent."""
    pixels = np.random.default_rng(7).integers(120, 150, (LAYER[1], LAYER[0], 4), np.uint8)
    pixels[disc(), :3] = RED
    pixels[square(), :3] = GREEN
    pixels[..., 3] = 255
    pixels[300:, 500:, 3] = 0
    return pixels


def on_canvas(mask: np.ndarray, at: tuple[int, int] = LAYER_AT) -> np.ndarray:
    canvas = np.zeros((SIZE[1], SIZE[0]), bool)
    canvas[at[1] : at[1] + LAYER[1], at[0] : at[0] + LAYER[0]] = mask[: SIZE[1] - at[1], : SIZE[0] - at[0]]
    return canvas


def likeness(selection: np.ndarray, expected: np.ndarray) -> float:
    """Intersection over union."""
    made = selection > 0.5
    return float((made & expected).sum() / (made | expected).sum())


@pytest.fixture
def window(gimp_window: Gimp, desktop: chroot.Desktop) -> Iterator[Window]:
    """Two things on a layer that lies at an offset over a background."""
    behind = np.full((SIZE[1], SIZE[0], 4), (96, 96, 96, 255), np.uint8)
    layer = {"name": "things", "pixels": picture(), "x": LAYER_AT[0], "y": LAYER_AT[1]}
    document = gimp_window.document({"name": "Background", "pixels": behind}, layer, size=SIZE)
    with Window(gimp_window, desktop, document, SIZE) as opened:
        yield opened


@pytest.fixture
def picker(window: Window) -> Iterator[Picker]:
    picker = Picker(window)
    yield picker
    picker.leave()


def selected(window: Window) -> np.ndarray:
    return window.gimp.selection(window.document, SIZE)


def test_a_click_selects_what_lies_under_it(window: Window, picker: Picker) -> None:
    """It is shown before Enter makes it the selection, which one undo takes away."""
    before = window.state()
    picker.open()
    place = picker.place_of(RED)

    picker.click(place)
    picker.wait_for_found(place)
    picker.desktop.picture("picking/gimp a click")
    done = picker.apply()

    assert done["status"] == "success", done["error"]
    assert likeness(selected(window), on_canvas(disc())) > 0.95
    assert window.gimp.tree(window.document) == before[0]
    window.undo()
    window.wait_for_state(before, "the undo")


def test_a_click_in_a_zoomed_and_scrolled_preview(window: Window, picker: Picker) -> None:
    """By the wheel at a place, by keys, by dragging with Space held; the click means the pixel that is seen there."""
    picker.open()
    place = picker.place_of(GREEN)
    for _ in range(6):
        picker.scroll(place, up=True, control=True)
    picker.wait_for(lambda: picker.area_of(GREEN) > 6 * 140 * 140, "the square, enlarged")
    picker.desktop.picture("picking/gimp zoomed")
    middle = picker.middle
    picker.desktop.xdotool("keydown", "space")
    picker.drag(middle, (middle[0] + 60, middle[1] + 40))
    picker.desktop.xdotool("keyup", "space")
    edge = picker.wait_for(lambda: picker.corner_of(GREEN), "the corner of the square")

    picker.click((edge[0] + 50, edge[1] + 50))
    picker.wait_for_found((edge[0] + 80, edge[1] + 80))
    picker.desktop.picture("picking/gimp zoomed, found")
    picker.key("0")
    picker.wait_for(lambda: picker.shows_found(place), "the whole layer again")
    assert picker.apply()["status"] == "success"

    assert likeness(selected(window), on_canvas(square())) > 0.95


def test_clicks_that_exclude_and_taking_back(window: Window, picker: Picker) -> None:
    """The right button and Ctrl say what is not meant; Backspace and Ctrl+Z take back, Ctrl+Y brings back."""
    picker.open()
    red, green = picker.place_of(RED), picker.place_of(GREEN)
    picker.click(red)
    picker.wait_for_found(red)

    picker.click(green, button=3)
    picker.wait_for(lambda: picker.colour_of_mark(green) == EXCLUDED, "the mark of what is not meant")
    picker.key("BackSpace")
    picker.wait_for(lambda: picker.colour_of_mark(green) == GREEN, "that to go")
    picker.desktop.xdotool("keydown", "ctrl")
    picker.click(green)
    picker.desktop.xdotool("keyup", "ctrl")
    picker.wait_for(lambda: picker.colour_of_mark(green) == EXCLUDED, "the mark of what is not meant")
    picker.key("ctrl+z", "ctrl+z")
    picker.wait_for(lambda: picker.colour_of_mark(red) == RED, "both to go")
    picker.key("ctrl+y", "ctrl+y")
    picker.wait_for(lambda: picker.colour_of_mark(green) == EXCLUDED, "both to come back")
    assert picker.colour_of_mark(red) == INCLUDED
    assert picker.apply()["status"] == "success"

    assert likeness(selected(window), on_canvas(disc())) > 0.95


def test_a_box_is_drawn_by_dragging(window: Window, picker: Picker) -> None:
    picker.open()
    green = picker.place_of(GREEN)
    picker.drag((green[0] - 110, green[1] - 110), (green[0] + 110, green[1] + 110))
    picker.wait_for_found(green)
    assert picker.apply()["status"] == "success"

    assert likeness(selected(window), on_canvas(square())) > 0.95


def test_enter_waits_for_what_the_last_click_finds(window: Window, picker: Picker) -> None:
    """Clicks faster than answers: the newest question counts."""
    picker.open()
    red, green = picker.place_of(RED), picker.place_of(GREEN)
    quickly = ["mousemove", *map(str, green), "click", "1", "key", "BackSpace"]
    picker.desktop.xdotool(*quickly, "mousemove", *map(str, red), "click", "1", "key", "Return")

    assert window.gimp.finish()["status"] == "success"
    assert likeness(selected(window), on_canvas(disc())) > 0.95


@pytest.mark.parametrize("result", ["selection", "mask", "layer"])
def test_one_undo_takes_back_what_became_of_the_object(window: Window, result: str) -> None:
    """Also where it was added to a selection."""
    window.gimp.call("select", image=window.document["image"], x=40, y=40, width=60, height=50, feather=8)
    before = window.state()
    at = f"{DISC[0] + LAYER_AT[0]},{DISC[1] + LAYER_AT[1]}"
    done = window.gimp.run("pick", window.document, points=at, result_as=result, combine="add")

    assert done["status"] == "success", done["error"]
    after = window.state()
    assert after != before
    assert (after[0] == before[0]) == (result == "selection")
    window.undo()
    window.wait_for_state(before, "the undo")


def test_escape_leaves_everything_as_it_was(window: Window, picker: Picker) -> None:
    before = window.state()
    picker.open()
    red = picker.place_of(RED)
    picker.click(red)
    picker.wait_for_found(red)

    picker.key("Escape")

    assert window.gimp.finish()["status"] == "cancel"
    assert window.state() == before


def test_clicks_that_mean_nothing_are_said_and_forgotten(window: Window, picker: Picker) -> None:
    """Beside the layer, on transparency: what was found stays. On one pixel, again and again: one click."""
    picker.open()
    red, green = picker.place_of(RED), picker.place_of(GREEN)
    picker.click(red)
    picker.wait_for_found(red)
    calm = picker.words()

    picker.click((green[0], green[1] - 215))
    picker.wait_for(lambda: picker.words() != calm, "the word about a click beside the layer")
    picker.desktop.picture("picking/gimp outside")
    outside = picker.words()
    assert picker.shows_found(red)
    picker.click((green[0] + 60, green[1] + 170))
    picker.wait_for(lambda: picker.words() not in (calm, outside), "the word about a click on nothing")
    picker.desktop.picture("picking/gimp transparent")
    assert picker.shows_found(red)
    for button in (1, 3, 1, 3, 1):
        picker.click(red, button)
    picker.wait_for_found(red)
    assert picker.apply()["status"] == "success"

    assert likeness(selected(window), on_canvas(disc())) > 0.95


def test_five_hundred_clicks(window: Window, picker: Picker) -> None:
    picker.open()
    red = picker.place_of(RED)
    places = [(red[0] - 50 + 4 * (each % 25), red[1] - 40 + 4 * (each // 25)) for each in range(500)]
    for start in range(0, 500, 100):
        words = [word for x, y in places[start : start + 100] for word in ("mousemove", str(x), str(y), "click", "1")]
        picker.desktop.xdotool(*words)
    assert picker.apply()["status"] == "success"

    assert likeness(selected(window), on_canvas(disc())) > 0.95


def test_a_layer_that_is_moved_keeps_its_marks(window: Window, picker: Picker) -> None:
    """They lie on the object, wherever it is by then."""
    picker.open_by_hand()
    red = picker.place_of(RED)
    picker.click(red)
    picker.wait_for_found(red)
    window.gimp.call("item", id=window.document["layers"][-1], method="set_offsets", arguments=[30, 35])
    picker.apply_by_hand()

    assert likeness(selected(window), on_canvas(disc(), (30, 35))) > 0.95


def test_a_layer_that_changes_is_seen_anew(window: Window, picker: Picker) -> None:
    """The next click is about what is there then."""
    picker.open_by_hand()
    red = picker.place_of(RED)
    picker.click(red)
    picker.wait_for_found(red)
    window.gimp.call("item", id=window.document["layers"][-1], method="fill", arguments=[2])  # white
    picker.click((red[0] + 200, red[1]))
    picker.key("BackSpace")
    picker.wait_for_found(red)
    picker.leave()
    assert not selected(window).any()


def test_a_layer_that_is_removed_ends_it(window: Window, picker: Picker) -> None:
    picker.open_by_hand()
    red = picker.place_of(RED)
    picker.click(red)
    picker.wait_for_found(red)
    window.gimp.call("remove_layer", image=window.document["image"], layer=window.document["layers"][-1])

    picker.wait_until_closed()
    window.dismiss_message()
    assert not selected(window).any()
    window.undo()
    chroot.wait_until(lambda: len(window.gimp.tree(window.document)) == 2, "the undo", 20)


def test_an_image_that_is_closed_ends_it(gimp_window: Gimp, desktop: chroot.Desktop) -> None:
    document = gimp_window.document({"name": "things", "pixels": picture()}, size=LAYER)
    with Window(gimp_window, desktop, document, LAYER) as window:
        picker = Picker(window)
        picker.open_by_hand()
        red = picker.place_of(RED)
        picker.click(red)
        picker.wait_for_found(red)
    picker.wait_until_closed()
    window.dismiss_message()
    assert "Traceback" not in gimp_window.stderr()
