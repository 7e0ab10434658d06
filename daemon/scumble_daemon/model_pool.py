"""Keep models warm within a memory budget."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from scumble_protocol.errors import OutOfMemory
from scumble_protocol.words import in_words

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass
class _Warm(Generic[T]):
    model: T
    title: str
    bytes: int
    used_at: float
    pins: int = 0
    is_let_go: bool = False  # as soon as nobody uses it


@dataclass(frozen=True)
class Freed:
    """What was let go, and what a running job still holds and lets go at its end."""

    bytes: int = 0
    titles: tuple[str, ...] = ()
    in_use: tuple[str, ...] = ()


class ModelPool(Generic[T]):
    """Warm models by key, the least recently used out first. Every method may be called from any thread.

    `budget_bytes`: what all of them may take · `idle_s`: how long one stays without being used, 0: for ever ·
    `give_back`: called after something was let go · `on_change`: called after every change · `size_of`: what a loaded
    model really takes; its file says it only about.
    """

    def __init__(
        self,
        budget_bytes: Callable[[], int],
        idle_s: float = 0,
        give_back: Callable[[], None] = lambda: None,
        on_change: Callable[[], None] = lambda: None,
        size_of: Callable[[T], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget_bytes = budget_bytes
        self._idle_s = idle_s
        self._give_back = give_back
        self._on_change = on_change
        self._size_of = size_of
        self._clock = clock
        self._warm: OrderedDict[str, _Warm[T]] = OrderedDict()
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def borrow(self, key: str, title: str, size_bytes: int, load: Callable[[], T]) -> Iterator[T]:
        """The model `key`, loaded by `load` where it is not warm; it stays as long as the block is in.

        Raises: OutOfMemory where it alone is larger than the budget, before anything is loaded or let go.
        """
        with self._lock:
            warm = self._warm.get(key)
            if warm is None:
                self._make_room(title, size_bytes)
            else:
                warm.pins += 1
        if warm is None:
            model = load()
            warm = _Warm(model, title, self._size_of(model) if self._size_of else size_bytes, self._clock(), pins=1)
            with self._lock:
                self._make_room(title, warm.bytes)
                self._warm[key] = warm
        with self._lock:
            self._warm.move_to_end(key)
        self._on_change()
        try:
            yield warm.model
        finally:
            with self._lock:
                warm.pins -= 1
                warm.used_at = self._clock()
                if warm.is_let_go and not warm.pins:
                    self._drop([key])
            self._on_change()

    def free(self) -> Freed:
        """Let everything go: at once what nobody uses, the rest as soon as its job ends."""
        with self._lock:
            freed = self.free_idle()
            in_use = [warm for warm in self._warm.values() if warm.pins]
            for warm in in_use:
                warm.is_let_go = True
        return replace(freed, in_use=tuple(warm.title for warm in in_use))

    def free_idle(self) -> Freed:
        """Let go of what nobody uses; what a job is using stays warm after it."""
        with self._lock:
            idle = [key for key, warm in self._warm.items() if not warm.pins]
            let_go = [self._warm[key] for key in idle]
            self._drop(idle)
        if idle:
            self._on_change()
        return Freed(sum(warm.bytes for warm in let_go), tuple(warm.title for warm in let_go))

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """Let go of the models whose keys are not wanted any more: a file was replaced or deleted."""
        with self._lock:
            gone = [key for key in self._warm if is_gone(key)]
            self._drop([key for key in gone if not self._warm[key].pins])
            for key in gone:
                if key in self._warm:
                    self._warm[key].is_let_go = True
        if gone:
            self._on_change()

    def drop_idle(self) -> float | None:
        """Let go of what was not used for long; the seconds until the next is due, None: nothing will be."""
        if not self._idle_s:
            return None
        with self._lock:
            now = self._clock()
            due = {key: warm.used_at + self._idle_s - now for key, warm in self._warm.items() if not warm.pins}
            late = [key for key, left_s in due.items() if left_s <= 0]
            self._drop(late)
        if late:
            self._on_change()
        return min((left_s for left_s in due.values() if left_s > 0), default=None)

    def describe(self) -> list[dict[str, Any]]:
        """For `scumble status`, the most recently used first."""
        with self._lock:
            return [
                {"id": key, "title": warm.title, "bytes": warm.bytes, "in_use": bool(warm.pins)}
                for key, warm in reversed(self._warm.items())
            ]

    def _make_room(self, title: str, size_bytes: int) -> None:
        budget = self._budget_bytes()
        if size_bytes > budget:
            raise OutOfMemory(
                f"The model {title} takes {in_words(size_bytes)}, and {in_words(budget)} are there for models.",
                "Choose a smaller model, or set models_budget_mb in config.toml if there is more memory.",
            )
        taken = sum(warm.bytes for warm in self._warm.values())
        going = []
        for key, warm in self._warm.items():
            if taken + size_bytes <= budget:
                break
            if not warm.pins:
                going.append(key)
                taken -= warm.bytes
        if taken + size_bytes > budget:
            raise OutOfMemory(
                f"There is no room for the model {title}: the running job needs the others.",
                "Choose smaller models, or set models_budget_mb in config.toml if there is more memory.",
            )
        self._drop(going)

    def _drop(self, keys: list[str]) -> None:
        for key in keys:
            log.info("the model %s is let go", self._warm.pop(key).title)
        if keys:
            self._give_back()
