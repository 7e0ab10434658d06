"""Every kind of layer and document: read as it looks, or refused in words; never changed."""

from __future__ import annotations

import json
import zipfile
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from .. import chroot
from .pictures import encoded, feathered, photo, with_alpha
from .session import Krita

SIZE = (60, 40)
GREY = "Gray-D50-elle-V2-srgbtrc.icc"


@pytest.fixture
def document(krita: Krita):
    pixels = with_alpha(photo()[:40, 200:260])
    number = krita.document(
        {"name": "behind", "pixels": with_alpha(photo("chelsea")[:40, :60])},
        {"name": "photo", "pixels": pixels},
        size=SIZE,
    )
    yield number
    krita.close(number)


def refused(krita: Krita, document: int, *words: str, title: str = "Paint Test") -> dict[str, Any]:
    """Run, expect an error that has all `words`, and a document that is as it was."""
    before, tree, undo = krita.composite(document), krita.tree(document), krita.call("history")
    done = krita.run(title)
    assert done["state"] == "failed", done
    for word in words:
        assert word in done["said"]
    assert "Traceback" not in done["said"]
    assert krita.tree(document) == tree
    assert krita.call("history") == undo
    np.testing.assert_array_equal(krita.composite(document), before)
    return done


def test_a_saved_document_has_layers_masks_modes_and_recipes(krita: Krita, document: int) -> None:
    """Read back from the .kra file itself: where they lie, how they blend, and how they were made."""
    krita.select(document, feathered(SIZE, 10, 5, 40, 30, 8))
    done = krita.run("Paint Test", amount=0.25)
    assert done["state"] == "done", done["said"]
    path = krita.file(".kra")
    assert krita.call("save", number=document, path=str(path))

    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        stack = ElementTree.fromstring(archive.read("maindoc.xml")).findall("{*}IMAGE/{*}layers/{*}layer")
        recipes = {
            name.rpartition("scumble-recipe-")[2]: json.loads(archive.read(name)) for name in names if "recipe" in name
        }
    assert [layer.get("name") for layer in stack] == ["Paint Test", "photo", "behind"], "directly above its source"
    group = stack[0]
    inner = {layer.get("name"): layer for layer in group.findall("{*}layers/{*}layer")}
    assert (group.get("nodetype"), group.get("passthrough")) == ("grouplayer", "1")
    assert list(inner) == ["Dodge", "Inverted"], "top first, as .kra files list them"
    assert (inner["Dodge"].get("compositeop"), inner["Inverted"].get("compositeop")) == ("dodge", "normal")
    assert inner["Inverted"].get("opacity") == "128"
    for layer in inner.values():
        masks = layer.findall("{*}masks/{*}mask")
        assert [mask.get("nodetype") for mask in masks] == ["transparencymask"]
        recipe = recipes[str(layer.get("uuid")).strip("{}")]
        assert recipe["operation"] == "paint_test"
        assert recipe["parameters"]["amount"] == 0.25
        assert recipe["source"] == "photo"
    again = krita.call("open_file", path=str(path))
    krita.activate(again)
    np.testing.assert_array_equal(krita.composite(again), krita.composite(document))
    assert len([name for name in krita.call("info", number=again)["annotations"] if "scumble" in name]) == 2
    krita.close(again)


@pytest.mark.parametrize("depth", ["U8", "U16", "F32"])
def test_a_hidden_layer_is_inserted_hidden(krita: Krita, depth: str) -> None:
    """Only its eye is closed: all of it is there, and the result is still one undo step."""
    pixels = encoded(with_alpha(photo()[:40, 200:260]), depth)
    document = krita.document({"name": "photo", "pixels": pixels}, size=SIZE, depth=depth)
    before, undo = krita.composite(document), krita.call("history")

    done = krita.run("Hidden Test")

    assert done["state"] == "done", done["said"]
    shown, hidden = krita.tree(document)[1]["children"]
    assert [(node["name"], node["visible"]) for node in (shown, hidden)] == [("Shown", True), ("Hidden", False)]
    full = 1 if depth == "F32" else np.iinfo(pixels.dtype).max
    assert (krita.read(document, "Hidden")[0] == full).all()
    np.testing.assert_allclose(krita.composite(document)[..., :3] / full, 1 - before[..., :3] / full, atol=2e-5)
    assert len(krita.call("history")) == len(undo) + 1
    krita.call("change", number=document, name="Hidden", visible=True)
    assert (krita.composite(document)[7:, 7:] == full).all()
    krita.close(document)


