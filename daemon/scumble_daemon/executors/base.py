"""The one interface behind which a job may run in a worker process, on a remote server or in a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import zmq

from ..scheduler import Job

Report = Callable[[Job, Sequence[Any], bool], None]
"""`report(job, frames, is_final)`: one encoded message for the job's client; exactly one is final."""

GiveBack = Callable[[Job], None]
"""`give_back(job)`: it was never begun and has to be started again; nothing was reported."""


class Executor(Protocol):
    """Runs one job at a time. All its methods are called on the server's loop and return at once."""

    @property
    def running(self) -> Job | None: ...

    @property
    def is_ready(self) -> bool:
        """Whether `start` may be called now."""
        ...

    @property
    def is_down(self) -> bool:
        """Whether it has given up, and jobs given to it would wait for ever; `wake` has it try once more."""
        ...

    @property
    def socket(self) -> zmq.Socket[bytes] | None:
        """What the server's loop should wait on beside its own socket."""
        ...

    def wake(self) -> None: ...

    def start(self, job: Job) -> None: ...

    def cancel(self, job: Job) -> None:
        """Have the job end soon, whatever it is doing; its final report comes within a second."""
        ...

    def finish(self, job: Job) -> None:
        """Have the job, if it is the one that runs and can, end soon with what it has so far."""
        ...

    def release(self, session: str, segments: Sequence[str]) -> None:
        """These result segments have been read and may be written again."""
        ...

    def forget(self, session: str) -> None:
        """The session has ended: let go of its segments."""
        ...

    def look_again(self) -> None:
        """Other models lie in the weights folder: see them before the next job is begun."""
        ...

    def free(self) -> list[dict[str, Any]]:
        """Let go of the warm models: at once, or as soon as the job that uses one ends; those that were warm."""
        ...

    def service(self) -> None:
        """Take what has arrived and look at the clock; called on every turn of the loop."""
        ...

    def describe(self) -> dict[str, Any]:
        """For `scumble status`."""
        ...

    def close(self) -> None: ...
