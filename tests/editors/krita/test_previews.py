"""A job that gets better step by step: its picture in the docker while Krita works on, Finish now, and Cancel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from .. import chroot
from .pictures import photo, with_alpha
from .session import Krita

SIZE = (512, 300)
OPERATION = "Progressive Test"


@pytest.fixture
def document(krita: Krita) -> Iterator[int]:
    number = krita.document({"name": "photo", "pixels": with_alpha(photo()[: SIZE[1]])}, size=SIZE)
    yield number
    krita.close(number)


def started(krita: Krita) -> tuple[int, dict[str, Any]]:
    """A job whose picture is up, and where that is."""
    number = krita.start(OPERATION)
    return number, chroot.wait_until(lambda: krita.call("preview", number=number), "a preview")


def test_the_picture_so_far_is_seen_in_the_docker(krita: Krita, document: int) -> None:
    """On the screen, without scrolling: the colours that the result will have, of the layer's shape, no wider than the
    docker."""
    number, shown = started(krita)
    x, y, width, height = shown["area"]
    assert width <= shown["room"]
    assert abs(width * SIZE[1] / SIZE[0] - height) <= 1
    assert shown["height"] >= height
    assert shown["in_sight"][1] >= height
    expected = cv2.resize(255 - photo()[: SIZE[1]], (width, height), interpolation=cv2.INTER_AREA).astype(int)

    def is_on_screen() -> bool:
        screen = krita.desktop.picture("krita-preview")[y : y + height, x : x + width]
        return screen.shape == expected.shape and np.abs(screen - expected).mean() < 6

    chroot.wait_until(is_on_screen, "the picture on the screen")
    krita.call("watch_ticks")
    chroot.wait_until(lambda: krita.call("ticked")["count"] > 100, "Krita's own loop to go round")
    assert krita.call("click_cancel", number=number) == "cancelled"


def test_finish_now_inserts_what_there_is(krita: Krita, document: int) -> None:
    """A layer whose recipe says how far it came; one undo takes it back."""
    tree, before = krita.tree(document), krita.composite(document)
    number, shown = started(krita)
    assert shown["finish"]
    assert krita.call("has_finish", number=number)

    assert krita.call("click_finish", number=number).startswith("Finishing")
    assert krita.end(number)["state"] == "done"

    assert krita.call("preview", number=number) is None
    assert not krita.call("has_finish", number=number)
    assert [node["name"] for node in krita.tree(document)] == ["photo", OPERATION]
    after = krita.composite(document)
    assert np.abs(after[..., :3].astype(int) - (255 - before[..., :3])).max() <= 1
    annotations = krita.call("info", number=document)["annotations"]
    (recipe,) = [json.loads(text) for text in annotations.values() if "progressive_test" in text]
    assert 0 < recipe["finished_at"] < 0.5
    krita.undo()
    chroot.wait_until(lambda: krita.tree(document) == tree, "the undo")
    np.testing.assert_array_equal(krita.composite(document), before)


def test_cancel_leaves_nothing(krita: Krita, document: int) -> None:
    """Although there was something to keep."""
    tree, history, before = krita.tree(document), krita.call("history"), krita.composite(document)
    number, _ = started(krita)

    assert krita.call("click_cancel", number=number) == "cancelled"

    assert krita.call("preview", number=number) is None
    assert krita.run("Paint Test")["state"] == "done", "the worker is free"
    krita.undo()
    chroot.wait_until(lambda: krita.tree(document) == tree, "the undo")
    assert krita.call("history")[: len(history)] == history
    np.testing.assert_array_equal(krita.composite(document), before)


def test_what_does_all_at_once_offers_no_early_end(krita: Krita, document: int) -> None:
    number = krita.start("Fail Test", how="slow")
    krita.wait_for(number, "Waiting")
    assert not krita.call("has_finish", number=number)
    assert krita.call("preview", number=number) is None
    krita.call("click_cancel", number=number)
