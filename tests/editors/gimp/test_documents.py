"""What a result does to a document, which layers it can come from, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .photos import encoded, photo, with_alpha
from .session import Gimp

SIZE = (80, 60)


@pytest.fixture
def document(gimp: Gimp) -> dict[str, Any]:
    """A photo that hangs over the canvas's lower right corner, above a plain background."""
    behind = np.full((SIZE[1], SIZE[0], 4), (90, 120, 150, 255), np.uint8)
    layer = with_alpha(photo()[40:100, 180:260])
    return gimp.document(
        {"name": "behind", "pixels": behind}, {"name": "photo", "pixels": layer, "x": 20, "y": 15}, size=SIZE
    )


def snapshot(gimp: Gimp, document: dict[str, Any]) -> tuple[Any, ...]:
    """Everything of a document that must be as it was."""
    return (
        gimp.tree(document),
        gimp.call("selected_layers", image=document["image"]),
        gimp.composite(document).tobytes(),
        gimp.selection(document, SIZE).tobytes(),
        *(gimp.read(layer).tobytes() for layer in document["layers"]),
    )


def test_a_result_lies_in_one_group_above_its_source_with_all_it_came_with(
    gimp: Gimp, document: dict[str, Any]
) -> None:
    """Name, mode, opacity, mask, place and recipe; the source stays the layer the artist works on."""
    gimp.call("select", image=document["image"], x=30, y=20, width=30, height=30, feather=4)

    done = gimp.run("paint-test", document, amount=0.25, kind="cold")

    group, source, _behind = gimp.tree(document)
    assert done["values"][0] == group["id"]
    assert (group["name"], group["mode"], source["name"]) == ("Paint Test", "pass-through", "photo")
    dodge, inverted = group["children"]
    assert (dodge["name"], dodge["mode"], dodge["opacity"]) == ("Dodge", "dodge", 100)
    assert (inverted["name"], inverted["mode"]) == ("Inverted", "normal")
    assert inverted["opacity"] == pytest.approx(50, abs=0.3)
    assert dodge["mask"]
    assert inverted["mask"]
    recipe = inverted["recipe"]
    assert (recipe["operation"], recipe["source"]) == ("paint_test", "photo")
    assert (recipe["parameters"]["amount"], recipe["parameters"]["kind"]) == (0.25, "cold")
    assert gimp.call("selected_layers", image=document["image"]) == ["photo"]


def test_a_hidden_layer_is_inserted_hidden(gimp: Gimp, document: dict[str, Any]) -> None:
    """Only its eye is closed: all of it is there, in an image of its own as well, and nothing of it shows."""
    before = gimp.composite(document)

    done = gimp.run("hidden-test", document)

    assert done["status"] == "success", done["error"]
    hidden, shown = gimp.tree(document)[0]["children"]
    assert [(layer["name"], layer["visible"]) for layer in (hidden, shown)] == [("Hidden", False), ("Shown", True)]
    assert (gimp.read(hidden["id"]) == 255).all()
    after = gimp.composite(document)
    np.testing.assert_array_equal(after[15:, 20:, :3], 255 - before[15:, 20:, :3])
    gimp.call("item", id=hidden["id"], method="set_visible", arguments=[True])
    assert (gimp.composite(document)[22:, 27:] == 255).all()

    opened = gimp.run("hidden-test", document, opens=True)
    assert opened["status"] == "success", opened["error"]
    tree = gimp.tree({"image": opened["values"][2]})
    assert [(layer["name"], layer["visible"]) for layer in tree] == [("Hidden", False), ("Shown", True)]
    gimp.call("close", image=opened["values"][2])


def test_a_result_goes_into_the_source_s_own_group(gimp: Gimp, document: dict[str, Any]) -> None:
    """Above the source and inside its group, not on top of everything."""
    folder = gimp.call("add_layer", image=document["image"], name="folder", width=0, height=0, kind="group")
    pixels = gimp.file()
    pixels.write_bytes(with_alpha(photo()[:30, :40]).tobytes())
    for name in ("lower", "upper"):
        layer = gimp.call(
            "add_layer", image=document["image"], name=name, width=40, height=30, file=str(pixels), parent=folder
        )
        document["layers"].append(layer)

    done = gimp.run("paint-test", document, layer=-2)

    assert done["status"] == "success", done["error"]
    assert [child["name"] for child in gimp.tree(document)[0]["children"]] == ["upper", "Paint Test", "lower"]


def test_a_saved_document_keeps_everything(gimp: Gimp, document: dict[str, Any]) -> None:
    """Group, names, modes, opacities, masks, blend spaces and recipes are there again when the .xcf is opened."""
    gimp.run("paint-test", document)
    before, shown = gimp.tree(document), gimp.composite(document)
    masks = [gimp.read(child["mask"]) for child in before[0]["children"]]
    path = gimp.file(".xcf")
    gimp.call("save", image=document["image"], file=str(path))

    opened = {"image": gimp.call("load", file=str(path))}

    after = gimp.tree(opened)
    assert _without_ids(after) == _without_ids(before)
    np.testing.assert_array_equal(gimp.composite(opened), shown)
    for child, mask in zip(after[0]["children"], masks, strict=True):
        np.testing.assert_array_equal(gimp.read(child["mask"]), mask)


