"""Each shipped operation on a real photo, as an artist would run it: offset layer, soft selection, any document."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scumble_daemon.imaging.samples import LEAST_COVERAGE

from .photos import encoded, photo, unit, with_alpha
from .session import Gimp
from .test_pixels import PROFILES

CANVAS = (260, 240)
X, Y = 30, -15
FACE = (130, 90)  # in the image
PRECISIONS = ("U8_NON_LINEAR", "U16_NON_LINEAR", "FLOAT_LINEAR")

every_document = pytest.mark.parametrize(
    ("precision", "profile"), [(precision, profile) for precision in PRECISIONS for profile in PROFILES]
)


def make(gimp: Gimp, precision: str, profile: str, shade: np.ndarray | float = 1) -> dict[str, Any]:
    """The astronaut's head, hanging over the canvas's upper edge, above a grey background."""
    head = photo()[0:230, 124:354]
    behind = np.full((CANVAS[1], CANVAS[0], 4), (120, 130, 140, 255), np.uint8)
    return gimp.document(
        {"name": "behind", "pixels": encoded(behind, precision)},
        {"name": "head", "pixels": encoded(with_alpha((head * shade).astype(np.uint8)), precision), "x": X, "y": Y},
        size=CANVAS,
        precision=precision,
        profile=PROFILES[profile],
    )


def run(gimp: Gimp, operation: str, document: dict[str, Any], **arguments: Any) -> tuple[np.ndarray, np.ndarray]:
    """Run with a soft selection, check that nothing outside it changed; the composite before and after."""
    before, coverage = gimp.composite(document), gimp.selection(document, CANVAS)
    source = gimp.read(document["layers"][-1])

    done = gimp.run(operation, document, **arguments)

    assert done["status"] == "success", done["error"]
    after = gimp.composite(document)
    outside = coverage < LEAST_COVERAGE
    assert outside.mean() > 0.1
    np.testing.assert_array_equal(after[outside], before[outside])
    np.testing.assert_array_equal(gimp.read(document["layers"][-1]), source)
    np.testing.assert_array_equal(gimp.selection(document, CANVAS), coverage)
    group = gimp.tree(document)[0]
    assert group["children"], "the result is a group above the source"
    recipe = group["children"][0]["recipe"]
    assert recipe["operation"] == operation.replace("-", "_")
    assert recipe["source"] == "head"
    return before, after


@every_document
def test_apply_lut(gimp: Gimp, precision: str, profile: str) -> None:
    """The look shows inside the selection; its strength is the artist's."""
    document = make(gimp, precision, profile)
    gimp.call("select", image=document["image"], x=60, y=20, width=120, height=150, feather=15)

    before, after = run(gimp, "apply-lut", document)

    x, y = FACE
    changed = np.abs(unit(after) - unit(before))[y - 20 : y + 20, x - 20 : x + 20, :3].mean()
    assert changed > 0.01
    gimp.call("close", image=document["image"])


@every_document
def test_remove_shadow(gimp: Gimp, precision: str, profile: str) -> None:
    """The selected shadow gets lighter by a dodge layer, towards what was there before the shadow fell."""
    y, x = np.mgrid[:230, :230]
    inside = np.clip((70 - np.hypot(x - 100, y - 150)) / 8, 0, 1)[..., None]
    document = make(gimp, precision, profile, 1 - 0.55 * inside)
    lit = make(gimp, precision, profile)
    target = unit(gimp.composite(lit))
    gimp.call("select", image=document["image"], x=X + 30, y=Y + 80, width=140, height=140, feather=12)

    before, after = run(gimp, "remove-shadow", document)

    assert "dodge" in [child["mode"] for child in gimp.tree(document)[0]["children"]]
    area = (slice(Y + 110, Y + 190), slice(X + 60, X + 140), slice(3))
    was, now = (np.abs(unit(each)[area] - target[area]).mean() for each in (before, after))
    assert now < 0.8 * was
    for each in (document, lit):
        gimp.call("close", image=each["image"])


@every_document
def test_remove_background(gimp: Gimp, precision: str, profile: str) -> None:
    """The cut-out is a layer with a mask: the face inside, the corners of the selection outside."""
    document = make(gimp, precision, profile)
    gimp.call("select", image=document["image"], x=62, y=8, width=130, height=200, feather=10)

    run(gimp, "remove-background", document)

    layer = next(child for child in gimp.tree(document)[0]["children"] if child["mask"])
    left, top, _, _ = layer["bounds"]
    mask = unit(gimp.read(layer["mask"]))[..., 0]
    assert mask[FACE[1] - top, FACE[0] - left] > 0.9
    assert mask[14 - top, 68 - left] < 0.2
    gimp.call("close", image=document["image"])


