"""Replace Sky finds the sky and nothing else, keeps what stands before it, and leaves the photo below untouched."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pytest
from scumble_daemon.context import Context
from scumble_daemon.executors import job
from scumble_daemon.imaging import composite, samples
from scumble_daemon.imaging.image import Image, NewLayer
from scumble_daemon.imaging.sky import generated
from scumble_daemon.imaging.sky.generated import Camera
from scumble_daemon.operations.replace_sky import Params, replace_sky
from scumble_protocol.errors import Cancelled, Invalid
from scumble_protocol.image import Bounds, Point, Raster, Reference
from skimage import data
from sklearn.datasets import load_sample_image

from . import skies

KERNEL = np.ones((5, 5), np.uint8)
PLAIN: dict[str, Any] = {"light": 0, "colour": 0, "haze": 0, "water": 0}


@dataclass(frozen=True)
class Made:
    """The layers, and all of them over the photo, in its own samples; what was said."""

    layers: dict[str, NewLayer]
    seen: np.ndarray
    notes: list[str] = field(default_factory=list)

    def share(self) -> np.ndarray:
        """Of the sky, over the whole layer."""
        layer = self.layers["Sky"]
        assert layer.mask is not None
        assert layer.bounds is not None
        whole = np.zeros(self.seen.shape[:2], np.float32)
        part = layer.bounds
        whole[part.y : part.bottom, part.x : part.right] = layer.mask
        return whole


def replaced(photo: np.ndarray | Image, context: Context | None = None, **parameters: Any) -> Made:
    image = photo if isinstance(photo, Image) else Image.from_array(photo)
    context = context or Context()
    made = replace_sky(image, Params(**parameters), context)
    assert isinstance(made, list)
    source = job.Source(image, context.selection, image.bounds)
    encoded = [job._encode(layer, source, {}) for layer in made]
    flat = composite.flatten(image.bounds, image.raster, encoded)
    return Made({layer.name: layer for layer in made}, samples.view(flat), context.notes)


def overlap(found: np.ndarray, truth: np.ndarray) -> float:
    return float(((found > 0.5) & (truth > 0.5)).sum() / ((found > 0.5) | (truth > 0.5)).sum())


# --- what is found ------------------------------------------------------------------------------------------------

EASY = ("roofs before China's sky", "pylons at dusk", "firs, fair weather clouds", "a lake's shore", "hair, sunset")


@pytest.mark.parametrize("name", EASY)
def test_the_sky_is_found_and_not_what_stands_before_it(name: str) -> None:
    """Aerials, lattice towers, firs, twigs: within a few pixels of what was drawn; a lake is no sky."""
    scene = skies.make(name)
    found = replaced(scene.photo, **PLAIN).share()
    assert overlap(found, scene.sky) > 0.95
    assert np.abs(found - scene.sky).mean() < 0.035


def test_thin_things_stay() -> None:
    """Twigs and aerials as thin as a pixel are still seen before the new sky."""
    scene = skies.make("bare trees, clear")
    made = replaced(scene.photo, sky="overcast", **PLAIN)
    thin = (scene.sky > 0.15) & (scene.sky < 0.7)
    assert thin.sum() > 5000
    assert np.abs(made.share() - scene.sky)[thin].mean() < 0.25


def test_wires_stay_whole_from_one_side_to_the_other() -> None:
    """Far above the roofs too, before blue and before clouds."""
    scene = skies.make("roofs, fair weather clouds")
    found = replaced(scene.photo, **PLAIN).share()
    open_sky = scene.sky[100:170] > 0.98
    wire = np.where(scene.sky[100:170] < 0.6, found[100:170], 1)[:, 10:-10]
    assert (wire.min(axis=0) < 0.6).mean() > 0.95, "nearly every column still shows a wire"
    assert (found[100:170][open_sky] > 0.9).mean() > 0.98


def test_strands_before_clouds_stay_and_no_bit_of_cloud_does() -> None:
    scene = skies.make("hair, sunset")
    found = replaced(scene.photo, **PLAIN).share()
    strands = (scene.sky < 0.5) & (np.abs(np.arange(512) - 170)[:, None] < 120)
    strands[:, 310:460] = False  # the head
    assert found[strands].mean() < 0.35
    cloud = found[180:225, 196:222]
    assert cloud[scene.sky[180:225, 196:222] > 0.98].mean() > 0.93


def test_grain_in_a_large_photo_is_no_thing_before_the_sky() -> None:
    """Larger than the copies that are looked at, in which it is averaged away."""
    scene, size = skies.make("roofs, fair weather clouds"), (1536, 2304)
    photo = cv2.resize(scene.photo, size[::-1], interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(3).normal(0.5, 8, photo.shape)
    found = replaced(np.clip(photo + grain, 0, 255).astype(np.uint8), **PLAIN).share()
    open_sky = cv2.resize(scene.sky, size[::-1]) > 0.99
    assert (found[open_sky] < 0.9).mean() < 0.02


@pytest.mark.parametrize(("y", "x"), [(40, 400), (20, 560), (120, 420)])
def test_chinas_sky_goes_and_its_lake_stays(y: int, x: int) -> None:
    """The real photo: sky above the far shore, a pale lake below it, leaves and a roof before both."""
    photo = load_sample_image("china.jpg")
    found = replaced(photo, **PLAIN).share()
    assert found[y, x] == 1
    assert found[230:330, 380:540].max() == 0, "the lake"
    assert found[100:200, 145:255].mean() < 0.01, "the pagoda"


def test_towers_of_lattice_stay_before_a_dusky_sky() -> None:
    """The real photo: sky is seen through the towers, their bars stay."""
    found = replaced(data.rocket(), **PLAIN).share()
    tower = found[40:330, 20:80]
    assert 0.1 < (tower < 0.3).mean() < 0.6
    assert (tower > 0.9).mean() > 0.2
    assert found[200:350, 315:328].max() < 0.06, "the rocket"


def test_no_halo_of_the_old_sky_is_left() -> None:
    """Before a dark sky, edges look as if the thing had been photographed before it: not lighter, on the mean."""
    scene = skies.make("roofs before China's sky")
    dark = np.broadcast_to(np.array([26, 31, 51], np.uint8), scene.photo.shape).copy()
    made = replaced(scene.photo, Context(reference_layer=Image.from_array(dark)), **PLAIN)
    new = made.seen / 255
    truth = scene.before(dark / np.float32(255))
    edge = (scene.sky > 0.03) & (scene.sky < 0.97)
    assert (new - truth)[edge].mean() < 0.06
    glued = scene.photo / 255
    pasted = np.where(made.share()[..., None] > 0.5, new, glued)  # a hard mask instead
    assert np.abs(new - truth)[edge].mean() < 0.8 * np.abs(pasted - truth)[edge].mean()


def test_masts_keep_their_own_colour_before_a_dark_sky() -> None:
    """Thinner than their photo's lens and JPEG tell apart from the sky, they are not as pale and blue as it was."""
    scene = skies.make("roofs before China's sky")
    dark = np.broadcast_to(np.array([26, 31, 51], np.uint8), scene.photo.shape).copy()
    made = replaced(scene.photo, Context(reference_layer=Image.from_array(dark)), **PLAIN)
    truth = scene.before(dark / np.float32(255))
    solid = (scene.sky < 0.5).astype(np.uint8)
    thin = (scene.sky < 0.7) & ~(cv2.dilate(cv2.morphologyEx(solid, cv2.MORPH_OPEN, KERNEL), KERNEL) > 0)
    off = (made.seen / 255 - truth)[thin].mean(axis=0)
    assert thin.sum() > 5000
    assert np.abs(off).max() < 0.08