def _without_ids(tree: list[dict[str, Any]] | None) -> Any:
    if tree is None:
        return None
    return [
        {**layer, "id": 0, "mask": bool(layer["mask"]), "children": _without_ids(layer["children"])} for layer in tree
    ]


def test_a_selection_operation_replaces_the_selection_and_nothing_else(gimp: Gimp, document: dict[str, Any]) -> None:
    """Soft edges arrive as coverage, at the layer's offset, over whatever was selected before."""
    gimp.call("select", image=document["image"], x=15, y=10, width=20, height=10)
    layers = gimp.tree(document)

    done = gimp.run("select-test", document, points="40,30; 60.5,40.5; 40,30,-")

    assert done["status"] == "success", done["error"]
    assert done["values"] == [None, "3 points", None, None]
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    expected = np.clip(6 - np.hypot(x - 60.5, y - 40.5), 0, 4) / 4
    np.testing.assert_allclose(gimp.selection(document, SIZE), expected, atol=3e-3)
    assert gimp.tree(document) == layers


def test_a_box_selects_within_the_layer_only(gimp: Gimp, document: dict[str, Any]) -> None:
    """A selection ends where its layer ends; the canvas beyond stays unselected."""
    done = gimp.run("select-test", document, box="10,10,30,25")

    assert done["status"] == "success", done["error"]
    expected = np.zeros((SIZE[1], SIZE[0]), np.float32)
    expected[15:25, 20:30] = 1
    np.testing.assert_array_equal(gimp.selection(document, SIZE), expected)


# --- kinds of layers ---------------------------------------------------------------------------------------------


def test_a_text_layer_works_and_stays_text(gimp: Gimp, document: dict[str, Any]) -> None:
    """It is only read."""
    text = gimp.call("add_layer", image=document["image"], name="Scumble", width=0, height=0, kind="text")
    before = gimp.read(text)

    done = gimp.run("paint-test", {**document, "layers": [text]}, layer_count=1)

    assert done["status"] == "success", done["error"]
    layer = gimp.tree(document)[0]["children"][0]
    np.testing.assert_array_equal(gimp.read(layer["id"])[..., 3], before[..., 3])
    np.testing.assert_array_equal(gimp.read(text), before)


def test_a_group_is_read_as_it_looks(gimp: Gimp, document: dict[str, Any]) -> None:
    """The group's own composite is what the operation sees."""
    folder = gimp.call("add_layer", image=document["image"], name="folder", width=0, height=0, kind="group")
    path = gimp.file()
    path.write_bytes(bytes((200, 40, 90, 255)) * 100)
    gimp.call(
        "add_layer", image=document["image"], name="red", width=10, height=10, x=5, y=6, file=str(path), parent=folder
    )

    done = gimp.run("paint-test", {**document, "layers": [folder]}, layer_count=1)

    assert done["status"] == "success", done["error"]
    layer = gimp.tree(document)[0]["children"][0]
    assert layer["bounds"] == [5, 6, 10, 10]
    assert gimp.read(layer["id"])[3, 3].tolist() == [55, 215, 165, 255]


def test_filters_on_the_layer_are_seen_and_kept(gimp: Gimp, document: dict[str, Any]) -> None:
    """GIMP 3's live filters are part of how the layer looks, though not of its buffer."""
    source = document["layers"][-1]
    gimp.call("add_filter", layer=source, operation="gegl:invert-gamma")
    inside = gimp.read(source)

    done = gimp.run("paint-test", document, layer_count=1)

    assert done["status"] == "success", done["error"]
    layer = gimp.tree(document)[0]["children"][0]
    np.testing.assert_allclose(gimp.read(layer["id"]).astype(int), inside, atol=1)  # inverted twice
    np.testing.assert_array_equal(gimp.read(source), inside)
    assert len(gimp.call("item", id=source, method="get_filters")) == 1


def test_a_locked_layer_works(gimp: Gimp, document: dict[str, Any]) -> None:
    """It is only read."""
    gimp.call("item", id=document["layers"][-1], method="set_lock_content", arguments=[True])

    assert gimp.run("paint-test", document)["status"] == "success"


