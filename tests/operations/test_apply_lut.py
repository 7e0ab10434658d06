"""Apply LUT gives one new layer with the LUT's colours, where the selection is, in any depth and profile."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import numpy as np
import pytest
from scumble_daemon.context import Context
from scumble_daemon.imaging import colour, lut_files, luts
from scumble_daemon.imaging.image import Image, NewLayer
from scumble_daemon.operations import apply_lut as module
from scumble_daemon.operations.apply_lut import Params, apply_lut
from scumble_protocol.errors import Cancelled, Invalid
from scumble_protocol.image import Bounds, Raster, Reference
from skimage import data

LOOKS = get_args(Params.model_fields["look"].annotation)
FOLDER = Path(module.__file__).parents[1] / "looks"
INVERSE = Reference("inverse.cube", b'TITLE "Inverse"\nLUT_1D_SIZE 2\n1 1 1\n0 0 0\n')


@pytest.fixture
def photo() -> np.ndarray:
    return data.astronaut()[:160, 100:260]


@dataclass(frozen=True)
class Made:
    """The one layer that came back, its colours and alpha present."""

    layer: NewLayer
    rgb: np.ndarray
    alpha: np.ndarray


def run(image: Image, params: Params, context: Context | None = None) -> Made:
    layers = apply_lut(image, params, context or Context())
    assert isinstance(layers, list)
    (layer,) = layers
    assert layer.rgb is not None
    assert layer.alpha is not None
    return Made(layer, layer.rgb, layer.alpha)


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_changes_a_photo_gently(look: Any, photo: np.ndarray) -> None:
    """Each shipped look makes a visible difference, keeps the tones in order, and crushes neither end."""
    image = Image.from_array(photo)
    difference = np.abs(run(image, Params(look=look)).rgb - image.rgb)
    assert 0.02 < difference.mean() < 0.2
    ramp = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None, :, None], 3, axis=2)
    lightness = luts.apply(lut_files.read((FOLDER / f"{look}.cube").read_bytes(), look), ramp)[0] @ colour.LUMINANCE
    steps = np.diff(lightness)
    assert (steps > 0).all(), "a lighter grey may never come out darker"
    assert steps.max() < 4 / 255, "no step may tear banding into a gradient"
    assert lightness[0] < 0.1
    assert lightness[-1] > 0.9


def test_looks_differ_from_each_other(photo: np.ndarray) -> None:
    """No look is another one under a new name."""
    results = {look: run(Image.from_array(photo), Params(look=look)).rgb for look in LOOKS}
    for first in LOOKS:
        for second in LOOKS:
            assert first == second or np.abs(results[first] - results[second]).mean() > 0.01


@pytest.mark.parametrize("look", LOOKS)
def test_the_recipe_makes_the_shipped_files(look: str) -> None:
    """Every shipped cube is what the committed recipe writes, and its title is the one the form shows."""
    recipe = load_recipe()
    shipped = lut_files.read((FOLDER / f"{look}.cube").read_bytes(), look)
    rebuilt = lut_files.read(recipe.to_cube(recipe.LOOKS[look]).encode(), look)
    assert shipped.cube is not None
    assert rebuilt.cube is not None
    np.testing.assert_allclose(rebuilt.cube.table, shipped.cube.table, atol=2e-5)
    schema = Params.model_fields["look"].json_schema_extra
    assert isinstance(schema, dict)
    assert shipped.title == dict(zip(LOOKS, schema["enumTitles"], strict=True))[look]  # pyright: ignore


def test_a_reference_takes_the_looks_place(photo: np.ndarray) -> None:
    """A LUT file overrides the look, and the layer bears its title."""
    image = Image.from_array(photo)
    made = run(image, Params(look="matte"), Context(reference=INVERSE))
    assert made.layer.name == "Inverse"
    np.testing.assert_allclose(made.rgb, 1 - image.rgb, atol=1e-6)


def test_strength_is_a_mix(photo: np.ndarray) -> None:
    """Half strength lies half-way; none leaves the colours alone."""
    image = Image.from_array(photo)
    half = run(image, Params(strength=0.5), Context(reference=INVERSE))
    np.testing.assert_allclose(half.rgb, 0.5, atol=1e-6)
    none = run(image, Params(strength=0), Context(reference=INVERSE))
    np.testing.assert_allclose(none.rgb, image.rgb, atol=1e-6)


def test_only_the_selected_part_is_written(photo: np.ndarray) -> None:
    """With a selection the layer spans its bounding box, in image coordinates, with the source's own alpha."""
    pixels = np.dstack([photo, np.arange(160, dtype=np.uint8)[:, None].repeat(160, axis=1)])
    image = Image.from_array(pixels, x=-30, y=40)
    selection = np.zeros((160, 160), np.float32)
    selection[20:50, 60:140] = 0.01
    made = run(image, Params(), Context(selection=selection, reference=INVERSE))
    assert made.layer.bounds == Bounds(30, 60, 80, 30)
    np.testing.assert_allclose(made.rgb, 1 - photo[20:50, 60:140] / 255, atol=1e-6)
    np.testing.assert_array_equal(made.alpha, image.alpha[20:50, 60:140])


