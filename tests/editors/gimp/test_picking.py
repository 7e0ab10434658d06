"""Pick on a Preview, by real clicks at places of the screen: they are found by what the dialog shows there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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

    picker.click((edge[0] + 10, edge[1] + 10))
    picker.wait_for_found((edge[0] + 40, edge[1] + 40))
    picker.desktop.picture("picking/gimp zoomed, found")
    picker.key("0")
    picker.wait_for(lambda: picker.shows_found(place), "the whole layer again")
    assert picker.apply()["status"] == "success"

    assert likeness(selected(window), on_canvas(square())) > 0.95


def test_clicks_that_exclude_a_box_and_taking_back(window: Window, picker: Picker) -> None:
    """Around both things, then one of them excluded; Backspace takes that back, and Ctrl+Z the box."""
    picker.open()
    red, green = picker.place_of(RED), picker.place_of(GREEN)

    picker.drag((green[0] - 110, green[1] - 110), (green[0] + 110, green[1] + 110))
    picker.wait_for_found(green)
    picker.click(red)
    picker.wait_for_found(red)
    picker.click(red, button=3)
    picker.wait_for(lambda: not picker.shows_found(red), "the click that excludes")
    picker.key("BackSpace")
    picker.wait_for_found(red)
    picker.key("ctrl+z")
    picker.wait_for(lambda: not picker.shows_found(red), "the first click to go")
    picker.wait_for_found(green)
    assert picker.apply()["status"] == "success"

    assert likeness(selected(window), on_canvas(square())) > 0.95


def test_escape_leaves_everything_as_it_was(window: Window, picker: Picker) -> None:
    before = window.state()
    picker.open()
    red = picker.place_of(RED)
    picker.click(red)
    picker.wait_for_found(red)

    picker.key("Escape")

    assert window.gimp.finish()["status"] == "cancel"
    assert window.state() == before
