"""The docker's tab of the models: a list by operation, what is to be known of one, and Fetch, Cancel and Remove."""

from __future__ import annotations

from html import escape
from typing import Any, Callable, List

from scumble_protocol.models import ModelEntry

from .models import Models
from .qt import Qt, QtWidgets

MODEL_ROLE = Qt.ItemDataRole.UserRole
MARK_WIDTH_PX = 44


class ModelsTab(QtWidgets.QWidget):
    def __init__(self, models: Models) -> None:
        super().__init__()
        self.setObjectName("scumble_models")
        self._models = models
        self._chosen = ""
        self._problem = _label("scumble_models_problem")
        self._retry = _button("scumble_models_retry", "Try Again", models.watch)
        self._list = _list()
        self._list.currentItemChanged.connect(lambda _now, _before: self._choose())
        self._title = _label("scumble_model_title")
        font = self._title.font()
        font.setBold(True)
        self._title.setFont(font)
        self._state = _label("scumble_model_state")
        self._facts = _label("scumble_model_facts")
        self._facts.setTextFormat(Qt.TextFormat.RichText)
        self._trouble = _label("scumble_model_trouble")
        self._bar = QtWidgets.QProgressBar()
        self._bar.setObjectName("scumble_model_progress")
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._progress = _label("scumble_model_bytes")
        self._fetch = _button("scumble_model_fetch", "Fetch", self._ask_to_fetch)
        self._cancel = _button("scumble_model_cancel", "Cancel", lambda: models.cancel(self._chosen))
        self._remove = _button("scumble_model_remove", "Remove…", self._ask_to_remove)
        self._lay_out()
        models.changed.connect(self._refresh)
        self._fill()
        self._show()

    def _lay_out(self) -> None:
        text = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(text)
        column.setContentsMargins(6, 2, 6, 2)
        for part in (self._title, self._state, self._facts):
            column.addWidget(part)
        column.addStretch(1)
        scroll = QtWidgets.QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(text)
        scroll.setMinimumHeight(110)
        buttons = QtWidgets.QHBoxLayout()
        for button in (self._fetch, self._cancel, self._remove):
            buttons.addWidget(button)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 6)
        for part in (self._problem, self._retry):
            layout.addWidget(part)
        layout.addWidget(self._list, 4)
        layout.addWidget(scroll, 3)
        for part in (self._trouble, self._bar, self._progress):
            layout.addWidget(part)
        layout.addLayout(buttons)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._models.watch()

    # --- what is shown -------------------------------------------------------------------------------------------

    def _refresh(self, is_new_list: bool) -> None:
        if is_new_list:
            self._fill()
        for item in _models_in(self._list):
            entry = self._models.board.find(item.data(0, MODEL_ROLE))
            if entry is not None and item.text(1) != entry.mark:
                _set(item, entry)
        self._show()

    def _fill(self) -> None:
        wanted, place = self._chosen, self._list.verticalScrollBar().value()
        self._list.blockSignals(True)
        self._list.clear()
        chosen = None
        for title, entries in self._models.board.groups():
            heading = _heading(self._list, title)
            for entry in entries:
                item = QtWidgets.QTreeWidgetItem(heading, [entry.title])
                item.setData(0, MODEL_ROLE, entry.id)
                _set(item, entry)
                if chosen is None or entry.id == wanted:
                    chosen = item
        self._list.expandAll()
        self._list.setCurrentItem(chosen)
        self._list.verticalScrollBar().setValue(place)
        self._list.blockSignals(False)
        self._choose()

    def _choose(self) -> None:
        item = self._list.currentItem()
        self._chosen = item.data(0, MODEL_ROLE) or "" if item is not None else ""
        self._show()

    def _show(self) -> None:
        board = self._models.board
        entry = board.find(self._chosen)
        self._problem.setText(board.problem)
        self._problem.setVisible(bool(board.problem))
        self._retry.setVisible(bool(board.problem) and self._models.can_retry)
        self._list.setToolTip(f"They lie in {board.folder}." if board.folder else "")
        self._title.setText(entry.title if entry else "")
        self._state.setText(entry.explanation if entry else "")
        self._facts.setText(_as_html(entry) if entry else "")
        self._trouble.setText(entry.trouble if entry else "")
        self._trouble.setVisible(bool(entry and entry.trouble))
        is_fetching = bool(entry and entry.fetching)
        for part in (self._bar, self._progress, self._cancel):
            part.setVisible(is_fetching)
        if entry is not None and is_fetching:
            self._progress.setText(entry.progress)
            self._bar.setRange(0, 1000 if entry.fraction >= 0 else 0)  # without an end: busy, of unknown length
            self._bar.setValue(int(max(0.0, entry.fraction) * 1000))
        self._fetch.setText(entry.fetch_label if entry else "")
        self._fetch.setVisible(bool(entry and entry.fetch_label))
        self._remove.setVisible(bool(entry and entry.can_be_removed))
        for button in (self._fetch, self._cancel, self._remove):
            button.setEnabled(not board.problem)

    # --- what is asked -------------------------------------------------------------------------------------------

    def _ask_to_fetch(self) -> None:
        entry = self._models.board.find(self._chosen)
        if entry is None or not entry.fetch_label:
            return
        if entry.consent:
            self._ask(
                entry.fetch_question, entry.consent, "Agree and Fetch", lambda: self._models.fetch(entry.id, True)
            )
        else:
            self._models.fetch(entry.id, False)

    def _ask_to_remove(self) -> None:
        entry = self._models.board.find(self._chosen)
        if entry is not None and entry.can_be_removed:
            self._ask(entry.remove_question, entry.remove_consequence, "Remove", lambda: self._models.remove(entry.id))

    def _ask(self, question: str, text: str, yes: str, act: Callable[[], None]) -> None:
        """In a box of its own that holds nothing up; anything but `yes` is no."""
        box = QtWidgets.QMessageBox(self)
        box.setObjectName("scumble_models_question")
        box.setWindowTitle("Scumble")
        box.setIcon(QtWidgets.QMessageBox.Icon.Question)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(question)
        box.setInformativeText(text)
        box.setDefaultButton(box.addButton(QtWidgets.QMessageBox.StandardButton.Cancel))
        accept = box.addButton(yes, QtWidgets.QMessageBox.ButtonRole.AcceptRole)
        accept.clicked.connect(lambda _checked=False: act())
        box.finished.connect(lambda _answer: box.deleteLater())
        box.open()


