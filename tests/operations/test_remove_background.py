"""Remove Background hides the ground with a mask, cleans the edge, and says so where it only guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pytest
from scumble_daemon.context import Context
from scumble_daemon.imaging.image import Image
from scumble_daemon.operations.remove_background import Params, remove_background
from scumble_protocol.errors import Cancelled, Invalid
from scumble_protocol.image import Bounds, Point, Raster
from skimage import data

from ..bench import cutout_sheet
from . import photos


@dataclass(frozen=True)
class Cut:
    """The one layer that came back, and what was said with it."""

    colours: np.ndarray
    alpha: np.ndarray
    matte: np.ndarray
    notes: list[str]


def cut(pixels: np.ndarray, /, *, params: Params | None = None, **prompts: Any) -> Cut:
    context = Context(**prompts)
    made = remove_background(Image.from_array(pixels), params or Params(), context)
    assert isinstance(made, list)
    (layer,) = made
    assert layer.raster is not None
    assert layer.raster.bounds == layer.bounds
    assert layer.mask is not None
    assert layer.mask.dtype == np.float32
    assert 0 <= layer.mask.min() <= layer.mask.max() <= 1
    colours, alpha, matte = _over_everything(pixels.shape[:2], layer.raster, layer.mask)
    *notes, how_to_see_it = context.notes
    assert "hide that one to see it alone" in how_to_see_it
    return Cut(colours, alpha, matte, notes)


def _over_everything(shape: tuple[int, int], raster: Raster, mask: np.ndarray) -> tuple[np.ndarray, ...]:
    """Colours, alpha and mask over the whole layer; a layer of the selection's own size leaves 0 around it."""
    made = Image(raster)
    whole = np.zeros((*shape, made.native_colour.shape[2]), np.float32), np.zeros(shape, np.float32), np.zeros(shape)
    bounds = raster.bounds
    for target, part in zip(whole, (made.native_colour, made.alpha, mask), strict=True):
        target[bounds.y : bounds.bottom, bounds.x : bounds.right] = part
    return whole


def test_a_subject_that_stands_out_needs_no_selection() -> None:
    """The first click with the defaults cuts the flower out, and nothing has to be said."""
    photo, outline = photos.flower()
    made = cut(photo)
    assert photos.overlap(made.matte, outline) > 0.93
    assert made.notes == []


def test_a_guess_is_said_to_be_one() -> None:
    """Where nothing stands out for certain, the artist is told, with what to do."""
    said = cut(data.chelsea()).notes
    assert len(said) == 1
    assert "guessed" in said[0]
    assert "select it roughly" in said[0]


@pytest.mark.parametrize("way", ["selection", "box", "click"])
def test_guided_cuts(way: str) -> None:
    """A rough selection, a box, or two clicks cut the cup out, and no guess is spoken of."""
    photo, outline = photos.cup()
    prompts: dict[str, dict[str, Any]] = {
        "selection": {"selection": photos.roughly(outline, 14)},
        "box": {"box": Bounds(60, 2, 430, 384)},
        "click": {"points": (Point(278, 210), Point(280, 110))},
    }
    made = cut(photo, **prompts[way])
    assert photos.overlap(made.matte, outline) > (0.77 if way == "click" else 0.8)  # two clicks leave the spoon open
    assert made.notes == []


def test_outside_the_selection_is_background() -> None:
    """What the artist left out is never part of the subject."""
    photo, outline = photos.flower()
    selection = photos.roughly(outline, 12)
    selection[:, 320:] = 0
    assert not cut(photo, selection=selection).matte[:, 335:].any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_colours_are_the_photo_s_own_where_the_matte_is_whole(dtype: type) -> None:
    """Bit for bit, in every depth; only beside the edge are they another."""
    photo, _ = photos.flower()
    pixels = photo if dtype is np.uint8 else (photo / 255 * (65535 if dtype is np.uint16 else 1)).astype(dtype)
    image = Image.from_array(pixels)
    made = cut(pixels)
    whole = made.matte == 1
    assert whole.mean() > 0.1
    assert np.array_equal(made.colours[whole], image.native_colour[whole])
    changed = (made.colours != image.native_colour).any(axis=2)
    assert 0 < changed.mean() < 0.05


