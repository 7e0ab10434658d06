"""The catalogue survives being written and read, and prompts can be typed."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scumble_protocol.catalogue import Catalogue, Inputs, Operation, ReferenceInput, parse_box, parse_points
from scumble_protocol.errors import Invalid, Unsupported
from scumble_protocol.image import Bounds, Point

LUT = Operation(
    id="apply_lut",
    title="Apply LUT",
    menu="Colour",
    description="Grade the layer with a look-up table.",
    inputs=Inputs(reference=ReferenceInput("LUT", (".cube", ".png"), required=True)),
    schema={"type": "object", "properties": {"strength": {"type": "number", "title": "Strength", "default": 1.0}}},
)
SELECT = Operation(
    id="select_object",
    title="Select object",
    menu="Select",
    description="From clicks or a box.",
    version=3,
    gives="selection",
    inputs=Inputs(selection="none", points=True, box=True),
)
HIDDEN = Operation(id="identity", title="Identity", menu="Test", description="Gives back what it got.", hidden=True)
CATALOGUE = Catalogue((LUT, SELECT, HIDDEN))


def test_it_comes_back_as_it_was_written() -> None:
    """Through JSON text and back, every operation is equal to what it was."""
    assert Catalogue.from_json(json.loads(json.dumps(CATALOGUE.to_json()))) == CATALOGUE


def test_a_reference_may_be_a_picture() -> None:
    """It is written and read; a catalogue of before there was such a thing means a file."""
    asked = ReferenceInput("Colours of", required=True, picture=True)
    table = Catalogue((replace(LUT, inputs=Inputs(reference=asked)),)).to_json()
    assert Catalogue.from_json(table).operations[0].inputs.reference == asked
    assert ".webp" in asked.extensions
    del table["operations"][0]["inputs"]["reference"]["picture"]
    old = Catalogue.from_json(table).operations[0].inputs.reference
    assert old is not None
    assert old == replace(asked, picture=False)
    assert asked.demand[0] == "needs a picture: Colours of."
    assert old.demand[0] == "needs a file: Colours of."


def test_the_digest_tells_catalogues_apart() -> None:
    """Equal catalogues have equal digests; any change gives another."""
    assert CATALOGUE.digest == Catalogue((LUT, SELECT, HIDDEN)).digest
    assert CATALOGUE.digest != Catalogue((LUT, SELECT)).digest


def test_artists_see_what_is_not_hidden() -> None:
    """Hidden operations can be run, and are in no menu."""
    assert CATALOGUE.visible == (LUT, SELECT)
    assert CATALOGUE.find("identity") is HIDDEN
    with pytest.raises(Invalid, match="paint") as refused:
        CATALOGUE.find("paint")
    assert "apply_lut" in refused.value.hint
    assert "identity" not in refused.value.hint


@pytest.mark.parametrize(
    "table",
    [
        {"format": 1},
        {"format": 1, "operations": 7},
        {"format": 1, "operations": [7]},
        {"format": 1, "operations": [{}]},
        {"format": 1, "operations": [{"id": "x", "inputs": None}]},
        {"format": 1, "operations": None},
    ],
)
def test_a_damaged_catalogue_is_invalid(table: dict[str, Any]) -> None:
    """A file that was cut or edited gives one clear error."""
    with pytest.raises(Invalid, match="damaged"):
        Catalogue.from_json(table)


def test_another_format_is_unsupported() -> None:
    """A newer catalogue is not guessed at."""
    for table in ({}, {"format": 2, "operations": []}):
        with pytest.raises(Unsupported):
            Catalogue.from_json(table)


def test_points_are_typed_as_x_y() -> None:
    """A minus after a point means: not this."""
    assert parse_points("1,2; 3.5 , 4,- ;5,6,+;") == (Point(1, 2), Point(3.5, 4, False), Point(5, 6))
    assert parse_points("  ") == ()
    for wrong in ("1", "1,2,3", "a,b", "1,2,-,4", "nan,1", "1,inf"):
        with pytest.raises(Invalid, match="point"):
            parse_points(wrong)


def test_a_box_is_typed_as_two_corners() -> None:
    """Whichever corners are given, the box is the same."""
    assert parse_box("10,20,30,50") == parse_box("30, 50, 10, 20") == Bounds(10, 20, 20, 30)
    assert parse_box("") is None
    for wrong in ("1,2,3", "1,2,1,5", "a,b,c,d", "0,0,inf,1", "nan,0,1,1"):
        with pytest.raises(Invalid, match="box"):
            parse_box(wrong)


@given(st.text(alphabet="0123456789.,;+-einfa ", max_size=30))
def test_whatever_is_typed_is_read_or_refused(written: str) -> None:
    """No typed prompt makes anything but a value or Invalid."""
    for parse in (parse_points, parse_box):
        with contextlib.suppress(Invalid):
            parse(written)
