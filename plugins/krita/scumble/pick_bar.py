"""The part of the docker for pointing on the canvas: the switch, what to do with the selection, and how it goes."""

from __future__ import annotations

from scumble_protocol.catalogue import Operation

from .qt import Qt, QtWidgets, Signal
from .selections import COMBINATIONS

HOW = "Click what is meant; with Alt or Ctrl held, or the right button, what is not."
DRAG = " Drag a box around it."
KEYS = " Enter {applies}, Backspace takes the last click back, Esc leaves everything as it was."


class PickBar(QtWidgets.QWidget):
    toggled = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._switch = QtWidgets.QPushButton("Pick on the canvas")
        self._switch.setObjectName("scumble_pick")
        self._switch.setCheckable(True)
        self._combination = QtWidgets.QComboBox()
        self._combination.setObjectName("scumble_pick_combination")
        for how, title in COMBINATIONS:
            self._combination.addItem(title, how)
        self._how = QtWidgets.QLabel()
        self._how.setObjectName("scumble_pick_how")
        self._how.setWordWrap(True)
        self._how.setTextFormat(Qt.TextFormat.PlainText)
        self._how.hide()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._switch)
        layout.addWidget(self._combination)
        layout.addWidget(self._how)
        self._switch.toggled.connect(self._how.setVisible)
        self._switch.toggled.connect(self.toggled)
        self.hide()

    def suit(self, operation: Operation) -> None:
        """Be there for operations that are pointed for, as those are."""
        inputs, selects = operation.inputs, operation.gives == "selection"
        self.setVisible(inputs.points)
        self._combination.setVisible(selects)
        applies = "makes it the selection" if selects else "runs"
        self._how.setText(HOW + (DRAG if inputs.box else "") + KEYS.format(applies=applies))

    @property
    def combination(self) -> str:
        return self._combination.currentData()

    def start(self) -> None:
        self._switch.setChecked(True)

    def stop(self) -> None:
        self._switch.setChecked(False)