def test_a_pixel_that_is_half_sky_is_found_half_sky() -> None:
    """As light is mixed: before a pale sky such a pixel is much paler than the mean of both colours."""
    scene = skies.make("bare trees before a grey sky")
    found = replaced(scene.photo, **PLAIN).share()
    half = (scene.sky > 0.35) & (scene.sky < 0.65)
    assert abs((found - scene.sky)[half].mean()) < 0.05
    assert np.abs(found - scene.sky).mean() < 0.016


# --- photos without one -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["chelsea", "coffee", "grass", "gravel", "brick", "retina", "moon", "flower"])
def test_a_photo_without_sky_is_left_alone_and_that_is_said(name: str) -> None:
    photo = load_sample_image("flower.jpg") if name == "flower" else getattr(data, name)()
    with pytest.raises(Invalid, match="No sky was found") as told:
        replaced(photo)
    assert "click" in told.value.hint


def test_a_photo_of_nothing_but_sky() -> None:
    """All of it is replaced, and that is said."""
    sky = generated.paint("clear", Camera((120, 180), 140), 1)
    photo = np.clip(sky * 255 + np.random.default_rng(2).normal(0.5, 1, sky.shape), 0, 255).astype(np.uint8)
    made = replaced(photo)
    assert made.share().min() > 0.9
    assert "All of it was taken for sky" in made.notes[0]


