"""A procedure's arguments: what GIMP is told of an operation's parameters and inputs, and what it gives back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, Tuple

from gi.repository import Gimp, GObject
from scumble_protocol.catalogue import Operation, parse_box, parse_points
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Reference
from scumble_protocol.parameters import Parameter, check_all

READ_WRITE = GObject.ParamFlags.READWRITE
UNBOUNDED = 1e9  # GIMP wants a range for every number
POINTS_HELP = "x,y to include and x,y,- to exclude, in pixels of the image, separated by semicolons"
LAYER_HELP = "Instead of a file: a layer of any open image"
BOX_HELP = "x0,y0,x1,y1: two opposite corners, in pixels of the image"


def argument_name(name: str) -> str:
    return name.replace("_", "-")


def escape(title: str) -> str:
    return title.replace("_", "__")  # else a mnemonic


class Labels:
    """Titles with a mnemonic each, none given twice nor taken from the dialog's own buttons."""

    def __init__(self) -> None:
        self._taken = set("hrcols")  # Help, Reset, Cancel, OK, Load, Save

    def make(self, title: str) -> str:
        for letter in title:
            if letter.isalpha() and letter.lower() not in self._taken:
                self._taken.add(letter.lower())
                before, _, after = title.partition(letter)
                return f"{escape(before)}_{letter}{escape(after)}"
        return escape(title)


def has_arguments(operation: Operation) -> bool:
    return bool(operation.parameters or operation.inputs.takes_prompts or operation.inputs.reference)


def takes_layers(operation: Operation) -> bool:
    return operation.inputs.reference is not None and operation.inputs.reference.picture


def add_parameter(procedure: Gimp.Procedure, parameter: Parameter, labels: "Labels") -> None:
    words = (argument_name(parameter.name), labels.make(parameter.title), parameter.description)
    low = -UNBOUNDED if parameter.minimum is None else parameter.minimum
    high = UNBOUNDED if parameter.maximum is None else parameter.maximum
    if parameter.kind == "number":
        procedure.add_double_argument(*words, low, high, parameter.default, READ_WRITE)
    elif parameter.kind == "integer":
        procedure.add_int_argument(*words, int(low), int(high), parameter.default, READ_WRITE)
    elif parameter.kind == "boolean":
        procedure.add_boolean_argument(*words, parameter.default, READ_WRITE)
    elif parameter.kind == "choice":
        procedure.add_choice_argument(*words, choice_of(parameter.choices), parameter.default, READ_WRITE)
    else:
        procedure.add_string_argument(*words, parameter.default, READ_WRITE)


def choice_of(entries: Tuple[Tuple[str, str], ...]) -> Gimp.Choice:
    """`entries`: values and titles."""
    choice = Gimp.Choice.new()
    for index, (value, title) in enumerate(entries):
        choice.add(value, index, title, "")
    return choice


def add_inputs(procedure: Gimp.Procedure, operation: Operation, labels: "Labels") -> None:
    inputs = operation.inputs
    if inputs.reference:
        # ANY: with OPEN, GIMP itself refuses a missing file, with an error that says "success"
        procedure.add_file_argument(
            "reference",
            labels.make(inputs.reference.title),
            inputs.reference.description or inputs.reference.title,
            Gimp.FileChooserAction.ANY,
            True,
            None,
            READ_WRITE,
        )
        if inputs.reference.picture:
            title = f"{inputs.reference.title}: layer"
            procedure.add_layer_argument("reference-layer", labels.make(title), LAYER_HELP, True, READ_WRITE)
    if inputs.points:
        procedure.add_string_argument("points", labels.make("Points"), POINTS_HELP, "", READ_WRITE)
    if inputs.box:
        procedure.add_string_argument("box", labels.make("Box"), BOX_HELP, "", READ_WRITE)


def parameters(operation: Operation, config: Gimp.ProcedureConfig) -> Dict[str, Any]:
    """Raises: Invalid."""
    given = {each.name: config.get_property(argument_name(each.name)) for each in operation.parameters}
    # From its second start on, GIMP reads the arguments out of pluginrc, where an empty text becomes none
    given = {name: "" if value is None else value for name, value in given.items()}
    return check_all(operation.parameters, given)


def read(operation: Operation, config: Gimp.ProcedureConfig) -> Dict[str, Any]:
    """Parameters and inputs as a job takes them. Raises: Invalid."""
    inputs = operation.inputs
    layer = config.get_property("reference-layer") if takes_layers(operation) else None
    file = config.get_property("reference") if inputs.reference else None
    if file is not None and layer is not None:
        raise Invalid(f"{operation.title} takes one reference, not two.", "Give a layer or a file.")
    return {
        "parameters": parameters(operation, config),
        "reference": _read_reference(file),
        "reference_layer": layer,
        "points": parse_points(config.get_property("points") or "") if inputs.points else (),
        "box": parse_box(config.get_property("box") or "") if inputs.box else None,
    }


def _read_reference(file: Any) -> Any:
    path = file.get_path() if file is not None else None
    if not path:
        return None
    try:
        return Reference(os.path.basename(path), Path(path).read_bytes())
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", "Choose another file.") from None
