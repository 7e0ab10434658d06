"""The executor by itself: a real worker process, and what becomes of its job when it dies."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import zmq
from scumble_daemon.executors.worker_executor import WorkerExecutor
from scumble_daemon.scheduler import Job
from scumble_protocol import messages, wire
from scumble_protocol.image import Bounds, Raster

from ..daemon_process import environment, suspend, wait_until

CANVAS = Bounds(0, 0, 1, 1)
PIXEL = Raster(CANVAS, "u8", "GRAY", b"\x80")


class Desk:
    """Stands where the server would: takes what the executor reports and gives back."""

    def __init__(self) -> None:
        self.given_back: list[Job] = []
        self.final: list[messages.Message] = []

    def report(self, job: Job, frames: Sequence[Any], is_final: bool) -> None:
        if is_final:
            self.final.append(wire.decode([bytes(frame) for frame in frames]))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def executor(tmp_path: Path, desk: Desk) -> Iterator[WorkerExecutor]:
    """A worker that is ready."""
    with environment(SCUMBLE_HOME=str(tmp_path)), zmq.Context() as context:
        executor = WorkerExecutor(
            context, "cpu", tmp_path, desk.report, desk.given_back.append, lambda table: None, 0.6, tmp_path / "stderr"
        )
        try:
            wait_until(lambda: served(executor).is_ready, "the worker")
            yield executor
        finally:
            executor.close()


def served(executor: WorkerExecutor) -> WorkerExecutor:
    executor.service()
    return executor


def job(was_given_back: bool) -> Job:
    submit = messages.Submit(id="1", operation="identity", image=PIXEL, canvas=CANVAS)
    return Job(submit, "session", b"client", "", was_given_back=was_given_back)


def die_with(executor: WorkerExecutor, job: Job) -> None:
    """The worker hangs, is given the job, and is killed."""
    pid = executor.describe()["pid"]
    suspend(pid)
    executor.start(job)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: served(executor).running is None, "the worker's death to be noticed")


def test_a_job_that_no_worker_took_is_given_back(executor: WorkerExecutor, desk: Desk) -> None:
    """Its client hears nothing of the death, and the next worker can do it."""
    die_with(executor, job(was_given_back=False))
    assert [each.key for each in desk.given_back] == [("session", "1")]
    assert desk.final == []
    wait_until(lambda: served(executor).is_ready, "the next worker")
    executor.start(desk.given_back[0])
    wait_until(lambda: served(executor).running is None, "the job's end")
    assert isinstance(desk.final[0], messages.Result)


def test_a_job_that_comes_back_twice_ends_in_words(executor: WorkerExecutor, desk: Desk) -> None:
    """It may be what kills them: it does not go round for ever."""
    die_with(executor, job(was_given_back=True))
    assert desk.given_back == []
    (failure,) = desk.final
    assert isinstance(failure, messages.Failure)
    assert failure.code == "worker-crashed"
    assert failure.hint


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_threads_that_wait_leave_the_processor_to_others(executor: WorkerExecutor) -> None:
    environment = Path(f"/proc/{executor.describe()['pid']}/environ").read_bytes().split(b"\0")
    assert b"OMP_WAIT_POLICY=PASSIVE" in environment
