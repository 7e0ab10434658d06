"""Every precision and profile: exact where nothing may change, and the declared formula where something does."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scumble_daemon.imaging.samples import LEAST_COVERAGE

from ..operations.colour_test import PAINTED
from .photos import encoded, photo, unit, with_alpha
from .session import Gimp

PRECISIONS = (
    *("U8_NON_LINEAR", "U8_LINEAR", "U8_PERCEPTUAL", "U16_NON_LINEAR", "U16_LINEAR", "U32_NON_LINEAR"),
    *("HALF_NON_LINEAR", "HALF_LINEAR", "FLOAT_NON_LINEAR", "FLOAT_LINEAR", "FLOAT_PERCEPTUAL", "DOUBLE_LINEAR"),
)
PROFILES = {"srgb": "", "prophoto": "/usr/share/color/icc/ghostscript/rommrgb.icc"}
CANVAS = (120, 100)
WIDTH, HEIGHT, X, Y = 96, 80, 40, -12  # over the right and the upper edge of the canvas
AMOUNT = 0.5

every_document = pytest.mark.parametrize(
    ("precision", "profile"), [(precision, profile) for precision in PRECISIONS for profile in PROFILES]
)


def make(gimp: Gimp, precision: str, profile: str, is_alone: bool = False) -> dict[str, Any]:
    """An offset photo, alone or over an opaque background, with a feathered selection across its left edge."""
    behind = encoded(with_alpha(photo("chelsea")[: CANVAS[1], : CANVAS[0]]), precision)
    layer = encoded(with_alpha(photo()[:HEIGHT, 160 : 160 + WIDTH]), precision)
    document = gimp.document(
        *([] if is_alone else [{"name": "behind", "pixels": behind}]),
        {"name": "photo", "pixels": layer, "x": X, "y": Y},
        size=CANVAS,
        precision=precision,
        profile=PROFILES[profile],
    )
    gimp.call("select", image=document["image"], x=25, y=20, width=60, height=35, feather=9)
    return document


@pytest.mark.parametrize("is_alone", [False, True], ids=["over a background", "alone"])
@every_document
def test_outside_the_selection_not_a_bit_changes_and_inside_the_formulas_hold(
    gimp: Gimp, precision: str, profile: str, is_alone: bool
) -> None:
    """Formulas are computed in the document's own encoding, and a black mask hides a layer to the last bit."""
    document = make(gimp, precision, profile, is_alone)
    before, coverage = gimp.composite(document), gimp.selection(document, CANVAS)
    sources = [gimp.read(layer) for layer in document["layers"]]

    done = gimp.run("paint-test", document, amount=AMOUNT)

    assert done["status"] == "success", done["error"]
    after = gimp.composite(document)
    assert after.dtype == before.dtype
    outside = coverage < LEAST_COVERAGE
    assert outside.mean() > 0.1
    if (
        precision.startswith(("U32", "DOUBLE")) and is_alone
    ):  # any layer above brings them into 32-bit float compositing
        np.testing.assert_allclose(unit(after[outside]), unit(before[outside]), atol=5e-7)
    else:
        np.testing.assert_array_equal(after[outside], before[outside])
    well_inside = (coverage > 0.9) & (before[..., 3] > 0)
    assert (after[well_inside] != before[well_inside]).any(-1).mean() > 0.5
    for layer, pixels in zip(document["layers"], sources, strict=True):
        np.testing.assert_array_equal(gimp.read(layer), pixels)
    np.testing.assert_array_equal(gimp.selection(document, CANVAS), coverage)

    group = gimp.tree(document)[0]
    dodge, inverted = group["children"]
    assert [(each["name"], each["mode"]) for each in (dodge, inverted)] == [("Dodge", "dodge"), ("Inverted", "normal")]
    assert dodge["bounds"] == inverted["bounds"]
    x, y, width, height = inverted["bounds"]
    assert x == X, "the selection crosses the layer's left edge"
    feathered = coverage[max(y, 0) : y + height, x : x + width]
    ramp = np.linspace(0, 1, WIDTH)[: feathered.shape[1]]
    mask = unit(gimp.read(inverted["mask"]))[max(-y, 0) :, : feathered.shape[1], 0][: feathered.shape[0]]
    np.testing.assert_allclose(mask, feathered * ramp, atol=3e-3)

    curve = curve_of(gimp, document, precision)
    expected = unit(before)
    for layer in (inverted, dodge):
        expected = composed(expected, layer, unit(gimp.read(layer["id"])), unit(gimp.read(layer["mask"])), curve)
    if np.issubdtype(before.dtype, np.integer):
        expected = expected.clip(0, 1)  # a float image keeps what is brighter than white
    tolerance = {"u1": 2.5 / 255, "u2": 2.5 / 65535, "f2": 2e-3}.get(before.dtype.str[1:], 4e-6)
    if inverted["composite_space"] == "rgb-linear" and not precision.endswith("_LINEAR"):
        tolerance = max(tolerance, 2e-5)
    if inverted["composite_space"] == "rgb-linear" and precision.endswith("NON_LINEAR"):
        tolerance = max(tolerance, 6e-3)  # how far GIMP's own curves are off near black
    shown = before[..., 3] > 0
    np.testing.assert_allclose(unit(after)[shown], expected[shown], atol=tolerance)
    gimp.call("close", image=document["image"])


