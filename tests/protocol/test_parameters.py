"""Parameters are read from the catalogue as forms draw them, and values are checked in words an artist can act on."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scumble_protocol.errors import Invalid
from scumble_protocol.parameters import Parameter, check_all, from_schema

SCHEMA = {
    "type": "object",
    "properties": {
        "strength": {
            "type": "number",
            "title": "Strength",
            "description": "0 leaves the layer as it is.",
            "default": 0.5,
            "minimum": 0,
            "maximum": 2,
            "slider": [0, 1],
        },
        "steps": {"type": "integer", "title": "Steps", "default": 4, "minimum": 1, "maximum": 9},
        "soft": {"type": "boolean", "title": "Soft", "default": True},
        "model": {
            "type": "string",
            "title": "Model",
            "default": "auto",
            "enum": ["auto", "small"],
            "enumTitles": ["Best installed", "Small"],
        },
        "words": {"type": "string", "default": ""},
    },
}
STRENGTH, STEPS, SOFT, MODEL, WORDS = from_schema(SCHEMA)


def test_a_schema_gives_the_parameters_in_their_order() -> None:
    """Kind, title, hard range, slider range, choices and default all come from the JSON Schema."""
    assert [each.name for each in (STRENGTH, STEPS, SOFT, MODEL, WORDS)] == list(SCHEMA["properties"])
    assert [each.kind for each in (STRENGTH, STEPS, SOFT, MODEL, WORDS)] == [
        "number",
        "integer",
        "boolean",
        "choice",
        "text",
    ]
    assert (STRENGTH.minimum, STRENGTH.maximum, STRENGTH.slider) == (0, 2, (0, 1))
    assert STEPS.slider is None
    assert MODEL.choices == (("auto", "Best installed"), ("small", "Small"))
    assert (WORDS.title, WORDS.description) == ("words", "")


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [(STRENGTH, 1, 1.0), (STRENGTH, 2, 2.0), (STEPS, 3.0, 3), (SOFT, False, False), (MODEL, "small", "small")],
)
def test_a_good_value_becomes_the_parameters_own_type(parameter: Parameter, value: Any, expected: Any) -> None:
    """A form's float for a whole number is taken where it is whole."""
    checked = parameter.check(value)
    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (STRENGTH, 2.01),
        (STRENGTH, -0.1),
        (STRENGTH, float("nan")),
        (STRENGTH, float("inf")),
        (STRENGTH, "0.5"),
        (STRENGTH, True),
        (STRENGTH, None),
        (STEPS, 1.5),
        (STEPS, 0),
        (STEPS, [1]),
        (SOFT, 1),
        (SOFT, "yes"),
        (MODEL, "huge"),
        (MODEL, 0),
        (MODEL, ["auto"]),
        (WORDS, 5),
    ],
)
def test_a_bad_value_is_refused_by_name(parameter: Parameter, value: Any) -> None:
    """The message names the parameter as the form does."""
    with pytest.raises(Invalid, match=parameter.title):
        parameter.check(value)


@pytest.mark.parametrize(
    ("parameter", "written", "expected"),
    [
        (STRENGTH, " 0.25", 0.25),
        (STEPS, "7", 7),
        (SOFT, "off", False),
        (SOFT, "YES", True),
        (MODEL, "auto", "auto"),
        (WORDS, "1", "1"),
    ],
)
def test_a_typed_value_is_read(parameter: Parameter, written: str, expected: Any) -> None:
    """`--set name=value` takes what a person writes."""
    assert parameter.parse(written) == expected


@given(st.text())
def test_whatever_is_typed_is_read_or_refused(written: str) -> None:
    """No typed text makes anything but a value or Invalid."""
    for parameter in (STRENGTH, STEPS, SOFT, MODEL, WORDS):
        with contextlib.suppress(Invalid):
            parameter.parse(written)


def test_all_values_together() -> None:
    """What is not given takes its default; a name nobody declared is refused with those there are."""
    values = check_all([STRENGTH, STEPS, SOFT, MODEL, WORDS], {"steps": 2})
    assert values == {"strength": 0.5, "steps": 2, "soft": True, "model": "auto", "words": ""}
    with pytest.raises(Invalid, match="strenght") as refused:
        check_all([STRENGTH], {"strenght": 1})
    assert "strength" in refused.value.hint


def test_pictures_come_with_the_choices_that_have_one() -> None:
    """What is damaged is left out: the choice stays."""
    choices = {"enum": ["a", "b", "c"], "enumTitles": ["A", "B", "C"]}
    schema = {"type": "string", "default": "a", **choices, "enumPictures": ["UE5H", "", "no base64"]}
    (style,) = from_schema({"properties": {"style": schema}})
    assert [value for value, _ in style.choices] == ["a", "b", "c"]
    assert style.pictures == {"a": b"PNG"}
    assert MODEL.pictures == {}
