"""Select Object finds what the artist points at, keeps every click, and never selects what does not show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scumble_daemon.context import Context
from scumble_daemon.imaging.image import Image, NewSelection
from scumble_daemon.operations.select_object import Params, select_object
from scumble_protocol.errors import Cancelled, Invalid
from scumble_protocol.image import Bounds, Point
from skimage import data

from . import photos


def select(pixels: np.ndarray, /, *, params: Params | None = None, **prompts: Any) -> np.ndarray:
    found = select_object(Image.from_array(pixels), params or Params(), Context(**prompts))
    assert isinstance(found, NewSelection)
    assert found.coverage.dtype == np.float32
    assert 0 <= found.coverage.min() <= found.coverage.max() <= 1
    assert found.bounds is not None
    coverage, part = np.zeros(pixels.shape[:2], np.float32), found.bounds
    coverage[part.y : part.bottom, part.x : part.right] = found.coverage
    return coverage


def test_one_click_selects_the_flower() -> None:
    """A click in the middle of a thing that stands out selects the thing, not a petal and not the picture."""
    photo, outline = photos.flower()
    assert photos.overlap(select(photo, points=(Point(320, 190),)), outline) > 0.85


def test_a_small_thing_among_many_is_selected_alone() -> None:
    """One click on one of many coins selects that coin."""
    coins = data.coins()
    coverage = select(np.dstack([coins] * 3), points=(Point(50, 53),))
    area = (coverage > 0.5).sum()
    assert 600 < area < 4000
    assert coverage[:100, :100].sum() > 0.98 * coverage.sum()


@pytest.mark.parametrize("way", ["box", "selection"])
def test_a_box_or_a_rough_selection_is_enough(way: str) -> None:
    """What is drawn around the cup shrinks onto the cup."""
    photo, outline = photos.cup()
    rows, columns = np.flatnonzero(outline.any(axis=1)), np.flatnonzero(outline.any(axis=0))
    box = Bounds(columns[0] - 20, 0, np.ptp(columns) + 40, rows[-1] + 1)
    prompt: dict[str, Any] = {"box": box} if way == "box" else {"selection": photos.roughly(outline, 14)}
    coverage = select(photo, **prompt)
    assert photos.overlap(coverage, outline) > 0.85
    if way == "selection":
        assert not coverage[prompt["selection"] == 0].any()


def test_every_click_is_kept_and_corrects_near_itself() -> None:
    """A second click puts its own place right and leaves the selection elsewhere as it was."""
    photo, _ = photos.cup()
    first = Point(278, 210)
    before = select(photo, points=(first,))
    inside = np.argwhere(before > 0.99)
    x, y = (int(value) for value in inside[np.argmax(inside[:, 0])][::-1])  # its lowest place
    after = select(photo, points=(first, Point(x + 0.5, y + 0.5, include=False)))
    assert after[y, x] == 0
    assert after[210, 278] == 1
    assert photos.overlap(after, before > 0.5) > 0.6
    more = select(photo, points=(first, Point(30, 30)))
    assert more[30, 30] == 1
    assert more[210, 278] == 1


def test_clicks_that_nearly_touch_are_both_kept() -> None:
    """An including and an excluding click a few pixels apart still say what they say."""
    coverage = select(data.astronaut(), points=(Point(230.5, 120.5), Point(236.5, 120.5, include=False)))
    assert coverage[120, 230] == 1
    assert coverage[120, 236] == 0


@pytest.mark.parametrize("include", [True, False])
def test_a_click_beside_the_outline_leaves_no_knob(include: bool) -> None:
    """It says what its pixel is, and that was right already."""
    pixels = np.random.default_rng(7).integers(120, 150, (200, 300, 3), np.uint8)
    pixels[60:140, 100:220] = (40, 170, 70)
    middle = Point(160.5, 100.5)
    beside = [Point(x + 0.5, 60.5 if include else 59.5, include) for x in (120, 150, 190)]
    before, after = (select(pixels, points=points) for points in ((middle,), (middle, *beside)))
    assert np.array_equal(after > 0.5, before > 0.5)
    assert all(after[int(point.y), int(point.x)] == include for point in beside)


def test_the_edge_is_soft_and_narrow() -> None:
    """The outline is anti-aliased: partial coverage exists, and only along the edge."""
    photo, _ = photos.flower()
    coverage = select(photo, points=(Point(320, 190),))
    partial = (coverage > 0) & (coverage < 1)
    assert 0 < partial.mean() < 0.04


CHANGES: list[dict[str, Any]] = [{}, {"shift_px": 6.5}, {"shift_px": -6.5}, {"feather_px": 20}]


def test_feather_and_shift_do_what_they_say() -> None:
    """Grow selects more, shrink less, feather softens."""
    photo, _ = photos.flower()
    plain, grown, shrunk, soft = (
        select(photo, params=Params(**values), points=(Point(320, 190),)) for values in CHANGES
    )
    assert shrunk.sum() < plain.sum() < grown.sum()
    assert np.all(grown >= plain)
    assert ((soft > 0.02) & (soft < 0.98)).sum() > 4 * ((plain > 0.02) & (plain < 0.98)).sum()


def test_what_is_transparent_is_never_selected() -> None:
    """Selecting a thing that is half erased selects the half that shows."""
    photo, outline = photos.flower()
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[:, 330:] = 0
    coverage = select(np.dstack([photo, alpha]), points=(Point(290, 190),))
    assert not coverage[:, 330:].any()
    assert photos.overlap(coverage[:, :330], outline[:, :330]) > 0.7


def test_the_same_clicks_give_the_same_selection() -> None:
    """Nothing is left to chance."""
    photo, _ = photos.cup()
    points = (Point(278, 210), Point(30, 30, include=False))
    assert np.array_equal(select(photo, points=points), select(photo, points=points))


@pytest.mark.parametrize(
    ("prompts", "told"),
    [
        ({}, "Click on it"),
        ({"points": (Point(10, 10, include=False),)}, "Click on the object itself"),
        ({"points": (Point(-4, 900),)}, "inside the layer"),
        ({"box": Bounds(900, 900, 20, 20)}, "over the layer"),
    ],
)
def test_a_prompt_that_means_nothing_is_answered(prompts: dict[str, Any], told: str) -> None:
    """The artist hears what to do."""
    with pytest.raises(Invalid, match=told):
        select(data.astronaut(), **prompts)


def test_a_click_on_a_transparent_place_is_answered() -> None:
    """There is nothing to select where nothing shows."""
    pixels = np.dstack([data.astronaut(), np.zeros((512, 512), np.uint8)])
    pixels[200:, :, 3] = 255
    with pytest.raises(Invalid, match="transparent"):
        select(pixels, points=(Point(50, 50),))


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 200, 4), (7, 7, 3)])
def test_a_tiny_layer_is_answered(shape: tuple[int, ...]) -> None:
    """A layer without room for an outline is refused in words."""
    with pytest.raises(Invalid, match="no outline"):
        select(np.full(shape, 255, np.uint8), points=(Point(0.5, 0.5),))


def test_a_flat_colour_is_selected_whole() -> None:
    """Where there is no edge at all, a click selects everything that shows."""
    assert select(np.full((60, 80, 3), 120, np.uint8), points=(Point(40, 30),)).min() == 1


def test_a_cancelled_selection_stops() -> None:
    """Cancel is heard between the steps."""
    context = Context(points=(Point(320, 190),), is_cancelled=lambda: True)
    with pytest.raises(Cancelled):
        select_object(Image.from_array(photos.flower()[0]), Params(), context)
