"""The queue in the docker: a row for each job, with how far it is, its buttons, and what it said at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, Set

from .job import CANCELLED, DONE, FAILED, Job
from .preview import PreviewPicture
from .qt import Qt, QtWidgets, Signal

if TYPE_CHECKING:
    from .jobs import Jobs

BESIDE_PX = 75  # a row's title, bar and stage


class JobList(QtWidgets.QWidget):
    """Rows for all jobs, the newest on top. `came`: a new row · `grew`: a part of one is shown now."""

    came = Signal(object)
    grew = Signal(object)

    def __init__(self, jobs: Jobs, parent: Optional[Any] = None) -> None:
        super().__init__(parent)
        self.setObjectName("scumble_jobs")
        self._jobs = jobs
        self._rows: Dict[int, JobRow] = {}
        self._layout = QtWidgets.QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._room = 0
        for job in reversed(jobs.jobs):
            self._show(job)
        jobs.changed.connect(self._show)
        jobs.removed.connect(self._remove)

    def _show(self, job: Job) -> None:
        row = self._rows.get(job.number)
        if row is None:
            row = self._rows[job.number] = JobRow(self._jobs, job)
            self._layout.insertWidget(0, row)
            row.fit_picture(self._room)
            row.refresh(job)
            self.came.emit(row)
            return
        for part in row.refresh(job):
            self.grew.emit(part)

    def fit_pictures(self, room: int) -> None:
        """`room`: the height that can be seen at once."""
        self._room = room
        for row in self._rows.values():
            row.fit_picture(room)

    def _remove(self, job: Job) -> None:
        row = self._rows.pop(job.number, None)
        if row is not None:
            self._layout.removeWidget(row)
            row.deleteLater()


class JobRow(QtWidgets.QFrame):
    def __init__(self, jobs: Jobs, job: Job) -> None:
        super().__init__()
        self.setObjectName(f"scumble_job_{job.number}")
        self.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        self._title = QtWidgets.QLabel()
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._title.setWordWrap(True)
        self._button = QtWidgets.QToolButton()
        self._button.setObjectName("scumble_cancel")
        self._finish = QtWidgets.QToolButton()
        self._finish.setObjectName("scumble_finish")
        self._finish.setText("Finish now")
        self._finish.setToolTip("Stop here, and insert what there is so far")
        self._preview = PreviewPicture()
        self._bar = QtWidgets.QProgressBar()
        self._bar.setObjectName("scumble_progress")
        self._stage = QtWidgets.QLabel()
        self._stage.setObjectName("scumble_stage")
        self._stage.setTextFormat(Qt.TextFormat.PlainText)
        self._said = QtWidgets.QLabel()
        self._said.setObjectName("scumble_said")
        self._said.setTextFormat(Qt.TextFormat.PlainText)
        self._said.setWordWrap(True)
        self._said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        top = QtWidgets.QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self._finish, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self._button, 0, Qt.AlignmentFlag.AlignTop)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 6)
        layout.setSpacing(3)
        layout.addLayout(top)
        layout.addWidget(self._bar)
        layout.addWidget(self._stage)
        layout.addWidget(self._preview)
        layout.addWidget(self._said)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._finish.clicked.connect(lambda: jobs.finish(job))
        self._button.clicked.connect(lambda: jobs.forget(job) if job.is_over else jobs.cancel(job))

    def fit_picture(self, room: int) -> None:
        self._preview.fit(room - BESIDE_PX)

    def refresh(self, job: Job) -> Set[Any]:
        """→ the parts that were not shown before."""
        shown_before = self._parts_shown()
        mark = {DONE: "✓ ", FAILED: "✗ ", CANCELLED: "– "}.get(job.state, "")
        self._title.setText(f"{mark}{job.title}" + (f": {job.where}" if job.where else ""))
        self._bar.setVisible(not job.is_over)
        self._stage.setVisible(not job.is_over)
        self._stage.setText(job.stage)
        if job.fraction < 0:
            self._bar.setRange(0, 0)  # busy, of unknown length
        else:
            self._bar.setRange(0, 1000)
            self._bar.setValue(int(job.fraction * 1000))
        self._preview.show_image(job.preview)
        self._finish.setVisible(job.is_progressive and not job.is_over)
        self._finish.setEnabled(job.can_finish)
        self._button.setText("×" if job.is_over else "Cancel")
        self._button.setToolTip("Take it off the list" if job.is_over else "Stop this job; the picture stays as it is")
        said = "\n".join(job.notes)
        if job.error is not None:
            said = job.error.message + (f"\n{job.error.hint}" if job.error.hint else "")
        self._said.setText(said)
        self._said.setVisible(bool(said))
        return self._parts_shown() - shown_before

    def _parts_shown(self) -> Set[Any]:
        return {part for part in (self._preview, self._said) if not part.isHidden()}
