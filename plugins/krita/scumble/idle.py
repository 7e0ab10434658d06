"""Say whether a layer may be inserted this moment: a new one would abort what the artist is in the middle of."""

from __future__ import annotations

from typing import Any

from .qt import Qt, QtGui, QtWidgets

# Tools whose work goes on between two clicks: nothing but the tool itself knows whether it is under way.
_TOOLS_OF_MANY_CLICKS = (
    "KisToolSelectPolygonal",
    "KisToolSelectMagnetic",
    "KisToolSelectPath",
    "KisToolPath",
    "KisToolPolyline",
    "KisToolPolygon",
)


def obstacle(application: Any, document: Any) -> str:
    """What has to end first, in words for the artist; "" where nothing stands in the way."""
    if QtWidgets.QApplication.mouseButtons() != Qt.MouseButton.NoButton:
        return "Waiting for the end of your stroke…"
    if QtWidgets.QApplication.activeModalWidget() is not None:
        return "Waiting for the open dialog…"
    if application.activeDocument() == document and _is_over_canvas() and _has_tool_of_many_clicks(application):
        return "Waiting until the pointer leaves the canvas…"
    if not document.tryBarrierLock():  # a stroke is open, as while a transformation is being set
        return "Waiting for the end of your stroke…"
    document.unlock()
    return ""


def _is_over_canvas() -> bool:
    under = QtWidgets.QApplication.widgetAt(QtGui.QCursor.pos())
    return under is not None and "Canvas" in under.metaObject().className()


def _has_tool_of_many_clicks(application: Any) -> bool:
    return any(
        button.isChecked() and button.objectName() in _TOOLS_OF_MANY_CLICKS
        for docker in application.dockers()
        if docker.objectName() == "ToolBox"
        for button in docker.findChildren(QtWidgets.QToolButton)
    )
