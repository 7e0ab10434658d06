"""Select on the canvas, by real clicks at places of the screen: they are found by what the screen shows there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from .. import chroot
from .session import Krita

SIZE = (300, 200)
RED, GREEN = (210, 40, 50), (40, 170, 70)
DISC, SQUARE = (90, 100, 42), (200, 60, 270, 130)  # x, y, radius · x0, y0, x1, y1
VIEWS = {
    "as it is": {},
    "zoomed and turned": {"zoom": 1.6, "rotation": 33.0},
    "mirrored, turned, small": {"zoom": 0.7, "rotation": -70.0, "mirrored": True},
}


def disc() -> np.ndarray:
    row, column = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    return np.hypot(column - DISC[0], row - DISC[1]) < DISC[2]


def square() -> np.ndarray:
    row, column = np.mgrid[: SIZE[1], : SIZE[0]]
    return (column >= SQUARE[0]) & (column < SQUARE[2]) & (row >= SQUARE[1]) & (row < SQUARE[3])


def picture() -> np.ndarray:
    """Two things on a grey, uneven ground."""
    pixels = np.random.default_rng(7).integers(120, 150, (SIZE[1], SIZE[0], 4), np.uint8)
    pixels[disc(), :3] = RED
    pixels[square(), :3] = GREEN
    pixels[..., 3] = 255
    return pixels


@pytest.fixture
def document(krita: Krita) -> Iterator[int]:
    number = krita.document({"name": "things", "pixels": picture()}, size=SIZE)
    krita.call("turn_canvas")
    krita.call("pick", title="Select Object")
    krita.call("defaults")
    yield number
    if krita.is_alive and krita.call("picking") is not None:
        krita.call("click_pick")
    krita.close(number)


def place_of(krita: Krita, colour: tuple[int, int, int]) -> tuple[int, int]:
    """The middle of what has that colour on the screen."""

    def look() -> Any:
        screen = krita.desktop.picture().astype(int)
        rows, columns = np.nonzero(np.abs(screen - colour).max(axis=2) < 12)
        return (round(columns.mean()), round(rows.mean())) if len(rows) > 200 else None

    return chroot.wait_until(look, f"{colour} to be on the screen")


def click(krita: Krita, place: tuple[int, int], button: int = 1) -> None:
    krita.desktop.xdotool("mousemove", *map(str, place), "click", str(button))


def drag(krita: Krita, start: tuple[int, int], end: tuple[int, int]) -> None:
    steps = [
        (start[0] + (end[0] - start[0]) * step // 8, start[1] + (end[1] - start[1]) * step // 8) for step in range(9)
    ]
    moves = [word for place in steps for word in ("mousemove", *map(str, place), "sleep", "0.03")]
    krita.desktop.xdotool(*moves[:5], "mousedown", "1", *moves[5:], "mouseup", "1")


def press(krita: Krita, *keys: str) -> None:
    krita.desktop.xdotool("key", *keys)


def wait_for_points(krita: Krita, count: int) -> dict[str, object]:
    """Until so many clicks have arrived, and what they find is shown."""

    def look() -> Any:
        now = krita.call("picking")
        points = [point for point in now["points"].split(";") if point.strip()]
        return now if len(points) == count and not now["looking"] and now["found"] == (count > 0) else None

    try:
        return chroot.wait_until(look, f"{count} clicks")
    except TimeoutError as error:
        raise TimeoutError(f"{error}: {krita.call('picking')}, {krita.call('problem')}") from None


def wait_for_end(krita: Krita, before: int | None) -> dict[str, object]:
    chroot.wait_until(lambda: krita.call("newest_job") != before, "the selection to be placed")
    return krita.end(krita.call("newest_job"))


def likeness(selection: np.ndarray | None, expected: np.ndarray) -> float:
    """Intersection over union."""
    assert selection is not None
    made = selection > 127
    return float((made & expected).sum() / (made | expected).sum())


@pytest.mark.parametrize("view", VIEWS)
def test_a_click_selects_what_lies_under_it(krita: Krita, document: int, view: str) -> None:
    """Wherever that is on the screen; it is shown before Enter makes it the selection, which one undo takes away."""
    krita.call("turn_canvas", **VIEWS[view])
    place, before = place_of(krita, RED), krita.call("newest_job")
    history = krita.call("history")

    assert krita.call("pick_on_canvas") is not None
    click(krita, place)
    wait_for_points(krita, 1)

    assert krita.selection(document) is None
    if chroot.KEPT_PICTURES:
        krita.desktop.picture(f"picking/{view}")
    shown = krita.desktop.picture()[place[1] + 12, place[0] + 12].astype(int)
    assert shown[2] > RED[2] + 30, f"nothing is shown over the disc: {shown}"
    press(krita, "Return")
    done = wait_for_end(krita, before)
    assert done["state"] == "done", done["said"]
    assert likeness(krita.selection(document), disc()) > 0.95
    assert krita.call("picking") is None
    assert len(krita.call("history")) == len(history) + 1
    assert [node["name"] for node in krita.tree(document)] == ["things"]
    krita.undo()
    assert krita.selection(document) is None


def test_clicks_that_exclude_a_box_and_taking_back(krita: Krita, document: int) -> None:
    krita.call("pick_on_canvas")
    red, green = place_of(krita, RED), place_of(krita, GREEN)
    click(krita, red)
    wait_for_points(krita, 1)
    click(krita, green, button=3)
    excluded = str(wait_for_points(krita, 2)["points"])
    assert excluded.endswith(",-")
    press(krita, "BackSpace")
    wait_for_points(krita, 1)
    press(krita, "ctrl+z")
    wait_for_points(krita, 0)

    drag(krita, (green[0] - 60, green[1] - 60), (green[0] + 60, green[1] + 60))
    chroot.wait_until(lambda: krita.call("picking")["box"] and krita.call("picking")["found"], "the box")
    before = krita.call("newest_job")
    press(krita, "Return")

    assert wait_for_end(krita, before)["state"] == "done"
    assert likeness(krita.selection(document), square()) > 0.95
    krita.undo()


def test_escape_leaves_everything_as_it_was(krita: Krita, document: int) -> None:
    """Also the text in the form; and a canvas that is moved in between is no click."""
    krita.call("fill", points="235,95")
    history, jobs = krita.call("history"), krita.call("rows")
    place = place_of(krita, RED)
    krita.call("pick_on_canvas")

    click(krita, place)
    wait_for_points(krita, 2)
    krita.desktop.xdotool("keydown", "space")
    drag(krita, place, (place[0] + 90, place[1] + 40))
    krita.desktop.xdotool("keyup", "space")
    click(krita, (place[0] + 90 + 12, place[1] + 40))
    points = wait_for_points(krita, 3)["points"]
    first, second, third = (point.strip() for point in str(points).split(";"))
    assert first == "235.0,95.0"
    (x, y), (moved_x, moved_y) = (map(float, each.split(",")) for each in (second, third))
    assert (moved_x, moved_y) == pytest.approx((x + 12, y), abs=1.5), points
    press(krita, "Escape")

    chroot.wait_until(lambda: krita.call("picking") is None, "the mode to end")
    assert krita.call("values_shown")["points"] == "235.0,95.0"
    assert krita.selection(document) is None
    assert krita.call("history") == history
    assert krita.call("rows") == jobs


def test_what_is_found_is_added_to_the_selection_and_taken_from_it(krita: Krita, document: int) -> None:
    for combination, colour, expected in (
        ("replace", RED, disc()),
        ("add", GREEN, disc() | square()),
        ("subtract", RED, square()),
        ("intersect", GREEN, square()),
    ):
        before = krita.call("newest_job")
        krita.call("pick_on_canvas", combination=combination)
        click(krita, place_of(krita, colour))
        wait_for_points(krita, 1)
        press(krita, "Return")
        assert wait_for_end(krita, before)["state"] == "done"
        assert likeness(krita.selection(document), expected) > 0.95, combination
    krita.call("pick_on_canvas")
    krita.call("click_pick")
    for _ in range(2):
        krita.undo()
    assert likeness(krita.selection(document), disc() | square()) > 0.95


def test_a_click_beside_the_layer_is_said_and_forgotten(krita: Krita, document: int) -> None:
    krita.call("pick_on_canvas")
    place = place_of(krita, RED)
    click(krita, place)
    wait_for_points(krita, 1)

    click(krita, (place[0], place[1] + 180))

    chroot.wait_until(lambda: "outside the layer" in krita.call("problem"), "the word about it")
    wait_for_points(krita, 1)
    click(krita, (place[0] + 15, place[1]))
    wait_for_points(krita, 2)
    assert krita.call("problem") == ""


def test_a_document_that_closes_takes_the_mode_with_it(krita: Krita, document: int) -> None:
    other = krita.document({"name": "other", "pixels": picture()}, size=SIZE)
    krita.call("turn_canvas")
    krita.call("pick_on_canvas")
    click(krita, place_of(krita, RED))
    krita.close(other)
    chroot.wait_until(lambda: krita.call("picking") is None, "the mode to end")
    krita.activate(document)
    krita.call("turn_canvas")
    krita.call("pick_on_canvas")
    krita.call("change", number=document, name="things", remove=True)
    click(krita, place_of(krita, (255, 255, 255)))
    chroot.wait_until(lambda: krita.call("problem"), "the word about it")
    assert krita.selection(document) is None


def test_for_an_operation_with_layers_enter_runs_it(krita: Krita, document: int) -> None:
    krita.call("pick", title="Remove Background")
    krita.call("defaults")
    before = krita.call("newest_job")
    krita.call("click_pick")
    click(krita, place_of(krita, RED))
    chroot.wait_until(lambda: krita.call("picking")["points"], "the click")
    press(krita, "Return")
    done = wait_for_end(krita, before)
    assert done["state"] == "done", done["said"]
    assert [node["name"] for node in krita.tree(document)][-1] != "things"
    krita.undo()
