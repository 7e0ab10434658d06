"""What GIMP sees of the catalogue: names, menus and typed arguments of its procedures, and how a call runs."""

from __future__ import annotations

import hashlib
import json
import os
import time
import traceback
from pathlib import Path
from typing import Any, Callable, Dict, List

from gi.repository import Gimp, GObject
from scumble_protocol.catalogue import Catalogue, Operation, parse_box, parse_points
from scumble_protocol.connection import cache_folder, load_catalogue
from scumble_protocol.errors import Cancelled, Invalid, ScumbleError
from scumble_protocol.image import Reference
from scumble_protocol.parameters import Parameter, check_all

PREFIX = "scumble-"
CHECK = "scumble-check"
FREE = "scumble-free"
MODELS = "scumble-models"
OURS = {  # what no operation stands behind: the label and what it is for
    CHECK: ("_Check Scumble", "Send a small picture to Scumble's daemon and back, and say how it went."),
    MODELS: ("_Models…", "See which models there are, fetch them and remove them."),
    FREE: ("_Release Model Memory", "Let go of the models that are kept warm, so that other programs get the memory."),
}
MENU = "<Image>/Filters/Scumble"
ENTRY = Path(__file__).with_name("scumble.py")

READ_WRITE = GObject.ParamFlags.READWRITE
UNBOUNDED = 1e9  # GIMP wants a range for every number
POINTS_HELP = "x,y to include and x,y,- to exclude, in pixels of the image, separated by semicolons"
LAYER_HELP = "Instead of a file: a layer of any open image"
BOX_HELP = "x0,y0,x1,y1: two opposite corners, in pixels of the image"


def names() -> List[str]:
    return [PREFIX + argument_name(operation.id) for operation in registered().visible] + [*OURS]


def create(plug_in: Gimp.PlugIn, name: str, run: Callable) -> Gimp.Procedure:
    """The procedure `name`, with its place in the menu and its arguments."""
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run, None)
    # Offered for every image and without a layer too: our own refusal says what to do, a grey entry does not.
    procedure.set_image_types("*")
    mask = Gimp.ProcedureSensitivityMask
    procedure.set_sensitivity_mask(mask.DRAWABLE | mask.DRAWABLES | mask.NO_DRAWABLES)
    procedure.set_attribution("The Scumble authors", "The Scumble authors, Apache-2.0", "2025")
    if name in OURS:
        ours, purpose = OURS[name]
        procedure.set_menu_label(ours)
        procedure.add_menu_path(MENU)
        procedure.set_documentation(purpose, None, name)
        procedure.add_string_return_value("report", "Report", "What was found", "", READ_WRITE)
        return procedure
    operation = find(name)
    label = escape(operation.title)
    procedure.set_menu_label(label + "…" if has_arguments(operation) else label)
    procedure.add_menu_path("/".join([MENU, escape(operation.menu)]) if operation.menu else MENU)
    procedure.set_documentation(operation.description, None, name)
    labels = Labels()
    for parameter in operation.parameters:
        _add_argument(procedure, parameter, labels)
    _add_inputs(procedure, operation, labels)
    procedure.add_group_layer_return_value("group", "Group", "The new group, where there is one", True, READ_WRITE)
    procedure.add_string_return_value("notes", "Notes", "What the operation has to say", "", READ_WRITE)
    procedure.add_image_return_value("new-image", "New image", "The new image, where there is one", True, READ_WRITE)
    return procedure


