"""The arguments of operations that are pointed for: with what beside points and box, and what becomes of a mask."""

from __future__ import annotations

from typing import List, Tuple

import arguments
import placement as placings
from arguments import READ_WRITE
from gi.repository import Gimp
from placement import Placement
from scumble_protocol.catalogue import Operation
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Point

PATH, NOT_PATH, SCRIBBLES = "path", "not-path", "scribbles"
COMBINE, RESULT, OUTLINE, FINE_EDGE = "combine", "result-as", "outline-by-selection", "fine-edge"
PATH_HELP = "The anchors of a path, as points to include"
NOT_PATH_HELP = "The anchors of a second path, as points to exclude"
SCRIBBLES_HELP = "A layer painted over what is meant; in red or black, over what is not"
COMBINE_HELP = "What becomes of the selection that there is"
RESULT_HELP = "What the object becomes: the selection, a mask on the layer, or a new layer with its alpha"
OUTLINE_HELP = "What is selected outlines the object roughly; not where the object is added to it, or taken from it"
FINE_EDGE_HELP = "Follows hair, fur and soft outlines, by alpha, as Refine Edge does"


def gives_mask(operation: Operation) -> bool:
    """Whether what is found can be a mask or a layer too."""
    return operation.inputs.points and operation.gives == "selection"


def declare(
    procedure: Gimp.Procedure, operation: Operation, labels: arguments.Labels, starts_with_selection: bool
) -> None:
    """`starts_with_selection`: a rough selection is one of the prompts unless that is switched off."""
    if not operation.inputs.points:
        return
    procedure.add_path_argument(PATH, labels.make("Points: path"), PATH_HELP, True, READ_WRITE)
    procedure.add_path_argument(NOT_PATH, labels.make("Not this: path"), NOT_PATH_HELP, True, READ_WRITE)
    procedure.add_layer_argument(SCRIBBLES, labels.make("Scribbles: layer"), SCRIBBLES_HELP, True, READ_WRITE)
    if not gives_mask(operation):
        return
    results, combinations = arguments.choice_of(placings.RESULTS), arguments.choice_of(placings.COMBINATIONS)
    first = placings.RESULTS[0][0]
    procedure.add_choice_argument(RESULT, labels.make("Result"), RESULT_HELP, results, first, READ_WRITE)
    words = (labels.make("Combine"), COMBINE_HELP)
    procedure.add_choice_argument(COMBINE, *words, combinations, placings.REPLACE, READ_WRITE)
    words = (labels.make("Selection outlines it"), OUTLINE_HELP)
    procedure.add_boolean_argument(OUTLINE, *words, starts_with_selection, READ_WRITE)
    procedure.add_boolean_argument(FINE_EDGE, labels.make("Fine edge"), FINE_EDGE_HELP, False, READ_WRITE)


def names_of_placing(operation: Operation) -> List[str]:
    """Those that a dialog shows before the operation's own."""
    return [RESULT, COMBINE, OUTLINE, FINE_EDGE] if gives_mask(operation) else []


def points(config: Gimp.ProcedureConfig, image: Gimp.Image, source: Gimp.Layer) -> Tuple[Point, ...]:
    """Those of paths and scribbles. Raises: Invalid where one says nothing, or is another image's."""
    import pointing  # not when GIMP only asks what there is

    path, not_path, scribbles = (config.get_property(name) for name in (PATH, NOT_PATH, SCRIBBLES))
    for item in (path, not_path, scribbles):
        if item is not None and item.is_valid() and item.get_image().get_id() != image.get_id():
            raise Invalid(f"«{item.get_name()}» is in another image.", "Choose one of the image that is worked on.")
    return (
        *pointing.anchors(path, include=True),
        *pointing.anchors(not_path, include=False),
        *pointing.scribbled(scribbles, source),
    )


def forget_prompts(operation: Operation, config: Gimp.ProcedureConfig) -> None:
    """The last picture's mean nothing on this one."""
    for name, is_taken in (("points", operation.inputs.points), ("box", operation.inputs.box)):
        if is_taken:
            config.set_property(name, "")
    if operation.inputs.points:
        for name in (PATH, NOT_PATH, SCRIBBLES):
            config.set_property(name, None)


def placement(operation: Operation, config: Gimp.ProcedureConfig) -> Placement:
    if not gives_mask(operation):
        return Placement()
    return Placement(config.get_property(RESULT), config.get_property(COMBINE))


def has_outline(operation: Operation, config: Gimp.ProcedureConfig) -> bool:
    """Whether what is selected limits what is looked for: not where that is only what the object is combined with."""
    if not gives_mask(operation):
        return True
    how = placement(operation, config)
    is_replaced = how.result != placings.SELECTION or how.combination == placings.REPLACE
    return is_replaced and config.get_property(OUTLINE)


def has_fine_edge(operation: Operation, config: Gimp.ProcedureConfig) -> bool:
    return gives_mask(operation) and config.get_property(FINE_EDGE)
