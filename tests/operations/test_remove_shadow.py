"""Remove Shadow adds light where a shadow took it, on a layer of its own, and nowhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pytest
from scumble_daemon.context import Context
from scumble_daemon.imaging import colour, relight
from scumble_daemon.imaging.image import Image
from scumble_daemon.operations.remove_shadow import Params, remove_shadow
from scumble_protocol.errors import Cancelled
from scumble_protocol.image import Bounds, Raster
from skimage import data
from sklearn.datasets import load_sample_image

from . import photos

GROUNDS = {
    "astronaut": lambda: photos.shadowed(data.astronaut(), (110, 400), (80, 55)),
    "chelsea": lambda: photos.shadowed(data.chelsea(), (240, 160), (80, 60)),
    "china": lambda: photos.shadowed(load_sample_image("china.jpg"), (460, 190), (90, 60)),
    "brick": lambda: photos.shadowed(np.dstack([data.brick()] * 3), (250, 250), (110, 80)),
    "coffee": lambda: photos.shadowed(data.coffee(), (110, 330), (85, 50)),
}


@dataclass(frozen=True)
class Light:
    """The one layer that came back, in black over the whole of what it was made for, and what was said with it."""

    rgb: np.ndarray
    alpha: np.ndarray
    bounds: Bounds
    notes: list[str]


def lighten(image: Image, selection: np.ndarray | None = None, params: Params | None = None) -> Light:
    context = Context(selection=selection)
    made = remove_shadow(image, params or Params(), context)
    assert isinstance(made, list)
    (layer,) = made
    assert layer.blend_mode == "dodge"
    assert layer.raster is not None
    at, stored = layer.raster.bounds, Image(layer.raster)
    rgb, alpha = np.zeros_like(image.native_colour), image.alpha.copy()
    rgb[at.y : at.bottom, at.x : at.right] = stored.native_colour
    alpha[at.y : at.bottom, at.x : at.right] = stored.alpha
    assert 0 <= rgb.min() <= rgb.max() < 1
    return Light(rgb, alpha, at, context.notes)


def composite(image: Image, layer: Light, selection: np.ndarray | None = None) -> np.ndarray:
    """Colour dodge as the editors do it, in the document's encoding, with the layer rounded to 8 bits and masked."""
    base = image.native_colour
    stored = np.round(layer.rgb * 255) / 255
    dodged = np.clip(base / (1 - stored), 0, 1)
    cover = np.ones(base.shape[:2]) if selection is None else selection
    return (base + (dodged - base) * cover[..., None]).astype(np.float32)


@pytest.mark.parametrize("name", list(GROUNDS))
def test_a_selected_shadow_is_given_its_light_back(name: str) -> None:
    """A generous selection of a soft, bluish shadow: its distance to the lit photo more than halves."""
    case = GROUNDS[name]()
    image = Image.from_array(case.photo)
    layer = lighten(image, case.selection)
    after = composite(image, layer, case.selection)
    shadow = case.shadow > 0.02
    before = photos.difference(case.photo / 255, case.lit / 255)[shadow].mean()
    left = photos.difference(after, case.lit / 255)[shadow].mean()
    assert before > 10
    assert left < 0.45 * before, f"ΔE {before:.1f} → {left:.1f}"


@pytest.mark.parametrize("name", ["china", "brick", "coffee"])
def test_light_is_added_to_the_shadow_only(name: str) -> None:
    """Far from the shadow the layer is exactly nothing, though the selection is wider than the shadow."""
    case = GROUNDS[name]()
    layer = lighten(Image.from_array(case.photo), case.selection)
    far = photos.roughly(case.shadow > 0.02, 40) == 0
    assert far.mean() > 0.3
    assert not layer.rgb[far].any()
    assert layer.rgb[case.shadow > 0.95].mean() > 0.1


def test_the_layer_is_light_and_not_a_copy_of_the_photo() -> None:
    """Inside the shadow the layer varies far less than the photo's own texture does."""
    case = GROUNDS["brick"]()
    image = Image.from_array(case.photo)
    layer = lighten(image, case.selection)
    core = case.shadow > 0.99
    assert layer.rgb[core].std() < 0.3 * image.rgb[core].std() / image.rgb[core].mean() * layer.rgb[core].mean()


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "china", "coffee", "brick", "grass", "rocket"])
def test_a_photo_without_shadows_is_left_alone(name: str) -> None:
    """Without a selection dark things stay dark, and the artist is told that nothing was changed."""
    photo = load_sample_image("china.jpg") if name == "china" else getattr(data, name)()
    photo = np.dstack([photo] * 3) if photo.ndim == 2 else photo
    layer = lighten(Image.from_array(photo))
    assert not layer.rgb.any()
    assert "No clear shadow" in layer.notes[0]