@pytest.mark.parametrize("precision", ["U8_NON_LINEAR", "FLOAT_NON_LINEAR"])
def test_the_artist_s_own_mask_stays_and_the_result_shows_only_where_the_layer_did(gimp: Gimp, precision: str) -> None:
    """A layer mask is neither applied, nor discarded, nor overruled."""
    layers = [
        {"name": "behind", "pixels": encoded(with_alpha(photo("chelsea")[:60, :80]), precision)},
        {"name": "photo", "pixels": encoded(with_alpha(photo()[40:100, 180:260]), precision), "x": 20, "y": 15},
    ]
    document = gimp.document(*layers, size=SIZE, precision=precision)
    mask = np.zeros((60, 80), layers[0]["pixels"].dtype)
    mask[:, :40] = 255 if precision.startswith("U8") else 1
    path = gimp.file()
    path.write_bytes(mask.tobytes())
    gimp.call("add_mask", layer=document["layers"][-1], file=str(path))
    before = gimp.composite(document)

    done = gimp.run("paint-test", document)

    assert done["status"] == "success", done["error"]
    source = gimp.tree(document)[1]
    np.testing.assert_array_equal(gimp.read(source["mask"])[..., 0], mask)
    changed = (gimp.composite(document) != before).any(-1)
    assert changed[15:, 20:60].any()
    assert not changed[:, 60:].any()


def test_one_pixel_is_enough(gimp: Gimp) -> None:
    """A 1×1 layer is no special case."""
    document = gimp.document({"name": "dot", "pixels": np.full((1, 1, 4), 200, np.uint8)}, size=(1, 1))

    done = gimp.run("paint-test", document)

    assert done["status"] == "success", done["error"]
    assert gimp.tree(document)[0]["bounds"] == [0, 0, 1, 1]


# --- what is refused ---------------------------------------------------------------------------------------------


def _hide(gimp: Gimp, document: dict[str, Any]) -> None:
    gimp.call("item", id=document["layers"][-1], method="set_visible", arguments=[False])


def _put_in_a_group(gimp: Gimp, document: dict[str, Any], method: str, value: bool) -> None:
    folder = gimp.call("add_layer", image=document["image"], name="folder", width=0, height=0, kind="group")
    layer = gimp.call("add_layer", image=document["image"], name="inner", width=9, height=9, parent=folder)
    document["layers"] = [layer]
    gimp.call("item", id=folder, method=method, arguments=[value])


def _move_out(gimp: Gimp, document: dict[str, Any]) -> None:
    gimp.call("item", id=document["layers"][-1], method="set_offsets", arguments=[500, 500])


def _empty(gimp: Gimp, document: dict[str, Any]) -> None:
    layer = gimp.call("add_layer", image=document["image"], name="empty", width=9, height=9)
    document["layers"] = [layer]


def _select_elsewhere(gimp: Gimp, document: dict[str, Any]) -> None:
    gimp.call("select", image=document["image"], x=0, y=0, width=8, height=8)


REFUSED: dict[str, tuple[Callable[[Gimp, dict[str, Any]], None], str]] = {
    "hidden": (_hide, "«photo» is hidden: show it"),
    "in a hidden group": (
        lambda gimp, document: _put_in_a_group(gimp, document, "set_visible", False),
        "group «folder» is hidden",
    ),
    "in a locked group": (
        lambda gimp, document: _put_in_a_group(gimp, document, "set_lock_content", True),
        "group «folder» is locked",
    ),
    "indexed": (lambda gimp, document: gimp.call("make_indexed", image=document["image"]), "Image ▸ Mode ▸ RGB"),
    "transparent": (_empty, "transparent"),
    "outside the canvas": (_move_out, "canvas"),
    "selection elsewhere": (_select_elsewhere, "selection"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_said_clearly_and_leaves_the_document_alone(
    gimp: Gimp, document: dict[str, Any], case: str
) -> None:
    """One sentence about what is wrong and what to do; nothing in the document differs afterwards."""
    spoil, words = REFUSED[case]
    spoil(gimp, document)
    before = snapshot(gimp, document)

    done = gimp.run("paint-test", document)

    assert done["status"] == "execution-error"
    assert words in done["error"]
    assert "Traceback" not in done["error"]
    assert snapshot(gimp, document) == before


def test_several_layers_or_none_are_refused(gimp: Gimp, document: dict[str, Any]) -> None:
    """Scumble works on one layer at a time and says so."""
    for layers, words in ((document["layers"], "2 layers are selected"), ([], "no layer is selected")):
        done = gimp.call("call", procedure="scumble-paint-test", image=document["image"], drawables=layers)
        assert done["status"] == "execution-error"
        assert words in done["error"]


def test_a_missing_reference_file_is_named(gimp: Gimp, document: dict[str, Any], tmp_path: Path) -> None:
    """Not GIMP's own «success» for an error."""
    before = snapshot(gimp, document)

    done = gimp.run("paint-test", document, reference=str(tmp_path / "gone.txt"))

    assert done["status"] == "execution-error"
    assert "gone.txt cannot be read" in done["error"]
    assert snapshot(gimp, document) == before


@pytest.mark.parametrize(("points", "words"), [("12", "«12» is no point"), ("1,2;x,y", "«x,y» is no point")])
def test_mistyped_points_are_quoted_back(gimp: Gimp, document: dict[str, Any], points: str, words: str) -> None:
    """The artist sees which item is wrong."""
    done = gimp.run("select-test", document, points=points)

    assert done["status"] == "execution-error"
    assert words in done["error"]
