"""One level's picture and its matches while they are worked on: here on the processor, in `gpu_bench` on a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scumble_protocol.image import Bounds

from .. import masks
from . import patches, search, votes
from .patches import REACH_PX
from .search import Ground


@dataclass(frozen=True)
class Held:
    """What must not be lost of the pixels in the hole: `colours` N×C, each as far as `trust` N×1 says."""

    colours: np.ndarray
    trust: np.ndarray


@dataclass(frozen=True)
class Task:
    """`picture`: H×W×C, the hole filled with what there is so far · `hole`: flat indices of what is filled · `depth`:
    of each target in the hole, in pixels · `nearest`: a source for each target to begin with · `keeps_pieces`: whether
    patches that are copied from beside each other are trusted more · `held`: what votes are led back to."""

    picture: np.ndarray
    hole: np.ndarray
    depth: np.ndarray
    ground: Ground
    nearest: np.ndarray
    keeps_pieces: bool
    held: Held | None = None


class Bench(Protocol):
    def search(self) -> None:
        """Better matches for the picture as it is."""
        ...

    def vote(self, is_led: bool = False) -> None:
        """The picture as the matches would have it; `is_led`: back to what is held."""
        ...

    def picture(self) -> np.ndarray: ...

    def nearest(self) -> np.ndarray: ...

    def winners(self) -> np.ndarray:
        """For each pixel of the hole the source whose patch is trusted most."""
        ...


class OnProcessor:
    def __init__(self, task: Task, random: np.random.Generator) -> None:
        self._task, self._random = task, random
        self._window = around(task.ground)
        self._picture = task.picture
        self._vectors = patches.components(self._picture, task.ground.sources, random)
        self._table = patches.describe(self._picture, self._vectors)
        self._matches = search.measured(self._wanted(), self._table, task.nearest)

    def search(self) -> None:
        wanted, ground = self._wanted(), self._task.ground
        if ground.is_small:
            self._matches = search.exact(wanted, self._table, ground)
        else:
            self._matches = search.improve(wanted, self._table, ground, self._matches, self._random)

    def vote(self, is_led: bool = False) -> None:
        flat, held = self._picture.reshape(-1, self._picture.shape[2]), self._task.held
        colours, _ = self._voted(self._task.keeps_pieces)
        if is_led and held is not None:
            colours += (held.colours - colours) * held.trust
        flat[self._task.hole] = colours

    def picture(self) -> np.ndarray:
        return self._picture

    def nearest(self) -> np.ndarray:
        return self._matches.nearest

    def winners(self) -> np.ndarray:
        return self._voted(True)[1]

    def _voted(self, keeps_pieces: bool) -> tuple[np.ndarray, np.ndarray]:
        task = self._task
        return votes.vote(self._picture, task.hole, task.depth, task.ground, self._matches, keeps_pieces)

    def _wanted(self) -> np.ndarray:
        """A description of each target; only the window that holds them all is looked at."""
        described = patches.describe(np.ascontiguousarray(self._picture[self._window]), self._vectors)
        return described[within(self._task.ground, self._window)]


def around(ground: Ground) -> tuple[slice, slice]:
    """All targets and what their patches reach."""
    held = ground.slots.reshape(ground.height, ground.width) >= 0
    found = masks.extent(held, Bounds(0, 0, ground.width, ground.height))
    return (
        slice(max(0, found.y - REACH_PX), min(ground.height, found.bottom + REACH_PX)),
        slice(max(0, found.x - REACH_PX), min(ground.width, found.right + REACH_PX)),
    )


def within(ground: Ground, window: tuple[slice, slice]) -> np.ndarray:
    """The targets' flat indices in a window."""
    rows, columns = window
    y, x = ground.targets // ground.width - rows.start, ground.targets % ground.width - columns.start
    return y * (columns.stop - columns.start) + x
