"""A network that learns step by step, can be interrupted after each, and goes on where it was."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

Practised = TypeVar("Practised")

Report = Callable[[int, float], None]
"""`report(steps done, loss)`; may raise to end it."""


class Learner(ABC, Generic[Practised]):
    """`done`: how many steps it has made. A step depends on its number and what is practised, and on nothing else."""

    done: int = 0

    @abstractmethod
    def step(self, practised: Practised) -> float:
        """The same for the same number, whether or not it was interrupted before. → the loss."""

    @abstractmethod
    def state(self) -> bytes:
        """All that the next step depends on."""

    @abstractmethod
    def take_up(self, state: bytes) -> None:
        """Raises: whatever torch makes of a file that is none."""

    @abstractmethod
    def file(self) -> bytes:
        """What goes into the weights folder."""

    @abstractmethod
    def is_time_to_keep(self) -> bool:
        """Whether what was learned since it was last kept would be a loss."""

    def learn(self, practised: Practised, until: int, report: Report, keep: Callable[[bytes], None]) -> None:
        """Steps up to `until`; `keep` is given the state every now and then. Raises: what the two raise."""
        while self.done < until:
            loss = self.step(practised)
            if self.is_time_to_keep():
                keep(self.state())
            report(self.done, loss)

    def seconds_a_step(self, practised: Practised, tries: int = 3) -> float:
        """Measured, on steps that it then forgets: the first one warms up."""
        before = self.state()
        self.step(practised)
        begun = time.monotonic()
        for _ in range(tries):
            self.step(practised)
        spent_s = time.monotonic() - begun
        self.take_up(before)
        return spent_s / tries
