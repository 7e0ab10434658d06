"""The field for a reference picture: a layer of any open document, or a file."""

from __future__ import annotations

from typing import Any, Callable, List, Tuple

from scumble_protocol.catalogue import ReferenceInput

from .qt import QtWidgets, Signal
from .request import LAYER

NOTHING, FILE = "", "file"
LayerList = Callable[[], List[Tuple[str, str]]]


class FileRow(QtWidgets.QWidget):
    """A path, and a button to choose one with."""

    def __init__(self, reference: ReferenceInput) -> None:
        super().__init__()
        self._reference = reference
        self.line = QtWidgets.QLineEdit()
        self.line.setPlaceholderText("required" if reference.required else "optional")
        self.line.setClearButtonEnabled(True)
        self.line.setObjectName("scumble_value_reference")
        button = QtWidgets.QToolButton()
        button.setText("…")
        button.setToolTip("Choose a file")
        button.clicked.connect(lambda _checked=False: self.choose())
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(button)

    def choose(self) -> None:
        title = self._reference.title
        patterns = " ".join(f"*{extension}" for extension in self._reference.extensions)
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self, title, self.line.text(), f"{title} ({patterns})")
        if path:
            self.line.setText(path)


class PictureField(QtWidgets.QWidget):
    """A list of nothing, a file and every layer, made anew each time it opens; below it the file's path."""

    changed = Signal()

    def __init__(self, reference: ReferenceInput, list_layers: LayerList) -> None:
        super().__init__()
        self._reference = reference
        self._list_layers = list_layers
        self.choice = _Choice(self._fill)
        self.choice.setObjectName("scumble_reference_choice")
        self.choice.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setMinimumContentsLength(8)
        self.file = FileRow(reference)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.choice)
        layout.addWidget(self.file)
        self.choice.currentIndexChanged.connect(lambda _index: self._show())
        self.choice.activated.connect(lambda _index: self._ask_for_a_file())
        self.file.line.textChanged.connect(lambda _text: self.changed.emit())
        self._fill()
        self._show()

    def value(self) -> str:
        """ "" · a file's path · LAYER and a layer's id."""
        chosen = self.choice.currentData()
        return self.file.line.text() if chosen == FILE else chosen or NOTHING

    def set_value(self, value: str) -> None:
        is_layer = value.startswith(LAYER)
        self.file.line.setText("" if is_layer else value)
        self._fill(value if is_layer else FILE if value else NOTHING)

    def _fill(self, chosen: Any = None) -> None:
        """Every layer there is now; one that was chosen and is gone stays, and says so."""
        chosen = self.choice.currentData() if chosen is None else chosen
        nothing = "Choose…" if self._reference.required else "None"
        entries = [(NOTHING, nothing), *self._list_layers(), (FILE, "File…")]
        if chosen is not None and chosen not in [value for value, _ in entries]:
            entries.append((chosen, "A layer that is gone"))
        self.choice.blockSignals(True)
        self.choice.clear()
        for value, title in entries:
            self.choice.addItem(title, value)
        self.choice.setCurrentIndex(max(0, self.choice.findData(chosen)))
        self.choice.blockSignals(False)
        self._show()

    def _show(self) -> None:
        self.file.setVisible(self.choice.currentData() == FILE)
        self.changed.emit()

    def _ask_for_a_file(self) -> None:
        if self.choice.currentData() == FILE and not self.file.line.text():
            self.file.choose()


class _Choice(QtWidgets.QComboBox):
    """Calls `prepare` before its list opens."""

    def __init__(self, prepare: Callable[[], None]) -> None:
        super().__init__()
        self._prepare = prepare

    def showPopup(self) -> None:  # noqa: N802 - Qt's name
        self._prepare()
        super().showPopup()
