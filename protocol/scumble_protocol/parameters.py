"""An operation's parameters as the catalogue states them: what a form draws and what a value is checked against."""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .errors import Invalid


@dataclass(frozen=True)
class Parameter:
    """One parameter. `kind`: "number" | "integer" | "boolean" | "choice" | "text".

    `minimum`/`maximum` are the hard range; `slider` is the range a slider should offer (the hard range if not given).
    `choices` are (value, title) pairs; `pictures` are PNG files by value, of choices that one has to see.
    """

    name: str
    kind: str
    title: str
    description: str
    default: Any
    minimum: Optional[float] = None
    maximum: Optional[float] = None
    slider: Optional[Tuple[float, float]] = None
    choices: Tuple[Tuple[str, str], ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)

    def check(self, value: Any) -> Any:
        """Return `value` as this parameter's own type. Raises: Invalid, in words an artist can act on."""
        if self.kind == "boolean":
            if not isinstance(value, bool):
                raise Invalid(f"{self.title} is either on or off, not {value!r}.")
            return value
        if self.kind == "text":
            if not isinstance(value, str):
                raise Invalid(f"{self.title} is a text, not {value!r}.")
            return value
        if self.kind == "choice":
            known = [choice for choice, _ in self.choices]
            if value not in known:
                raise Invalid(f"{self.title} cannot be {value!r}.", f"Choose one of: {', '.join(known)}.")
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise Invalid(f"{self.title} is a number, not {value!r}.")
        if self.kind == "integer" and value != int(value):
            raise Invalid(f"{self.title} is a whole number, not {value}.")
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        if not low <= value <= high:
            raise Invalid(f"{self.title} is {value:g}, outside its range.", f"Choose a value from {low:g} to {high:g}.")
        return int(value) if self.kind == "integer" else float(value)

    def parse(self, written: str) -> Any:
        """Read a value that was typed (`--set name=value`). Raises: Invalid."""
        if self.kind == "boolean":
            words = {
                "true": True,
                "on": True,
                "yes": True,
                "1": True,
                "false": False,
                "off": False,
                "no": False,
                "0": False,
            }
            return self.check(words.get(written.strip().lower(), written))
        if self.kind in ("number", "integer"):
            try:
                return self.check(float(written))
            except ValueError:
                raise Invalid(f"{self.title} is a number, not {written!r}.") from None
        return self.check(written)


def from_schema(schema: Mapping[str, Any]) -> List[Parameter]:
    """Read the parameters out of an operation's JSON Schema, in the order they were declared."""
    read = []
    for name, entry in schema.get("properties", {}).items():
        choices = entry.get("enum")
        kind = "choice" if choices else {"string": "text"}.get(entry["type"], str(entry["type"]))
        titles = entry.get("enumTitles", choices or ())
        slider = entry.get("slider")
        read.append(
            Parameter(
                name=name,
                kind=kind,
                title=entry.get("title", name),
                description=entry.get("description", ""),
                default=entry["default"],
                minimum=entry.get("minimum"),
                maximum=entry.get("maximum"),
                slider=(slider[0], slider[1]) if slider else None,
                choices=tuple(zip(choices or (), titles)),
                pictures=_pictures(choices or (), entry.get("enumPictures", ())),
            )
        )
    return read


def _pictures(choices: Sequence[str], coded: Sequence[str]) -> Dict[str, bytes]:
    """One that is damaged is left out: a form does without."""
    found = {}
    for value, picture in zip(choices, coded):
        try:
            found[value] = base64.b64decode(picture, validate=True)
        except (binascii.Error, TypeError, ValueError):
            continue
    return {value: picture for value, picture in found.items() if picture}


def check_all(parameters: List[Parameter], values: Mapping[str, Any]) -> Dict[str, Any]:
    """Every parameter's value, checked, with defaults for those not given. Raises: Invalid."""
    known = {parameter.name for parameter in parameters}
    for name in values:
        if name not in known:
            raise Invalid(f"There is no parameter «{name}».", f"Known are: {', '.join(sorted(known)) or 'none'}.")
    return {parameter.name: parameter.check(values.get(parameter.name, parameter.default)) for parameter in parameters}
