"""What a found mask can become, and how it is combined with the selection that there is."""

from __future__ import annotations

from dataclasses import dataclass

REPLACE = "replace"
COMBINATIONS = (
    (REPLACE, "Replace the selection"),
    ("add", "Add to the selection"),
    ("subtract", "Subtract from the selection"),
    ("intersect", "Intersect with the selection"),
)
SELECTION, MASK, LAYER = "selection", "mask", "layer"
RESULTS = ((SELECTION, "Selection"), (MASK, "Layer mask"), (LAYER, "New layer"))


@dataclass(frozen=True)
class Placement:
    """`result`: one of RESULTS · `combination`: of COMBINATIONS, for a selection."""

    result: str = SELECTION
    combination: str = REPLACE
