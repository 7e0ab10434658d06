"""Runs jobs in a worker process, which may crash, hang or be killed without harm to the daemon."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgpack
import zmq
from scumble_protocol import wire
from scumble_protocol.errors import Cancelled, ScumbleError, WorkerCrashed
from scumble_protocol.messages import Failure

from ..scheduler import Job
from .base import GiveBack, Report

log = logging.getLogger(__name__)

START_LIMIT_S = 120  # a worker that has not said "ready" by then is started again
RESTART_PAUSE_S = 1.0
# PyTorch's threads sleep while they wait for one another. Else they keep others from computing, and one another too: on
# a busy machine a click that takes 0.1 s alone took 2 s.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
QUICK_DEATHS = 5  # after so many deaths in a row without a job done, stop trying until the next job


class WorkerExecutor:
    """One worker process for one device, restarted whenever it dies."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        device: str,
        folder: Path,
        report: Report,
        give_back: GiveBack,
        on_catalogue: Callable[[dict[str, Any]], None],
        cancel_grace_s: float,
        stderr_file: Path,
    ) -> None:
        self._context = context
        self._device = device
        self._folder = folder
        self._report = report
        self._give_back = give_back
        self._on_catalogue = on_catalogue
        self._grace_s = cancel_grace_s
        self._stderr_file = stderr_file
        self._serial = 0
        self._deaths = 0
        self._running: Job | None = None
        self._is_taken = False  # the worker has said that it has the job
        self._kill_at: float | None = None
        self._restart_at: float | None = None
        self._started_at = 0.0
        self._ready = False
        self._models: dict[str, Any] = {}
        self._wanted_warm: tuple[str, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: zmq.Socket[bytes] | None = None
        self._spawn()

    @property
    def running(self) -> Job | None:
        return self._running

    @property
    def is_ready(self) -> bool:
        return self._ready and self._running is None

    @property
    def is_down(self) -> bool:
        return self._process is None and self._restart_at is None

    @property
    def socket(self) -> zmq.Socket[bytes] | None:
        return self._socket

    def start(self, job: Job) -> None:
        assert self._socket is not None
        self._running, self._is_taken = job, False
        envelope = {"session": job.session, "folder": job.folder, "waited_s": time.monotonic() - job.submitted_at}
        frames: list[Any] = [b"job", msgpack.packb(envelope), *wire.encode(job.submit)]
        self._socket.send_multipart(frames, copy=False)

    def cancel(self, job: Job) -> None:
        if self._running is None or self._running.key != job.key or self._kill_at is not None:
            return
        self._send(b"cancel", job.session.encode(), job.submit.id.encode())
        self._kill_at = time.monotonic() + self._grace_s

    def finish(self, job: Job) -> None:
        if self._running is not None and self._running.key == job.key:
            self._send(b"finish", job.session.encode(), job.submit.id.encode())

    def release(self, session: str, segments: Sequence[str]) -> None:
        self._send(b"release", session.encode(), *(name.encode() for name in segments))

    def forget(self, session: str) -> None:
        self._send(b"forget", session.encode())

    def look_again(self) -> None:
        self._send(b"look")

    def free(self) -> list[dict[str, Any]]:
        self._send(b"free")
        return list(self._models.get("models", ()))

    def service(self) -> None:
        while self._socket is not None and self._socket.poll(0):
            self._receive(self._socket.recv_multipart(copy=False))
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            self._died(f"ended with status {self._process.returncode}")
        elif self._kill_at is not None and now >= self._kill_at:
            log.warning("the worker on %s did not stop in time and is killed", self._device)
            self._died("was stopped")
        elif self._process is not None and not self._ready and now - self._started_at > START_LIMIT_S:
            self._died("did not start")
        if self._restart_at is not None and now >= self._restart_at:
            self._spawn()

    def wake(self) -> None:
        if self.is_down:
            self._restart_at = time.monotonic()

    def describe(self) -> dict[str, Any]:
        state = "running" if self._running else "ready" if self._ready else "starting" if self._process else "down"
        return {
            "device": self._models.get("device", self._device),
            "models": self._models.get("models", []),
            "state": state,
            "pid": self._process.pid if self._process else None,
            "operation": self._running.submit.operation if self._running else None,
        }

    def close(self) -> None:
        self._end_process()

    def _send(self, *frames: bytes) -> None:
        if self._socket is not None:
            with contextlib.suppress(zmq.Again):
                self._socket.send_multipart(frames, zmq.NOBLOCK)

    def _receive(self, frames: Sequence[zmq.Frame]) -> None:
        kind = frames[0].bytes
        if kind == b"ready":
            if not secrets.compare_digest(frames[1].bytes, self._secret):
                self._died("was not the one that was started")
                return
            self._ready = True
            if self._wanted_warm:
                self._send(b"warm", *(key.encode() for key in self._wanted_warm))
                self._wanted_warm = ()
            log.info("the worker on %s is ready after %.2f s", self._device, time.monotonic() - self._started_at)
            self._on_catalogue(json.loads(frames[2].bytes))
        elif kind == b"catalogue":
            self._on_catalogue(json.loads(frames[1].bytes))
        elif kind == b"models":
            self._models = json.loads(frames[1].bytes)
        elif kind in (b"taken", b"event"):
            job = self._running
            if job is None or job.key != (frames[1].bytes.decode(), frames[2].bytes.decode()):
                return
            self._is_taken = True
            if kind == b"taken":
                return
            is_final = frames[3].bytes == b"1"
            if is_final:
                self._running, self._kill_at, self._deaths = None, None, 0
            self._report(job, frames[4:], is_final)

    def _spawn(self) -> None:
        self._serial += 1
        self._restart_at = None
        self._ready = False
        self._models = {}
        self._secret = secrets.token_urlsafe(16).encode()
        self._socket = self._context.socket(zmq.PAIR)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        if sys.platform == "win32":
            endpoint = f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"
        else:
            endpoint = f"ipc://{self._folder}/w{os.getpid()}-{self._serial}"
            self._socket.bind(endpoint)
        self._endpoint = endpoint
        with self._stderr_file.open("ab") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scumble_daemon.executors.worker", endpoint, self._device],
                stdin=subprocess.PIPE,  # its end of file tells the worker that the daemon is gone
                stdout=stderr,
                stderr=stderr,
                env={**WAITING, **os.environ, "SCUMBLE_WORKER_SECRET": self._secret.decode()},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        self._started_at = time.monotonic()

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None
        if self._socket is not None:
            self._socket.close(0)
            self._socket = None
            if self._endpoint.startswith("ipc://"):
                Path(self._endpoint[len("ipc://") :]).unlink(missing_ok=True)
        self._ready = False

    def _died(self, how: str) -> None:
        """The process is gone, or goes now: a new one is started, and its job fails, unless it had not even taken it:
        a worker may die between two jobs, and the second must not be lost to that."""
        job, cancelled = self._running, self._kill_at is not None
        was_ready = self._ready
        # Once only: what took all of the memory must not take it again and again.
        if not self._deaths:
            self._wanted_warm = tuple(model["id"] for model in self._models.get("models", ()))
        self._running, self._kill_at = None, None
        self._end_process()
        if cancelled:
            self._restart_at = time.monotonic()
        else:
            log.error("the worker on %s %s", self._device, how)
            self._deaths += 1
            if was_ready or self._deaths < QUICK_DEATHS:
                self._restart_at = time.monotonic() + (0 if self._deaths <= 1 else RESTART_PAUSE_S)
        if job is not None and not (cancelled or self._is_taken or job.was_given_back):
            self._give_back(job)
        elif job is not None:
            error: ScumbleError
            if cancelled:
                error = Cancelled("The job was cancelled.")
            else:
                error = WorkerCrashed(
                    f"The process that ran «{job.submit.operation}» {how}.",
                    "Nothing was changed. Try again; if it happens again, try a smaller layer or `scumble doctor`.",
                )
            self._report(job, wire.encode(Failure.of(job.submit.id, error)), True)