def test_a_clear_shadow_is_found_without_a_selection_and_lifted_gently() -> None:
    """On plain ground the shadow is found; it becomes lighter, never lighter than the ground, and the rest stays."""
    case = GROUNDS["brick"]()
    image = Image.from_array(case.photo)
    layer = lighten(image)
    after = composite(image, layer)
    core, rest = case.shadow > 0.95, case.shadow < 0.005
    before, left = (photos.difference(each, case.lit / 255)[core].mean() for each in (case.photo / 255, after))
    assert left < 0.7 * before
    assert after[core].mean() < 1.02 * (case.lit[core] / 255).mean()
    assert photos.difference(after, case.photo / 255)[rest].mean() < 0.5
    assert "found" in layer.notes[0]


CHANGES: list[dict[str, Any]] = [{"strength": 0}, {"strength": 0.5}, {}, {"colour": 0}]


def test_strength_and_colour_scale_what_is_done() -> None:
    """Strength 0 changes nothing, a half less than the whole; colour 0 lightens all channels alike."""
    case = GROUNDS["chelsea"]()
    image = Image.from_array(case.photo)
    none, half, whole, neutral = (lighten(image, case.selection, Params(**values)).rgb for values in CHANGES)
    core = case.shadow > 0.99
    assert not none.any()
    assert 0 < half[core].mean() < whole[core].mean()
    bright = core & (image.rgb.min(axis=2) > 0.15)
    tinted, untinted = (
        np.ptp(np.median(relight.linear(image.rgb / (1 - layer))[bright] / relight.linear(image.rgb)[bright], axis=0))
        for layer in (whole, neutral)
    )
    assert untinted < 0.01 < tinted


def test_the_same_light_in_a_linear_wide_gamut_document() -> None:
    """The layer is made for the document's own encoding: its composite is the sRGB document's, converted."""
    case = GROUNDS["china"]()
    plain = Image.from_array(case.photo)
    profile = colour.standard_profile("linear-rec2020")
    pixels = np.ascontiguousarray(colour.from_srgb(plain.rgb, profile, grey=False))
    bounds = Bounds(0, 0, case.photo.shape[1], case.photo.shape[0])
    wide = Image(Raster(bounds, "f32", "RGB", pixels.tobytes(), "0" * 64), {"0" * 64: profile})
    first, second = (lighten(image, case.selection) for image in (plain, wide))
    expected = np.clip(plain.native_colour / (1 - first.rgb), 0, 1)
    actual = colour.to_srgb((wide.native_colour / (1 - second.rgb)).astype(np.float32), profile)
    assert np.abs(first.rgb - second.rgb).max() > 0.05
    bright = (case.photo > 12).all(axis=2) & (expected < 0.98).all(axis=2)
    assert np.abs(actual - expected)[bright].max() < 0.01


def test_grey_documents_and_alpha() -> None:
    """A grey layer gets a grey layer, and the layer's own alpha comes back with it."""
    case = GROUNDS["brick"]()
    alpha = np.full(case.photo.shape[:2], 255, np.uint8)
    alpha[:40] = 0
    image = Image.from_array(np.dstack([case.photo[..., 1], alpha]))
    layer = lighten(image, case.selection)
    assert layer.rgb.shape[2] == 1
    assert layer.rgb[case.shadow > 0.95].mean() > 0.1
    assert np.array_equal(layer.alpha, alpha / np.float32(255))


def test_a_shadow_across_many_colours_is_measured() -> None:
    """On a face hardly two stretches of its edge have the same ground on both sides; still one light is found."""
    lit = data.chelsea()
    angles = np.linspace(0, 2 * np.pi, 200)
    radius = 85 * (1 + 0.28 * np.sin(3 * angles) + 0.13 * np.sin(8 * angles))
    outline = np.stack([200 + radius * np.cos(angles), 180 + 0.8 * radius * np.sin(angles)], axis=1)
    drawn = np.zeros(lit.shape[:2], np.float32)
    cv2.fillPoly(drawn, [np.round(outline).astype(np.int32)], 1, cv2.LINE_AA)
    shadow = cv2.GaussianBlur(drawn, (0, 0), 3)
    image = Image.from_array(photos.darkened(lit, shadow, 0.45))
    selection = photos.roughly(shadow > 0.05, 2)
    after = composite(image, lighten(image, selection), selection)
    core = shadow > 0.95
    before, left = (photos.difference(each, lit / 255)[core].mean() for each in (image.rgb, after))
    assert left < 0.3 * before, f"ΔE {before:.1f} → {left:.1f}"


def test_a_crisp_shadow_leaves_no_rim() -> None:
    """Before a plain sky, where a line of one pixel would be seen, its edge is given back as well as its inside."""
    lit = load_sample_image("china.jpg")
    drawn = np.zeros(lit.shape[:2], np.float32)
    cv2.ellipse(drawn, (420, 100), (80, 55), 20, 0, 360, 1, -1, cv2.LINE_AA)
    shadow = cv2.GaussianBlur(drawn, (0, 0), 1)
    image = Image.from_array(photos.darkened(lit, shadow, 0.5))
    selection = photos.roughly(shadow > 0.05, 14)
    after = composite(image, lighten(image, selection), selection)
    rim = (shadow > 0.02) & (shadow < 0.95)
    left = float(photos.difference(after, lit / 255)[rim].mean())
    assert left < 1.5, left  # with the picture blurred before its edge is looked for: 2.4


