"""A thread that owns the connection to the daemon, so that Krita's own thread never waits for it."""

from __future__ import annotations

import contextlib
import logging
import queue
import select
import socket
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Dict, Optional, Tuple

from scumble_protocol.client import Client
from scumble_protocol.errors import Cancelled, DaemonUnavailable, Internal, ScumbleError, Unsupported, from_code
from scumble_protocol.image import Bounds, Layer, Point, Raster, Reference, ReferenceLayer
from scumble_protocol.messages import NOTHING_WARM, Accepted, Failure, Preview, Progress, Result
from scumble_protocol.model_board import ModelRequests

from .preview import image_of
from .qt import QThread, Signal
from .references import LayerPixels
from .source import Pixels

HEARTBEAT_S = 1.0  # how often an idle loop looks after the connection

_log = logging.getLogger("scumble")


@dataclass(frozen=True)
class Order:
    """One job as the artist ordered it. `number`: the plug-in's own, known before the daemon has heard of the job."""

    number: int
    operation: str
    pixels: Pixels
    canvas: Bounds
    parameters: Dict[str, Any] = field(default_factory=dict)
    selection: Optional[Pixels] = None
    points: Tuple[Point, ...] = ()
    box: Optional[Bounds] = None
    reference: Optional[Reference] = None
    reference_layer: Optional[LayerPixels] = None
    source: str = ""
    previews: int = 0  # their longest side in pixels