@pytest.mark.parametrize("kind", ["grey", "hdr"])
def test_grey_layers_and_light_beyond_white_are_cut_alike(kind: str) -> None:
    """A grey layer gives a grey cut-out; light four times as bright as white is not clipped where nothing is cut."""
    photo, outline = photos.flower()
    pixels = photo[..., 0] if kind == "grey" else (photo / np.float32(255) * 4).astype(np.float32)
    made = cut(pixels, selection=photos.roughly(outline, 12))
    assert photos.overlap(made.matte, outline) > 0.85
    assert np.isfinite(made.colours).all()
    whole = made.matte == 1
    assert np.array_equal(made.colours[whole], Image.from_array(pixels).native_colour[whole])
    assert made.colours.shape[2] == (1 if kind == "grey" else 3)
    if kind == "hdr":
        assert made.colours[whole].max() > 1


def blended() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A soft-edged orange disc over green grass: the picture, the true foreground, the true matte."""
    rows, columns = np.mgrid[:240, :240]
    alpha = np.clip((80 - np.hypot(rows - 120, columns - 120)) / 4 + 0.5, 0, 1)[..., None]
    front = np.full((240, 240, 3), (0.9, 0.5, 0.15)) + 0.1 * (data.brick()[:240, :240, None] / 255 - 0.5)
    back = np.dstack([cv2.GaussianBlur(data.grass(), (0, 0), 2)[:240, :240] / 255] * 3) * (0.2, 0.8, 0.3)
    return (alpha * front + (1 - alpha) * back).astype(np.float32), front, alpha[..., 0]


def test_the_matte_is_that_of_a_soft_edge() -> None:
    """A 4-pixel soft edge comes back as one: close to the truth, not a hard outline."""
    picture, _, alpha = blended()
    made = cut(picture, box=Bounds(25, 25, 190, 190))
    edge = (alpha > 0.02) & (alpha < 0.98)
    assert np.abs(made.matte - alpha)[edge].mean() < 0.1
    assert np.abs(made.matte - alpha)[~edge].mean() < 0.01


def test_no_fringe_of_the_old_background_is_left() -> None:
    """In half transparent pixels the colours come much closer to the foreground's own."""
    picture, front, alpha = blended()
    cleaned = cut(picture, box=Bounds(25, 25, 190, 190))
    left = cut(picture, params=Params(clean_colours=False), box=Bounds(25, 25, 190, 190))
    edge = (alpha > 0.25) & (alpha < 0.9) & (cleaned.matte > 0.1)
    after, before = (photos.difference(np.clip(each, 0, 1), front)[edge].mean() for each in (cleaned.colours, picture))
    assert after < 0.5 * before
    assert np.array_equal(left.colours, picture)


CHANGES: list[dict[str, Any]] = [{}, {"shift_px": -3}, {"shift_px": 3}, {"feather_px": 12}]


def test_shift_and_soften_move_the_mask_only() -> None:
    """Shifting inwards hides more, outwards less; softening makes more of the mask partial."""
    photo, outline = photos.flower()
    selection = photos.roughly(outline, 12)
    plain, inwards, outwards, soft = (
        cut(photo, params=Params(**values), selection=selection).matte for values in CHANGES
    )
    assert inwards.sum() < plain.sum() < outwards.sum()
    assert ((soft > 0.02) & (soft < 0.98)).sum() > 2 * ((plain > 0.02) & (plain < 0.98)).sum()