def curve_of(gimp: Gimp, document: dict[str, Any], precision: str) -> tuple[np.ndarray, np.ndarray]:
    """Encoded values and the linear light they stand for."""
    encoding = precision.partition("_")[2]
    linear = gimp.call("curve", image=document["image"], precision=f"FLOAT_{encoding}", top=2, count=8193)
    return np.linspace(0, 2, 8193), np.array(linear)


def composed(
    below: np.ndarray, layer: dict[str, Any], pixels: np.ndarray, mask: np.ndarray, curve: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """The composite of one layer over opaque pixels: its formula on encoded values, its mask mixing where it says."""
    encoded_values, linear_values = curve
    x, y, width, height = layer["bounds"]
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, below.shape[1]), min(y + height, below.shape[0])
    inside = (slice(top - y, bottom - y), slice(left - x, right - x))
    colour, share = pixels[inside][..., :3], mask[inside] * pixels[inside][..., 3:] * layer["opacity"] / 100
    out = below.copy()
    base = out[top:bottom, left:right, :3]
    mixed = base / (1 - colour) if layer["mode"] == "dodge" else colour
    if layer["composite_space"] == "rgb-linear":
        base, mixed = (np.interp(each, encoded_values, linear_values) for each in (base, mixed))
        out[top:bottom, left:right, :3] = np.interp(base * (1 - share) + mixed * share, linear_values, encoded_values)
    else:
        out[top:bottom, left:right, :3] = base * (1 - share) + mixed * share
    return out


@every_document
def test_colours_mean_the_same_to_gimp_and_to_the_operation(gimp: Gimp, precision: str, profile: str) -> None:
    """The profile that travels describes the values that travel: GIMP's own conversion to sRGB agrees, both ways."""
    document = make(gimp, precision, profile)
    gimp.call("select_nothing", image=document["image"])
    seen_by_gimp = gimp.read(document["layers"][-1], "R'G'B'A float")[..., :3].mean((0, 1))

    done = gimp.run("colour-test", document)

    assert done["status"] == "success", done["error"]
    coarse = precision == "U8_LINEAR"  # 8 linear bits leave little in the shadows
    np.testing.assert_allclose(json.loads(done["values"][1]), seen_by_gimp, atol=2e-2 if coarse else 2e-3)
    painted = gimp.tree(document)[0]["children"][0]
    colour = gimp.read(painted["id"], "R'G'B'A float")[5, 5, :3]
    np.testing.assert_allclose(colour, PAINTED, atol=2e-2 if coarse else 3e-3)
    gimp.call("close", image=document["image"])


@pytest.mark.parametrize("alpha", [True, False])
@pytest.mark.parametrize("precision", ["U8_NON_LINEAR", "U16_NON_LINEAR", "FLOAT_LINEAR"])
def test_grey_images_stay_grey(gimp: Gimp, precision: str, alpha: bool) -> None:
    """A grey document gets grey layers, exact outside the selection (floats but for their last bit)."""
    grey = photo("camera")[100:160, 200:270, None]
    pixels = encoded(with_alpha(grey) if alpha else grey, precision)
    document = gimp.document({"name": "photo", "pixels": pixels}, size=(70, 60), precision=precision, base="GRAY")
    gimp.call("select", image=document["image"], x=10, y=10, width=30, height=30, feather=5)
    before, coverage = gimp.composite(document), gimp.selection(document, (70, 60))

    done = gimp.run("paint-test", document)

    assert done["status"] == "success", done["error"]
    after = gimp.composite(document)
    outside = coverage < LEAST_COVERAGE
    assert outside.mean() > 0.1
    # GIMP composites grey as RGB, which costs floats their last bit, whatever the layer above holds.
    step = 2e-7 if precision.startswith("FLOAT") else 0
    np.testing.assert_allclose(unit(after[outside]), unit(before[outside]), rtol=0, atol=step)
    assert (after != before).any()
    layer = gimp.tree(document)[0]["children"][1]
    assert gimp.read(layer["id"]).shape[-1] in (1, 2)
    gimp.call("close", image=document["image"])


def test_transparency_is_carried_over(gimp: Gimp) -> None:
    """Where the photo is transparent or half so, its result is too."""
    alpha = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
    document = gimp.document({"name": "photo", "pixels": with_alpha(photo()[:48, :64], alpha)}, size=(64, 48))

    done = gimp.run("paint-test", document, layer_count=1)

    assert done["status"] == "success", done["error"]
    layer = gimp.tree(document)[0]["children"][0]
    np.testing.assert_array_equal(gimp.read(layer["id"])[..., 3], alpha)
    gimp.call("close", image=document["image"])
