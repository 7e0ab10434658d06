"""A found selection with its edge refined: the second step of a job that was asked for it."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

REFINE = "refine_edge"
FEATHER = "feather_px"


def steps(parameters: Mapping[str, Any]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """The parameters that find, and those that refine: a feather comes last, for a fine edge is found anew."""
    finds, refines = dict(parameters), {}
    if FEATHER in finds:
        refines[FEATHER] = finds[FEATHER]
        finds[FEATHER] = 0.0
    return finds, refines
