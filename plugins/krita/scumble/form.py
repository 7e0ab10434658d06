"""A form drawn from an operation's parameters: a slider beside each number, a list for each choice."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List, Tuple

from scumble_protocol.catalogue import Operation, ReferenceInput
from scumble_protocol.parameters import Parameter

from .qt import QObject, Qt, QtCore, QtGui, QtWidgets, Signal
from .reference_field import FileRow, LayerList, PictureField

SLIDER_STEPS = 1000
UNBOUNDED = 1e9
ICON_PX = 48


class Form(QtWidgets.QWidget):
    """The inputs of one operation. `values()` and `set_values()` speak in parameter names, prompts included."""

    changed = Signal()

    def __init__(self, operation: Operation, list_layers: LayerList = list) -> None:
        """`list_layers`: what may be the reference picture, as the form keeps it and as it is shown."""
        super().__init__()
        self._fields: Dict[str, Tuple[Callable[[], Any], Callable[[Any], None]]] = {}
        self.setObjectName("scumble_form")
        self._wheel = _WheelGuard(self)
        self._rows = QtWidgets.QFormLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setRowWrapPolicy(QtWidgets.QFormLayout.RowWrapPolicy.WrapLongRows)
        self._rows.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        inputs = operation.inputs
        if inputs.reference and inputs.reference.picture:
            self._add_picture(inputs.reference, list_layers)
        elif inputs.reference:
            self._add_file(inputs.reference)
        for parameter in operation.parameters:
            self._add(parameter)
        if inputs.points:
            self._add_text("points", "Points", "x,y; x,y,-", "In pixels; «-» excludes: 120,80; 40,60,-")
        if inputs.box:
            self._add_text("box", "Box", "x0,y0,x1,y1", "Two opposite corners in pixels: 20,30,400,300")

    def values(self) -> Dict[str, Any]:
        return {name: read() for name, (read, _) in self._fields.items()}

    def set_values(self, values: Dict[str, Any]) -> None:
        for name, (_, write) in self._fields.items():
            if name in values:
                write(values[name])

    # --- one field for each kind ---------------------------------------------------------------------------------

    def _add(self, parameter: Parameter) -> None:
        add = {"boolean": self._add_switch, "choice": self._add_choice, "text": self._add_free_text}
        add.get(parameter.kind, self._add_number)(parameter)

    def _add_number(self, parameter: Parameter) -> None:
        number = NumberField(parameter)
        for part in (number.slider, number.spin):
            self._wheel.guard(part)
        self._place(parameter.name, parameter.title, number, parameter.description)
        self._fields[parameter.name] = (number.value, number.set_value)
        number.spin.valueChanged.connect(lambda _value: self.changed.emit())

    def _add_switch(self, parameter: Parameter) -> None:
        switch = QtWidgets.QCheckBox(parameter.title)
        self._place(parameter.name, "", switch, parameter.description)
        self._fields[parameter.name] = (switch.isChecked, switch.setChecked)
        switch.toggled.connect(lambda _on: self.changed.emit())

    def _add_choice(self, parameter: Parameter) -> None:
        choice = QtWidgets.QComboBox()
        for value, title in parameter.choices:
            choice.addItem(_icon(parameter.pictures.get(value, b"")), title, value)
        if parameter.pictures:
            choice.setIconSize(QtCore.QSize(ICON_PX, ICON_PX))
        choice.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        choice.setMinimumContentsLength(8)
        self._wheel.guard(choice)
        self._place(parameter.name, parameter.title, choice, parameter.description)
        self._fields[parameter.name] = (
            choice.currentData,
            lambda value: choice.setCurrentIndex(max(0, choice.findData(value))),
        )
        choice.currentIndexChanged.connect(lambda _index: self.changed.emit())

    def _add_free_text(self, parameter: Parameter) -> None:
        self._add_text(parameter.name, parameter.title, "", parameter.description)

    def _add_text(self, name: str, title: str, placeholder: str, description: str) -> None:
        line = QtWidgets.QLineEdit()
        line.setPlaceholderText(placeholder)
        self._place(name, title, line, description)
        self._fields[name] = (line.text, line.setText)
        line.textChanged.connect(lambda _text: self.changed.emit())

    def _add_file(self, reference: ReferenceInput) -> None:
        row = FileRow(reference)
        self._place("", reference.title, row, reference.description)
        self._fields["reference"] = (row.line.text, row.line.setText)
        row.line.textChanged.connect(lambda _text: self.changed.emit())

    def _add_picture(self, reference: ReferenceInput, list_layers: LayerList) -> None:
        field = PictureField(reference, list_layers)
        self._wheel.guard(field.choice)
        self._place("", reference.title, field, reference.description)
        self._fields["reference"] = (field.value, field.set_value)
        field.changed.connect(self.changed)

    def _place(self, name: str, title: str, widget: Any, description: str) -> None:
        if name:
            widget.setObjectName(f"scumble_value_{name}")
        widget.setToolTip(description)
        if title:
            label = QtWidgets.QLabel(title)
            label.setToolTip(description)
            self._rows.addRow(label, widget)
        else:
            self._rows.addRow(widget)


def _icon(png: bytes) -> Any:
    """Of what a choice does; an empty one where nothing shows it."""
    picture = QtGui.QPixmap()
    picture.loadFromData(png)
    return QtGui.QIcon(picture)


class NumberField(QtWidgets.QWidget):
    """A slider over the usual range beside a box that takes the whole allowed range."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__()
        self._is_whole = parameter.kind == "integer"
        low = -UNBOUNDED if parameter.minimum is None else parameter.minimum
        high = UNBOUNDED if parameter.maximum is None else parameter.maximum
        first, last = parameter.slider or (low, high)
        self._first, self._span = first, (last - first) or 1
        self._steps = int(self._span) if self._is_whole and self._span <= SLIDER_STEPS else SLIDER_STEPS
        self.slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, self._steps)
        self.slider.setPageStep(max(1, self._steps // 10))
        self.spin = QtWidgets.QDoubleSpinBox()
        self.spin.setDecimals(0 if self._is_whole else max(2, 2 - math.floor(math.log10(self._span))))
        self.spin.setRange(low, high)
        self.spin.setSingleStep(1 if self._is_whole else self._span / 100)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.spin)
        if parameter.slider is None and (parameter.minimum is None or parameter.maximum is None):
            self.slider.hide()  # nothing to slide along
        self.slider.valueChanged.connect(self._slid)
        self.spin.valueChanged.connect(self._typed)
        self.set_value(parameter.default)

    def value(self) -> float:
        return int(self.spin.value()) if self._is_whole else self.spin.value()

    def set_value(self, value: float) -> None:
        self.spin.setValue(value)
        self._typed(self.spin.value())

    def _slid(self, position: int) -> None:
        value = self._first + self._span * position / self._steps
        self.spin.setValue(round(value) if self._is_whole else value)

    def _typed(self, value: float) -> None:
        self.slider.blockSignals(True)  # a value between two steps of the slider, or beyond it, has to stay
        self.slider.setValue(round((value - self._first) / self._span * self._steps))
        self.slider.blockSignals(False)


class _WheelGuard(QObject):
    """Lets the mouse wheel scroll the form instead of changing the value it happens to pass over."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self._guarded: List[Any] = []

    def guard(self, widget: Any) -> None:
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        widget.installEventFilter(self)
        self._guarded.append(widget)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QtCore.QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return False