def test_a_lit_strip_between_the_shadow_and_the_pictures_edge_is_not_lit_again() -> None:
    """Where the shadow's edge cannot be followed, because the picture ends, what would be burnt out is known as lit."""
    lit = np.ascontiguousarray(load_sample_image("china.jpg")[:260])
    case = photos.shadowed(lit, (430, 190), (95, 60))
    image = Image.from_array(case.photo)
    after = composite(image, lighten(image, case.selection), case.selection)
    strip = (case.shadow < 0.02) & (case.selection > 0.5)
    strip[:240] = False
    assert strip.sum() > 500
    left = float(np.quantile(photos.difference(after, lit / 255)[strip], 0.95))
    assert left < 5, left


def test_the_layer_covers_what_changes_alone() -> None:
    """In a large layer, whose light goes beyond white, a small shadow's light is a small layer."""
    case = GROUNDS["brick"]()
    large = np.tile(case.lit, (2, 3, 1)).astype(np.float32) / 255 * 1.5
    large[: case.lit.shape[0], : case.lit.shape[1]] = case.photo / np.float32(255) * 1.5
    selection = np.zeros(large.shape[:2], np.float32)
    selection[: case.lit.shape[0], : case.lit.shape[1]] = case.selection
    layer = lighten(Image.from_array(large), selection)
    rows, columns = np.flatnonzero(case.selection.any(axis=1)), np.flatnonzero(case.selection.any(axis=0))
    assert layer.bounds.height * layer.bounds.width < 1.5 * len(rows) * len(columns) < 0.2 * selection.size
    base = large[: case.lit.shape[0], : case.lit.shape[1]]
    made = base / (1 - layer.rgb[: base.shape[0], : base.shape[1]])
    target = case.lit / np.float32(255) * 1.5
    core = (case.shadow > 0.95) & (target.max(axis=2) < 0.98)
    assert abs(float(np.median(made[core] / target[core])) - 1) < 0.1


def test_the_same_picture_gives_the_same_layer() -> None:
    """Nothing is left to chance."""
    case = GROUNDS["coffee"]()
    first, second = (lighten(Image.from_array(case.photo), case.selection).rgb for _ in range(2))
    assert np.array_equal(first, second)


def test_a_selection_without_a_shadow_is_said() -> None:
    """Where nothing is darker than around it, nothing is changed and the artist hears why."""
    selection = np.zeros((90, 120), np.float32)
    selection[30:60, 40:80] = 1
    layer = lighten(Image.from_array(np.full((90, 120, 3), 128, np.uint8)), selection)
    assert not layer.rgb.any()
    assert "Nothing in the selection is darker" in layer.notes[0]


def test_ground_with_no_lit_counterpart_is_said() -> None:
    """A shadow that covers one thing exactly, and none of the ground around it, cannot be measured: that is said."""
    pixels = np.full((200, 200, 3), (60, 140, 60), np.uint8)
    pixels[60:140, 60:140] = (70, 30, 110)
    pixels = np.clip(pixels + np.random.default_rng(1).normal(0, 3, pixels.shape), 0, 255).astype(np.uint8)
    selection = np.zeros((200, 200), np.float32)
    selection[56:144, 56:144] = 1
    layer = lighten(Image.from_array(pixels), selection)
    assert "The ground changes along the shadow's edge" in layer.notes[0]


def test_a_bright_thing_that_was_selected_is_not_burnt_out() -> None:
    """A face selected by mistake is not in shadow, however light the wall behind it: it stays within white, and the
    artist is told."""
    photo = data.astronaut()[0:230, 124:354]
    selection = np.zeros(photo.shape[:2], np.float32)
    selection[25:225, 35:160] = 1
    image = Image.from_array(photo)
    layer = lighten(image, selection)
    white = (composite(image, layer, selection) > 0.995).any(axis=2) & (selection > 0)
    assert white.sum() < 0.15 * selection.sum()  # without the limit: 0.41
    assert re.search("too bright to lie in a shadow|had to be guessed", layer.notes[0])


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 300, 4), (7, 7, 1)])
def test_a_tiny_layer_gets_an_empty_layer(shape: tuple[int, ...]) -> None:
    """There is no edge to measure, and nothing breaks."""
    pixels = np.full(shape, 90, np.uint8)
    layer = lighten(Image.from_array(pixels if shape[2] > 1 else pixels[..., 0]), np.ones(shape[:2], np.float32))
    assert not layer.rgb.any()
    assert "too small" in layer.notes[0]


def test_a_cancelled_job_stops() -> None:
    """Cancel is heard between the steps."""
    case = GROUNDS["china"]()
    stages: list[str] = []
    context = Context(
        selection=case.selection,
        report=lambda fraction, stage: stages.append(stage),
        is_cancelled=lambda: len(stages) >= 2,
    )
    with pytest.raises(Cancelled):
        remove_shadow(Image.from_array(case.photo), Params(), context)
    assert len(stages) == 2
