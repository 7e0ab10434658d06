"""Upscale as a document of its own in a real Krita: the same pixels as the layer, in a document like the source's."""

from __future__ import annotations

import numpy as np
import pytest

from .. import chroot
from .pictures import encoded, feathered, photo, with_alpha
from .session import Krita
from .test_pixels import PROFILES

SIZE = (60, 40)
RESOLUTION = [240.0, 240.0]


def make(krita: Krita, depth: str, profile: str, x: int = 0, y: int = 0) -> int:
    pixels = encoded(with_alpha(photo()[: SIZE[1], 200 : 200 + SIZE[0]]), depth)
    document = krita.document(
        {"name": "behind", "pixels": np.full_like(pixels, 1)},
        {"name": "photo", "pixels": pixels, "x": x, "y": y},
        size=SIZE,
        depth=depth,
        profile=PROFILES[profile],
    )
    krita.call("resolution", number=document, across=RESOLUTION[0], down=RESOLUTION[1])
    return document


def opened(krita: Krita, document: int) -> int:
    """Upscale the document; the new one, which comes to the front by itself."""
    before = krita.call("documents_open")
    done = krita.run("Upscale")
    assert done["state"] == "done", done["said"]
    assert krita.call("documents_open") == before + 1
    chroot.wait_until(lambda: not krita.call("is_in_front", number=document), "the new document to be in front")
    return krita.call("take_front")


@pytest.mark.parametrize(
    ("depth", "profile"), [("U8", "srgb"), ("U8", "adobe-rgb"), ("U16", "adobe-rgb"), ("F32", "rec2020-linear")]
)
def test_the_new_document_is_like_the_source_and_has_the_pixels_of_the_layer(
    krita: Krita, depth: str, profile: str
) -> None:
    """Depth, profile and resolution are taken over; the source has not changed, nor has it anything to undo."""
    document = make(krita, depth, profile, x=-5, y=7)
    tree, history, source = krita.tree(document), krita.call("history"), krita.read(document, "photo")[0]

    new = opened(krita, document)

    info = krita.call("info", number=new)
    assert (info["width"], info["height"], info["depth"], info["profile"]) == (120, 80, depth, PROFILES[profile])
    assert krita.call("resolution", number=new) == pytest.approx(RESOLUTION)
    assert krita.call("is_modified", number=new), "closing it has to ask"
    assert krita.call("history") == krita.call("history")[:1], "nothing to take back"
    assert [node["name"] for node in krita.tree(new)] == ["Upscaled ×2"]
    assert any("upscale" in text for text in info["annotations"].values()), "the recipe"
    pixels, place = krita.read(new, "Upscaled ×2")
    assert place == (0, 0)
    krita.close(new)

    krita.activate(document, "photo")
    assert krita.tree(document) == tree
    assert krita.call("history") == history
    np.testing.assert_array_equal(krita.read(document, "photo")[0], source)
    assert krita.run("Upscale", result="larger")["state"] == "done"
    np.testing.assert_array_equal(krita.read(document, "Upscaled ×2")[0], pixels)
    krita.close(document)


def test_with_a_selection_only_that_part_is_opened(krita: Krita) -> None:
    """With its feather, as the mask of the layer."""
    document = make(krita, "U8", "srgb")
    krita.select(document, feathered(SIZE, 10, 5, 30, 20, 3))

    new = opened(krita, document)

    info = krita.call("info", number=new)
    width, height = info["width"], info["height"]
    assert (width, height) == (60, 40)
    mask = krita.mask(new, "Upscaled ×2", (0, 0, width, height))
    assert mask is not None
    assert mask[height // 2, width // 2] == 255
    assert 0 < mask[height // 2, 2] < 255
    krita.desktop.picture("krita-new-document")
    krita.close(new)
    krita.close(document)
