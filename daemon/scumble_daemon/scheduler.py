"""Which job runs next: interactive work before batch work, and only the newest preview of a picture."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from scumble_protocol.errors import Busy
from scumble_protocol.messages import Submit

RANK = {"preview": 0, "interactive": 0, "batch": 1}
FIRST = -1  # before every job's place, which is counted from 0


@dataclass(frozen=True)
class Job:
    """One Submit of one session. `client`: the ROUTER identity to answer to · `folder`: its segments, or "" ·
    `was_given_back`: a worker died before it had taken it."""

    submit: Submit
    session: str
    client: bytes
    folder: str
    submitted_at: float = field(default_factory=time.monotonic)
    was_given_back: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.session, self.submit.id

    def is_replaced_by(self, newer: Job) -> bool:
        """A newer preview of the same operation on the same layer makes this one pointless."""
        return (
            self.submit.priority == newer.submit.priority == "preview"
            and self.session == newer.session
            and self.submit.operation == newer.submit.operation
            and self.submit.source == newer.submit.source
        )


class Scheduler:
    """The queue. It knows nothing of sockets or processes."""

    def __init__(self, max_queued: int) -> None:
        self._max_queued = max_queued
        self._order = itertools.count()
        self._queued: list[tuple[int, int, Job]] = []

    def __len__(self) -> int:
        return len(self._queued)

    def __iter__(self) -> Iterator[Job]:
        """The queued jobs, the next one first."""
        return (job for _, _, job in self._queued)

    def add(self, job: Job) -> tuple[int, list[Job]]:
        """Queue a job; returns how many queued jobs go before it and the older previews it replaced. Raises: Busy."""
        replaced = [queued for queued in self if queued.is_replaced_by(job)]
        for old in replaced:
            self.remove(old)
        if len(self._queued) >= self._max_queued:
            raise Busy(f"{len(self._queued)} jobs are waiting already.", "Wait for some to finish, or cancel them.")
        self._insert(job, next(self._order))
        return list(self).index(job), replaced

    def put_back(self, job: Job) -> None:
        """Queue a job that `next` gave before all others of its priority, however many there are."""
        self._insert(replace(job, was_given_back=True), FIRST)

    def _insert(self, job: Job, place: int) -> None:
        self._queued.append((RANK[job.submit.priority], place, job))
        self._queued.sort(key=lambda entry: entry[:2])

    def next(self) -> Job | None:
        """Take the job that should run now."""
        return self._queued.pop(0)[2] if self._queued else None

    def find(self, key: tuple[str, str]) -> Job | None:
        return next((job for job in self if job.key == key), None)

    def remove(self, job: Job) -> None:
        self._queued = [entry for entry in self._queued if entry[2].key != job.key]

    def of_session(self, session: str) -> list[Job]:
        return [job for job in self if job.session == session]