def test_alpha_comes_back_and_what_is_transparent_stays_hidden() -> None:
    """The layer keeps its own alpha, and its mask shows nothing where there was nothing."""
    photo, outline = photos.flower()
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[:, 330:] = 0
    alpha[:, 326:330] = 128
    made = cut(np.dstack([photo, alpha]), selection=photos.roughly(outline, 12))
    selected = made.alpha.any(axis=1)
    assert selected.sum() > 200
    assert np.array_equal(made.alpha[selected][:, 160:], (alpha / np.float32(255))[selected][:, 160:])
    assert not made.matte[:, 330:].any()
    assert photos.overlap(made.matte[:, :326], outline[:, :326]) > 0.85


def test_the_same_picture_gives_the_same_cut() -> None:
    """Nothing is left to chance."""
    first, second = cut(data.coffee()), cut(data.coffee())
    assert np.array_equal(first.matte, second.matte)
    assert np.array_equal(first.colours, second.colours)


def test_flat_colour_and_tiny_layers_are_answered() -> None:
    """Nothing to cut out is said in words that help."""
    with pytest.raises(Invalid, match="Select the subject roughly"):
        cut(np.full((60, 80, 3), 120, np.uint8))
    with pytest.raises(Invalid, match="no outline"):
        cut(np.full((1, 1, 4), 255, np.uint8))


def test_a_selection_in_which_nothing_stands_out_is_followed() -> None:
    """On plain colour the outline is the selection's, and that is said."""
    selection = np.zeros((60, 80), np.float32)
    selection[20:40, 30:60] = 1
    made = cut(np.full((60, 80, 3), 120, np.uint8), selection=selection)
    assert photos.overlap(made.matte, selection > 0) > 0.8
    assert "the outline is the selection's" in made.notes[0]


def test_a_cancelled_cut_stops_at_the_next_stage() -> None:
    """Cancel is heard while the matte is being worked on."""
    stages: list[str] = []
    context = Context(report=lambda fraction, stage: stages.append(stage), is_cancelled=lambda: len(stages) >= 3)
    with pytest.raises(Cancelled):
        remove_background(Image.from_array(photos.flower()[0]), Params(), context)
    assert len(stages) == 3


def test_the_dark_collar_before_a_light_wall_stays() -> None:
    """Though there is as dark a ground elsewhere: it is not nearby."""
    photo = cutout_sheet.photo_of("astronaut")
    selection = cutout_sheet.selection_of(photo.shape, cutout_sheet.CASES["astronaut"][0])
    plain = cutout_sheet.grab_cut(photo, selection)
    collar = (slice(190, 215), slice(205, 245))
    assert plain[collar].mean() < 0.5
    matte = cut(photo, selection=selection).matte
    assert matte[collar].mean() > 0.9
    assert matte[296:325, 364:371].mean() < 0.1, "the wall that falls into shade between her arm and the table"


@pytest.mark.parametrize("result", ["mask", "trimap"])
def test_a_mask_or_a_trimap_can_be_had_as_a_layer(result: str) -> None:
    """Grey and opaque: white is the subject; a trimap has three values, and the band lies between the two others."""
    photo, outline = photos.flower()
    context = Context(selection=photos.roughly(outline, 12))
    made = remove_background(Image.from_array(photo), Params.model_validate({"result": result}), context)
    assert isinstance(made, list)
    (layer,) = made
    assert layer.mask is None
    assert layer.rgb is not None
    assert layer.alpha is not None
    assert layer.bounds is not None
    assert (layer.alpha == 1).all()
    assert np.ptp(layer.rgb, axis=2).max() == 0
    whole, at = np.zeros(outline.shape), layer.bounds
    whole[at.y : at.bottom, at.x : at.right] = layer.rgb[..., 0]
    if result == "mask":
        assert photos.overlap(whole, outline) > 0.9
    else:
        assert outline[whole == 1].mean() > 0.99, "white is the subject"
        assert (whole[outline] > 0).mean() > 0.98, "and hardly any of it is black"
        assert set(np.unique(whole)) == {0, 0.5, 1}
        assert 0.01 < (whole == 0.5).mean() < 0.2
