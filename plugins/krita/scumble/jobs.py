"""The artist's jobs, from the click to the new layers: read, send, wait until it is safe, insert."""

from __future__ import annotations

import itertools
import logging
from typing import Any, Dict, List, Optional, Tuple

from scumble_protocol import connection
from scumble_protocol.catalogue import Catalogue, Operation
from scumble_protocol.errors import Cancelled, Internal, ScumbleError
from scumble_protocol.messages import Result

from . import idle, layers, new_document, references, selections
from .job import CANCELLED, DONE, FAILED, INSERTING, PLACING, RUNNING, Job
from .lender import Lender
from .looks import Found, Looks
from .models import Models
from .order import order_of
from .profiles import Profiles
from .qt import QObject, QtCore, QTimer, Signal
from .request import Request
from .session import Session
from .source import Source, read_source
from .timings import Timings

LOOK_AGAIN_MS = 40  # how often a result that could not be inserted yet is tried again
FINISHED_KEPT = 8
FINISHING = "Finishing…"

_log = logging.getLogger("scumble")


class Jobs(QObject):
    """Runs jobs side by side, on any number of documents. Everything here happens in Krita's own thread."""

    changed = Signal(object)  # Job
    removed = Signal(object)  # Job
    catalogue_changed = Signal()
    freed = Signal(str)  # what became of the daemon's warm models, in words

    def __init__(self, application: Any) -> None:
        super().__init__()
        self._application = application
        self._profiles = Profiles(application)
        self._lender = Lender(application)
        self._numbers = itertools.count(1)
        self._timings = Timings()
        self.jobs: List[Job] = []
        self._is_inserting = False
        self.catalogue = connection.load_catalogue()
        self._by_number: Dict[int, Job] = {}
        self._session = Session("krita")
        self.looks = Looks(self._session, self._numbers, self._read)
        self.models = Models(self._session)
        self._session.submitted.connect(lambda number: self._timings.mark(number, "submitted"))
        self._session.accepted.connect(self._accepted)
        self._session.progressed.connect(self._progressed)
        self._session.previewed.connect(self._previewed)
        self._session.finished.connect(self._finished)
        self._session.failed.connect(self._failed)
        self._session.waiting.connect(self._waiting)
        self._session.catalogue_came.connect(self._take_catalogue)
        self._session.freed.connect(self.freed)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_AGAIN_MS)
        self._timer.timeout.connect(self._insert_waiting)
        self._watch_catalogue()
        self._session.start()
        self._session.greet()

    def end(self) -> None:
        self._timer.stop()
        self._session.end()

    # --- the way of a job ----------------------------------------------------------------------------------------

    def run(self, request: Request) -> Job:
        """Start a job on the active document's active layer. What goes wrong is in the job that comes back."""
        job = Job(next(self._numbers), request.operation.title, is_progressive=request.operation.progressive)
        self._add(job, request.operation)
        try:
            job.source = self._read(request.operation.inputs.selection != "none")
            job.where = _where(job.source)
            reference = references.read_reference(
                self._application, self._profiles, request.reference_layer, job.source
            )
            self._timings.mark(job.number, "read")
            self._session.submit(order_of(job.number, job.source, request, reference))
            self._change(job, stage="Sending the layer…")
        except ScumbleError as error:
            self._end(job, FAILED, error)
        except Exception as error:
            _log.exception("scumble: reading failed")
            self._end(job, FAILED, _fault("The layer could not be read", error))
        return job

    def _read(self, with_selection: bool) -> Source:
        """The active document's active layer. Raises: Invalid · Unsupported"""
        document = self._application.activeDocument()
        if document not in self._application.documents():
            document = None  # one that was just closed, whose view is still there
        return read_source(document, self._profiles, with_selection)

    def list_layers(self) -> List[Tuple[str, str]]:
        """What may be a reference picture: as a form keeps it, and as it is shown."""
        return references.list_layers(self._application)

    def free_models(self) -> None:
        """Have the daemon let go of its warm models; `freed` tells what became of it."""
        self._session.free()

    def cancel(self, job: Job) -> None:
        """Answered at once: whatever the daemon still sends for it is thrown away."""
        if job.is_over or job.state == PLACING:
            return
        if job.result is None:
            self._session.cancel(job.number)
        else:
            self._session.release(job.number)
        self._end(job, CANCELLED, Cancelled("Cancelled."))

    def finish(self, job: Job) -> None:
        """End it with what it has so far."""
        if job.can_finish:
            self._session.finish(job.number)
            self._change(job, is_finishing=True, stage=FINISHING)

    def place(self, operation: Operation, found: Found, combination: str) -> Job:
        """Make what was found the document's selection as soon as that is safe: "replace" the one there, "add" …"""
        result = Result(id="", selection=found.selection)
        job = Job(next(self._numbers), operation.title, source=found.source, result=result, combination=combination)
        self._add(job, operation)
        self._wait_to_insert(job, where=_where(found.source))
        return job

    # --- what the session tells --------------------------------------------------------------------------------------

    def _accepted(self, number: int, position: int) -> None:
        if self._is_open(number):
            waits = f"Waiting for {position} other job{'s' if position > 1 else ''}…" if position else "Starting…"
            self._change(self._by_number[number], stage=waits)

    def _progressed(self, number: int, fraction: float, stage: str) -> None:
        if self._is_open(number):
            job = self._by_number[number]
            self._change(job, fraction=fraction, stage=FINISHING if job.is_finishing else stage)

    def _previewed(self, number: int, image: Any) -> None:
        if self._is_open(number):
            self._change(self._by_number[number], preview=image)

    def _waiting(self, text: str) -> None:
        for job in self.jobs:
            if text and job.state == RUNNING:
                self._change(job, stage=text)

    def _failed(self, number: int, error: ScumbleError) -> None:
        if self._is_open(number):
            job = self._by_number[number]
            self._end(job, CANCELLED if isinstance(error, Cancelled) else FAILED, error)

    def _finished(self, number: int, result: Result) -> None:
        self._timings.mark(number, "result")
        if not self._is_open(number):
            self._session.release(number)
            return
        self._wait_to_insert(self._by_number[number], result=result)

    def _wait_to_insert(self, job: Job, **values: Any) -> None:
        self._change(job, state=INSERTING, fraction=1.0, stage="Inserting…", **values)
        self._insert_waiting()
        if any(job.state == INSERTING for job in self.jobs):
            self._timer.start()

    def _insert_waiting(self) -> None:
        """Insert every result for which it is safe; the oldest first."""
        if self._is_inserting:  # Krita lets events through while it adds a layer: the timer's, and the next result's
            return
        self._is_inserting = True
        try:
            for job in reversed(self.jobs[:]):
                if job.state == INSERTING:
                    self._insert_if_safe(job)
        finally:
            self._is_inserting = False
        if not any(job.state == INSERTING for job in self.jobs):
            self._timer.stop()

    def _insert_if_safe(self, job: Job) -> None:
        assert job.source is not None
        assert job.result is not None
        document = job.source.document
        if document not in self._application.documents():
            self._session.release(job.number)
            self._end(job, FAILED, Cancelled("The document was closed before the result came; it was dropped."))
            return
        obstacle = self._obstacle(job)
        if obstacle:
            if job.stage != obstacle:
                self._change(job, stage=obstacle)
            return
        self._timings.mark(job.number, "safe")
        job.state = PLACING
        try:
            job.notes = self._insert(job, job.source, job.result)
            self._end(job, DONE)
        except Exception as error:
            _log.exception("scumble: inserting failed")
            self._end(job, FAILED, _fault("The result could not be inserted", error))
        self._session.release(job.number)

    def _obstacle(self, job: Job) -> str:
        """Why a result must not be inserted this moment, or ""."""
        assert job.source is not None
        assert job.result is not None
        document = job.source.document
        needs_front = job.result.selection is not None and selections.needs_active_document(self._application)
        if needs_front and self._application.activeDocument() != document:
            return f"Waiting until «{references.name_of(document)}» is in front…"
        return idle.obstacle(self._application, document)

    def _insert(self, job: Job, source: Source, result: Result) -> Tuple[str, ...]:
        notes = list(result.notes)
        if result.document is not None:
            new_document.open_document(self._application, self._lender, source, result)
        elif result.layers:
            group = result.group or job.title
            in_place = layers.insert_layers(self._application, self._lender, source, group, result.layers)
            if not in_place:
                notes.append(f"The layer «{source.layer_name}» is gone: the result lies on top of the stack.")
        if result.selection is not None:
            found = layers.selection_from(self._lender.blank_selection(), result.selection)
            selection = selections.combine(source.document, found, job.combination)
            selections.set_selection(self._application, source.document, selection)
        return tuple(notes)

    # --- rows ----------------------------------------------------------------------------------------------------

    def _add(self, job: Job, operation: Operation) -> None:
        self._timings.start(job.number, operation.id)
        self.jobs.insert(0, job)
        self._by_number[job.number] = job
        self._forget_old()

    def _is_open(self, number: int) -> bool:
        return number in self._by_number and not self._by_number[number].is_over

    def _change(self, job: Job, **values: Any) -> None:
        for name, value in values.items():
            setattr(job, name, value)
        self.changed.emit(job)

    def _end(self, job: Job, state: str, error: Optional[ScumbleError] = None) -> None:
        self._timings.end(job.number, state)
        if error is not None:
            # Its frames hold Krita's nodes, and Krita crashes when those outlive their document.
            error.__traceback__ = error.__context__ = None
        self._change(job, state=state, stage="", error=error, source=None, result=None, preview=None)

    def _forget_old(self) -> None:
        for job in [job for job in self.jobs if job.is_over][FINISHED_KEPT:]:
            self.forget(job)

    def forget(self, job: Job) -> None:
        """Take a finished job off the list."""
        if job.is_over and job in self.jobs:
            self.jobs.remove(job)
            del self._by_number[job.number]
            self.removed.emit(job)

    # --- the catalogue -------------------------------------------------------------------------------------------

    def _watch_catalogue(self) -> None:
        """The daemon writes its catalogue anew when a model is dropped in: show that while both run."""
        folder = connection.cache_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        self._watcher = QtCore.QFileSystemWatcher([str(folder)], self)
        self._watcher.directoryChanged.connect(lambda _path: self._take_catalogue(connection.load_catalogue()))

    def _take_catalogue(self, catalogue: Catalogue) -> None:
        if catalogue.operations and catalogue.digest != self.catalogue.digest:
            self.catalogue = catalogue
            self.catalogue_changed.emit()


def _where(source: Source) -> str:
    return f"{references.name_of(source.document)} ▸ {source.layer_name}"


def _fault(what: str, error: Exception) -> Internal:
    return Internal(f"{what} ({type(error).__name__}).", "Please report this, with what Krita wrote on its terminal.")