def test_a_hidden_layer_is_hidden_in_a_new_document(krita: Krita, document: int) -> None:
    done = krita.run("Hidden Test", opens=True)
    assert done["state"] == "done", done["said"]
    chroot.wait_until(lambda: not krita.call("is_in_front", number=document), "the new document to come to the front")
    made = krita.call("take_front")
    assert [(node["name"], node["visible"]) for node in krita.tree(made)] == [("Shown", True), ("Hidden", False)]
    krita.close(made)


@pytest.mark.parametrize("depth", ["U8", "U16", "F32"])
def test_grey_documents_stay_grey(krita: Krita, depth: str) -> None:
    grey = photo()[:40, 200:260, :1]
    pixels = encoded(with_alpha(grey), depth)
    document = krita.document({"name": "grey", "pixels": pixels}, size=SIZE, model="GRAYA", depth=depth, profile=GREY)

    done = krita.run("Paint Test")

    assert done["state"] == "done", done["said"]
    made, _ = krita.read(document, "Inverted")
    assert made.shape[2] == 2
    full = np.iinfo(made.dtype).max if np.issubdtype(made.dtype, np.integer) else 1
    np.testing.assert_allclose(made[..., 0] / full, 1 - pixels[..., 0] / full, atol=2e-5 if depth != "U8" else 0)
    krita.undo()
    np.testing.assert_array_equal(krita.composite(document), pixels)
    krita.close(document)


@pytest.mark.parametrize(
    ("model", "profile", "name"),
    [
        ("CMYKA", "Artifex Software CMYK SWOP Profile", "CMYK"),
        ("LABA", "Lab-D50-Identity-elle-V2.icc", "L*a*b*"),
        ("XYZA", "XYZ-D50-Identity-elle-V4.icc", "XYZ"),
    ],
)
def test_other_colour_models_are_refused_with_the_way_out(krita: Krita, model: str, profile: str, name: str) -> None:
    """The error says what the document is, and where in the menus it can be converted."""
    known = krita.call("profiles", model=model, depth="U16")
    document = krita.document(size=SIZE, model=model, depth="U16", profile=profile if profile in known else known[0])
    done = krita.run("Paint Test")
    assert done["state"] == "failed"
    assert f"is {name}" in done["said"]
    assert "Image ▸ Convert Image Color Space" in done["said"]
    assert len(krita.tree(document)) == 1
    krita.close(document)


def test_group_and_vector_layers_are_read_as_they_look(krita: Krita, document: int) -> None:
    """They have no pixels of their own; what they show is sent, and the result lies above them."""
    krita.call("add", number=document, kind="vectorlayer", name="shape")
    krita.activate(document, "shape")
    done = krita.run("Paint Test", layer_count=1)
    assert done["state"] == "done", done["said"]
    made, place = krita.read(document, "Inverted")
    opaque = made[..., 3] == 255
    assert opaque.sum() > 200
    np.testing.assert_allclose(made[opaque][:, :3].mean(0), (255 - 0xC0, 255 - 0x40, 255 - 0x10), atol=12)
    assert place[0] >= 0
    assert [node["name"] for node in krita.tree(document)] == ["behind", "photo", "shape", "Paint Test"]
    krita.undo()

    krita.call("add", number=document, kind="grouplayer", name="group")
    krita.call("move_into", number=document, name="photo", group="group")
    krita.activate(document, "group")
    done = krita.run("Paint Test", layer_count=1)
    assert done["state"] == "done", done["said"]
    made, _ = krita.read(document, "Inverted")
    np.testing.assert_array_equal(made[..., :3], 255 - photo()[:40, 200:260])


