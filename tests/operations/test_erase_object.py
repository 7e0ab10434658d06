"""Erase Object fills what is selected with what is around it: real pixels, without a seam, and nothing else changes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
from scumble_daemon.context import Context
from scumble_daemon.imaging import colour, samples
from scumble_daemon.imaging.completion.guard import MOST_PX
from scumble_daemon.imaging.image import Image
from scumble_daemon.operations.erase_object import Params, erase_object
from scumble_protocol.errors import Cancelled, Invalid
from scumble_protocol.image import Bounds, Raster, Reference
from skimage import data

RANDOM = np.random.default_rng(5)


@dataclass(frozen=True)
class Erased:
    """`filling`: H×W×C samples over the whole layer, transparent where the result layer does not reach."""

    filling: np.ndarray
    bounds: Bounds
    notes: list[str]


def erase(image: Image, selection: np.ndarray, take_from: Image | None = None, **params: Any) -> list[Erased]:
    context = Context(selection=selection.astype(np.float32), reference_layer=take_from)
    made = erase_object(image, Params(**params), context)
    assert isinstance(made, list)
    return [_spread(layer.raster, image.bounds, context.notes) for layer in made if layer.raster is not None]


def _spread(raster: Raster, area: Bounds, notes: list[str]) -> Erased:
    pixels = samples.view(raster)
    filling = np.zeros((area.height, area.width, pixels.shape[2]), pixels.dtype)
    part = raster.bounds.relative_to(area)
    filling[part.y : part.bottom, part.x : part.right] = pixels
    return Erased(filling, raster.bounds, notes)


def blob(shape: tuple[int, ...], x: int, y: int, across: int, down: int) -> np.ndarray:
    drawn = np.zeros(shape[:2], np.uint8)
    cv2.ellipse(drawn, (x, y), (across, down), 25, 0, 360, 1, -1)
    return drawn > 0


def gradients(grey: np.ndarray) -> np.ndarray:
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


@pytest.mark.parametrize("name", ["grass", "gravel", "brick"])
def test_texture_goes_on_as_rough_as_it_was(name: str) -> None:
    """In the hole there is as much light and dark, and as much between neighbours, as around it: no blur, no copy of
    what was there."""
    photo = np.dstack([getattr(data, name)()[:300, :300]] * 3)
    hole = blob(photo.shape, 150, 140, 40, 28)
    (erased,) = erase(Image.from_array(photo), hole)
    filled = erased.filling[..., 0].astype(np.float32)
    truth = photo[..., 0].astype(np.float32)
    core = cv2.erode(hole.astype(np.uint8), np.ones((9, 9))) > 0
    ring = cv2.dilate(hole.astype(np.uint8), np.ones((61, 61))) > 0
    ring &= cv2.dilate(hole.astype(np.uint8), np.ones((9, 9))) == 0
    assert 0.6 < filled[core].std() / truth[ring].std() < 1.5
    assert 0.6 < gradients(filled)[core].mean() / gradients(truth)[ring].mean() < 1.4
    assert np.abs(filled - truth)[core].mean() > 5


def test_stripes_are_continued() -> None:
    """Straight lines through the hole meet themselves on the other side."""
    y, x = np.mgrid[:160, :200]
    stripes = ((np.sin((x + 0.5 * y) / 4) > 0) * 160 + 40).astype(np.uint8)
    photo = np.dstack([stripes, stripes // 2, 255 - stripes])
    hole = blob(photo.shape, 100, 80, 30, 22)
    (erased,) = erase(Image.from_array(photo), hole)
    off = np.abs(erased.filling[..., :3].astype(int) - photo)[hole]
    assert off.mean() < 12


def test_an_object_on_smooth_ground_is_gone_without_a_trace() -> None:
    """A disc on a slope of light: what comes is the slope, to a few steps, at the seam as well."""
    y, x = np.mgrid[:200, :240]
    ground = np.dstack([90 + x * 0.3, 120 + y * 0.2, 160 - x * 0.1])
    ground = ground + RANDOM.normal(0, 1.5, ground.shape)
    hole = blob(ground.shape, 120, 100, 34, 30)
    photo = ground.copy()
    photo[blob(ground.shape, 120, 100, 30, 26)] = (20, 10, 200)
    (erased,) = erase(Image.from_array(np.clip(photo, 0, 255).astype(np.uint8)), hole)
    filled = np.where(hole[..., None], erased.filling[..., :3], ground)
    smooth = cv2.GaussianBlur(filled.astype(np.float32), (0, 0), 3)
    expected = cv2.GaussianBlur(ground.astype(np.float32), (0, 0), 3)
    assert np.abs(smooth - expected)[hole].max() < 8
    assert 1.0 < (filled - expected)[hole].std() < 2.6


def test_nothing_of_the_object_is_copied() -> None:
    """A colour that only the object has is nowhere in the filling, though its soft rim sticks out of the selection."""
    photo = data.grass()[:260, :260]
    photo = np.dstack([photo] * 3).astype(np.float32)
    disc = cv2.GaussianBlur(blob(photo.shape, 130, 130, 40, 40).astype(np.float32), (0, 0), 1)[..., None]
    photo = (photo * (1 - disc) + disc * np.array([255, 0, 0])).astype(np.uint8)
    (erased,) = erase(Image.from_array(photo), disc[..., 0] > 0.3)
    shown = erased.filling[erased.filling[..., 3] > 0][:, :3].astype(int)
    assert (shown[:, 0] - shown[:, 1]).max() < 25


def test_the_layer_covers_the_hole_and_a_soft_rim_only() -> None:
    """Whole in the hole, falling to nothing within a few pixels around it; placed where the layer is in the picture."""
    photo = data.chelsea()[:200, :240].astype(np.float32)
    hole = blob(photo.shape, 110, 90, 25, 18)
    disc = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 1.5)[..., None]
    photo = photo * (1 - disc) + disc * (20, 250, 60)  # which shows for some pixels around the selection
    (erased,) = erase(Image.from_array(photo.astype(np.uint8), x=-30, y=17), hole)
    alpha = erased.filling[..., 3]
    assert (alpha[hole] == 255).all()
    assert not alpha[cv2.dilate(hole.astype(np.uint8), np.ones((2 * MOST_PX + 3,) * 2)) == 0].any()
    rim = (alpha > 0) & ~hole
    assert 0 < alpha[rim].max() < 255
    rows, columns = np.nonzero(alpha)
    assert (erased.bounds.x, erased.bounds.y) == (columns.min() - 30, rows.min() + 17)
    assert (erased.bounds.width, erased.bounds.height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)


def test_the_same_seed_gives_the_same_and_another_something_else() -> None:
    """Variants are different fillings, each as the seed says; the first is what one alone gives."""
    photo = data.chelsea()[:220, :260]
    image, hole = Image.from_array(photo), blob(photo.shape, 130, 60, 34, 24)
    first, again = (erase(image, hole)[0].filling for _ in range(2))
    assert np.array_equal(first, again)
    one, two, three = erase(image, hole, variants=3)
    assert np.array_equal(one.filling, first)
    assert np.array_equal(two.filling, erase(image, hole, seed=1)[0].filling)
    for other in (two, three):
        assert np.abs(other.filling.astype(int) - first)[hole].mean() > 2


def test_sixteen_bits_and_floats_are_copied_exactly() -> None:
    """Texture is real pixels: a filling of 16 bits has values between those of 8, and light above white stays above."""
    grey = data.gravel()[:220, :220].astype(np.float32) / 255
    deep = np.dstack([grey] * 3) + RANDOM.uniform(0, 0.004, (*grey.shape, 3)).astype(np.float32)
    hole = blob(grey.shape, 110, 110, 25, 20)
    (erased,) = erase(Image.from_array((deep * 60000).astype(np.uint16)), hole)
    shown = erased.filling[hole][:, :3]
    assert shown.dtype == np.uint16
    assert len(np.unique(shown)) > 1000
    (erased,) = erase(Image.from_array((deep * 8).astype(np.float32)), hole)
    shown = erased.filling[hole][:, :3]
    assert 3 < shown.max() < 12
    assert shown.std() == pytest.approx((deep * 8).std(), rel=0.4)


def test_a_grey_layer_and_a_wide_gamut() -> None:
    """A grey layer is filled with grey; a linear Rec. 2020 layer with the same picture as an sRGB one."""
    grey = data.brick()[:200, :200]
    hole = blob(grey.shape, 100, 100, 24, 18)
    (erased,) = erase(Image.from_array(grey), hole)
    assert erased.filling.shape == (200, 200, 2)
    assert erased.filling[hole][:, 0].std() > 10
    photo = data.chelsea()[:200, :240].astype(np.float32) / 255
    hole = blob(photo.shape, 110, 90, 25, 18)
    profile = colour.standard_profile("linear-rec2020")
    pixels = np.ascontiguousarray(colour.from_srgb(photo, profile, grey=False))
    wide = Image(Raster(Bounds(0, 0, 240, 200), "f32", "RGB", pixels.tobytes(), "0" * 64), {"0" * 64: profile})
    plain, converted = (erase(image, hole)[0].filling for image in (Image.from_array(photo), wide))
    back = colour.to_srgb(np.ascontiguousarray(converted[..., :3]), profile)
    assert np.abs(back - plain[..., :3])[hole].mean() < 0.01


# --- what it may be taken from ------------------------------------------------------------------------------------


def two_grounds() -> tuple[np.ndarray, np.ndarray]:
    """Green grass on the left, red gravel on the right, and a hole over their border."""
    grass, gravel = data.grass()[:200, :140], data.gravel()[:200, :140]
    left, right = np.dstack([grass // 4, grass, grass // 4]), np.dstack([gravel, gravel // 4, gravel // 4])
    photo = np.ascontiguousarray(np.hstack([left, right]))
    return photo, blob(photo.shape, 140, 100, 30, 24)


def brushed(x: int, y: int, width: int, height: int) -> Image:
    """A layer with a stroke in any colour, of that size."""
    pixels = np.zeros((height, width, 4), np.uint8)
    cv2.ellipse(pixels, (width // 2, height // 2), (width // 2 - 6, height // 2 - 6), 0, 0, 360, (9, 90, 200, 255), -1)
    return Image.from_array(pixels, x=x, y=y)


def test_only_what_is_painted_over_is_copied() -> None:
    """The layer to take from lies where it lies in the document, which is not where the layer begins."""
    photo, hole = two_grounds()
    image = Image.from_array(photo, x=40, y=-20)
    for at, wanted in ((45, 1), (225, 0)):
        (erased,) = erase(image, hole, take_from=brushed(at, -15, 90, 180))
        inside = erased.filling[cv2.erode(hole.astype(np.uint8), np.ones((25, 25))) > 0].astype(int)
        assert (inside[:, wanted] > inside[:, 1 - wanted]).mean() > 0.9
        assert inside[:, wanted].std() > 10


def test_far_strokes_are_found() -> None:
    """What is painted over may be anywhere in a large layer."""
    photo = np.full((900, 1200, 3), 90, np.uint8)
    photo[:160, 1040:] = np.dstack([data.grass()[:160, :160]] * 3)
    hole = blob(photo.shape, 150, 750, 30, 24)
    (erased,) = erase(Image.from_array(photo), hole, take_from=brushed(1045, 5, 150, 150))
    assert erased.filling[hole][:, 0].std() > 10


def test_a_layer_to_take_from_that_offers_nothing_is_refused() -> None:
    photo, hole = two_grounds()
    for away in (brushed(2000, 0, 60, 60), brushed(125, 85, 30, 30)):  # beside the layer; on the object
        with pytest.raises(Invalid, match="can be copied"):
            erase(Image.from_array(photo), hole, take_from=away)


def test_a_file_to_take_from_has_the_layers_size() -> None:
    photo, hole = two_grounds()
    mask = np.zeros((*photo.shape[:2], 4), np.uint8)
    mask[:, :90] = 255
    for size, said in ((photo.shape[1::-1], None), ((50, 40), "50 × 40 pixels")):
        file = io.BytesIO()
        PIL.Image.fromarray(mask).resize(size, PIL.Image.Resampling.NEAREST).save(file, "PNG")
        context = Context(selection=hole.astype(np.float32), reference=Reference("mask.png", file.getvalue()))
        if said:
            with pytest.raises(Invalid, match=said):
                erase_object(Image.from_array(photo), Params(), context)
            continue
        made = erase_object(Image.from_array(photo), Params(), context)
        assert isinstance(made, list)
        assert made[0].raster is not None
        inside = samples.view(made[0].raster)[18:30, 25:35].astype(int)
        assert (inside[..., 1] > inside[..., 0]).mean() > 0.9


# --- selections that are no simple blob ---------------------------------------------------------------------------


def test_a_hole_at_a_transparent_border_takes_nothing_from_there() -> None:
    """What is transparent stays so, and its hidden colours do not get into the filling."""
    photo = np.dstack([data.chelsea()[:200, :240], np.full((200, 240), 255, np.uint8)])
    photo[:, 140:] = (0, 255, 0, 0)
    hole = blob(photo.shape, 130, 100, 30, 22)
    (erased,) = erase(Image.from_array(photo), hole)
    assert not erased.filling[:, 140:, 3].any()
    shown = erased.filling[hole & (photo[..., 3] > 0)].astype(int)
    assert (shown[:, 3] == 255).all()
    assert (shown[:, 1] - shown[:, 0]).max() < 60


def test_a_transparent_hole_is_filled() -> None:
    """Where nothing that shows is selected, the hole in the layer is what is meant."""
    photo = np.dstack([data.chelsea()[:200, :240], np.full((200, 240), 255, np.uint8)])
    hole = blob(photo.shape, 110, 90, 25, 18)
    photo[cv2.dilate(hole.astype(np.uint8), np.ones((7, 7))) > 0] = 0
    (erased,) = erase(Image.from_array(photo), hole)
    assert (erased.filling[hole][:, 3] == 255).all()
    assert erased.filling[hole][:, 0].mean() > 60


def test_thousands_of_islands() -> None:
    """Dust all over a photo: each speck goes, in seconds, and what is between stays out of it."""
    photo = data.chelsea().copy()
    truth = photo.copy()
    specks = np.zeros(photo.shape[:2], np.uint8)
    for x, y in zip(RANDOM.integers(0, photo.shape[1], 3000), RANDOM.integers(0, photo.shape[0], 3000), strict=True):
        cv2.circle(specks, (int(x), int(y)), 1, 1, -1)
    photo[specks > 0] = 255
    (erased,) = erase(Image.from_array(photo), specks)
    off = np.abs(erased.filling[..., :3].astype(int) - truth)[specks > 0]
    assert off.mean() < 12
    assert not erased.filling[cv2.dilate(specks, np.ones((2 * MOST_PX + 3,) * 2)) == 0].any()


def test_a_hairline_across_the_picture() -> None:
    """A cable is gone, though it touches two borders: what comes is nearer to what was there than a blur is."""
    photo = np.ascontiguousarray(np.tile(data.gravel(), (1, 4)))
    line = np.zeros_like(photo)
    cv2.line(line, (0, 30), (photo.shape[1] - 1, 480), 1, 1)
    (erased,) = erase(Image.from_array(np.where(line, 0, photo).astype(np.uint8)), line)
    off = np.abs(erased.filling[..., 0].astype(int) - photo)[line > 0]
    blurred = cv2.inpaint(photo, line, 3, cv2.INPAINT_TELEA)
    assert off.mean() < 1.1 * np.abs(blurred.astype(int) - photo)[line > 0].mean()


def test_a_frame_that_touches_all_borders() -> None:
    photo = data.chelsea()[:180, :220]
    frame = np.ones(photo.shape[:2], bool)
    frame[14:-14, 14:-14] = False
    (erased,) = erase(Image.from_array(photo), frame)
    assert (erased.filling[frame][:, 3] == 255).all()
    assert erased.filling[frame][:, 0].std() > 5


@pytest.mark.parametrize("shape", [(1, 2, 3), (5, 5, 4), (6, 40, 1), (7, 7, 3), (12, 9, 3)])
def test_a_layer_hardly_larger_than_a_patch(shape: tuple[int, ...]) -> None:
    """Nothing breaks, and a pixel gets a colour between those around it."""
    pixels = RANDOM.integers(98, 103, shape).astype(np.uint8)
    pixels[0, 0] = 255
    if shape[2] == 4:
        pixels[..., 3] = 255
    selection = np.zeros(shape[:2])
    selection[0, 0] = 1
    image = Image.from_array(pixels if shape[2] > 1 else pixels[..., 0])
    if shape[0] * shape[1] <= 2:
        with pytest.raises(Invalid, match="nothing is left"):
            erase(image, selection)
        return
    (erased,) = erase(image, selection)
    assert 80 < erased.filling[0, 0, 0] < 120


def test_a_selection_of_everything_is_refused() -> None:
    """In words, whether all of the layer is selected or all that shows."""
    photo = np.dstack([data.chelsea()[:90, :120], np.full((90, 120), 255, np.uint8)])
    with pytest.raises(Invalid, match="Everything that shows") as raised:
        erase(Image.from_array(photo), np.ones((90, 120)))
    assert "Select the object only" in str(raised.value.hint)
    photo[:, 60:, 3] = 0
    with pytest.raises(Invalid, match="Everything that shows"):
        erase(Image.from_array(photo), np.repeat(np.arange(120)[None] < 64, 90, axis=0))


def test_a_soft_selection_is_told_that_something_may_show_through() -> None:
    photo = data.chelsea()[:200, :240]
    hole = blob(photo.shape, 110, 90, 25, 18).astype(np.float32)
    soft = cv2.GaussianBlur(hole, (0, 0), 8)
    (erased,) = erase(Image.from_array(photo), soft)
    assert "soft edge" in erased.notes[0]
    assert (erased.filling[soft > 0.01][:, 3] == 255).all()
    assert not erase(Image.from_array(photo), hole)[0].notes


def test_a_large_hole_is_filled_with_pixels_of_the_layers_own_size() -> None:
    """Where the search is done in a reduced picture, the filling is as sharp as what is around it all the same."""
    photo = np.ascontiguousarray(np.tile(data.gravel(), (3, 3)))
    hole = blob(photo.shape, 760, 740, 300, 260)
    (erased,) = erase(Image.from_array(photo), hole)
    core = cv2.erode(hole.astype(np.uint8), np.ones((9, 9))) > 0
    filled = gradients(erased.filling[..., 0].astype(np.float32))[core].mean()
    around = gradients(photo.astype(np.float32))[~hole].mean()
    assert 0.85 < filled / around < 1.2


def test_a_cancelled_job_stops() -> None:
    """Within a step of the search, on every level."""
    photo = data.chelsea()
    stages: list[str] = []
    context = Context(
        selection=blob(photo.shape, 200, 150, 40, 30).astype(np.float32),
        report=lambda fraction, stage: stages.append(stage),
        is_cancelled=lambda: len(stages) >= 6,
    )
    with pytest.raises(Cancelled):
        erase_object(Image.from_array(photo), Params(), context)
    assert len(stages) == 6
