"""Pointing by what lies in the image (paths, scribbles, a rough selection), and what becomes of it. By scripts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .session import Gimp
from .test_picking import DISC, LAYER, LAYER_AT, SIZE, disc, likeness, on_canvas, picture, square

RED_PLACE = (DISC[0] + LAYER_AT[0], DISC[1] + LAYER_AT[1])
GREEN_PLACE = (470 + LAYER_AT[0], 190 + LAYER_AT[1])


@pytest.fixture
def document(gimp: Gimp) -> dict[str, Any]:
    layer = {"name": "things", "pixels": picture(), "x": LAYER_AT[0], "y": LAYER_AT[1]}
    return gimp.document(layer, size=SIZE)


def scribbles(gimp: Gimp, document: dict[str, Any], *strokes: tuple[tuple[int, int], tuple[int, int, int]]) -> int:
    """A layer above, of the canvas' size, with a short stroke at each place in a colour; its id."""
    painted = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    for (x, y), colour in strokes:
        painted[y - 3 : y + 4, x - 20 : x + 21] = (*colour, 255)
    file = gimp.file()
    file.write_bytes(painted.tobytes())
    return gimp.call(
        "add_layer", image=document["image"], name="scribbles", width=SIZE[0], height=SIZE[1], file=str(file)
    )


def selected(gimp: Gimp, document: dict[str, Any]) -> np.ndarray:
    return gimp.selection(document, SIZE)


@pytest.mark.parametrize("procedure", ["select-object", "pick"])
def test_the_anchors_of_a_path_point(gimp: Gimp, document: dict[str, Any], procedure: str) -> None:
    path = gimp.call("make_path", image=document["image"], points=[RED_PLACE])
    done = gimp.run(procedure, document, path=path)

    assert done["status"] == "success", done["error"]
    assert likeness(selected(gimp, document), on_canvas(disc())) > 0.95


def test_a_second_path_says_what_is_not_meant(gimp: Gimp, document: dict[str, Any]) -> None:
    yes = gimp.call("make_path", image=document["image"], points=[RED_PLACE])
    no = gimp.call("make_path", image=document["image"], points=[GREEN_PLACE])
    done = gimp.run("select-object", document, path=yes, not_path=no, result_as="layer")

    assert done["status"] == "success", done["error"]
    made = gimp.tree(document)[0]
    assert made["recipe"]["points"] == [[*RED_PLACE, True], [*GREEN_PLACE, False]]
    shown = np.zeros((SIZE[1], SIZE[0]))
    x, y, width, height = made["bounds"]
    shown[y : y + height, x : x + width] = gimp.read(made["id"])[..., 3] / 255
    assert likeness(shown, on_canvas(disc())) > 0.95


def test_scribbles_point_by_their_colour(gimp: Gimp, document: dict[str, Any]) -> None:
    """White is for what is meant, red for what is not; the scribbled layer itself stays as it is."""
    ground = (LAYER_AT[0] + 330, LAYER_AT[1] + 60)
    layer = scribbles(gimp, document, (RED_PLACE, (255, 255, 255)), (ground, (230, 20, 20)))
    before = gimp.read(layer)
    done = gimp.run("select-object", document, scribbles=layer)

    assert done["status"] == "success", done["error"]
    assert likeness(selected(gimp, document), on_canvas(disc())) > 0.95
    assert (gimp.read(layer) == before).all()


def test_a_rough_selection_points_unless_it_is_combined_with(gimp: Gimp, document: dict[str, Any]) -> None:
    x, y = RED_PLACE
    gimp.call("select", image=document["image"], x=x - 110, y=y - 110, width=220, height=220)
    assert gimp.run("pick", document, outline_by_selection=True)["status"] == "success"
    assert likeness(selected(gimp, document), on_canvas(disc())) > 0.95

    for combination, expected in (("add", disc() | square()), ("subtract", disc())):
        done = gimp.run("select-object", document, points=f"{GREEN_PLACE[0]},{GREEN_PLACE[1]}", combine=combination)
        assert done["status"] == "success", done["error"]
        assert likeness(selected(gimp, document), on_canvas(expected)) > 0.95, combination