def test_a_layer_with_a_mask_keeps_it_and_is_read_as_it_looks(krita: Krita, document: int) -> None:
    """What the artist's own mask hides is transparent in the result too."""
    krita.call("add", number=document, kind="transparencymask", name="own mask", mask="photo")
    krita.activate(document, "own mask")  # its layer is meant

    done = krita.run("Paint Test", layer_count=1)

    assert done["state"] == "done", done["said"]
    made, place = krita.read(document, "Inverted")
    canvas = np.zeros((40, 60), np.uint8)
    canvas[place[1] : place[1] + made.shape[0], place[0] : place[0] + made.shape[1]] = made[..., 3]
    assert canvas[:, 31:].max() == 0
    assert canvas[:, :29].min() == 255
    photo_layer = next(node for node in krita.tree(document) if node["name"] == "photo")
    assert [child["type"] for child in photo_layer["children"]] == ["transparencymask"]


def test_a_layer_inside_a_group_gets_its_result_there(krita: Krita, document: int) -> None:
    krita.call("add", number=document, kind="grouplayer", name="group")
    krita.call("move_into", number=document, name="photo", group="group")
    krita.activate(document, "photo")
    before = krita.composite(document)

    done = krita.run("Paint Test")
    assert done["state"] == "done", done["said"]

    group = krita.tree(document)[-1]
    assert [node["name"] for node in group["children"]] == ["photo", "Paint Test"]
    krita.undo()
    np.testing.assert_array_equal(krita.composite(document), before)


def test_a_locked_layer_is_only_read_but_a_locked_group_takes_nothing(krita: Krita, document: int) -> None:
    krita.call("change", number=document, name="photo", locked=True)
    done = krita.run("Paint Test")
    assert done["state"] == "done", done["said"]
    krita.undo()
    krita.call("add", number=document, kind="grouplayer", name="group")
    krita.call("add", number=document, kind="paintlayer", name="inner", inside="group")
    krita.call("change", number=document, name="group", locked=True)
    krita.activate(document, "inner")
    refused(krita, document, "The group «group» is locked", "Unlock it")


def test_layers_nobody_sees_are_refused(krita: Krita, document: int) -> None:
    """Hidden, empty, wholly outside the canvas: each has its own sentence."""
    krita.call("change", number=document, name="photo", visible=False)
    refused(krita, document, "«photo» is hidden", "Show it")
    krita.call("change", number=document, name="photo", visible=True)
    krita.call("add", number=document, kind="paintlayer", name="nothing")
    krita.activate(document, "nothing")
    refused(krita, document, "«nothing» is empty")
    krita.activate(document, "photo")
    krita.call("select_empty", number=document)
    refused(krita, document, "The selection is empty", "Deselect")
    krita.call("select_nothing", number=document)
    assert krita.run("Paint Test")["state"] == "done", "the next job works"


def test_a_layer_outside_the_canvas_or_of_one_pixel(krita: Krita) -> None:
    pixels = with_alpha(photo()[:10, :10])
    document = krita.document(
        {"name": "behind", "pixels": with_alpha(photo("chelsea")[:40, :60])},
        {"name": "away", "pixels": pixels, "x": 100, "y": -30},
        {"name": "dot", "pixels": pixels[:1, :1], "x": 7, "y": 8},
        size=SIZE,
    )
    done = krita.run("Paint Test")
    assert done["state"] in ("done", "failed"), "never a hang"
    if done["state"] == "done":
        (group,) = (node for node in krita.tree(document) if node["name"] == "Paint Test")
        assert group["children"][0]["bounds"] == [7, 8, 1, 1]
        krita.undo()
    krita.activate(document, "away")
    refused(krita, document, "canvas")
    krita.activate(document, "behind")
    krita.select(document, np.full((5, 5), 255), 200, 200)
    refused(krita, document, "selection")
    krita.close(document)


def test_with_no_document_open_run_says_so(krita: Krita) -> None:
    chroot.wait_until(lambda: not krita.call("has_document"), "the last document to be gone")
    done = krita.run("Paint Test")
    assert done["state"] == "failed", done
    assert "No document is open" in done["said"]