def _as_html(entry: ModelEntry) -> str:
    rows = "".join(f"<p><b>{escape(heading)}</b><br>{escape(text)}</p>" for heading, text in entry.facts)
    return rows.replace("<p>", '<p style="margin: 0 0 6px 0">')


def _models_in(tree: Any) -> List[Any]:
    headings = [tree.topLevelItem(index) for index in range(tree.topLevelItemCount())]
    return [heading.child(row) for heading in headings for row in range(heading.childCount())]


def _set(item: Any, entry: ModelEntry) -> None:
    item.setText(1, entry.mark)
    item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    for column in (0, 1):
        item.setToolTip(column, f"{entry.title}: {entry.size}, {entry.status}")


def _heading(tree: Any, title: str) -> Any:
    heading = QtWidgets.QTreeWidgetItem(tree, [title])
    heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
    heading.setFirstColumnSpanned(True)
    font = heading.font(0)
    font.setBold(True)
    heading.setFont(0, font)
    return heading


def _list() -> Any:
    tree = QtWidgets.QTreeWidget()
    tree.setObjectName("scumble_models_list")
    tree.setColumnCount(2)
    tree.setHeaderHidden(True)
    tree.setRootIsDecorated(False)
    tree.setIndentation(12)
    tree.setMinimumHeight(110)
    header = tree.header()
    header.setStretchLastSection(False)
    header.setSectionResizeMode(0, QtWidgets.QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(1, QtWidgets.QHeaderView.ResizeMode.Fixed)
    header.resizeSection(1, MARK_WIDTH_PX)
    return tree


def _label(name: str) -> Any:
    label = QtWidgets.QLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _button(name: str, text: str, act: Callable[[], None]) -> Any:
    button = QtWidgets.QPushButton(text)
    button.setObjectName(name)
    button.clicked.connect(lambda _checked=False: act())
    return button