def test_sixteen_bit_steps_are_kept() -> None:
    """A 16-bit gradient keeps its steps: no two values that differ become one."""
    ramp = np.repeat(np.arange(30000, 31024, dtype=np.uint16).reshape(1, -1, 1), 3, axis=2)
    image = Image.from_array(ramp)
    made = run(image, Params(look="warm_print"), Context())
    native = np.rint(image.to_native(made.rgb) * 65535)
    assert len(np.unique(native[..., 1])) > 1000


def test_wide_gamut_colours_stay_wide() -> None:
    """A green outside sRGB is still outside after an identity LUT, and comes back as the document's own number."""
    profile = colour.standard_profile("prophoto")
    pixels = np.array([[[0, 60000, 100], [65535, 0, 0]]], np.uint16)
    raster = Raster(Bounds(0, 0, 2, 1), "u16", "RGB", pixels.tobytes(), "digest")
    image = Image(raster, {"digest": profile})
    identity = Reference("identity.cube", b"LUT_1D_SIZE 2\n0 0 0\n1 1 1\n")
    made = run(image, Params(), Context(reference=identity))
    assert made.rgb.min() < -0.1
    assert np.abs(image.to_native(made.rgb) * 65535.0 - pixels).max() < 0.5


def test_grey_documents_get_the_tones() -> None:
    """A grey layer is toned and comes back grey."""
    image = Image.from_array(np.arange(256, dtype=np.uint8).reshape(16, 16))
    made = run(image, Params(), Context(reference=INVERSE))
    native = image.to_native(made.rgb)
    assert native.shape == (16, 16, 1)
    np.testing.assert_allclose(native[..., 0] * 255, 255 - np.arange(256).reshape(16, 16), atol=0.01)


def test_one_pixel_is_enough() -> None:
    """A 1×1 layer works."""
    made = run(Image.from_array(np.full((1, 1, 3), 128, np.uint8)), Params(), Context(reference=INVERSE))
    assert made.rgb.shape == (1, 1, 3)


def test_a_broken_file_reaches_the_artist_as_advice(photo: np.ndarray) -> None:
    """The reference's fault is told with its line."""
    broken = Reference("film.cube", b"LUT_3D_SIZE 2\n0 0 0\n0 zero 0\n")
    with pytest.raises(Invalid, match=r"Line 3 of «film\.cube»"):
        apply_lut(Image.from_array(photo), Params(), Context(reference=broken))


def test_cancel_is_heard(photo: np.ndarray) -> None:
    """A cancel ends the job at the next batch of pixels."""
    answers = iter([False, False, False])
    with pytest.raises(Cancelled):
        apply_lut(
            Image.from_array(np.tile(photo, (10, 10, 1))), Params(), Context(is_cancelled=lambda: next(answers, True))
        )


def load_recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("looks_recipe", FOLDER / "recipe.py")
    assert spec is not None
    assert spec.loader is not None
    recipe = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = recipe  # where dataclasses look for their module
    spec.loader.exec_module(recipe)
    return recipe