def test_a_photo_at_night() -> None:
    """Nearly black, with stars and noise: the sky is found, or it is said that there is none."""
    found = replaced(skies.at_night()).share()
    assert found[20:80].mean() > 0.8
    assert found[-60:].max() < 0.2


# --- what the artist says -----------------------------------------------------------------------------------------


def test_a_selection_says_where_the_sky_is() -> None:
    """Nothing is done outside it."""
    photo = load_sample_image("china.jpg")
    selection = np.zeros(photo.shape[:2], np.float32)
    selection[:200, 320:] = 1
    made = replaced(photo, Context(selection=selection))
    assert made.share()[40:180, 400:560].min() == 1
    np.testing.assert_array_equal(made.seen[:, :310], photo[:, :310])
    np.testing.assert_array_equal(made.seen[210:], photo[210:])


def test_a_click_that_says_no_takes_a_part_out() -> None:
    """And one that says yes brings one in that was not found."""
    photo = load_sample_image("china.jpg")
    lake = Point(430.5, 265.5)
    found = replaced(photo, Context(points=(lake,)), **PLAIN).share()
    assert found[258:272, 410:450].mean() > 0.9
    scene = skies.make("roofs before China's sky")
    assert replaced(scene.photo, **PLAIN).share()[20:40, 100:700].min() > 0.9
    without = replaced(scene.photo, Context(points=(Point(60.5, 30.5, include=False),)), **PLAIN).share()
    assert without[30, 60] == 0


def test_a_click_or_a_selection_saves_a_tower_as_pale_as_the_sky() -> None:
    """Only the tower: the sky beside it, which is no other colour, stays sky."""
    photo = load_sample_image("china.jpg").copy()
    tower = np.zeros(photo.shape[:2], bool)
    tower[70:175, 480:505] = True
    photo[tower] = (photo[tower].astype(int) - 4).clip(0, 255)
    photo[70:175, [480, 504]] -= 20
    photo[[70, 71], 480:505] -= 20
    inside, beside = np.zeros((2, *tower.shape), bool)
    inside[80:130, 484:501] = True
    beside[40:130, 420:470] = beside[40:130, 515:550] = True
    selection = np.ones(tower.shape, np.float32)
    selection[tower] = 0
    for said in (Context(points=(Point(492.5, 110.5, include=False),)), Context(selection=selection)):
        share = replaced(photo, said, **PLAIN).share()
        assert share[inside].mean() < 0.05
        assert share[beside].mean() > 0.98
    assert replaced(photo, **PLAIN).share()[inside].mean() > 0.5  # nobody could tell


# --- the layers ---------------------------------------------------------------------------------------------------


def test_the_photo_is_put_together_from_layers_that_can_each_be_lowered() -> None:
    """From below: cleaned edges, light, haze, the sky in the lake, the sky with its mask."""
    made = replaced(load_sample_image("china.jpg"), sky="sunset")
    assert list(made.layers) == ["Edges", "Light", "Haze", "Water", "Sky"]
    modes = ["normal", "multiply", "normal", "normal", "normal"]
    assert [layer.blend_mode for layer in made.layers.values()] == modes