def run(procedure: Gimp.Procedure, run_mode: Gimp.RunMode, image: Gimp.Image, drawables: Any, config: Any) -> List[Any]:
    """One call, from the dialog to the layers; the values it returns. Raises: ScumbleError, Cancelled."""
    import jobs  # here, so that querying stays quick

    timings = jobs.Timings()
    is_interactive = run_mode == Gimp.RunMode.INTERACTIVE
    if procedure.get_name() in OURS:
        if procedure.get_name() == MODELS:
            import models_dialog

            if is_interactive:
                models_dialog.show()
                return [""]
            report = models_dialog.report()
        elif procedure.get_name() == FREE:
            report = jobs.free()
        else:
            report, digest = jobs.check()
            if refresh_menus(digest):
                report += " They are others than the menu shows: restart GIMP."
        if is_interactive:
            Gimp.message(report)
        return [report]
    operation = find(procedure.get_name())
    source = jobs.source_layer(image, drawables)
    if is_interactive:
        import dialog

        if not dialog.ask(procedure, config, operation, image):
            raise Cancelled("The dialog was closed.")
    request = jobs.Request(operation.id, operation.title, **arguments(operation, config))
    request.is_watched = operation.progressive and run_mode != Gimp.RunMode.NONINTERACTIVE
    if is_interactive and operation.inputs.points and not request.points and request.box is None:
        request.points = jobs.path_points(image)
    outcome = jobs.run(request, image, source, timings)
    refresh_menus(outcome.catalogue_digest)
    if outcome.new_image is not None and run_mode != Gimp.RunMode.NONINTERACTIVE:
        Gimp.Display.new(outcome.new_image)
        Gimp.displays_flush()
    if outcome.notes and run_mode != Gimp.RunMode.NONINTERACTIVE:
        Gimp.message("\n".join(outcome.notes))
    return [outcome.group, "\n".join(outcome.notes), outcome.new_image]


# --- arguments ---------------------------------------------------------------------------------------------------


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


def _add_argument(procedure: Gimp.Procedure, parameter: Parameter, labels: "Labels") -> None:
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
        choice = Gimp.Choice.new()
        for index, (value, title) in enumerate(parameter.choices):
            choice.add(value, index, title, "")
        procedure.add_choice_argument(*words, choice, parameter.default, READ_WRITE)
    else:
        procedure.add_string_argument(*words, parameter.default, READ_WRITE)


def _add_inputs(procedure: Gimp.Procedure, operation: Operation, labels: "Labels") -> None:
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


def arguments(operation: Operation, config: Gimp.ProcedureConfig) -> Dict[str, Any]:
    """Parameters and inputs as a job takes them. Raises: Invalid."""
    given = {each.name: config.get_property(argument_name(each.name)) for each in operation.parameters}
    # From its second start on, GIMP reads the arguments out of pluginrc, where an empty text becomes none
    given = {name: "" if value is None else value for name, value in given.items()}
    inputs = operation.inputs
    layer = config.get_property("reference-layer") if takes_layers(operation) else None
    file = config.get_property("reference") if inputs.reference else None
    if file is not None and layer is not None:
        raise Invalid(f"{operation.title} takes one reference, not two.", "Give a layer or a file.")
    return {
        "parameters": check_all(operation.parameters, given),
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


# --- the catalogue GIMP's menus were made from -------------------------------------------------------------------


def find(name: str) -> Operation:
    for operation in registered().visible:
        if PREFIX + argument_name(operation.id) == name:
            return operation
    raise Invalid(f"There is no operation «{name}» any more.", "Restart GIMP.")


def registered() -> Catalogue:
    """What GIMP was told when it last queried: a call's arguments are those, whatever the daemon offers by now."""
    try:
        return Catalogue.from_json(json.loads(_memory().read_text(encoding="utf-8")))
    except (OSError, ValueError, ScumbleError):
        return load_catalogue()


def remember_catalogue() -> None:
    """Keep what GIMP is told now; where that cannot be written, calls go by the newest catalogue."""
    try:
        _memory().parent.mkdir(parents=True, exist_ok=True)
        _memory().write_text(json.dumps(load_catalogue().to_json()), encoding="utf-8")
    except OSError:
        pass


def refresh_menus(catalogue_digest: str) -> bool:
    """Where the daemon offers other operations than the menus show, make GIMP ask again at its next start."""
    if catalogue_digest in ("", registered().digest):
        return False
    try:
        os.utime(ENTRY)  # GIMP queries a plug-in again when its entry file is newer than its notes
    except OSError:
        return False
    return True


def _memory() -> Path:
    place = hashlib.sha256(str(ENTRY).encode()).hexdigest()[:12]  # each profile's GIMP was told its own
    return cache_folder() / f"gimp-menus-{place}.json"


def record_fault(fault: Exception) -> str:
    """Put the traceback where a bug report can find it; the sentence for the artist."""
    path = cache_folder() / "gimp-fault.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = traceback.format_exception(type(fault), fault, fault.__traceback__)
        path.write_text(time.strftime("%Y-%m-%d %H:%M:%S\n") + "".join(lines), encoding="utf-8")
        where = f" Details are in {path}."
    except OSError:
        where = ""
    return f"Scumble met an unexpected fault ({type(fault).__name__}: {fault}).{where}"
