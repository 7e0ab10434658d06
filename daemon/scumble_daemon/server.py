"""Owns the socket the clients talk to, and answers at once, whatever a worker is doing."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import zmq
from scumble_protocol import catalogue, messages, wire
from scumble_protocol.connection import make_private
from scumble_protocol.errors import Cancelled, Invalid, ScumbleError, Unauthorised, Unsupported, WorkerCrashed
from scumble_protocol.parameters import check_all

from . import __version__, catalogue_file, config, logs
from .client_socket import ClientSocket
from .errands import Errands
from .executors.base import Executor
from .executors.worker_executor import WorkerExecutor
from .model_service import ModelService
from .scheduler import Job, Scheduler
from .sessions import Session, Sessions
from .single_instance import AlreadyRunningError, acquire

log = logging.getLogger(__name__)

BUSY_TICK_MS = 20
IDLE_TICK_MS = 500
PROBE_INTERVAL_S = 5.0


class Server:
    """The daemon's one loop. Everything it does returns within a millisecond; work happens in the executors."""

    def __init__(self, settings: config.Config, runtime: Path, cache: Path) -> None:
        self._settings = settings
        self._runtime = runtime
        self._cache = cache
        self._started_at = time.monotonic()
        self._stopping = False
        self._sources_key = catalogue_file.sources_key(config.config_folder() / "operations")
        self._table = catalogue_file.read(cache, self._sources_key)
        self._catalogue = catalogue.Catalogue.from_json(self._table) if self._table else None
        self._waiting_for_catalogue: list[tuple[bytes, messages.Message]] = []
        self._sessions = Sessions(runtime)
        self._scheduler = Scheduler(settings.max_queued)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._clients = ClientSocket(self._context, settings, runtime)
        self._errands = Errands(self._context, config.log_folder() / "errands-stderr.log")
        self._models = ModelService(self._errands, self._send, self._title_of, self._tell_other_models)
        self._probe_at = time.monotonic() + PROBE_INTERVAL_S
        self._executors: list[Executor] = []
        self._handlers: dict[type, Callable[[Session, Any], None]] = {
            messages.GetCatalogue: self._get_catalogue,
            messages.GetStatus: self._get_status,
            messages.Submit: self._submit,
            messages.Cancel: self._cancel,
            messages.Finish: self._finish,
            messages.Release: self._release,
            messages.Free: self._free,
            messages.GetModels: self._models.get,
            messages.FetchModel: self._models.fetch,
            messages.CancelFetch: self._models.cancel,
            messages.RemoveModel: self._models.remove,
            messages.Stop: self._stop,
            messages.Bye: self._bye,
        }

    def serve(self) -> None:
        """Run until told to stop."""
        self._clients.publish()
        log.info("serving on %s", ", ".join(self._clients.connection.endpoints))
        try:
            self._start_executors()
            while not self._stopping:
                self._turn()
        finally:
            self._close()

    def stop(self) -> None:
        self._stopping = True

    def _start_executors(self) -> None:
        for device in self._settings.devices:
            executor = WorkerExecutor(
                self._context,
                device,
                self._runtime,
                self._report,
                self._scheduler.put_back,
                self._learn_catalogue,
                self._settings.cancel_grace_s,
                config.log_folder() / "worker-stderr.log",
            )
            self._executors.append(executor)

    # --- the loop ----------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        poller = zmq.Poller()
        watched = (*self._clients.sockets, self._errands.socket, *(executor.socket for executor in self._executors))
        for socket in watched:
            if socket is not None:
                poller.register(socket, zmq.POLLIN)
        settled = all(executor.is_ready for executor in self._executors)
        poller.poll(IDLE_TICK_MS if settled else BUSY_TICK_MS)
        for client, frames in self._clients.read():
            self._receive(client, frames)
        if self._clients.someone_left():
            self._probe_at = 0.0
        self._errands.service()
        for executor in self._executors:
            executor.service()
        if time.monotonic() >= self._probe_at:
            self._drop_departed()
        self._dispatch()

    def _receive(self, client: bytes, frames: Sequence[memoryview]) -> None:
        request_id = ""
        try:
            header = wire.read_header(frames)
            request_id = header["id"] if isinstance(header.get("id"), str) else ""
            message = wire.decode(frames)
            session = self._sessions.find(client)
            if isinstance(message, messages.Hello):
                self._hello(client, message)
            elif session is None:
                raise Unauthorised("This connection has not said hello.", "Restart the editor.")
            elif isinstance(message, messages.Ping):
                self._send(client, messages.Pong(id=message.id))
            elif type(message) in self._handlers:
                self._handlers[type(message)](session, message)
            else:
                raise Unsupported(f"A daemon takes no «{type(message).__name__}».")
        except ScumbleError as error:
            self._send(client, messages.Failure.of(request_id, error))
        except Exception:
            log.exception("a message could not be handled")
            self._send(
                client,
                messages.Failure.of(request_id, ScumbleError("The daemon failed on this message.", "See the log.")),
            )

    def _dispatch(self) -> None:
        for executor in self._executors:
            if len(self._scheduler) == 0:
                return
            if executor.is_ready and (job := self._scheduler.next()) is not None:
                executor.start(job)
        if all(executor.is_down for executor in self._executors):
            error = WorkerCrashed("The process that runs the operations does not start.", "Ask `scumble doctor` why.")
            while (job := self._scheduler.next()) is not None:
                self._send(job.client, messages.Failure.of(job.submit.id, error))

    # --- messages ----------------------------------------------------------------------------------------------

    def _hello(self, client: bytes, hello: messages.Hello) -> None:
        if not secrets.compare_digest(hello.token.encode(), self._clients.connection.token.encode()):
            raise Unauthorised("The session token is wrong.", "The daemon was restarted: restart the editor.")
        known = self._sessions.find(client)
        if known is not None:
            self._end(known)
        session = self._sessions.open(client, hello.client, hello.segments, hello.sandboxed)
        self._send(
            client,
            messages.Welcome(
                id=hello.id,
                session=session.id,
                version=__version__,
                pid=os.getpid(),
                segments=session.folder,
                catalogue_digest=self._table["digest"] if self._table else "",
            ),
        )

    def _get_catalogue(self, session: Session, request: messages.GetCatalogue) -> None:
        if self._table is None:
            self._waiting_for_catalogue.append((session.client, request))
        else:
            self._send(session.client, messages.Catalogue(id=request.id, catalogue=self._table))

    def _get_status(self, session: Session, request: messages.GetStatus) -> None:
        status = {
            "version": __version__,
            "pid": os.getpid(),
            "uptime_s": time.monotonic() - self._started_at,
            "endpoints": list(self._clients.connection.endpoints),
            "sessions": [each.name for each in self._sessions],
            "queued": [job.submit.operation for job in self._scheduler],
            "fetching": self._models.fetching,
            "workers": [executor.describe() for executor in self._executors],
        }
        self._send(session.client, messages.Status(id=request.id, status=status))

    def _submit(self, session: Session, submit: messages.Submit) -> None:
        if self._job_of(session, submit.id) is not None:
            raise Invalid(f"There is a job «{submit.id}» already.", "Give every job an id of its own.")
        if self._catalogue is not None:
            check_all(self._catalogue.find(submit.operation).parameters, submit.parameters)
        submit = replace(submit, profiles=session.complete(submit))
        job = Job(submit, session.id, session.client, session.folder)
        position, replaced = self._scheduler.add(job)
        for executor in self._executors:
            executor.wake()
        running = sum(executor.running is not None for executor in self._executors)
        self._send(session.client, messages.Accepted(id=submit.id, position=position + running))
        for old in replaced:
            self._send(
                old.client, messages.Failure.of(old.submit.id, Cancelled("A newer preview has taken its place."))
            )
        for executor in self._executors:
            if executor.running is not None and executor.running.is_replaced_by(job):
                executor.cancel(executor.running)

    def _cancel(self, session: Session, request: messages.Cancel) -> None:
        job = self._job_of(session, request.id)
        if job is None:
            return  # it has ended already; its Result or Failure is on the way
        if self._scheduler.find(job.key) is not None:
            self._scheduler.remove(job)
            self._send(session.client, messages.Failure.of(request.id, Cancelled("The job was cancelled.")))
        for executor in self._executors:
            executor.cancel(job)

    def _finish(self, session: Session, request: messages.Finish) -> None:
        job = self._job_of(session, request.id)
        if job is not None:  # one that waits has nothing to give yet
            for executor in self._executors:
                executor.finish(job)

    def _release(self, session: Session, request: messages.Release) -> None:
        for executor in self._executors:
            executor.release(session.id, request.segments)

    def _free(self, session: Session, request: messages.Free) -> None:
        warm = [model for executor in self._executors for model in executor.free()]
        freed = tuple(model["title"] for model in warm if not model["in_use"])
        in_use = tuple(model["title"] for model in warm if model["in_use"])
        size = sum(model["bytes"] for model in warm if not model["in_use"])
        self._send(session.client, messages.Freed(id=request.id, models=freed, in_use=in_use, bytes=size))

    def _stop(self, session: Session, request: messages.Stop) -> None:
        log.info("stopped by %s", session.name)
        self._send(session.client, messages.Pong(id=request.id))
        self._stopping = True

    def _bye(self, session: Session, request: messages.Bye) -> None:
        self._end(session)

    # --- jobs and sessions -------------------------------------------------------------------------------------

    def _job_of(self, session: Session, id: str) -> Job | None:
        queued = self._scheduler.find((session.id, id))
        running = (executor.running for executor in self._executors)
        return queued or next((job for job in running if job is not None and job.key == (session.id, id)), None)

    def _report(self, job: Job, frames: Sequence[Any], is_final: bool) -> None:
        session = self._sessions.find(job.client)
        if session is None or session.id != job.session:
            return
        try:
            self._clients.send(job.client, frames)
        except zmq.Again:
            if is_final:
                log.warning("%s does not read its answers and is dropped", session.name)
                self._end(session)
        except zmq.ZMQError:
            self._end(session)

    def _learn_catalogue(self, table: dict[str, Any]) -> None:
        if self._table is None or self._table["digest"] != table["digest"]:
            self._table, self._catalogue = table, catalogue.Catalogue.from_json(table)
            with contextlib.suppress(OSError):
                catalogue_file.write(self._cache, table, self._sources_key)
        self._models.look_again()  # of files that nothing can use, no catalogue tells
        waiting, self._waiting_for_catalogue = self._waiting_for_catalogue, []
        for client, request in waiting:
            self._send(client, messages.Catalogue(id=request.id, catalogue=self._table))

    def _tell_other_models(self) -> None:
        for executor in self._executors:
            executor.look_again()

    def _title_of(self, operation: str) -> str | None:
        if self._catalogue is None:  # it is being read for the first time
            return operation.replace("_", " ").capitalize()
        return next((each.title for each in self._catalogue.visible if each.id == operation), None)

    def _drop_departed(self) -> None:
        """Ask every session for a sign of life; the socket knows which of them have no peer any more."""
        self._probe_at = time.monotonic() + PROBE_INTERVAL_S
        for session in self._sessions:
            self._send(session.client, messages.Pong(id=""))

    def _end(self, session: Session) -> None:
        """Drop the session's jobs and pixels."""
        for job in self._scheduler.of_session(session.id):
            self._scheduler.remove(job)
        for executor in self._executors:
            if executor.running is not None and executor.running.session == session.id:
                executor.cancel(executor.running)
            executor.forget(session.id)
        self._models.forget(session.client)
        self._sessions.close(session)

    def _send(self, client: bytes, message: messages.Message) -> None:
        try:
            self._clients.send(client, wire.encode(message), copy=True)
        except zmq.Again:
            log.debug("a client does not read; %s was dropped", type(message).__name__)
        except zmq.ZMQError:  # no such peer
            session = self._sessions.find(client)
            if session is not None:
                log.info("%s has gone", session.name or "a client")
                self._end(session)

    def _close(self) -> None:
        self._models.close()
        self._errands.close()
        for executor in self._executors:
            executor.close()
        self._sessions.close_all()
        self._clients.close()
        self._context.term()
        log.info("ended")


def serve_here(say: Callable[[str], None]) -> int:
    """Serve in this process until stopped; the exit status. `say` is told why it does not."""
    try:
        settings = config.read()
        runtime = make_private(config.runtime_folder())
        with acquire(runtime):
            logs.open_log(config.log_folder(), "daemon", settings.log_level)
            server = Server(settings, runtime, config.cache_folder())
            for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
                if hasattr(signal, name):
                    signal.signal(getattr(signal, name), lambda *_: server.stop())
            server.serve()
    except AlreadyRunningError:
        say("The daemon is running already; `scumble status` tells more.")
    except ScumbleError as error:
        say(f"scumble: {error}")
        return 2 if isinstance(error, Invalid) else 1
    return 0
