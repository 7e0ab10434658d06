"""A reference picture in a real GIMP: a file, or a layer of this image or another, in any precision and profile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from .. import chroot
from .photos import encoded, photo, with_alpha
from .session import Gimp
from .test_pixels import PROFILES
from .window import Window

SIZE = (40, 30)
DEPTHS = {"U8_NON_LINEAR": "u8", "U16_NON_LINEAR": "u16", "HALF_LINEAR": "f16", "FLOAT_LINEAR": "f32"}
STEPS = {"u8": 4e-3, "u16": 1e-4, "f16": 2e-3, "f32": 1e-4}
RED = (200, 40, 90, 255)


@pytest.fixture
def document(gimp: Gimp) -> dict[str, Any]:
    """A photo above a plain background, 8 bits."""
    behind = np.full((SIZE[1], SIZE[0], 4), (90, 120, 150, 255), np.uint8)
    layer = with_alpha(photo()[40:60, 180:210])
    return gimp.document(
        {"name": "behind", "pixels": behind}, {"name": "photo", "pixels": layer, "x": 5, "y": 6}, size=SIZE
    )


@pytest.fixture
def other(gimp: Gimp) -> dict[str, Any]:
    """Another open image, of one layer that hangs over its corner."""
    layer = with_alpha(photo("chelsea")[100:140, 150:200])
    return gimp.document({"name": "sky", "pixels": layer, "x": -9, "y": 300}, size=(700, 500))


def seen(done: dict[str, Any]) -> tuple[str, str, np.ndarray]:
    """Size, depth and mean colour, in sRGB, of what the operation was given."""
    assert done["status"] == "success", done["error"]
    size, depth, *mean = done["values"][1].split()
    return size, depth, np.array([float(each) for each in mean])


def painted(gimp: Gimp, document: dict[str, Any]) -> np.ndarray:
    """The colour of the new layer, in sRGB as GIMP converts it."""
    (layer,) = gimp.tree(document)[0]["children"]
    pixels = gimp.read(layer["id"], "R'G'B'A float")
    return pixels[pixels[..., 3] > 0][:, :3].mean(0)


def refused(gimp: Gimp, document: dict[str, Any], **arguments: Any) -> str:
    before = gimp.tree(document)
    done = gimp.run("reference-test", document, **arguments)
    assert done["status"] != "success"
    assert "Traceback" not in done["error"]
    assert gimp.tree(document) == before
    return done["error"]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("precision", DEPTHS)
def test_a_layer_of_another_image_is_seen_in_its_own_precision_and_profile(
    gimp: Gimp, document: dict[str, Any], precision: str, profile: str
) -> None:
    """Whatever the document that is painted on has; the other image stays as it is."""
    pixels = encoded(with_alpha(photo("chelsea")[100:140, 150:200]), precision)
    other = gimp.document(
        {"name": "sky", "pixels": pixels, "x": -9, "y": 300},
        size=(700, 500),
        precision=precision,
        profile=PROFILES[profile],
    )
    gimp.call("clean", image=other["image"])

    size, depth, mean = seen(gimp.run("reference-test", document, reference_layer=other["layers"][0]))

    assert (size, depth) == ("50×40", DEPTHS[precision])
    expected = gimp.read(other["layers"][0], "R'G'B'A float")[..., :3].mean((0, 1))
    # What lies outside sRGB GIMP encodes a little differently, near black
    np.testing.assert_allclose(mean, expected, atol=max(STEPS[depth], 1e-3 if profile == "prophoto" else 0))
    np.testing.assert_allclose(painted(gimp, document), mean, atol=4e-3)
    np.testing.assert_array_equal(gimp.read(other["layers"][0]), pixels)
    assert not gimp.call("about", image=other["image"])["is_dirty"]


@pytest.mark.parametrize("kind", ["u8", "u16", "f32"])
def test_a_file_is_seen_in_its_own_depth(gimp: Gimp, document: dict[str, Any], tmp_path: Path, kind: str) -> None:
    share = (photo("chelsea")[100:140, 150:200] / 255).astype(np.float32)
    path = tmp_path / {"u8": "style.png", "u16": "deep.png", "f32": "float.tif"}[kind]
    if kind == "f32":
        tifffile.imwrite(path, share, photometric="rgb")
    else:
        full = {"u8": 255, "u16": 65535}[kind]
        path.write_bytes(
            imagecodecs.png_encode(np.round(share * full).astype({"u8": np.uint8, "u16": np.uint16}[kind]))
        )

    size, depth, mean = seen(gimp.run("reference-test", document, reference=str(path)))

    assert (size, depth) == ("50×40", kind)
    np.testing.assert_allclose(mean, share.mean((0, 1)), atol=1e-5)
    np.testing.assert_allclose(painted(gimp, document), mean, atol=4e-3)
    assert gimp.tree(document)[0]["children"][0]["recipe"]["reference"]["name"] == path.name


def test_the_recipe_names_the_layer_and_its_image(gimp: Gimp, document: dict[str, Any]) -> None:
    """With the groups that it lies in."""
    other = gimp.document({"name": "below", "pixels": with_alpha(photo()[:9, :9])}, size=(9, 9))
    path = gimp.file(".xcf")
    gimp.call("save", image=other["image"], file=str(path))
    saved = gimp.call("load", file=str(path))
    folder = gimp.call("add_layer", image=saved, name="sky", width=0, height=0, kind="group")
    pixels = gimp.file()
    pixels.write_bytes(bytes(RED) * 100)
    inner = gimp.call("add_layer", image=saved, name="évening", width=10, height=10, file=str(pixels), parent=folder)

    seen(gimp.run("reference-test", document, reference_layer=inner))

    recipe = gimp.tree(document)[0]["children"][0]["recipe"]["reference"]
    assert (recipe["layer"], recipe["document"]) == ("sky ▸ évening", path.name)
    assert len(recipe["sha256"]) == 64
    gimp.call("close", image=saved)


def test_a_layer_is_painted_in_the_style_of_another_images(gimp: Gimp) -> None:
    """In a float document with a selection: ink and paper, where the photo was neither, and the photo stays."""
    pixels = encoded(with_alpha(photo()[40:104, 180:260]), "FLOAT_LINEAR")
    document = gimp.document({"name": "photo", "pixels": pixels}, size=(80, 64), precision="FLOAT_LINEAR")
    gimp.call("select", image=document["image"], x=10, y=8, width=60, height=48)
    hatched = np.full((64, 64, 4), 255, np.uint8)
    hatched[(np.indices((64, 64)).sum(0) // 3) % 3 == 0, :3] = (20, 20, 60)
    style = gimp.document({"name": "ink", "pixels": hatched}, size=(64, 64))

    done = gimp.run("transfer-style", document, reference_layer=style["layers"][0], model="classical")

    assert done["status"] == "success", done["error"]
    group, source = gimp.tree(document)
    (layer,) = group["children"]
    assert layer["bounds"] == [10, 8, 60, 48]
    painted = gimp.read(layer["id"], "R'G'B'A float")
    assert painted[..., 0].std() > 0.2
    assert (painted[..., 2] - painted[..., 0]).mean() > 0.03, "blue, as the ink is"
    np.testing.assert_array_equal(gimp.read(source["id"]), pixels)


# --- kinds of layers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [False, True])
def test_a_group_is_its_composite_and_a_hidden_one_too(gimp: Gimp, document: dict[str, Any], hidden: bool) -> None:
    """Two layers side by side make its picture, also where its eye is closed."""
    folder = gimp.call("add_layer", image=document["image"], name="sky", width=0, height=0, kind="group")
    for x, colour in ((0, RED), (10, (0, 80, 10, 255))):
        pixels = gimp.file()
        pixels.write_bytes(bytes(colour) * 100)
        gimp.call(
            "add_layer", image=document["image"], name="half", width=10, height=10, x=x, file=str(pixels), parent=folder
        )
    gimp.call("item", id=folder, method="set_visible", arguments=[not hidden])

    size, _, mean = seen(gimp.run("reference-test", document, reference_layer=folder))

    assert size == "20×10"
    np.testing.assert_allclose(mean * 255, (100, 60, 50), atol=0.01)


def test_a_hidden_layer_is_seen(gimp: Gimp, document: dict[str, Any]) -> None:
    """A reference is often there to be looked at, and then switched off."""
    gimp.call("item", id=document["layers"][0], method="set_visible", arguments=[False])

    _, _, mean = seen(gimp.run("reference-test", document, reference_layer=document["layers"][0]))

    np.testing.assert_allclose(mean * 255, (90, 120, 150), atol=0.01)


@pytest.mark.parametrize("precision", ["U8_NON_LINEAR", "U16_NON_LINEAR", "FLOAT_NON_LINEAR"])
def test_its_mask_and_its_filters_count(gimp: Gimp, document: dict[str, Any], precision: str) -> None:
    """What the artist has masked away is no part of the picture; both stay on the layer."""
    pixels = np.full((10, 20, 3), RED[:3], np.uint8)  # no alpha of its own
    pixels[:, 10:] = (10, 10, 10)
    pixels = encoded(pixels, precision)
    other = gimp.document({"name": "half", "pixels": pixels, "x": 3}, size=(20, 10), precision=precision)
    mask = np.zeros((10, 20), pixels.dtype)
    mask[:, :10] = 1 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max
    file = gimp.file()
    file.write_bytes(mask.tobytes())
    gimp.call("add_mask", layer=other["layers"][0], file=str(file))
    gimp.call("add_filter", layer=other["layers"][0], operation="gegl:invert-gamma")
    before = gimp.call("images")

    _, _, mean = seen(gimp.run("reference-test", document, reference_layer=other["layers"][0]))

    np.testing.assert_allclose(mean * 255, 255 - np.array(RED[:3]), atol=0.6)
    np.testing.assert_array_equal(gimp.read(other["layers"][0]), pixels)
    assert gimp.call("images") == before
    assert gimp.tree(other)[0]["mask"]
    assert len(gimp.call("item", id=other["layers"][0], method="get_filters")) == 1


def test_a_masked_group_is_its_masked_composite(gimp: Gimp, document: dict[str, Any]) -> None:
    other = gimp.document(size=(20, 10))
    folder = gimp.call("add_layer", image=other["image"], name="sky", width=0, height=0, kind="group")
    pixels, mask = gimp.file(), gimp.file()
    pixels.write_bytes(bytes(RED) * 100 + bytes((9, 9, 9, 255)) * 100)
    mask.write_bytes(bytes((255,)) * 100 + bytes(100))
    gimp.call("add_layer", image=other["image"], name="half", width=20, height=10, file=str(pixels), parent=folder)
    gimp.call("add_mask", layer=folder, file=str(mask))

    size, _, mean = seen(gimp.run("reference-test", document, reference_layer=folder))

    assert size == "20×10"
    np.testing.assert_allclose(mean * 255, RED[:3], atol=0.01)
    assert gimp.tree(other)[0]["mask"]


def test_the_layer_itself_and_one_of_a_single_pixel_will_do(gimp: Gimp, document: dict[str, Any]) -> None:
    size, _, mean = seen(gimp.run("reference-test", document, reference_layer=document["layers"][-1]))
    assert size == "30×20"
    np.testing.assert_allclose(mean * 255, photo()[40:60, 180:210].mean((0, 1)), atol=0.01)
    dot = gimp.document({"name": "dot", "pixels": np.full((1, 1, 2), 255, np.uint8)}, size=(9, 9), base="GRAY")
    assert seen(gimp.run("reference-test", document, reference_layer=dot["layers"][0]))[0] == "1×1"


# --- what is refused ---------------------------------------------------------------------------------------------


def test_a_reference_that_cannot_be_used_is_told(gimp: Gimp, document: dict[str, Any], other: dict[str, Any]) -> None:
    """Which one, and what to do; the document stays as it is."""
    assert "needs a picture: Colours of" in refused(gimp, document)
    both = refused(gimp, document, reference="/nowhere/a.png", reference_layer=other["layers"][0])
    assert "a layer or a file" in both
    broken = gimp.file(".png")
    broken.write_bytes(b"\x89PNG and then nothing")
    assert f"«{broken.name}»" in refused(gimp, document, reference=str(broken))
    clear = gimp.call("add_layer", image=other["image"], name="clear", width=9, height=9)
    assert "The reference layer is fully transparent" in refused(gimp, document, reference_layer=clear)
    gimp.call("make_indexed", image=other["image"])
    indexed = refused(gimp, document, reference_layer=other["layers"][0])
    assert "The reference layer «sky»" in indexed
    assert "Image ▸ Mode ▸ RGB" in indexed


def test_a_layer_that_is_gone_is_told(gimp: Gimp, document: dict[str, Any], other: dict[str, Any]) -> None:
    """It was deleted with its image after it had been chosen."""
    chosen = other["layers"][0]
    done = gimp.call("call_after_closing", procedure="scumble-reference-test", image=document["image"],
                     drawables=document["layers"][-1:], closed=other["image"], reference_layer=chosen)  # fmt: skip
    assert done["status"] == "calling-error"
    assert "'reference-layer'" in done["values"][0]
    assert len(gimp.tree(document)) == 2


# --- the dialog --------------------------------------------------------------------------------------------------

SHOWN = (300, 200)


@pytest.fixture
def grey(gimp_window: Gimp) -> Iterator[int]:
    """Another open image, of one grey layer."""
    other = gimp_window.document({"name": "grey", "pixels": np.full((20, 10, 4), 128, np.uint8)}, size=(10, 20))
    yield other["image"]
    gimp_window.call("close", image=other["image"])


def test_the_dialog_begins_with_the_layer_below(gimp_window: Gimp, desktop: chroot.Desktop, grey: int) -> None:
    """It lists those of all open images; the file is the other choice."""
    below, above = with_alpha(photo()[:200, 100:400]), np.full((100, 100, 4), RED, np.uint8)
    document = gimp_window.document({"name": "photo", "pixels": below}, {"name": "red", "pixels": above}, size=SHOWN)
    with Window(gimp_window, desktop, document, SHOWN) as window:
        window.begin("reference-test")
        dialog = desktop.wait_for_window("^Reference Test$")
        desktop.picture("gimp-reference")
        desktop.key(dialog, "Return")
        done = gimp_window.finish()
        window.dismiss_message()

        assert seen(done)[0] == "300×200"
        recipe = gimp_window.tree(document)[0]["children"][0]["recipe"]["reference"]
        assert recipe["layer"] == "photo"


def test_an_image_of_one_layer_is_offered_those_of_others(
    gimp_window: Gimp, desktop: chroot.Desktop, grey: int
) -> None:
    """The next one in the list, which is the other image's."""
    document = gimp_window.document({"name": "photo", "pixels": with_alpha(photo()[:200, 100:400])}, size=SHOWN)
    with Window(gimp_window, desktop, document, SHOWN) as window:
        size, _, mean = seen(window.run("reference-test", "Reference Test"))
    assert size == "10×20"
    np.testing.assert_allclose(mean * 255, 128, atol=0.01)
