"""The canvas that the artist looks at: its widget, and where a pixel of the document lies on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from .qt import QtWidgets


@dataclass(frozen=True)
class Canvas:
    """`widget`: what Krita draws the document on · `view`: Krita's own name for a window onto a document."""

    document: Any
    view: Any
    widget: Any

    def transform(self) -> Any:
        """From pixels of the document to those of the widget: zoom, rotation and mirroring included."""
        to_pixels, is_invertible = self.view.flakeToImageTransform().inverted()
        return to_pixels * self.view.flakeToCanvasTransform() if is_invertible else to_pixels

    def is_shown_by(self, application: Any) -> bool:
        """Whether it is still the one in front."""
        window = application.activeWindow()
        now = window.activeView() if window is not None else None
        return now is not None and now == self.view and self.document in application.documents()


def find_canvas(application: Any) -> Optional[Canvas]:
    """Of the document in front; None where there is none."""
    window = application.activeWindow()
    view = window.activeView() if window is not None else None
    document = view.document() if view is not None else None
    if document is None or document not in application.documents():
        return None
    area = window.qwindow().findChild(QtWidgets.QMdiArea)
    front = area.activeSubWindow() or area.currentSubWindow() if area is not None else None
    if front is None:
        return None
    for widget in front.findChildren(QtWidgets.QWidget):
        parent = widget.parentWidget()
        is_drawn_on = "Canvas" in widget.metaObject().className() and parent is not None
        if is_drawn_on and parent.metaObject().className() == "Viewport":
            return Canvas(document, view, widget)
    return None
