"""Flattening gives what the W3C's formulas give, and touches nothing that no layer covers."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow
from scumble_daemon.imaging import composite, samples
from scumble_protocol.image import BLEND_MODES, Bounds, Layer, Raster

DEPTHS = ("u8", "u16", "f16", "f32")


def noise(depth: str, height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).random((height, width, channels), dtype=np.float32)
    return samples.from_float(values * 1.5 if depth[0] == "f" else values, depth)


def pixel(*values: float) -> Raster:
    return composite.from_array(np.array(values, np.float32).reshape(1, 1, -1))


def flattened(raster: Raster) -> np.ndarray:
    return samples.view(raster)


# backdrop (0.2, 0.6, 0.4), source (0.5, 0.25, 0.75); worked out by hand from the specification's formulas
EXPECTED = {
    "normal": (0.5, 0.25, 0.75),
    "dodge": (0.4, 0.8, 1.6),
    "screen": (0.6, 0.7, 0.85),
    "addition": (0.7, 0.85, 1.15),
    "multiply": (0.1, 0.15, 0.3),
    "overlay": (0.2, 0.4, 0.6),
    "soft-light": (0.2, 0.48, 0.4 + 0.5 * (0.4**0.5 - 0.4)),
    "color": (0.5 + 0.078, 0.25 + 0.078, 0.75 + 0.078),
    "luminosity": (0.2 - 0.078, 0.6 - 0.078, 0.4 - 0.078),
}


@pytest.mark.parametrize("mode", BLEND_MODES)
def test_every_blend_mode_follows_its_formula(mode: str) -> None:
    """An opaque layer on an opaque backdrop; and at 40 % it lies 40 % of the way."""
    source = pixel(0.2, 0.6, 0.4)
    layer = Layer("a", pixel(0.5, 0.25, 0.75), blend_mode=mode)
    full = flattened(composite.flatten(source.bounds, source, [layer]))[0, 0]
    np.testing.assert_allclose(full, EXPECTED[mode], atol=1e-6)
    partly = Layer("a", pixel(0.5, 0.25, 0.75, 0.8), blend_mode=mode, opacity=0.5)
    mixed = flattened(composite.flatten(source.bounds, source, [partly]))[0, 0]
    np.testing.assert_allclose(mixed, np.array([0.2, 0.6, 0.4]) * 0.6 + np.array(EXPECTED[mode]) * 0.4, atol=1e-6)


def test_integer_documents_stay_within_their_range() -> None:
    """Dodge and addition stop at white, before they are mixed in."""
    source = composite.from_array(np.full((1, 1, 3), 200, np.uint8))
    above = composite.from_array(np.full((1, 1, 3), 128, np.uint8))
    for mode in ("dodge", "addition"):
        half = Layer("a", above, blend_mode=mode, opacity=0.5)
        assert flattened(composite.flatten(source.bounds, source, [half]))[0, 0].tolist() == [228, 228, 228]


def test_colour_modes_stay_in_gamut() -> None:
    """The colour of a saturated layer on black is black, on white white, not something beyond."""
    for level in (0, 255):
        source = composite.from_array(np.full((1, 1, 3), level, np.uint8))
        layer = Layer("a", composite.from_array(np.array([[[250, 10, 40]]], np.uint8)), blend_mode="color")
        assert flattened(composite.flatten(source.bounds, source, [layer]))[0, 0].tolist() == [level] * 3


def test_transparent_pictures_composite_as_pillow_does() -> None:
    """Straight alpha over straight alpha, against an independent implementation."""
    below, above = noise("u8", 64, 64, 4, 1), noise("u8", 64, 64, 4, 2)
    source = composite.from_array(below)
    ours = flattened(composite.flatten(source.bounds, source, [Layer("a", composite.from_array(above))]))
    theirs = np.asarray(Pillow.alpha_composite(Pillow.fromarray(below), Pillow.fromarray(above)))
    visible = theirs[..., 3] > 25  # below, Pillow's own integers are too coarse to compare colours with
    assert np.abs(ours.astype(int) - theirs)[..., 3].max() <= 1
    assert np.abs(ours.astype(int) - theirs)[visible].max() <= 2


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("mode", BLEND_MODES)
def test_what_is_not_covered_stays_bit_identical(depth: str, mode: str) -> None:
    """Outside mask and bounds, and where mask or alpha is 0, every sample is the source's own, in every depth."""
    pixels = noise(depth, 40, 50, 4, 3)
    pixels[:20, :, 3] = samples.FULL_SCALE[depth]
    source = composite.from_array(pixels, 7, -3)
    mask = np.zeros((20, 20, 1), np.float32)
    mask[5:15, 5:15] = 0.5
    layer = Layer(
        "a",
        composite.from_array(noise(depth, 30, 30, 4, 4), 12, 2),
        mask=composite.from_array(mask, 20, 5),
        blend_mode=mode,
        opacity=0.9,
    )
    result = composite.flatten(source.bounds, source, [layer])
    assert (result.depth, result.channels, result.bounds) == (depth, "RGBA", source.bounds)
    changed = (flattened(result) != pixels).any(axis=2)
    covered = np.zeros((40, 50), bool)
    covered[13:23, 18:28] = True  # the mask's middle, from the source's corner
    assert changed[covered].mean() > 0.9
    assert not changed[~covered].any()


