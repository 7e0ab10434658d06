"""What Krita's versions do differently, asked by what it is and not by a number."""

from __future__ import annotations

from typing import Any, Tuple


def has_undoable_selections(application: Any) -> bool:
    """Whether `Document.setSelection` leaves an undo step."""
    return _version(application) >= (5, 3)


def has_hdr_modes(application: Any) -> bool:
    """Whether "dodge" ends at white, in float documents too, and "dodge_hdr" is what it was before."""
    return _version(application) >= (5, 3)


def _version(application: Any) -> Tuple[int, int]:
    major, minor = application.version().split(".")[:2]
    return int(major), int(minor)