@every_document
def test_erase_object(gimp: Gimp, precision: str, profile: str) -> None:
    """A black disc on the wall is gone: the wall is there, in one visible layer and a hidden variant above it."""
    y, x = np.mgrid[:230, :230]
    disc = np.hypot(x - 205, y - 80) < 14
    document = make(gimp, precision, profile, np.where(disc, 0, 1)[..., None])
    plain = make(gimp, precision, profile)
    target = unit(gimp.composite(plain))
    gimp.call("select", image=document["image"], x=X + 187, y=Y + 62, width=36, height=36, feather=0)

    before, after = run(gimp, "erase-object", document, variants=2)

    assert [child["visible"] for child in gimp.tree(document)[0]["children"]] == [False, True]
    place = slice(Y + 75, Y + 86), slice(X + 200, X + 211), slice(3)
    was, now = (np.abs(unit(each)[place] - target[place]).mean() for each in (before, after))
    assert now < 0.2 * was
    for each in (document, plain):
        gimp.call("close", image=each["image"])


@pytest.mark.parametrize("is_masked", [False, True])
def test_erase_object_takes_from_where_another_layer_is_painted_over(gimp: Gimp, is_masked: bool) -> None:
    """Wherever in the image that layer lies, and without what its own mask takes away: the hole gets rough."""
    ground = np.full((120, 240, 3), 128, np.uint8)
    ground[:, :120] = np.random.default_rng(1).integers(58, 198, (120, 120, 1))
    strokes = np.full((60, 180, 4), (0, 255, 0, 255), np.uint8)
    if not is_masked:
        strokes[:, 90:, 3] = 0
    document = gimp.document(
        {"name": "strokes", "pixels": strokes, "x": 30, "y": 45},
        {"name": "head", "pixels": with_alpha(ground), "x": 10, "y": 20},
        size=CANVAS,
    )
    if is_masked:
        mask = gimp.file()
        mask.write_bytes((bytes((255,)) * 90 + bytes(90)) * 60)
        gimp.call("add_mask", layer=document["layers"][0], file=str(mask))
    gimp.call("select", image=document["image"], x=160, y=65, width=30, height=30, feather=0)

    _, after = run(gimp, "erase-object", document, reference_layer=document["layers"][0])

    assert unit(after)[70:90, 165:185, 0].std() > 0.08
    gimp.call("close", image=document["image"])


@every_document
def test_stylize(gimp: Gimp, precision: str, profile: str) -> None:
    """The selected part is a woodcut with some pencil in it: ink on paper, where the photo's face has its colours."""
    document = make(gimp, precision, profile)
    gimp.call("select", image=document["image"], x=60, y=20, width=120, height=150, feather=15)

    before, after = run(gimp, "stylize", document, style="paint-woodcut", second="paint-pencil", mix=0.2)

    x, y = FACE
    face = slice(y - 25, y + 25), slice(x - 25, x + 25), slice(3)
    assert np.abs(unit(after) - unit(before))[face].mean() > 0.05
    skin, paper = (np.ptp(unit(each)[face], axis=2).mean() for each in (before, after))
    assert paper < 0.85 * skin
    gimp.call("close", image=document["image"])


@every_document
def test_translate_domain(gimp: Gimp, precision: str, profile: str) -> None:
    """The selected part is an ink drawing: ink on paper, where the photo's face has its colours."""
    document = make(gimp, precision, profile)
    gimp.call("select", image=document["image"], x=60, y=20, width=120, height=150, feather=15)

    before, after = run(gimp, "translate-domain", document, style="ink")

    x, y = FACE
    face = slice(y - 25, y + 25), slice(x - 25, x + 25), slice(3)
    assert np.abs(unit(after) - unit(before))[face].mean() > 0.05
    skin, paper = (np.ptp(unit(each)[face], axis=2).mean() for each in (before, after))
    assert paper < 0.85 * skin
    gimp.call("close", image=document["image"])


