"""Give a document a new selection in such a way that one undo brings the old one back. GUI thread only."""

from __future__ import annotations

from typing import Any

from .job import REPLACE
from .versions import has_undoable_selections


def needs_active_document(application: Any) -> bool:
    """Whether `set_selection` works through menu actions, which act on the active document only."""
    return not has_undoable_selections(application)


COMBINATIONS = (
    (REPLACE, "Replace the selection"),
    ("add", "Add to the selection"),
    ("subtract", "Subtract from the selection"),
    ("intersect", "Intersect with the selection"),
)


def combine(document: Any, found: Any, how: str) -> Any:
    """What `found` and the document's selection give, as Krita's own tools combine them.

    Where nothing is selected, everything can be painted on: less the object, that is all around it; common with it, the
    object.
    """
    before = document.selection()
    if how == REPLACE or (before is None and how != "subtract"):
        return found
    combined = before.duplicate() if before is not None else found.duplicate()
    if before is None:
        combined.select(0, 0, document.width(), document.height(), 255)
    getattr(combined, how)(found)
    return combined


def set_selection(application: Any, document: Any, selection: Any) -> None:
    """Make `selection` the document's.

    Krita 5.3 makes an undo step of it. Krita 5.2 does not: there the step comes from the action that takes the old
    selection away (or, where there was none, makes one), whose undo restores what was there; then the selection is
    exchanged silently. Redo after that undo repeats the action, not the exchange.
    """
    if not has_undoable_selections(application):
        action = "select_all" if document.selection() is None else "deselect"
        application.action(action).trigger()
        document.waitForDone()
    document.setSelection(selection)
