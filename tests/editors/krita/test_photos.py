"""The shipped operations on real photos in a real Krita, as an artist would run them, and pictures of it."""

from __future__ import annotations

import numpy as np
import pytest

from .. import chroot
from .pictures import encoded, feathered, is_the_same, photo, with_alpha
from .session import Krita

CANVAS = (260, 220)
X, Y = 30, -24  # over the upper edge of the canvas, and 10 pixels short of its right one
DOCUMENTS = {
    "8-bit sRGB": {"depth": "U8", "profile": "sRGB-elle-V2-srgbtrc.icc"},
    "8-bit AdobeRGB": {"depth": "U8", "profile": "ClayRGB-elle-V2-g22.icc"},
    "16-bit sRGB": {"depth": "U16", "profile": "sRGB-elle-V2-srgbtrc.icc"},
    "16-bit AdobeRGB": {"depth": "U16", "profile": "ClayRGB-elle-V2-g22.icc"},
    "float linear sRGB": {"depth": "F32", "profile": "sRGB-elle-V2-g10.icc"},
    "float linear Rec. 2020": {"depth": "F32", "profile": "Rec2020-elle-V4-g10.icc"},
}


def make(krita: Krita, colours: dict[str, str]) -> int:
    """The astronaut, offset, over the cat."""
    depth = colours["depth"]
    return krita.document(
        {"name": "behind", "pixels": encoded(with_alpha(photo("chelsea")[: CANVAS[1], : CANVAS[0]]), depth)},
        {"name": "photo", "pixels": encoded(with_alpha(photo()[0:240, 110:330]), depth), "x": X, "y": Y},
        size=CANVAS,
        **colours,
    )


TITLES = (
    "Apply LUT",
    "Erase Object",
    "Refine Edge",
    "Remove Background",
    "Remove Shadow",
    "Replace Sky",
    "Select Object",
    "Select Subject",
    "Stylize",
    "Translate Domain",
)


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_an_operation_on_a_photo_with_a_feathered_selection(krita: Krita, kind: str, title: str) -> None:
    """Something sensible comes; outside the selection not a bit changes; one undo takes it all back."""
    document = make(krita, DOCUMENTS[kind])
    coverage = feathered(CANVAS, 70, 10, 150, 190, 25)
    krita.select(document, coverage)
    tree, history = krita.tree(document), krita.call("history")
    renderings = [krita.composite(document), krita.composite(document)]

    done = krita.run(title)

    assert done["state"] == "done", done["said"]
    assert len(krita.call("history")) == len(history) + 1
    after, selected = krita.composite(document), krita.selection(document)
    assert is_the_same(after[coverage == 0], *(before[coverage == 0] for before in renderings))
    if chroot.KEPT_PICTURES:
        krita.call("zoom_to_fit")
        picture(krita, f"operations/krita {title}, {kind}")
    if title in ("Select Object", "Select Subject", "Refine Edge"):
        assert is_the_same(after, *renderings)
        assert selected is not None
        assert 0.05 < (selected > 127).mean() < 0.6
        assert (selected != coverage).any()
    else:
        assert krita.tree(document)[:-1] == tree
        assert selected is not None
        np.testing.assert_array_equal(selected, coverage)
        group = krita.tree(document)[-1]
        assert group["children"], "a group with layers"
        if title == "Remove Background":
            area = (0, 0, *CANVAS)
            mask = krita.mask(document, group["children"][-1]["name"], area)
            assert mask is not None
            assert mask[coverage == 0].max() == 0
            assert 0.05 < (mask > 200).mean() < 0.6, "the subject stays"
            assert (mask[coverage == 255] < 50).mean() > 0.05, "its surroundings go"
        else:
            inside = coverage == 255
            assert (after[inside] != renderings[0][inside]).any(-1).mean() > (0.9 if title == "Apply LUT" else 0.05)

    krita.undo()
    assert krita.tree(document) == tree
    assert is_the_same(krita.composite(document), *renderings)
    restored = krita.selection(document)
    assert restored is not None
    np.testing.assert_array_equal(restored, coverage)
    krita.close(document)


def test_the_cut_out_of_a_refined_edge(krita: Krita) -> None:
    """Its mask reaches beyond what was selected; the selection stays the artist's, and one undo removes the layer."""
    document = make(krita, DOCUMENTS["8-bit sRGB"])
    coverage = feathered(CANVAS, 90, 20, 80, 110, 1)
    krita.select(document, coverage)
    tree = krita.tree(document)

    done = krita.run("Refine Edge", result="cutout", radius_px=16)

    assert done["state"] == "done", done["said"]
    selected = krita.selection(document)
    assert selected is not None
    np.testing.assert_array_equal(selected, coverage)
    (layer,) = krita.tree(document)[-1]["children"]
    mask = krita.mask(document, layer["name"], (0, 0, *CANVAS))
    assert mask is not None
    assert mask[coverage == 0].max() > 128
    assert mask[coverage == 255].max() == 255
    krita.undo()
    assert krita.tree(document) == tree
    krita.close(document)


def test_pictures_of_the_docker_and_of_a_selection(krita: Krita) -> None:
    """The docker beside a real photo with its result, and the ants around what was selected."""
    document = krita.document({"name": "Astronaut", "pixels": with_alpha(photo()[:440, :])}, size=(512, 440))
    krita.call("show_docker", alone=True)
    krita.call("zoom_to_fit")
    done = krita.run("Apply LUT", look="teal_orange", strength=0.9)
    assert done["state"] == "done", done["said"]
    krita.call("listed")
    graded = picture(krita, "krita-docker")
    krita.undo()
    plain = picture(krita)
    assert differing(graded, plain) > 0.3

    done = krita.run("Select Object", box="95,5,395,438")
    assert done["state"] == "done", done["said"]
    krita.call("listed", search="object")
    selected = picture(krita, "krita-selection")
    assert 0.001 < differing(selected, plain) < 0.05, "a line around the object"
    krita.close(document)


def picture(krita: Krita, name: str = "") -> np.ndarray:
    """The screen once nothing moves on it any more."""
    krita.call("be_still")
    return krita.desktop.picture(name)


def differing(shot: np.ndarray, other: np.ndarray) -> float:
    """The share of the canvas's pixels that differ between two pictures of the screen."""
    canvas = (slice(120, 840), slice(180, 1050))
    return float((shot[canvas] != other[canvas]).any(-1).mean())