class Session(QThread):
    """Submits orders and reports what becomes of them by signals, which Qt delivers in Krita's thread.

    Every order ends with exactly one of `finished` and `failed`; after `finished`, call `release` with the result.
    """

    submitted = Signal(int)
    accepted = Signal(int, int)  # number, jobs before it
    progressed = Signal(int, float, str)  # number, fraction or -1, stage
    previewed = Signal(int, object)  # number, QImage
    finished = Signal(int, object)  # number, Result whose rasters hold memoryviews
    failed = Signal(int, object)  # number, ScumbleError
    waiting = Signal(str)  # what is being waited for before any order can be sent
    catalogue_came = Signal(object)  # Catalogue
    freed = Signal(str)  # what became of the warm models, in words
    models_came = Signal(object, str)  # an answer about models, and of which: "" is the list itself
    models_lost = Signal(object)  # ScumbleError: nobody tells of them any more

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._tasks: "queue.SimpleQueue[Callable[[], None]]" = queue.SimpleQueue()
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._client: Optional[Client] = None
        self._jobs: Dict[str, int] = {}  # the daemon's id → our number
        self._called_off: set = set()
        self._results: Dict[int, Result] = {}
        self._catalogue_digest = ""
        self._watches_models = False
        self._is_ending = False

    # --- called from Krita's thread ------------------------------------------------------------------------------

    def greet(self) -> None:
        """Ask a daemon that runs already for its catalogue; none is started for this."""
        self._do(self._greet)

    def submit(self, order: Order) -> None:
        self._do(lambda: self._submit(order))

    def free(self) -> None:
        """Have the daemon let go of its warm models."""
        self._do(self._free)

    def watch_models(self) -> None:
        """Hear of the models from now on; the daemon is started for it."""
        self._do(self._watch_models)

    def ask_models(self, request: Callable[[ModelRequests], Any]) -> None:
        """Have a model fetched or removed."""
        self._do(lambda: self._ask_models(request))

    def cancel(self, number: int) -> None:
        self._called_off.add(number)
        self._do(lambda: self._cancel(number))

    def finish(self, number: int) -> None:
        """The artist has seen enough: have what there is so far as the result."""
        self._do(lambda: self._finish(number))

    def release(self, number: int) -> None:
        """The result was read."""
        self._do(lambda: self._release(number))

    def end(self) -> None:
        """Close the connection and the thread; open jobs are dropped."""
        self._is_ending = True
        self._do(lambda: None)
        self.wait(3000)

    def _do(self, task: Callable[[], None]) -> None:
        self._tasks.put(task)
        self._wake.send(b"\0")

    # --- the thread ----------------------------------------------------------------------------------------------

    def run(self) -> None:
        try:
            while not self._is_ending:
                self._wait()
                while not self._tasks.empty() and not self._is_ending:
                    self._attempt(self._tasks.get())
                self._attempt(self._take_messages)  # last: a task that asks the daemon may have queued some
        finally:
            self._close()

    def _wait(self) -> None:
        watched = [self._woken] if self._client is None else [self._woken, self._client]
        ready, _, _ = select.select(watched, [], [], HEARTBEAT_S)
        if self._woken in ready:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)

    def _attempt(self, task: Callable[[], None]) -> None:
        """Do `task`; an error in it ends the connection and every open job, but not the thread."""
        try:
            task()
        except ScumbleError as error:
            self._lose(error)
        except Exception as error:  # a fault of ours must not leave the artist without an answer
            _log.exception("scumble: the session failed")
            self._lose(Internal(f"Scumble's plug-in failed: {type(error).__name__}: {error}.", "Please report this."))

    def _lose(self, error: ScumbleError) -> None:
        numbers = list(self._jobs.values())
        self._close()
        if self._watches_models:
            self._watches_models = False
            self.models_lost.emit(error)
        for number in numbers:
            self._fail(number, error)

    def _close(self) -> None:
        client, self._client = self._client, None
        self._jobs.clear()
        self._results.clear()
        if client is not None:
            with contextlib.suppress(ScumbleError, OSError):
                client.close()

    # --- tasks ---------------------------------------------------------------------------------------------------

    def _greet(self) -> None:
        if self._client is None:
            with contextlib.suppress(ScumbleError):  # nobody there: the first job will start it
                self._open(start=False, on_wait=lambda _text: None)

    def _open(self, start: bool, on_wait: Callable[[str], None]) -> Client:
        if self._client is None:
            self._client = Client.connect(name=self._name, start=start, on_wait=on_wait)
            if self._client.welcome.catalogue_digest != self._catalogue_digest:
                catalogue = self._client.catalogue()
                self._catalogue_digest = self._client.welcome.catalogue_digest
                self.catalogue_came.emit(catalogue)
        return self._client

    def _submit(self, order: Order) -> None:
        def wait(text: str) -> None:
            if order.number in self._called_off or self._is_ending:
                raise Cancelled("The job was cancelled.")
            self.waiting.emit(text)

        try:
            wait("")
            client = self._open(start=True, on_wait=wait)
            given: Dict[int, Raster] = {}  # by the pixels they were made of: the same pixels go once
            try:
                image = _put(client, order.pixels, given)
                selection = order.selection and _put(client, order.selection, given)
                layer = order.reference_layer
                job = client.submit(
                    order.operation,
                    image,
                    order.canvas,
                    parameters=order.parameters,
                    selection=selection,
                    points=order.points,
                    box=order.box,
                    reference=order.reference,
                    reference_layer=layer
                    and ReferenceLayer(layer.name, layer.document, _put(client, layer.pixels, given)),
                    source=order.source,
                    previews=order.previews,
                )
            except BaseException:
                for raster in given.values():
                    client.discard(raster)
                raise
        except Exception as error:
            known = error if isinstance(error, ScumbleError) else Internal(f"The job was not sent: {error}.")
            self._fail(order.number, known)
            if self._client is not None and not isinstance(error, Cancelled):
                raise  # the connection itself may be broken: the others learn of it too
            return
        self._jobs[job] = order.number
        self.submitted.emit(order.number)

    def _free(self) -> None:
        try:
            self.freed.emit(self._open(start=False, on_wait=lambda _text: None).free().words)
        except DaemonUnavailable as error:
            self.freed.emit(NOTHING_WARM)
            if self._jobs or self._watches_models:
                self._lose(error)
            else:
                self._close()
        except Unsupported as error:
            self.freed.emit(str(error))

    def _watch_models(self) -> None:
        self._watches_models = True  # so that losing the daemon is told
        self._open(start=True, on_wait=self._go_on_waiting).models.watch()

    def _ask_models(self, request: Callable[[ModelRequests], Any]) -> None:
        if self._client is not None:
            request(self._client.models)

    def _go_on_waiting(self, _text: str) -> None:
        if self._is_ending:
            raise Cancelled("Krita is closing.")

    def _cancel(self, number: int) -> None:
        for job, known in self._jobs.items():
            if known == number and self._client is not None:
                self._client.cancel(job)

    def _finish(self, number: int) -> None:
        for job, known in self._jobs.items():
            if known == number and self._client is not None:
                self._client.finish(job)

    def _release(self, number: int) -> None:
        result = self._results.pop(number, None)
        if result is not None and self._client is not None:
            self._client.release(result)

    def _take_messages(self) -> None:
        while self._client is not None:
            message = self._client.poll()
            if message is None:
                return
            self._take(self._client, message)

    def _take(self, client: Client, message: Any) -> None:
        model = client.models.model_of(message)
        if model is not None:
            self.models_came.emit(message, model)
            return
        number = self._jobs.get(message.id)
        if number is None:
            return
        if isinstance(message, Accepted):
            self.accepted.emit(number, message.position)
        elif isinstance(message, Progress):
            self.progressed.emit(number, message.fraction, message.stage)
        elif isinstance(message, Preview):
            if message.picture is not None and number not in self._called_off:
                self.previewed.emit(number, image_of(message, client.pixels(message.picture)))
            client.release(message)
        elif isinstance(message, Failure):
            del self._jobs[message.id]
            self._fail(number, from_code(message.code, message.message, message.hint))
        elif isinstance(message, Result):
            del self._jobs[message.id]
            if number in self._called_off:
                client.release(message)
                self._fail(number, Cancelled("The job was cancelled."))
                return
            opened = _opened(client, message)
            self._results[number] = message
            self.finished.emit(number, opened)

    def _fail(self, number: int, error: ScumbleError) -> None:
        self._called_off.discard(number)
        self.failed.emit(number, error)


def _put(client: Client, pixels: Pixels, given: Dict[int, Raster]) -> Raster:
    if id(pixels) not in given:
        data = memoryview(pixels.data)
        given[id(pixels)] = client.put(data, pixels.bounds, pixels.depth, pixels.channels, pixels.profile)
    return given[id(pixels)]


def _opened(client: Client, result: Result) -> Result:
    """The same result with its pixels in sight: uncopied, valid until it is released."""

    def view(raster: Raster) -> Raster:
        return replace(raster, data=client.pixels(raster))

    def look(layer: Layer) -> Layer:
        return replace(layer, raster=view(layer.raster), mask=layer.mask and view(layer.mask))

    return replace(
        result,
        layers=tuple(look(layer) for layer in result.layers),
        selection=result.selection and view(result.selection),
    )
