"""Upscale as an image of its own in a real GIMP: the same pixels as the layer, in an image like the source's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .. import chroot
from .photos import encoded, photo, with_alpha
from .session import Gimp
from .test_pixels import PROFILES
from .window import Window

SIZE = (60, 40)
RESOLUTION = [240.0, 200.0]


def make(gimp: Gimp, precision: str, profile: str, x: int = 0, y: int = 0) -> dict[str, Any]:
    pixels = with_alpha(photo()[: SIZE[1], 200 : 200 + SIZE[0]])
    document = gimp.document(
        {"name": "photo", "pixels": encoded(pixels, precision), "x": x, "y": y},
        size=SIZE,
        precision=precision,
        profile=PROFILES[profile],
    )
    gimp.call("set_resolution", image=document["image"], across=RESOLUTION[0], down=RESOLUTION[1])
    gimp.call("clean", image=document["image"])
    return document


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("precision", ["U8_NON_LINEAR", "U16_NON_LINEAR", "FLOAT_LINEAR"])
def test_the_new_image_is_like_the_source_and_has_the_pixels_of_the_layer(
    gimp: Gimp, precision: str, profile: str
) -> None:
    """Precision, profile and resolution are taken over; the source has not changed, nor has it anything to undo."""
    document = make(gimp, precision, profile, x=-5, y=7)
    before, source = gimp.call("about", image=document["image"]), gimp.read(document["layers"][0])

    done = gimp.run("upscale", document)

    assert done["status"] == "success", done["error"]
    group, notes, new = done["values"]
    assert group is None
    assert notes == ""
    about = gimp.call("about", image=new)
    assert about["size"] == [120, 80]
    assert {name: about[name] for name in ("precision", "base", "profile", "resolution")} == {
        name: before[name] for name in ("precision", "base", "profile", "resolution")
    }
    assert about["resolution"] == pytest.approx(RESOLUTION)
    assert about["is_dirty"], "closing it has to ask"
    assert gimp.call("about", image=document["image"]) == before
    np.testing.assert_array_equal(gimp.read(document["layers"][0]), source)
    (layer,) = gimp.tree({"image": new})
    assert layer["bounds"] == [0, 0, 120, 80]
    assert layer["recipe"]["operation"] == "upscale"

    as_layer = gimp.run("upscale", document, result="larger")
    assert as_layer["status"] == "success", as_layer["error"]
    larger = gimp.tree(document)[0]["children"][0]
    np.testing.assert_array_equal(gimp.read(layer["id"]), gimp.read(larger["id"]))
    gimp.call("close", image=new)


def test_with_a_selection_only_that_part_is_opened(gimp: Gimp) -> None:
    """Feather and all, as the mask of the layer."""
    document = make(gimp, "U16_NON_LINEAR", "prophoto")
    gimp.call("select", image=document["image"], x=10, y=5, width=30, height=20)

    done = gimp.run("upscale", document, factor="4")

    assert done["status"] == "success", done["error"]
    new = done["values"][2]
    assert gimp.call("about", image=new)["size"] == [120, 80]
    (layer,) = gimp.tree({"image": new})
    assert layer["bounds"] == [0, 0, 120, 80]
    assert (gimp.read(layer["mask"]) == 65535).all()
    gimp.call("close", image=new)


def test_a_failure_leaves_no_image_behind(gimp: Gimp) -> None:
    document = make(gimp, "U8_NON_LINEAR", "srgb")
    gimp.call("item", id=document["layers"][0], method="set_visible", arguments=[False])
    before = gimp.call("images")
    assert gimp.run("upscale", document)["status"] == "execution-error"
    assert gimp.call("images") == before


def test_the_artist_sees_it_in_front_and_has_nothing_to_undo(gimp_window: Gimp, desktop: chroot.Desktop) -> None:
    """A window of its own comes up."""
    size = (300, 200)
    document = gimp_window.document({"name": "photo", "pixels": with_alpha(photo()[:200, 100:400])}, size=size)
    with Window(gimp_window, desktop, document, size) as window:
        before = window.state()
        window.begin("upscale")
        desktop.key(desktop.wait_for_window("^Upscale$"), "Return")
        done = gimp_window.finish()
        assert done["status"] == "success", done["error"]
        new = desktop.wait_for_window("600x400 – GIMP")
        chroot.wait_until(lambda: _title_of_active(desktop).count("600x400"), "the new image to be in front")
        desktop.picture("gimp-new-image")
        desktop.key(new, "ctrl+z")
        assert gimp_window.call("about", image=done["values"][2])["layers"], "there is nothing to take back"
        assert window.state() == before


def _title_of_active(desktop: chroot.Desktop) -> str:
    return desktop.xdotool("getactivewindow", "getwindowname")
