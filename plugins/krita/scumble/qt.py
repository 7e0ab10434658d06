"""One door to Qt: PyQt5 where it is there (Krita 5), else PyQt6 (Krita 6).

Enumerations are written in full (`Qt.Orientation.Horizontal`): PyQt6 knows no other way, and PyQt5 knows this one too.
"""

from __future__ import annotations

from typing import Any

try:  # Krita 5.3 forbids the wrong one by an import hook, Krita 5.2 does not: so PyQt5 comes first
    from PyQt5 import QtCore, QtGui, QtWidgets
    from PyQt5.QtWidgets import QAction
except ImportError:
    from PyQt6 import QtCore, QtGui, QtWidgets  # type: ignore[no-redef]
    from PyQt6.QtGui import QAction  # type: ignore[no-redef]

Qt = QtCore.Qt
QByteArray = QtCore.QByteArray
QObject = QtCore.QObject
QThread = QtCore.QThread
QTimer = QtCore.QTimer
QUuid = QtCore.QUuid
Signal = QtCore.pyqtSignal


def byte_array(data: Any) -> QByteArray:
    """The bytes of a buffer for Krita to read: not copied in PyQt5, and kept for as long as the result is."""
    made = getattr(QByteArray, "fromRawData", QByteArray)(data)  # PyQt6 has it no more, and copies
    made.source = data  # PyQt5 holds no reference itself: Krita would read memory that was given back
    return made


__all__ = [
    "QAction",
    "QByteArray",
    "QObject",
    "QThread",
    "QTimer",
    "QUuid",
    "Qt",
    "QtCore",
    "QtGui",
    "QtWidgets",
    "Signal",
    "byte_array",
]