@pytest.mark.parametrize("kind", generated.KINDS)
def test_every_sky_takes_its_place(kind: Any) -> None:
    """It is seen where the old one was; another number is another sky, the same number the same."""
    photo = load_sample_image("china.jpg")
    first, again = (replaced(photo, sky=kind, seed=3).seen for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = replaced(photo, sky=kind, seed=4).seen
    part = (slice(0, 150), slice(380, 560))
    assert np.abs(first[part].astype(int) - photo[part]).mean() > 8
    assert (first[part] != other[part]).mean() > 0.3


def test_layers_of_one_colour_lie_where_something_is_selected() -> None:
    photo = load_sample_image("china.jpg")
    selection = np.zeros(photo.shape[:2], np.float32)
    selection[:200, 320:] = 1
    light = replaced(photo, Context(selection=selection), sky="night").layers["Light"]
    assert light.bounds == Bounds(320, 0, 320, 200)


def test_a_dark_sky_makes_the_ground_dark_and_a_sunset_makes_it_warm() -> None:
    """As far as the sliders say, and not at all at nothing."""
    photo = load_sample_image("china.jpg")
    ground = (slice(330, 420), slice(20, 240))
    before = photo[ground].mean(axis=(0, 1))
    night = replaced(photo, sky="night").seen[ground].mean(axis=(0, 1))
    assert night.sum() < 0.75 * before.sum()
    sunset = replaced(photo, sky="sunset", light=0).seen[ground].mean(axis=(0, 1))
    assert sunset[0] / sunset[2] > 1.03 * before[0] / before[2]
    np.testing.assert_array_equal(replaced(photo, sky="night", **PLAIN).seen[ground], photo[ground])


def test_a_lake_mirrors_the_new_sky() -> None:
    """Upside down and no lighter than it; the shore before it and the bank behind it stay as they were."""
    scene = skies.make("a lake's shore")
    plain, made = replaced(scene.photo, **PLAIN), replaced(scene.photo, **{**PLAIN, "water": 1}, sky="sunset")
    assert "Water" not in plain.layers
    lake, shore = (slice(380, 500), slice(300, 750)), (slice(380, 500), slice(0, 240))
    np.testing.assert_array_equal(made.seen[shore], scene.photo[shore])
    rows = made.seen[lake].mean(axis=1)
    warmth = rows[:, 0] / rows[:, 2]
    assert warmth[:15].mean() > 1.15 * warmth[-15:].mean(), "the glow at the horizon is nearest to the far bank"
    above, below = made.seen[196:316, 660:750], made.seen[380:500, 660:750]
    assert below.mean() < 1.02 * above.mean()
    upside_down = above[::-1].mean(axis=(1, 2)), below.mean(axis=(1, 2))
    assert np.corrcoef(*upside_down)[0, 1] > 0.75
    half = replaced(scene.photo, **{**PLAIN, "water": 0.5}, sky="sunset").seen[lake].astype(int)
    away = np.abs(half - (made.seen[lake].astype(int) + scene.photo[lake]) / 2)
    assert away.mean() < 2


@pytest.mark.parametrize("name", ["roofs before China's sky", "grass, overcast", "bare trees before a grey sky"])
def test_dry_ground_mirrors_nothing(name: str) -> None:
    assert "Water" not in replaced(skies.make(name).photo, **{**PLAIN, "water": 1}).layers


def test_a_photo_without_colour_gets_a_sky_without_colour() -> None:
    """Its stars and its light too, in a layer that could hold colours."""
    photo = np.dstack([data.camera()] * 3)
    for kind in ("sunset", "night"):
        seen = replaced(photo, sky=kind).seen.astype(int)
        assert (seen.max(axis=2) - seen.min(axis=2)).max() <= 1
        assert np.abs(seen[10:60, 20:480] - photo[10:60, 20:480]).mean() > 8


def test_a_lighter_sky_makes_the_ground_lighter() -> None:
    photo = data.rocket()
    made = replaced(photo, sky="clear")
    assert made.layers["Lift"].blend_mode == "dodge"
    assert made.seen[200:350, 315:328].mean() > 1.05 * photo[200:350, 315:328].mean()


def test_the_sky_can_be_moved_turned_and_mirrored() -> None:
    photo = load_sample_image("china.jpg")
    part = (slice(0, 150), slice(380, 560))
    plain = replaced(photo, **PLAIN).seen[part].astype(int)
    changes: tuple[dict[str, Any], ...] = ({"horizon": 0.2}, {"turn": 40.0}, {"flip": True})
    for change in changes:
        assert np.abs(replaced(photo, **{**PLAIN, **change}).seen[part] - plain).mean() > 2


# --- a picture instead --------------------------------------------------------------------------------------------


def as_file(pixels: np.ndarray) -> Reference:
    from PIL import Image as Picture

    file = io.BytesIO()
    Picture.fromarray(pixels).save(file, "PNG")
    return Reference("sky.png", file.getvalue())


def test_a_pictures_sky_ends_at_the_photos_horizon() -> None:
    """Its own land is left out: just above the photo's horizon stands what stands just above the picture's."""
    picture = np.zeros((300, 450, 3), np.uint8)
    picture[..., 0] = 250
    picture[:200, :, 1] = np.linspace(20, 180, 200)[:, None]  # red above, orange at its horizon
    picture[200:] = np.random.default_rng(3).integers(0, 90, (100, 450, 1))
    photo = load_sample_image("china.jpg")
    made = replaced(photo, Context(reference=as_file(picture)), **PLAIN)
    assert np.abs(made.seen[192:198, 400:520].mean(axis=(0, 1)) - (250, 175, 0)).max() < 14
    assert made.seen[4, 500, 1] < 80
    layer = Image.from_array(picture)
    np.testing.assert_array_equal(replaced(photo, Context(reference_layer=layer), **PLAIN).seen, made.seen)


def test_a_picture_that_cannot_be_read_is_said() -> None:
    with pytest.raises(Invalid, match=r"sky\.jpg"):
        replaced(load_sample_image("china.jpg"), Context(reference=Reference("sky.jpg", b"no picture")))


# --- documents of every kind --------------------------------------------------------------------------------------


def test_sixteen_bits_keep_their_steps() -> None:
    """More tones in the new sky than 8 bits have; the ground is exactly what it was."""
    photo = load_sample_image("china.jpg").astype(np.uint16) * 257
    photo[400:, :, 1] += 77
    made = replaced(photo, sky="clear", **PLAIN)
    assert len(np.unique(made.seen[:150, 400:560, 2])) > 600
    np.testing.assert_array_equal(made.seen[400:], photo[400:])


def test_light_beyond_white_stays() -> None:
    """Float values above 1 in the ground are darkened as the rest is, not cut off."""
    photo = (load_sample_image("china.jpg") / np.float32(255)).astype(np.float32)
    photo[380:390, 100:110] = 3.0
    made = replaced(photo, sky="night")
    assert np.isfinite(made.seen).all()
    assert made.seen[384, 104].max() > 1.2
    assert made.seen[384, 104].max() < 3.0


def test_grey_and_transparent_layers() -> None:
    """A grey photo gets a grey sky; where the layer is transparent it stays so."""
    made = replaced(data.camera(), sky="cumulus")
    assert made.seen.shape[2] == 1
    assert made.share()[10:60, 20:480].min() > 0.95
    photo = np.dstack([load_sample_image("china.jpg"), np.full((427, 640), 255, np.uint8)])
    photo[:, 500:, 3] = 0
    made = replaced(photo)
    np.testing.assert_array_equal(made.seen[..., 3], photo[..., 3])
    assert made.share()[40:150, 400:480].min() == 1


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (8, 8)])
def test_tiny_layers(size: tuple[int, int]) -> None:
    """An answer in words: there is no outline in them, or no sky."""
    photo = np.full((*size, 3), (120, 170, 230), np.uint8)
    photo[size[0] * 2 // 3 :] = (60, 50, 40)
    with pytest.raises(Invalid, match="layer") as told:
        replaced(photo)
    assert told.value.hint


def test_a_small_layer() -> None:
    """Nine rows are enough."""
    photo = np.full((9, 30, 3), (120, 170, 230), np.uint8)
    photo[6:] = (60, 50, 40)
    share = replaced(photo).share()
    assert share[:5].min() > 0.9
    assert share[7:].max() < 0.1


def test_it_can_be_cancelled() -> None:
    asked = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 6

    with pytest.raises(Cancelled):
        replaced(load_sample_image("china.jpg"), Context(is_cancelled=cancelled))


def test_a_layer_that_lies_elsewhere() -> None:
    """The layers lie where it lies."""
    image = Image.from_array(load_sample_image("china.jpg"), x=-40, y=70)
    made = replace_sky(image, Params(), Context())
    assert isinstance(made, list)
    sky = made[-1]
    assert isinstance(sky.raster, Raster)
    assert sky.raster.bounds == Bounds(-40, 70, 640, sky.raster.bounds.height)
