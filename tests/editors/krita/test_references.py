"""A reference picture in a real Krita: a file, or a layer of this document or another, in any depth and profile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from scumble_daemon.imaging import colour

from .pictures import encoded, photo, unit, with_alpha
from .session import Krita

SIZE = (60, 40)
SRGB = "sRGB-elle-V2-srgbtrc.icc"
LINEAR = "sRGB-elle-V2-g10.icc"
STEPS = {"U8": 3e-3, "U16": 5e-5, "F16": 2e-3, "F32": 5e-5}
RED = (200, 40, 90, 255)


@pytest.fixture
def document(krita: Krita) -> Iterator[int]:
    """A photo above a plain red, 8 bits; and no other document is open."""
    assert krita.call("close_all") == 0
    number = krita.document(
        {"name": "red", "pixels": np.full((40, 60, 4), RED, np.uint8)},
        {"name": "photo", "pixels": with_alpha(photo()[:40, 200:260])},
        size=SIZE,
    )
    yield number
    krita.close(number)


def run(krita: Krita, document: int, reference: str, layer: str = "photo") -> dict[str, Any]:
    """Choose the reference in the form as an artist does, and run."""
    krita.activate(document, layer)
    krita.call("pick", title="Reference Test")
    krita.call("defaults")
    assert krita.call("choose_reference", title=reference).endswith(reference)
    number = krita.call("click_run")
    assert number is not None, krita.call("problem")
    return krita.end(number)


def seen(done: dict[str, Any]) -> tuple[str, str, np.ndarray]:
    """Size, depth and mean colour, in sRGB, of what the operation was given."""
    assert done["state"] == "done", done["said"]
    size, depth, *mean = done["said"].split()
    return size, depth, np.array([float(each) for each in mean])


def painted(krita: Krita, document: int) -> np.ndarray:
    pixels, _ = krita.read(document, "Mean")
    return unit(pixels)[..., :3].mean((0, 1))


@pytest.mark.parametrize("depth", STEPS)
@pytest.mark.parametrize("profile", [SRGB, LINEAR])
def test_a_layer_of_another_document_is_seen_in_its_own_depth_and_profile(
    krita: Krita, document: int, depth: str, profile: str
) -> None:
    """Whatever the document that is painted on has; the other document stays as it is."""
    pixels = encoded(with_alpha(photo("chelsea")[100:130, 150:200]), depth)
    sky = {"name": "sky", "pixels": pixels, "x": 5, "y": 2}
    other = krita.document({**sky, "name": "below"}, sky, size=(55, 32), depth=depth, profile=profile)
    before = krita.tree(other)

    size, seen_depth, mean = seen(run(krita, document, "sky"))

    assert (size, seen_depth) == ("50×30", depth.lower())
    linear = colour.standard_profile("linear-srgb") if profile == LINEAR else None
    values = np.ascontiguousarray(unit(pixels)[..., :3], np.float32)
    np.testing.assert_allclose(
        mean, colour.to_srgb(values, linear).mean((0, 1)), atol=STEPS[depth] + 1e-3 * (profile == LINEAR)
    )
    np.testing.assert_allclose(painted(krita, document), mean, atol=4e-3)
    assert krita.tree(other) == before
    krita.close(other)


@pytest.mark.parametrize("kind", ["u8", "u16", "f32"])
def test_a_file_is_seen_in_its_own_depth(krita: Krita, document: int, tmp_path: Path, kind: str) -> None:
    """«File…» shows a line for the path."""
    share = (photo("chelsea")[100:130, 150:200] / 255).astype(np.float32)
    path = tmp_path / {"u8": "style.png", "u16": "deep.png", "f32": "float.tif"}[kind]
    if kind == "f32":
        tifffile.imwrite(path, share, photometric="rgb")
    else:
        dtype = {"u8": np.uint8, "u16": np.uint16}[kind]
        path.write_bytes(imagecodecs.png_encode(np.round(share * np.iinfo(dtype).max).astype(dtype)))
    krita.activate(document, "photo")
    krita.call("pick", title="Reference Test")
    krita.call("defaults")
    krita.call("choose_reference", title="File…")
    krita.call("fill", reference=str(path))
    assert krita.call("values_shown") == {"reference": str(path)}

    number = krita.call("click_run")
    assert number is not None, krita.call("problem")
    size, depth, mean = seen(krita.end(number))

    assert (size, depth) == ("50×30", kind)
    np.testing.assert_allclose(mean, share.mean((0, 1)), atol=1e-5)
    np.testing.assert_allclose(painted(krita, document), mean, atol=4e-3)


def test_a_layer_is_painted_in_the_style_of_another_documents(krita: Krita) -> None:
    """In 16 bits: ink and paper, where the photo was neither, and the photo stays."""
    pixels = encoded(with_alpha(photo()[40:104, 180:260]), "U16")
    document = krita.document({"name": "photo", "pixels": pixels}, size=(80, 64), depth="U16")
    hatched = np.full((64, 64, 4), 255, np.uint8)
    hatched[(np.indices((64, 64)).sum(0) // 3) % 3 == 0, :3] = (20, 20, 60)
    style = krita.document({"name": "ink", "pixels": hatched}, size=(64, 64))
    krita.activate(document, "photo")
    krita.call("pick", title="Transfer Style")
    krita.call("defaults")
    assert krita.call("choose_reference", title="ink").endswith("ink")

    done = krita.end(krita.call("click_run"))

    assert done["state"] == "done", done["said"]
    painted, _ = krita.read(document, "Style")
    assert painted.dtype == np.uint16
    assert unit(painted)[..., 0].std() > 0.2
    np.testing.assert_array_equal(krita.read(document, "photo")[0], pixels)
    krita.close(style)
    krita.close(document)


def test_all_layers_of_all_documents_are_listed(krita: Krita, document: int) -> None:
    """With the groups they lie in, the document in front first; masks are no pictures."""
    other = krita.document({"name": "évening", "pixels": with_alpha(photo()[:9, :9])}, size=(9, 9))
    krita.call("add", number=document, kind="grouplayer", name="group")
    krita.call("move_into", number=document, name="photo", group="group")
    krita.call("add", number=document, kind="transparencymask", name="mask", mask="red")
    krita.activate(document, "red")
    krita.call("pick", title="Reference Test")
    krita.call("defaults")

    listed = krita.call("references")

    assert [each.partition(": ")[2] for each in listed[1:-1]] == ["group", "group ▸ photo", "red", "évening"]
    assert (listed[0], listed[-1]) == ("Choose…", "File…")
    done = run(krita, document, "group ▸ photo", "red")
    assert seen(done)[0] == "60×40"
    recipes = [
        json.loads(each)
        for name, each in krita.call("info", number=document)["annotations"].items()
        if "recipe" in name
    ]
    assert recipes[-1]["reference"]["layer"] == "group ▸ photo"
    assert recipes[-1]["reference"]["document"] == listed[1].partition(": ")[0]
    krita.close(other)


@pytest.mark.parametrize("visible", [True, False])
def test_groups_masks_and_hidden_layers_are_seen_as_they_look(krita: Krita, document: int, visible: bool) -> None:
    """Also where the eye is closed: a reference is often switched off."""
    krita.call("add", number=document, kind="grouplayer", name="group")
    krita.call("move_into", number=document, name="red", group="group")
    krita.call("add", number=document, kind="transparencymask", name="mask", mask="red")
    krita.call("change", number=document, name="group", visible=visible)

    _, _, mean = seen(run(krita, document, "group"))
    np.testing.assert_allclose(mean * 255, RED[:3], atol=0.01)
    krita.undo()
    _, _, mean = seen(run(krita, document, "group ▸ red"))
    np.testing.assert_allclose(mean * 255, RED[:3], atol=0.01)


def test_the_layer_itself_and_one_of_a_single_grey_pixel_will_do(krita: Krita, document: int) -> None:
    size, _, mean = seen(run(krita, document, "photo"))
    assert size == "60×40"
    np.testing.assert_allclose(mean * 255, photo()[:40, 200:260].mean((0, 1)), atol=0.01)
    dot = krita.document(
        {"name": "dot", "pixels": np.full((1, 1, 2), 65535, np.uint16)},
        size=(1, 1), model="GRAYA", depth="U16", profile="Gray-D50-elle-V2-srgbtrc.icc",
    )  # fmt: skip
    size, depth, mean = seen(run(krita, document, "dot"))
    assert (size, depth) == ("1×1", "u16")
    np.testing.assert_allclose(mean, 1, atol=1e-4)
    krita.close(dot)


def test_a_reference_that_cannot_be_used_is_told(krita: Krita, document: int) -> None:
    """None, a layer that was deleted or closed meanwhile, an empty one, another colour model: each in words."""
    tree = krita.tree(document)
    krita.activate(document, "photo")
    krita.call("pick", title="Reference Test")
    krita.call("defaults")
    assert krita.call("click_run") is None
    assert "needs a picture: Colours of" in krita.call("problem")
    other = krita.document({"name": "sky", "pixels": with_alpha(photo()[:9, :9])}, size=(9, 9))
    krita.activate(document, "photo")
    krita.call("choose_reference", title="sky")
    krita.close(other)
    krita.activate(document, "photo")
    done = krita.end(krita.call("click_run"))
    assert done["state"] == "failed"
    assert "The reference layer is not there any more" in done["said"]
    assert "A layer that is gone" in krita.call("references")
    krita.call("add", number=document, kind="paintlayer", name="nothing")
    done = run(krita, document, "nothing")
    assert done["state"] == "failed"
    assert "«nothing» is empty" in done["said"]
    krita.call("change", number=document, name="nothing", remove=True)
    known = krita.call("profiles", model="CMYKA", depth="U8")
    printed = krita.document(size=SIZE, model="CMYKA", depth="U8", profile=known[0])
    done = run(krita, document, "Background")
    assert done["state"] == "failed"
    assert "is CMYK" in done["said"]
    krita.close(printed)
    assert krita.tree(document) == tree


def test_erase_object_takes_from_where_another_layer_is_painted_over(krita: Krita) -> None:
    """Wherever in the document that layer lies: the hole in even ground gets as rough as it is below it."""
    assert krita.call("close_all") == 0
    ground = np.full((120, 240, 3), 128, np.uint8)
    ground[:, :120] = np.random.default_rng(1).integers(58, 198, (120, 120, 1))
    document = krita.document(
        {"name": "paper", "pixels": np.full((160, 320, 4), 255, np.uint8)},
        {"name": "strokes", "pixels": np.full((60, 100, 4), (0, 255, 0, 255), np.uint8), "x": 60, "y": 45},
        {"name": "ground", "pixels": with_alpha(ground), "x": 40, "y": 20},
        size=(320, 160),
    )
    coverage = np.zeros((160, 320), np.uint8)
    coverage[65:95, 190:220] = 255
    krita.select(document, coverage)
    krita.activate(document, "ground")
    krita.call("pick", title="Erase Object")
    krita.call("defaults")
    assert krita.call("choose_reference", title="strokes").endswith("strokes")
    number = krita.call("click_run")
    assert number is not None, krita.call("problem")

    done = krita.end(number)

    assert done["state"] == "done", done["said"]
    assert unit(krita.composite(document))[70:90, 195:215, 0].std() > 0.08
    krita.close(document)
