"""The docker: find an operation, set it, run it, watch the queue; and beside that, the models."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Dict, Optional

from krita import DockWidget
from scumble_protocol.catalogue import Operation
from scumble_protocol.errors import ScumbleError
from scumble_protocol.prompts import Prompts

from .form import Form
from .jobs import Jobs
from .models_tab import ModelsTab
from .pick_bar import PickBar
from .picking import Picking
from .qt import Qt, QtCore, QTimer, QtWidgets
from .request import make_request
from .rows import JobList
from .settings import LastValues

OPERATION_ROLE = Qt.ItemDataRole.UserRole


class ScumbleDocker(DockWidget):
    def __init__(self, application: Any, jobs: Jobs, last_values: LastValues) -> None:
        super().__init__()
        self.setWindowTitle("Scumble")
        self._application = application
        self._jobs = jobs
        self._picking: Optional[Picking] = None
        self._last_values = last_values
        self._form: Optional[Form] = None
        self._operation: Optional[Operation] = None

        self._search = QtWidgets.QLineEdit()
        self._search.setObjectName("scumble_search")
        self._search.setPlaceholderText("Search operations")
        self._search.setClearButtonEnabled(True)
        self._list = QtWidgets.QTreeWidget()
        self._list.setObjectName("scumble_operations")
        self._list.setHeaderHidden(True)
        self._list.setRootIsDecorated(False)
        self._list.setIndentation(12)
        self._description = QtWidgets.QLabel()
        self._description.setObjectName("scumble_description")
        self._description.setWordWrap(True)
        self._description.setTextFormat(Qt.TextFormat.PlainText)
        self._place = QtWidgets.QVBoxLayout()
        self._run = QtWidgets.QPushButton("Run")
        self._run.setObjectName("scumble_run")
        self._reset = QtWidgets.QPushButton("Defaults")
        self._reset.setObjectName("scumble_defaults")
        self._reset.setToolTip("Set every value back to what it is at first")
        self._pick = PickBar()
        self._problem = QtWidgets.QLabel()
        self._problem.setObjectName("scumble_problem")
        self._problem.setWordWrap(True)
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        self._problem.hide()
        self._rows = JobList(jobs)
        self._scroll = QtWidgets.QScrollArea()
        self._lay_out()

        self._search.textChanged.connect(lambda _text: self._fill())
        self._search.returnPressed.connect(self._list.setFocus)
        self._list.currentItemChanged.connect(lambda _now, _before: self._choose())
        self._list.itemActivated.connect(lambda _item, _column: self.run())
        self._run.clicked.connect(self._clicked_run)
        self._reset.clicked.connect(self._set_defaults)
        self._pick.toggled.connect(self._toggle_picking)
        self._rows.came.connect(self._bring_into_sight)
        self._rows.grew.connect(self._keep_in_sight)
        jobs.catalogue_changed.connect(self._fill)
        self._fill()

    def _lay_out(self) -> None:
        inner = QtWidgets.QWidget()
        below = QtWidgets.QVBoxLayout(inner)
        below.setContentsMargins(6, 2, 6, 6)
        below.addWidget(self._description)
        below.addLayout(self._place)
        below.addWidget(self._pick)
        below.addWidget(self._problem)
        below.addWidget(self._rows)
        below.addStretch(1)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self._run, 2)
        buttons.addWidget(self._reset, 1)
        scroll = self._scroll
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        scroll.setMinimumHeight(130)
        outer = QtWidgets.QWidget()
        layout = QtWidgets.QVBoxLayout(outer)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self._search)
        layout.addWidget(self._list, 1)
        layout.addWidget(scroll, 3)
        layout.addLayout(buttons)  # in sight, however long the form is
        self._list.setMinimumHeight(70)
        tabs = QtWidgets.QTabWidget()
        tabs.setObjectName("scumble_tabs")
        tabs.setDocumentMode(True)
        tabs.addTab(outer, "Operations")
        tabs.addTab(ModelsTab(self._jobs.models), "Models")
        self.setWidget(tabs)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._rows.fit_pictures(self._scroll.viewport().height())

    def canvasChanged(self, canvas: Any) -> None:  # noqa: N802 - Krita's name
        """Nothing depends on the canvas: the document is looked up when Run is clicked."""

    # --- the list of operations ----------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Show the operations whose title, menu or description has every word of the search."""
        wanted = self._operation.id if self._operation else self._last_values.last_operation()
        words = self._search.text().lower().split()
        self._list.blockSignals(True)
        self._list.clear()
        menus: Dict[str, Any] = {}
        chosen = None
        for operation in self._jobs.catalogue.visible:
            text = f"{operation.title} {operation.menu} {operation.description}".lower()
            if not all(word in text for word in words):
                continue
            if operation.menu not in menus:
                menus[operation.menu] = _heading(self._list, operation.menu)
            item = QtWidgets.QTreeWidgetItem(menus[operation.menu], [operation.title])
            item.setData(0, OPERATION_ROLE, operation.id)
            item.setToolTip(0, operation.description)
            if chosen is None or operation.id == wanted:
                chosen = item
        self._list.expandAll()
        self._list.setCurrentItem(chosen)
        self._list.blockSignals(False)
        self._choose()

    def _choose(self) -> None:
        item = self._list.currentItem()
        operation_id = item.data(0, OPERATION_ROLE) if item is not None else None
        if operation_id is None:
            if not self._jobs.catalogue.visible:
                self._description.setText("No operation is known yet: run `scumble setup`, then start Krita again.")
            self._run.setEnabled(self._operation is not None)
            return
        operation = self._jobs.catalogue.find(operation_id)
        if operation == self._operation:
            return
        self._keep_values()
        self._stop_picking()
        self._operation = operation
        if self._form is not None:
            self._place.removeWidget(self._form)
            self._form.setParent(None)
            self._form.deleteLater()
        self._form = Form(operation, self._jobs.list_layers)
        self._form.set_values(self._last_values.load(operation))
        self._place.addWidget(self._form)
        self._description.setText(operation.description)
        self._pick.suit(operation)
        self._run.setEnabled(True)
        self._run.setText(f"Run «{operation.title}»")
        self._problem.hide()

    def _set_defaults(self, _checked: bool = False) -> None:
        if self._operation is None or self._form is None:
            return
        defaults: Dict[str, Any] = {parameter.name: parameter.default for parameter in self._operation.parameters}
        self._form.set_values({"points": "", "box": "", "reference": "", **defaults})

    # --- pointing on the canvas ----------------------------------------------------------------------------------

    def pick(self, operation_id: str) -> None:
        """Choose an operation, and point on the canvas for it."""
        self._search.clear()
        for item in self._list.findItems("*", Qt.MatchFlag.MatchWildcard | Qt.MatchFlag.MatchRecursive):
            if item.data(0, OPERATION_ROLE) == operation_id:
                self._list.setCurrentItem(item)
        self._pick.start()

    def _toggle_picking(self, is_on: bool) -> None:
        if is_on and self._picking is None:
            self._start_picking()
        elif not is_on and self._picking is not None:
            self._picking.leave()

    def _start_picking(self) -> None:
        operation, form = self._operation, self._form
        assert operation is not None
        assert form is not None
        self._problem.hide()
        try:
            self._picking = Picking(self._application, self._jobs, operation, form)
        except ScumbleError as error:
            self._pick.stop()
            self.tell(error)
            return
        self._picking.troubled.connect(self.tell)
        self._picking.found_something.connect(self._problem.hide)
        self._picking.ended.connect(self._picked)

    def _picked(self, is_applied: bool) -> None:
        picking, self._picking = self._picking, None
        self._pick.stop()
        if not is_applied or picking is None or self._operation is None or self._form is None:
            return
        if picking.found is None:
            self.run()
        else:
            self._keep_values()
            self._last_values.save_last_operation(self._operation.id)
            self._jobs.place(self._operation, picking.found, self._pick.combination)
        self._form.set_values(Prompts().written())  # they were for this picture

    def _stop_picking(self) -> None:
        if self._picking is not None:
            self._picking.leave()

    # --- running -------------------------------------------------------------------------------------------------

    def _clicked_run(self, _checked: bool = False) -> None:
        self.run()

    def run(self) -> None:
        """Run the operation in the form on the active layer; what the form holds wrongly is said below it."""
        if self._operation is None or self._form is None:
            return
        self._keep_values()
        self._last_values.save_last_operation(self._operation.id)
        try:
            request = make_request(self._operation, self._form.values())
        except ScumbleError as error:
            self.tell(error)
            return
        self._problem.hide()
        self._jobs.run(request)

    def tell(self, error: ScumbleError) -> None:
        self._problem.setText(f"{error.message}\n{error.hint}".strip())
        self._problem.show()
        self._bring_into_sight(self._problem)

    def _bring_into_sight(self, part: Any) -> None:
        def scroll() -> None:
            with suppress(RuntimeError):  # it may be gone by then
                QtWidgets.QApplication.sendPostedEvents(None, QtCore.QEvent.Type.LayoutRequest)  # it has its place now
                self._scroll.ensureWidgetVisible(part, 0, 0)

        QTimer.singleShot(0, scroll)

    def _keep_in_sight(self, part: Any) -> None:
        """Not where the artist has scrolled away from it."""
        if not part.parentWidget().visibleRegion().isEmpty():
            self._bring_into_sight(part)

    def _keep_values(self) -> None:
        if self._operation is not None and self._form is not None:
            self._last_values.save(self._operation, self._form.values())


def _heading(tree: Any, title: str) -> Any:
    heading = QtWidgets.QTreeWidgetItem(tree, [title])
    heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
    font = heading.font(0)
    font.setBold(True)
    heading.setFont(0, font)
    return heading
