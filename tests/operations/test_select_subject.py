"""Select Subject selects what the picture is of without a click, and says when that is a guess."""

from __future__ import annotations

import numpy as np
import pytest
from scumble_daemon.context import Context
from scumble_daemon.imaging.image import Image, NewSelection
from scumble_daemon.operations.select_subject import Params, select_subject
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds
from skimage import data

from . import photos


def select(pixels: np.ndarray, context: Context, params: Params | None = None) -> np.ndarray:
    found = select_subject(Image.from_array(pixels, 7, 9), params or Params(), context)
    assert isinstance(found, NewSelection)
    assert found.bounds is not None
    coverage, part = np.zeros(pixels.shape[:2], np.float32), found.bounds.relative_to(Bounds(7, 9, 1, 1))
    coverage[part.y : part.bottom, part.x : part.right] = found.coverage
    return coverage


def test_the_flower_is_what_the_picture_is_of() -> None:
    photo, outline = photos.flower()
    assert photos.overlap(select(photo, Context()), outline) > 0.8


def test_a_guess_is_called_a_guess() -> None:
    """A picture of many equal things has no one subject."""
    context = Context()
    select(np.dstack([data.coins()] * 3), context)
    assert any("guessed" in note for note in context.notes)


def test_grow_and_feather_count() -> None:
    photo, _ = photos.flower()
    choices = (Params(), Params(shift_px=8), Params(feather_px=20))
    plain, grown, soft = (select(photo, Context(), params) for params in choices)
    assert grown.sum() > plain.sum()
    assert ((soft > 0.02) & (soft < 0.98)).sum() > 4 * ((plain > 0.02) & (plain < 0.98)).sum()


def test_what_is_transparent_is_not_selected() -> None:
    photo, _ = photos.flower()
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[:, 330:] = 0
    assert not select(np.dstack([photo, alpha]), Context())[:, 330:].any()


@pytest.mark.parametrize("pixels", [np.full((200, 200, 3), 90, np.uint8), np.zeros((4, 4, 3), np.uint8)])
def test_without_a_subject_it_is_said(pixels: np.ndarray) -> None:
    """One even colour, and a layer too small for anything."""
    with pytest.raises(Invalid):
        select(pixels, Context())
