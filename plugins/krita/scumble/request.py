"""Turn an operation and the values a form holds into a request, checked as far as the editor can."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Tuple

from scumble_protocol.catalogue import Operation, parse_box, parse_points
from scumble_protocol.errors import Invalid
from scumble_protocol.fields import MAX_REFERENCE_BYTES
from scumble_protocol.image import Bounds, Point, Reference
from scumble_protocol.parameters import check_all

LAYER = "layer:"  # + the node's id: what a form keeps where the reference is a layer; anything else is a file's path


@dataclass(frozen=True)
class Request:
    """What the artist set before Run: which operation, with which values and prompts."""

    operation: Operation
    parameters: Mapping[str, Any] = field(default_factory=dict)
    points: Tuple[Point, ...] = ()
    box: Optional[Bounds] = None
    reference: Optional[Reference] = None
    reference_layer: str = ""  # as the form keeps it


def make_request(operation: Operation, values: Mapping[str, Any]) -> Request:
    """`values`: by parameter name, and the prompts "points", "box", "reference" as text. Raises: Invalid"""
    named = {parameter.name: values[parameter.name] for parameter in operation.parameters if parameter.name in values}
    inputs = operation.inputs
    chosen = str(values.get("reference", "")).strip() if inputs.reference else ""
    if inputs.reference and inputs.reference.required and not chosen:
        missing, advice = inputs.reference.demand
        raise Invalid(f"«{operation.title}» {missing}", advice)
    is_layer = chosen.startswith(LAYER)
    return Request(
        operation,
        check_all(operation.parameters, named),
        parse_points(str(values.get("points", ""))) if inputs.points else (),
        parse_box(str(values.get("box", ""))) if inputs.box else None,
        _read_file(chosen) if chosen and not is_layer else None,
        chosen if is_layer else "",
    )


def _read_file(path: str) -> Reference:
    name = os.path.basename(path)
    try:
        if os.path.getsize(path) > MAX_REFERENCE_BYTES:
            raise Invalid(f"The file {name} is too large.", f"At most {MAX_REFERENCE_BYTES >> 20} MiB can be sent.")
        with open(path, "rb") as file:
            return Reference(name, file.read())
    except OSError as error:
        raise Invalid(f"The file {name} cannot be read: {error.strerror or error}.", "Choose another.") from None
