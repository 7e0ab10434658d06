"""What GIMP sees of the catalogue: names, menus and typed arguments of its procedures, and how a call runs."""

from __future__ import annotations

import hashlib
import json
import os
import time
import traceback
from pathlib import Path
from typing import Any, Callable, List

import arguments
import pointed_arguments as pointed
from arguments import READ_WRITE, argument_name, escape
from gi.repository import Gimp
from scumble_protocol.catalogue import Catalogue, Operation
from scumble_protocol.connection import cache_folder, load_catalogue
from scumble_protocol.errors import Cancelled, Invalid, ScumbleError

PREFIX = "scumble-"
CHECK = "scumble-check"
FREE = "scumble-free"
MODELS = "scumble-models"
OURS = {  # what no operation stands behind: the label and what it is for
    CHECK: ("_Check Scumble", "Send a small picture to Scumble's daemon and back, and say how it went."),
    MODELS: ("_Models…", "See which models there are, fetch them and remove them."),
    FREE: ("_Release Model Memory", "Let go of the models that are kept warm, so that other programs get the memory."),
}
PICK, PICKED_WITH = "scumble-pick", "select_object"  # the same operation, with a preview for a dialog
PICK_LABEL = "_Pick on a Preview…"
PICK_PURPOSE = "Click on the object in a preview, see at once what is found, and select it, mask it or cut it out."
MENU = "<Image>/Filters/Scumble"
ENTRY = Path(__file__).with_name("scumble.py")


def names() -> List[str]:
    offered = {operation.id: PREFIX + argument_name(operation.id) for operation in registered().visible}
    return [*offered.values(), *([PICK] if PICKED_WITH in offered else []), *OURS]


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
    label = escape(operation.title) + ("…" if arguments.has_arguments(operation) else "")
    procedure.set_menu_label(PICK_LABEL if name == PICK else label)
    procedure.add_menu_path("/".join([MENU, escape(operation.menu)]) if operation.menu else MENU)
    procedure.set_documentation(PICK_PURPOSE if name == PICK else operation.description, None, name)
    labels = arguments.Labels()
    for parameter in operation.parameters:
        arguments.add_parameter(procedure, parameter, labels)
    arguments.add_inputs(procedure, operation, labels)
    pointed.declare(procedure, operation, labels, starts_with_selection=name != PICK)
    procedure.add_group_layer_return_value("group", "Group", "The new group, where there is one", True, READ_WRITE)
    procedure.add_string_return_value("notes", "Notes", "What the operation has to say", "", READ_WRITE)
    procedure.add_image_return_value("new-image", "New image", "The new image, where there is one", True, READ_WRITE)
    if pointed.gives_mask(operation):
        words = ("New layer", "The new layer, where there is one")
        procedure.add_layer_return_value("new-layer", *words, True, READ_WRITE)
    return procedure


def run(procedure: Gimp.Procedure, run_mode: Gimp.RunMode, image: Gimp.Image, drawables: Any, config: Any) -> List[Any]:
    """One call, from the dialog to the layers; the values it returns. Raises: ScumbleError, Cancelled."""
    import jobs  # here, so that querying stays quick

    timings = jobs.Timings()
    is_interactive = run_mode == Gimp.RunMode.INTERACTIVE
    if procedure.get_name() in OURS:
        return [_run_ours(procedure.get_name(), is_interactive)]
    operation = find(procedure.get_name())
    source = jobs.source_layer(image, drawables)
    if is_interactive and procedure.get_name() == PICK:
        import pick_dialog

        return [None, "", None, pick_dialog.pick(procedure, config, operation, image, source)]
    if is_interactive:
        import dialog

        if not dialog.ask(procedure, config, operation, image, source):
            raise Cancelled("The dialog was closed.")
    request = jobs.Request(operation.id, operation.title, **arguments.read(operation, config))
    request.is_watched = operation.progressive and run_mode != Gimp.RunMode.NONINTERACTIVE
    if operation.inputs.points:
        request.points = (*request.points, *pointed.points(config, image, source))
        request.has_outline = pointed.has_outline(operation, config)
        request.has_fine_edge = pointed.has_fine_edge(operation, config)
        request.placement = pointed.placement(operation, config)
    outcome = jobs.run(request, image, source, timings)
    refresh_menus(outcome.catalogue_digest)
    if outcome.new_image is not None and run_mode != Gimp.RunMode.NONINTERACTIVE:
        Gimp.Display.new(outcome.new_image)
        Gimp.displays_flush()
    if outcome.notes and run_mode != Gimp.RunMode.NONINTERACTIVE:
        Gimp.message("\n".join(outcome.notes))
    values = [outcome.group, "\n".join(outcome.notes), outcome.new_image]
    return [*values, outcome.new_layer] if pointed.gives_mask(operation) else values


def _run_ours(name: str, is_interactive: bool) -> str:
    """What no operation stands behind; what it has to say. Raises: ScumbleError."""
    import jobs

    if name == MODELS:
        import models_dialog

        if is_interactive:
            models_dialog.show()
            return ""
        return models_dialog.report()
    if name == FREE:
        report = jobs.free()
    else:
        report, digest = jobs.check()
        if refresh_menus(digest):
            report += " They are others than the menu shows: restart GIMP."
    if is_interactive:
        Gimp.message(report)
    return report


# --- the catalogue GIMP's menus were made from -------------------------------------------------------------------


def find(name: str) -> Operation:
    name = PREFIX + argument_name(PICKED_WITH) if name == PICK else name
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
