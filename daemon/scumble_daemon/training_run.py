"""What all of `scumble train` has in common: how long it takes, what is kept on the way, and words for a full disk."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scumble_protocol.errors import Internal, Invalid

from . import config
from .terminal import say

if TYPE_CHECKING:
    from .training.learner import Learner

TELL_S = 20.0  # between two lines
LONG_S = 4 * 3600.0

Practised = TypeVar("Practised")


class Run:
    """One run: it says what it does, and goes on where another one like it was interrupted."""

    def __init__(self, what: str, name: str, replace: bool, as_json: bool) -> None:
        """`what`: a style or a model, as artists call it. Raises: Invalid, Internal."""
        self._as_json, self._told_s = as_json, 0.0
        self._no_room: set[str] = set()  # for what, which has been said
        self.name = name.strip()
        self.folder = config.weights_folder(config.read())
        self.file = self.folder / f"{self.name}.safetensors"
        self._kept: Path | None = None
        if self.name.startswith(".") or self.name != Path(self.name).name or not self.name:
            raise Invalid(f"A {what} cannot be called «{self.name}».", "Give it a --name without slashes.")
        if self.file.exists() and not replace:
            raise Invalid(
                f"There is a {what} called «{self.name}» already.", "Give this one another --name, or add --replace."
            )
        self.with_disk(lambda: self.folder.mkdir(parents=True, exist_ok=True))

    def train(
        self,
        learner: Learner[Practised],
        practised: Practised,
        steps: int,
        key: str,
        after: Callable[[int], None] = lambda done: None,
    ) -> None:
        """All of it: taken up, told, learned, and the file written. `after` hears each step's number.

        What has been learned is kept whatever ends it. Raises: Internal, and what learning raises.
        """
        self._kept = config.cache_folder() / "training" / f"{key}.state"
        self._take_up(learner)
        try:
            if learner.done < steps:
                self._learn(learner, practised, steps, after)
        except KeyboardInterrupt:
            self._keep(learner.state())
            raise
        self.show()  # before the file is there, which is what daemons look for
        try:
            self.with_disk(lambda: self._write(learner.file()))
        except Internal:
            self.picture.unlink(missing_ok=True)
            self._keep(learner.state())  # so that there is nothing left to do but to write it
            raise
        with contextlib.suppress(OSError):
            self._kept.unlink(missing_ok=True)

    @property
    def picture(self) -> Path:
        """Beside the file: what stands for it in the editors' lists."""
        return self.file.with_suffix(".png")

    def show(self) -> None:
        """Write `picture`, where there is something to show."""

    def say(self, kind: str, sentence: str, **fields: Any) -> None:
        say(self._as_json, kind, sentence, **fields)

    def with_disk(self, write: Callable[[], object]) -> None:
        """Raises: Internal, in words."""
        try:
            write()
        except OSError as error:
            raise Internal(
                f"«{self.name}» cannot be written to {self.folder}: {error.strerror or error}.",
                "Make room, or set weights_folder in config.toml, and run the same command again.",
            ) from None

    def _learn(
        self, learner: Learner[Practised], practised: Practised, steps: int, after: Callable[[int], None]
    ) -> None:
        each_s = learner.seconds_a_step(practised)
        left_s = each_s * (steps - learner.done)
        long = " A GPU, fewer --steps or a smaller network would take less." if left_s > LONG_S else ""
        self.say(
            "estimate",
            f"{steps - learner.done} steps of {each_s:.2f} s: this will take about {in_minutes(left_s)} here.{long} "
            "Ctrl+C ends it, and the same command goes on there.",
            seconds=round(left_s),
        )
        begun_s, begun_at = time.monotonic(), learner.done
        self._told_s = begun_s

        def report(done: int, loss: float) -> None:
            after(done)
            now_s = time.monotonic()
            if now_s - self._told_s < TELL_S and done < steps:
                return
            self._told_s = now_s
            left_s = (now_s - begun_s) / (done - begun_at) * (steps - done)
            left = f", about {in_minutes(left_s)} left" if done < steps else ""
            self.say("step", f"step {done} of {steps}{left}", done=done, steps=steps, distance=round(loss, 4))

        learner.learn(practised, steps, report, self._keep)

    def write_if_there_is_room(self, what: str, file: Path, content: bytes, told: Callable[[str], str]) -> bool:
        """Whether there was; that there was none for `what` is told once, until there is again; `told` is the words."""
        from .weights.storage import write_whole

        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, content)
        except OSError as error:
            if what not in self._no_room:
                self._no_room.add(what)
                self.say("warning", told(str(error.strerror or error)))
            return False
        self._no_room.discard(what)
        return True

    def _keep(self, state: bytes) -> None:
        """That it cannot be kept is no reason to end."""
        assert self._kept is not None
        where = self._kept.parent
        self.write_if_there_is_room(
            "state",
            self._kept,
            state,
            lambda why: (
                f"What is learned so far cannot be kept: {why} ({where}). It goes on, but must not be interrupted."
            ),
        )

    def _take_up(self, learner: Learner[Any]) -> None:
        assert self._kept is not None
        if not self._kept.exists():
            return
        try:
            learner.take_up(self._kept.read_bytes())
        except Exception:  # a file that was cut short is as good as none, whatever torch says of it
            self.say("warning", "What was learned before cannot be read: it begins anew.")
            return
        self.say("resumed", f"It goes on at step {learner.done}, where it was interrupted.", done=learner.done)

    def _write(self, content: bytes) -> None:
        from .weights.storage import write_whole

        write_whole(self.file, content)


def in_minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    if seconds < LONG_S:
        return f"{round(seconds / 60)} minutes"
    return f"{round(seconds / 3600)} hours"
