"""The catalogue: what every operation is called, takes and gives, so that editors can draw menus and forms from it.

As JSON: `{"format": 1, "digest": …, "operations": [{"id", "version", "title", "menu", "description", "hidden",
"progressive", "inputs": {"selection", "points", "box", "reference"}, "gives", "parameters": JSON Schema}, …]}`.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .errors import Invalid, Unsupported
from .image import Bounds, Point
from .parameters import Parameter, from_schema

FORMAT = 1
PICTURE_FILES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class ReferenceInput:
    """What the operation takes beside the layer, or may take: a file.

    `extensions`: of the file, with the dot, lower case: (".cube", ".txt") · `picture`: it is a picture, which another
    layer can be as well, of any open image.
    """

    title: str
    extensions: Tuple[str, ...] = PICTURE_FILES
    required: bool = False
    description: str = ""
    picture: bool = False

    @property
    def demand(self) -> Tuple[str, str]:
        """What is said where a required one was not given, and what to do."""
        if self.picture:
            return f"needs a picture: {self.title}.", "Choose a layer or a file."
        return f"needs a file: {self.title}.", "Choose one."


@dataclass(frozen=True)
class Inputs:
    """What an operation reads beside the layer. `selection`: "none" | "optional" | "required"."""

    selection: str = "optional"
    points: bool = False
    box: bool = False
    reference: Optional[ReferenceInput] = None

    @property
    def takes_prompts(self) -> bool:
        return self.points or self.box


@dataclass(frozen=True)
class Operation:
    """One entry. `gives`: "layers" | "selection" · `menu`: the submenu · `hidden`: not offered to artists ·
    `progressive`: gets better step by step; it shows previews, and can be finished with what it has so far."""

    id: str
    title: str
    menu: str
    description: str
    version: int = 1
    hidden: bool = False
    gives: str = "layers"
    inputs: Inputs = field(default_factory=Inputs)
    schema: Mapping[str, Any] = field(default_factory=dict)
    progressive: bool = False

    @property
    def parameters(self) -> List[Parameter]:
        return from_schema(self.schema)


@dataclass(frozen=True)
class Catalogue:
    operations: Tuple[Operation, ...]

    @property
    def visible(self) -> Tuple[Operation, ...]:
        return tuple(operation for operation in self.operations if not operation.hidden)

    @property
    def digest(self) -> str:
        return self.to_json()["digest"]

    def find(self, operation_id: str) -> Operation:
        """Raises: Invalid where there is no such operation."""
        for operation in self.operations:
            if operation.id == operation_id:
                return operation
        known = ", ".join(operation.id for operation in self.visible)
        raise Invalid(f"There is no operation «{operation_id}».", f"Known are: {known}.")

    def to_json(self) -> Dict[str, Any]:
        operations = [_operation_to_json(operation) for operation in self.operations]
        canonical = json.dumps(operations, sort_keys=True, separators=(",", ":")).encode()
        return {"format": FORMAT, "digest": hashlib.sha256(canonical).hexdigest(), "operations": operations}

    @staticmethod
    def from_json(table: Mapping[str, Any]) -> "Catalogue":
        """Raises: Unsupported where the format is another, Invalid where the table is damaged."""
        if table.get("format") != FORMAT:
            raise Unsupported(f"The catalogue has format {table.get('format')!r}, not {FORMAT}.", "Update Scumble.")
        try:
            return Catalogue(tuple(_operation_from_json(entry) for entry in table["operations"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise Invalid(f"The catalogue is damaged ({error}).", "Run `scumble setup` again.") from None


def _operation_to_json(operation: Operation) -> Dict[str, Any]:
    reference = operation.inputs.reference
    return {
        "id": operation.id,
        "version": operation.version,
        "title": operation.title,
        "menu": operation.menu,
        "description": operation.description,
        "hidden": operation.hidden,
        "gives": operation.gives,
        "progressive": operation.progressive,
        "inputs": {
            "selection": operation.inputs.selection,
            "points": operation.inputs.points,
            "box": operation.inputs.box,
            "reference": reference
            and {
                "title": reference.title,
                "extensions": list(reference.extensions),
                "required": reference.required,
                "description": reference.description,
                "picture": reference.picture,
            },
        },
        "parameters": dict(operation.schema),
    }


def _operation_from_json(entry: Mapping[str, Any]) -> Operation:
    inputs = entry["inputs"]
    reference = inputs.get("reference")
    return Operation(
        id=entry["id"],
        version=entry["version"],
        title=entry["title"],
        menu=entry["menu"],
        description=entry["description"],
        hidden=entry.get("hidden", False),
        gives=entry["gives"],
        progressive=entry.get("progressive", False),
        inputs=Inputs(
            selection=inputs["selection"],
            points=inputs["points"],
            box=inputs["box"],
            reference=ReferenceInput(
                reference["title"],
                tuple(reference["extensions"]),
                reference["required"],
                reference.get("description", ""),
                reference.get("picture", False),
            )
            if reference
            else None,
        ),
        schema=entry["parameters"],
    )


# --- prompts as text, for forms and command lines ----------------------------------------------------------------


def parse_points(written: str) -> Tuple[Point, ...]:
    """Read `x,y; x,y,-`: points to include, and with `-` to exclude. Raises: Invalid."""
    read = []
    for item in filter(None, (part.strip() for part in written.split(";"))):
        parts = [part.strip() for part in item.split(",")]
        try:
            x, y = float(parts[0]), float(parts[1])
            if parts[2:] not in ([], ["+"], ["-"]) or not math.isfinite(x + y):
                raise ValueError
            read.append(Point(x, y, parts[2:] != ["-"]))
        except (ValueError, IndexError):
            raise Invalid(f"«{item}» is no point.", "Write x,y to include and x,y,- to exclude, in pixels.") from None
    return tuple(read)


def parse_box(written: str) -> Optional[Bounds]:
    """Read `x0,y0,x1,y1`; empty text is no box. Raises: Invalid."""
    if not written.strip():
        return None
    try:
        x0, y0, x1, y1 = (int(float(part)) for part in written.split(","))
    except (ValueError, OverflowError):
        raise Invalid(f"«{written}» is no box.", "Write x0,y0,x1,y1 in pixels.") from None
    box = Bounds(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))
    if box.is_empty:
        raise Invalid("The box is empty.", "Give two opposite corners: x0,y0,x1,y1.")
    return box
