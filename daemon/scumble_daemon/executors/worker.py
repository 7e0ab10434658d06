"""The worker process: imports the operations, keeps their state warm, runs one job after the other."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgpack
import zmq
from scumble_protocol import wire
from scumble_protocol.errors import Cancelled, Internal, Invalid, OutOfMemory, ScumbleError
from scumble_protocol.messages import Failure, Message, Progress, Result, Submit

from .. import config, logs, registry, warm
from ..cache import ResultCache
from ..model_pool import ModelPool
from ..models import devices, memory
from ..models.desk import Desk
from ..models.watch import Watch
from .job import JobRunner, Listener
from .session_segments import SessionSegments

log = logging.getLogger(__name__)

NICENESS = 5  # the editor in front of the artist comes first
PROGRESS_INTERVAL_S = 0.05
KEEP_MEMORY_S = 5.0  # after the last job: the next one likes to find it


@dataclass
class Task:
    """A job on its way through this process."""

    session: str
    folder: str
    waited_s: float
    submit: Submit
    cancelled: threading.Event = field(default_factory=threading.Event)
    finishing: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Released:
    """Result segments the client has read; none named means that the session has ended."""

    session: str
    segments: Sequence[str] = ()


@dataclass(frozen=True)
class OtherModels:
    """A model has been fetched or removed: jobs that come after this have to know."""


@dataclass(frozen=True)
class Warming:
    """Models that were warm in the process before this one, and are wanted again."""

    keys: tuple[str, ...]


Item = Task | Released | OtherModels | Warming
"""What the server asks of a worker; done in the order in which it was asked."""


class Line:
    """The socket to the server, owned by a thread of its own so that a cancel is seen while a job runs."""

    def __init__(self, endpoint: str, on_free: Callable[[], object] = lambda: None) -> None:
        self._on_free = on_free
        self._context = zmq.Context()
        self._endpoint = endpoint
        self._outgoing = self._context.socket(zmq.PUSH)
        self._outgoing.bind("inproc://out")
        self._sending = threading.Lock()
        self.work: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._open: dict[tuple[str, str], Task] = {}
        threading.Thread(target=self._serve, name="line", daemon=True).start()

    def send(self, frames: Sequence[Any]) -> None:
        """From any thread."""
        with self._sending:
            self._outgoing.send_multipart(frames, copy=False)

    def report(self, task: Task, message: Message, is_final: bool) -> None:
        if is_final:
            self._open.pop((task.session, task.submit.id), None)
        head = [b"event", task.session.encode(), task.submit.id.encode(), b"1" if is_final else b"0"]
        self.send([*head, *wire.encode(message)])

    def _serve(self) -> None:
        server = self._context.socket(zmq.PAIR)
        server.setsockopt(zmq.SNDHWM, 0)
        server.connect(self._endpoint)
        outgoing = self._context.socket(zmq.PULL)
        outgoing.connect("inproc://out")
        poller = zmq.Poller()
        poller.register(server, zmq.POLLIN)
        poller.register(outgoing, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if outgoing in ready:
                server.send_multipart(outgoing.recv_multipart(copy=False), copy=False)
            if server in ready:
                self._take(server.recv_multipart(copy=False), server)

    def _take(self, frames: Sequence[zmq.Frame], server: zmq.Socket[bytes]) -> None:
        kind = frames[0].bytes
        if kind == b"job":
            envelope = msgpack.unpackb(frames[1].bytes)
            submit = wire.decode([frame.buffer for frame in frames[2:]])
            assert isinstance(submit, Submit)
            task = Task(envelope["session"], envelope["folder"], envelope["waited_s"], submit)
            self._open[task.session, submit.id] = task
            server.send_multipart([b"taken", task.session.encode(), submit.id.encode()])
            self.work.put(task)
        elif kind in (b"cancel", b"finish"):
            task = self._open.get((frames[1].bytes.decode(), frames[2].bytes.decode()))
            if task is not None:
                (task.cancelled if kind == b"cancel" else task.finishing).set()
        elif kind == b"release":
            self.work.put(Released(frames[1].bytes.decode(), [frame.bytes.decode() for frame in frames[2:]]))
        elif kind == b"look":
            self.work.put(OtherModels())
        elif kind == b"warm":
            self.work.put(Warming(tuple(key.bytes.decode() for key in frames[1:])))
        elif kind == b"free":  # in a thread of its own: giving back gigabytes takes a while, and a cancel must not wait
            threading.Thread(target=self._on_free, name="free", daemon=True).start()
        elif kind == b"forget":
            self.work.put(Released(frames[1].bytes.decode()))


class Worker:
    """Turns tasks into results, and exceptions into failures: the only place that does."""

    def __init__(self, endpoint: str, device: str, settings: config.Config) -> None:
        self.desk = Desk(device, settings, self._tell_models)
        self.line = self._line = Line(endpoint, self.desk.free)
        self._segments = SessionSegments()
        self.registry = registry.load(config.config_folder() / "operations")
        self.registry.offer(self.desk.offers)
        self._runner = JobRunner(self.registry, device, ResultCache(settings.cache_bytes), self.desk)

    @property
    def catalogue(self) -> bytes:
        return json.dumps(self.registry.catalogue.to_json(), ensure_ascii=False).encode()

    def renew_offers(self) -> None:
        """Other models lie in the weights folder: choices and menus follow, and so do lists of models."""
        self.desk.look_again()
        self.registry.offer(self.desk.offers)
        self._line.send([b"catalogue", self.catalogue])

    def _tell_models(self) -> None:
        self._line.send([b"models", json.dumps(self.desk.describe()).encode()])

    def run(self, task: Task) -> None:
        started = time.monotonic()
        try:
            result = self._execute(task)
            timings = {"queue": task.waited_s, "run": time.monotonic() - started}
            self._line.report(task, replace(result, timings={**timings, **result.timings}), True)
        except ScumbleError as error:
            self._fail(task, error)
        except MemoryError:
            self._fail(task, OutOfMemory("There is not enough memory for this layer.", "Close something, or crop it."))
        except Exception:
            log.exception("«%s» failed", task.submit.operation)
            self._fail(
                task,
                Internal(
                    f"«{task.submit.operation}» failed because of a fault in Scumble.",
                    "Nothing was changed. `scumble logs` has the details.",
                ),
            )

    def _execute(self, task: Task) -> Result:
        last_report = 0.0

        def report(fraction: float, stage: str) -> None:
            nonlocal last_report
            if time.monotonic() - last_report >= PROGRESS_INTERVAL_S:
                last_report = time.monotonic()
                self._line.report(task, Progress(id=task.submit.id, fraction=fraction, stage=stage), False)

        if task.cancelled.is_set():
            raise Cancelled("The job was cancelled.")
        pixels = self._segments.of(task.session, task.folder).like(task.submit.image)
        listener = Listener(
            report,
            lambda preview: self._line.report(task, preview, False),
            task.cancelled.is_set,
            task.finishing.is_set,
        )
        return self._runner.run(task.submit, pixels, listener)

    def _fail(self, task: Task, error: ScumbleError) -> None:
        self._line.report(task, Failure.of(task.submit.id, error), True)

    def warm(self, key: str) -> None:
        try:
            self.desk.warm(key)
        except ScumbleError as error:
            log.warning("%s was warm, and is not again: %s", key, error)

    def take_back(self, released: Released) -> None:
        if released.segments:
            self._segments.release(released.session, released.segments)
        else:
            self._segments.forget(released.session)


def _end_with_the_daemon() -> None:
    """The daemon holds the other end of standard input; when it dies, however it dies, this process ends too."""
    sys.stdin.buffer.read()
    os._exit(0)


def main(endpoint: str, device: str) -> None:
    threading.Thread(target=_end_with_the_daemon, name="parent", daemon=True).start()
    settings = config.read()
    logs.open_log(config.log_folder(), "worker", settings.log_level)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    memory.keep_freed()
    worker = Worker(endpoint, device, settings)
    line = worker.line
    warm.keep_compiled()
    warm.warm_up_soon()
    line.send([b"ready", os.environ["SCUMBLE_WORKER_SECRET"].encode(), worker.catalogue])
    folder = config.weights_folder(settings)
    Watch(folder, worker.renew_offers, may_create=not settings.weights_folder).start()
    wanted: list[str] = []  # models, while there is nothing else to do
    while True:
        if wanted and line.work.empty():
            worker.warm(wanted.pop(0))
            continue
        item = _next(line, worker.desk.pool)
        if isinstance(item, Task):
            worker.run(item)
        elif isinstance(item, Released):
            worker.take_back(item)
        elif isinstance(item, OtherModels):
            worker.renew_offers()
        else:
            wanted += item.keys


def _next(line: Line, pool: ModelPool[Any]) -> Item:
    """What is to be done next; while there is nothing, models go that were not used for long, and memory goes back."""
    with contextlib.suppress(queue.Empty):
        return line.work.get(timeout=KEEP_MEMORY_S)
    devices.CPU.give_back()
    while True:
        with contextlib.suppress(queue.Empty):
            return line.work.get(timeout=pool.drop_idle())


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2])
    except Invalid as error:
        logging.getLogger(__name__).error("%s", error)
        raise SystemExit(1) from None