@every_document
def test_replace_sky(gimp: Gimp, precision: str, profile: str) -> None:
    """The sky of a real photo is another, by a layer with a mask; the ground only gets darker and of its colour."""
    china = photo("china")[60:300, 330:590]
    document = gimp.document(
        {"name": "china", "pixels": encoded(with_alpha(china), precision)},
        size=CANVAS,
        precision=precision,
        profile=PROFILES[profile],
    )
    before = unit(gimp.composite(document))

    done = gimp.run("replace-sky", document, sky="night")

    assert done["status"] == "success", done["error"]
    after = unit(gimp.composite(document))
    group = gimp.tree(document)[0]
    assert group["children"][0]["name"] == "Sky"
    assert {child["mode"] for child in group["children"]} == {"normal", "multiply"}
    layer = group["children"][0]
    left, top, _, _ = layer["bounds"]
    mask = unit(gimp.read(layer["mask"]))[..., 0]
    assert mask[40 - top, 100 - left] > 0.99
    assert after[20:80, 60:200, :3].mean() < 0.5 * before[20:80, 60:200, :3].mean()
    was, now = (each[190:235, 60:160, :3] for each in (before, after))
    assert 0.1 < now.mean() / was.mean() < 0.9
    assert np.corrcoef(was.mean(-1).ravel(), now.mean(-1).ravel())[0, 1] > 0.95, "the ground is the same ground"
    gimp.call("close", image=document["image"])


@every_document
def test_select_object(gimp: Gimp, precision: str, profile: str) -> None:
    """A click on the face selects the head and not the sky; no pixel changes."""
    document = make(gimp, precision, profile)
    before, layers = gimp.composite(document), gimp.tree(document)

    done = gimp.run("select-object", document, points=f"{FACE[0]},{FACE[1]}; 45,20,-; 230,20,-")

    assert done["status"] == "success", done["error"]
    selected = gimp.selection(document, CANVAS)
    assert selected[FACE[1], FACE[0]] > 0.9
    assert selected[20, 45] < 0.1
    assert selected[20, 230] < 0.1
    assert 0.02 < selected.mean() < 0.6
    np.testing.assert_array_equal(gimp.composite(document), before)
    assert gimp.tree(document) == layers
    gimp.call("close", image=document["image"])


@every_document
def test_select_object_from_a_rough_selection(gimp: Gimp, precision: str, profile: str) -> None:
    """A soft selection drawn roughly around the head becomes one of the head; no pixel changes."""
    document = make(gimp, precision, profile)
    gimp.call("select", image=document["image"], x=62, y=8, width=130, height=200, feather=10)
    before, rough = gimp.composite(document), gimp.selection(document, CANVAS)

    done = gimp.run("select-object", document)

    assert done["status"] == "success", done["error"]
    selected = gimp.selection(document, CANVAS)
    assert selected[FACE[1], FACE[0]] > 0.9
    assert selected[14, 68] < 0.2, "the wall in the selection's corner"
    assert selected[rough < LEAST_COVERAGE].max() == 0
    assert (rough - selected).max() > 0.8, "the wall that was fully selected is not any more"
    np.testing.assert_array_equal(gimp.composite(document), before)
    gimp.call("close", image=document["image"])


@every_document
def test_refine_edge(gimp: Gimp, precision: str, profile: str) -> None:
    """A rough outline of the head becomes one that follows it; far from the edge, and in no pixel, anything changes."""
    document = make(gimp, precision, profile)
    gimp.call("select", image=document["image"], x=84, y=30, width=92, height=120, feather=0)
    before, rough = gimp.composite(document), gimp.selection(document, CANVAS)

    done = gimp.run("refine-edge", document, radius_px=16.0)

    assert done["status"] == "success", done["error"]
    refined = gimp.selection(document, CANVAS)
    assert np.abs(refined - rough).max() > 0.8
    assert ((refined > 0.05) & (refined < 0.95)).sum() > 100, "a soft edge"
    assert refined[FACE[1], FACE[0]] == rough[FACE[1], FACE[0]] == 1
    assert refined[180:].max() == 0
    np.testing.assert_array_equal(gimp.composite(document), before)
    gimp.call("close", image=document["image"])


def test_refine_edge_as_a_cut_out(gimp: Gimp) -> None:
    """The same as a layer: its mask reaches where nothing was selected, and the selection stays the artist's."""
    document = make(gimp, PRECISIONS[0], next(iter(PROFILES)))
    gimp.call("select", image=document["image"], x=84, y=30, width=92, height=120, feather=0)
    rough = gimp.selection(document, CANVAS)

    done = gimp.run("refine-edge", document, radius_px=16.0, result="cutout")

    assert done["status"] == "success", done["error"]
    np.testing.assert_array_equal(gimp.selection(document, CANVAS), rough)
    (layer,) = gimp.tree(document)[0]["children"]
    left, top, width, height = layer["bounds"]
    mask = unit(gimp.read(layer["mask"]))[..., 0]
    shown = mask[max(0, -top) :, max(0, -left) :]  # it hangs over the canvas's upper edge
    selected = rough[max(0, top) : top + height, max(0, left) : left + width]
    shown = shown[: selected.shape[0], : selected.shape[1]]
    assert shown[selected == 0].max() > 0.5
    assert mask[FACE[1] - top, FACE[0] - left] == 1
    gimp.call("close", image=document["image"])
