"""An operation that gives a selection: it becomes the document's, and one undo brings the old one back."""

from __future__ import annotations

import numpy as np
import pytest

from .pictures import feathered, photo, with_alpha
from .session import Krita

SIZE = (60, 40)


@pytest.fixture
def document(krita: Krita):
    number = krita.document({"name": "photo", "pixels": with_alpha(photo()[:40, 200:260])}, size=SIZE)
    yield number
    krita.close(number)


def disc(x: float, y: float) -> np.ndarray:
    """The selection the test operation makes around a point, as 8-bit coverage."""
    row, column = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    return np.clip(6 - np.hypot(column - x, row - y), 0, 4) / 4 * 255


def test_a_selection_comes_with_its_feather_and_undo_takes_it_away(krita: Krita, document: int) -> None:
    """Points typed into the docker arrive; where nothing was selected before, nothing is after one undo."""
    history = krita.call("history")

    done = krita.run("Select Test", points="20,20; 50,10")

    assert done["state"] == "done", done["said"]
    assert len(krita.call("history")) == len(history) + 1
    assert done["said"] == "2 points"
    made = krita.selection(document)
    assert made is not None
    np.testing.assert_allclose(made, np.maximum(disc(20, 20), disc(50, 10)), atol=1)
    assert set(np.unique(made)) - {0, 255}, "feather is kept as coverage"
    assert [node["name"] for node in krita.tree(document)] == ["photo"]

    krita.undo()
    assert krita.selection(document) is None


def test_one_undo_restores_the_selection_that_was_there(krita: Krita, document: int) -> None:
    """Exactly, feather included; and the artist's own steps before it can still be undone in their order."""
    krita.call("action", name="select_all")
    krita.call("action", name="invert_selection")
    krita.call("action", name="deselect")
    before = feathered(SIZE, 5, 6, 30, 20, 7)
    krita.select(document, before)
    history = krita.call("history")

    done = krita.run("Select Test", box="30,10,55,35")

    assert done["state"] == "done", done["said"]
    assert len(krita.call("history")) == len(history) + 1
    made = krita.selection(document)
    assert made is not None
    assert made[10:35, 30:55].min() == 255
    assert made.sum() == 255 * 25 * 25 or made[before == 0].sum() == 0  # inside the artist's own selection only
    krita.undo()
    restored = krita.selection(document)
    assert restored is not None
    np.testing.assert_array_equal(restored, before)


def test_a_selection_comes_to_its_own_document_where_another_is_in_front(krita: Krita, document: int) -> None:
    """It is never given to another document. Krita 5.2 can make no undo step of it until the artist returns."""
    krita.run("Select Test")
    krita.undo()  # the first job of this kind is over: the next one answers at once
    slow = krita.start("Fail Test", how="slow")
    number = krita.start("Select Test", points="20,20")
    other = krita.document({"name": "other", "pixels": with_alpha(photo("chelsea")[:40, :60])}, size=SIZE)
    krita.call("click_cancel", number=slow)

    if krita.version < (5, 3):
        krita.wait_for(number, "is in front")
        assert krita.selection(other) is None
        krita.activate(document)
    done = krita.end(number)

    assert done["state"] == "done", done["said"]
    assert krita.selection(document) is not None
    assert krita.selection(other) is None
    krita.activate(document)
    krita.undo()
    assert krita.selection(document) is None
    krita.close(other)