@pytest.mark.parametrize("precision", ["U8_NON_LINEAR", "U16_NON_LINEAR", "FLOAT_LINEAR"])
def test_the_object_as_a_layer_keeps_the_document_s_depth(gimp: Gimp, precision: str) -> None:
    """Its pixels are the layer's own; its alpha is what the mask of the same click says, fine edge and all."""
    from .photos import encoded

    layer = {"name": "things", "pixels": encoded(picture(), precision), "x": LAYER_AT[0], "y": LAYER_AT[1]}
    document = gimp.document(layer, size=SIZE, precision=precision)
    where: dict[str, Any] = {"points": f"{RED_PLACE[0]},{RED_PLACE[1]}", "feather_px": 6.0, "fine_edge": True}

    done = gimp.run("pick", document, result_as="layer", **where)
    assert done["status"] == "success", done["error"]
    assert gimp.run("pick", document, layer=0, result_as="mask", **where)["status"] == "success"

    made, below = gimp.tree(document)
    assert done["values"][3] == made["id"]
    x, y, width, height = made["bounds"]
    rows = slice(y - LAYER_AT[1], y - LAYER_AT[1] + height)
    columns = slice(x - LAYER_AT[0], x - LAYER_AT[0] + width)
    own, cut = gimp.read(below["id"])[rows, columns], gimp.read(made["id"])
    mask = gimp.read(below["mask"], "Y float")[rows, columns, 0]
    assert cut.dtype == own.dtype
    assert (cut[..., :3] == own[..., :3]).all()
    alpha = gimp.read(made["id"], "RGBA float")[..., 3]
    assert np.abs(alpha - mask).max() < 0.01
    assert ((mask > 0.1) & (mask < 0.9)).sum() > 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "Nothing says which object"),
        ({"path": []}, "has no anchors"),
        ({"path": [(5, 5)]}, "outside the layer"),
        ({"path": [(LAYER_AT[0] + 550, LAYER_AT[1] + 350)]}, "transparent"),
        ({"not_path": [RED_PLACE]}, "All clicks say what is not meant"),
        ({"points": "100,100", "combine": "subtract"}, "Nothing is selected that"),
        ({"points": "100,100", "combine": "intersect"}, "Nothing is selected that"),
    ],
)
def test_what_points_at_nothing_is_refused_in_words(
    gimp: Gimp, document: dict[str, Any], arguments: dict[str, Any], words: str
) -> None:
    given: dict[str, Any] = {
        name: gimp.call("make_path", image=document["image"], points=value) if isinstance(value, list) else value
        for name, value in arguments.items()
    }
    before = gimp.tree(document)
    done = gimp.run("pick", document, **given)

    assert done["status"] == "execution-error"
    assert words in done["error"]
    assert gimp.tree(document) == before
    assert not selected(gimp, document).any()


def test_scribbles_that_say_nothing_are_refused_in_words(gimp: Gimp, document: dict[str, Any]) -> None:
    """An empty layer, the layer itself, one of another image; and a mask where one is already."""
    empty = scribbles(gimp, document)
    other = gimp.document({"name": "other", "pixels": picture()}, size=LAYER)
    points = f"{RED_PLACE[0]},{RED_PLACE[1]}"
    assert gimp.run("pick", document, layer=0, points=points, result_as="mask")["status"] == "success"
    refused: list[tuple[dict[str, Any], str]] = [
        ({"scribbles": empty}, "Nothing is painted on «scribbles»"),
        ({"scribbles": document["layers"][0]}, "is the layer that is worked on"),
        ({"scribbles": other["layers"][0]}, "is in another image"),
        ({"points": points, "result_as": "mask"}, "has a mask already"),
    ]
    for arguments, words in refused:
        done = gimp.run("pick", document, **arguments)
        assert done["status"] == "execution-error"
        assert words in done["error"]
