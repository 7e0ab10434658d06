"""Every depth and profile: exact where nothing may change, and the declared formula where something does."""

from __future__ import annotations

import json

import numpy as np
import pytest

from .pictures import composed, encoded, feathered, is_the_same, photo, unit, with_alpha
from .session import Krita

DEPTHS = ("U8", "U16", "F16", "F32")
PROFILES = {
    "srgb": "sRGB-elle-V2-srgbtrc.icc",
    "adobe-rgb": "ClayRGB-elle-V2-g22.icc",
    "rec2020-linear": "Rec2020-elle-V4-g10.icc",
}
CANVAS = (120, 100)
WIDTH, HEIGHT, X, Y = 96, 80, 40, -12  # over the right and the upper edge of the canvas

every_document = pytest.mark.parametrize(
    ("depth", "profile"), [(depth, profile) for depth in DEPTHS for profile in PROFILES]
)


def make(krita: Krita, depth: str, profile: str) -> int:
    """An offset photo over an opaque background."""
    behind = encoded(with_alpha(photo("chelsea")[: CANVAS[1], : CANVAS[0]]), depth)
    layer = encoded(with_alpha(photo()[:HEIGHT, 160 : 160 + WIDTH]), depth)
    return krita.document(
        {"name": "behind", "pixels": behind},
        {"name": "photo", "pixels": layer, "x": X, "y": Y},
        size=CANVAS,
        depth=depth,
        profile=PROFILES[profile],
    )


@every_document
def test_outside_the_selection_not_a_bit_changes_inside_the_formulas_hold_and_one_undo_takes_it_back(
    krita: Krita, depth: str, profile: str
) -> None:
    """Normal and dodge layers composite in the document's own encoding; an empty mask hides them to the last bit."""
    document = make(krita, depth, profile)
    coverage = feathered(CANVAS, 25, 20, 60, 35, 9)
    krita.select(document, coverage)
    before, tree, history = krita.composite(document), krita.tree(document), krita.call("history")
    sources = [krita.read(document, name) for name in ("behind", "photo")]

    done = krita.run("Paint Test", amount=0.5)

    assert done["state"] == "done", done["said"]
    after = krita.composite(document)
    assert len(krita.call("history")) == len(history) + 1, "one undo step, whatever the group holds"
    assert is_the_same(after[coverage == 0], before[coverage == 0])
    assert (after[coverage > 230] != before[coverage > 230]).any(-1).mean() > 0.5
    for name, (pixels, place) in zip(("behind", "photo"), sources, strict=True):
        now, where = krita.read(document, name)
        np.testing.assert_array_equal(now, pixels)
        assert where == place
    assert has_selected(krita, document, coverage)

    group = krita.tree(document)[-1]
    inverted, dodge = group["children"]
    assert [(each["name"], each["mode"]) for each in (inverted, dodge)] == [
        ("Inverted", "normal"),
        ("Dodge", "dodge_hdr" if depth.startswith("F") and krita.version >= (5, 3) else "dodge"),
    ]
    assert (inverted["opacity"], dodge["opacity"]) == (128, 255)
    assert group["passes_through"], "the dodge layer has to reach what lies below the group"
    assert {inverted["depth"], dodge["depth"]} == {depth}
    assert {inverted["profile"], dodge["profile"]} == {PROFILES[profile]}
    expected = unit(before)
    for layer in (inverted, dodge):
        pixels, _ = krita.read(document, layer["name"])
        mask = krita.mask(document, layer["name"], layer["bounds"])
        assert mask is not None
        brightest = 1 if depth.startswith("U") else np.inf
        expected = composed(expected, layer, unit(pixels), mask / 255, brightest)
    tolerance = {"U8": 2.5 / 255, "U16": 4 / 65535, "F16": 3e-3, "F32": 4e-6}[depth]
    np.testing.assert_allclose(unit(after), expected, atol=tolerance)

    krita.undo()
    assert krita.tree(document) == tree
    assert is_the_same(krita.composite(document), before)
    assert has_selected(krita, document, coverage)
    krita.redo()
    # The dodge layer makes a step larger: one run in many had more than four; 16 of them are 2e-6 of the value
    assert is_the_same(krita.composite(document), after, steps=16)
    krita.close(document)


def has_selected(krita: Krita, document: int, coverage: np.ndarray) -> bool:
    selected = krita.selection(document)
    return selected is not None and np.array_equal(selected, coverage)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("depth", ["U8", "F32"])
def test_the_operation_sees_the_documents_colours_and_paints_in_them(krita: Krita, depth: str, profile: str) -> None:
    """The profile that travels describes the values that travel: an independent conversion agrees, both ways."""
    document = make(krita, depth, profile)
    values = unit(krita.read(document, "photo")[0])[..., :3]

    done = krita.run("Colour Test")

    assert done["state"] == "done", done["said"]
    np.testing.assert_allclose(json.loads(done["said"]), to_srgb(values, profile).mean((0, 1)), atol=4e-3)
    painted, _ = krita.read(document, "Painted")
    coarse = depth == "U8" and profile == "rec2020-linear"  # 8 linear bits leave little in the shadows
    seen = to_srgb(unit(painted)[5, 5, :3], profile)
    np.testing.assert_allclose(seen, (0.75, 0.35, 0.2), atol=2e-2 if coarse else 4e-3)
    krita.close(document)


# Primaries in XYZ (D50), from the profiles' own rXYZ, gXYZ, bXYZ tags.
TO_XYZ = {
    "srgb": [[0.43604, 0.38512, 0.14305], [0.22249, 0.71690, 0.06061], [0.01392, 0.09706, 0.71391]],
    "adobe-rgb": [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]],
    "rec2020-linear": [[0.67348, 0.16566, 0.12505], [0.27904, 0.67535, 0.04561], [-0.00194, 0.02998, 0.79684]],
}


def to_srgb(values: np.ndarray, profile: str) -> np.ndarray:
    """Document values → sRGB, by the primaries and curves themselves."""
    if profile == "srgb":
        return values
    linear = values ** (563 / 256) if profile == "adobe-rgb" else values
    matrix = np.linalg.inv(TO_XYZ["srgb"]) @ np.array(TO_XYZ[profile])
    light = linear @ matrix.T
    size = np.abs(light)
    curved = np.where(size <= 0.0031308, size * 12.92, 1.055 * np.maximum(size, 1e-9) ** (1 / 2.4) - 0.055)
    return np.sign(light) * curved