@pytest.mark.parametrize("channels", ["RGB", "RGBA", "BGRA", "GRAY", "GRAYA"])
def test_channels_and_profile_are_kept(channels: str) -> None:
    """The composite has the source's channels in the source's order, and its profile."""
    count = {"RGB": 3, "RGBA": 4, "BGRA": 4, "GRAY": 1, "GRAYA": 2}[channels]
    data = noise("u16", 8, 8, count).tobytes()
    source = Raster(Bounds(0, 0, 8, 8), "u16", channels, data, "ab" * 32)
    assert composite.flatten(source.bounds, source, []).data == data
    assert composite.flatten(source.bounds, source, []).channels == channels
    assert composite.flatten(source.bounds, source, []).profile == "ab" * 32
    white = Layer("a", composite.from_array(np.full((8, 4, 3), 65535, np.uint16)))
    result = flattened(composite.flatten(source.bounds, source, [white]))
    np.testing.assert_array_equal(result[:, 4:], flattened(source)[:, 4:])
    assert (result[:, :4] == 65535).all()


def test_the_canvas_decides_what_is_seen() -> None:
    """A source smaller than the canvas leaves transparency, one that hangs over is cropped."""
    source = composite.from_array(np.full((4, 4, 3), 9, np.uint8), -2, 1)
    result = composite.flatten(Bounds(0, 0, 5, 5), source, [])
    assert result.channels == "RGBA"
    alpha = flattened(result)[..., 3]
    assert (alpha[1:5, :2] == 255).all()
    assert alpha.sum() == 255 * 8
    hanging = Layer("a", composite.from_array(np.full((9, 9, 3), 200, np.uint8), 3, 3))
    assert flattened(composite.flatten(Bounds(0, 0, 5, 5), source, [hanging]))[4, 4].tolist() == [200, 200, 200, 255]


def test_layers_stack_from_the_bottom() -> None:
    """The last layer is the uppermost."""
    source = pixel(0, 0, 0)
    layers = [Layer("below", pixel(1, 0, 0)), Layer("above", pixel(0, 1, 0))]
    assert flattened(composite.flatten(source.bounds, source, layers))[0, 0].tolist() == [0, 1, 0]


def test_big_pictures_go_strip_by_strip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer that spans several strips has no seams."""
    source = composite.from_array(noise("u8", 50, 40, 4))
    mask = composite.from_array(noise("u8", 33, 30, 1, 6), 2, 11)
    layer = Layer("a", composite.from_array(noise("u8", 44, 38, 4, 5), -3, 4), mask=mask, blend_mode="overlay")
    whole = composite.flatten(source.bounds, source, [layer]).data
    monkeypatch.setattr(composite, "STRIP_PIXELS", 280)
    assert composite.flatten(source.bounds, source, [layer]).data == whole


def test_a_baked_mask_looks_the_same() -> None:
    """A layer whose mask was multiplied into its alpha composites like the layer with its mask."""
    source = composite.from_array(noise("u16", 20, 20, 3))
    layer = Layer(
        "a",
        composite.from_array(noise("u16", 12, 12, 4, 1), 4, 4),
        mask=composite.from_array(noise("u8", 8, 8, 1, 2), 2, 6),
    )
    baked = composite.bake_mask(layer)
    assert baked.bounds == Bounds(4, 6, 6, 8)
    with_mask = flattened(composite.flatten(source.bounds, source, [layer]))
    without = flattened(composite.flatten(source.bounds, source, [Layer("a", baked)]))
    assert np.abs(with_mask.astype(int) - without).max() <= 2
