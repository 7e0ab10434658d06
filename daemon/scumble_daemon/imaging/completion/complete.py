"""Fill a hole with patches of what is around it, from coarse to fine. After Newson et al. 2014."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from . import curves, montage, onion, patches, pyramid, search
from .bench import Bench, Held, OnProcessor, Task
from .curves import Curve
from .patches import SIDE_PX
from .pyramid import Level
from .search import Ground

FIRST_ROUNDS = 5
ROUNDS = 6
FINEST_ROUNDS, LARGE_ROUNDS = 3, 4
OFFERED = 0.3  # of the patches, by chance, for a first idea with a seed: so that every seed has another
ALIKE_ROUNDS = 4
GUIDED = 0.7  # of what is enlarged gives way beside a curve that goes on through the hole
HELD, HELD_ROUNDS = 0.8, 4  # by which votes are led back to a bent curve, in a level's first rounds
GUESSED_TEXTURE_PX = 9

Report = Callable[[float], None]


@dataclass(frozen=True)
class Copies:
    """Pixel `holes[i]` is copied from pixel `sources[i]`: flat indices into H×W."""

    holes: np.ndarray
    sources: np.ndarray


def complete(
    rgb: np.ndarray,
    hole: np.ndarray,
    known: np.ndarray,
    usable: np.ndarray,
    seed: int = 0,
    device: str = "cpu",
    report: Report = lambda fraction: None,
    is_guessed: bool = False,
) -> Copies:
    """Where each pixel of `hole` is best copied from.

    `rgb`: H×W×3 float32 in [0, 1] · `hole`, `known`, `usable`: bool H×W; what is known is joined, and what of that is
    usable is copied. The same seed gives the same. `is_guessed`: what is in the hole is what should come: what is most
    like it is copied. Raises: what `report` raises.
    """
    random = np.random.default_rng(seed)
    levels = pyramid.build(rgb, hole, known, usable)
    if not levels:
        return _nearest(hole, usable)
    if is_guessed:
        return _alike(rgb, levels[-1], random, device, report)
    levels = levels[max((at for at, level in enumerate(levels) if montage.fits(level)), default=0) :]
    work = np.cumsum([0.0, *(level.hole.sum() for level in levels)])
    work /= work[-1]
    edges = curves.joined(levels[0].picture, levels[0].hole)
    stage: _Stage | None = None
    for index, level in enumerate(levels):
        report(work[index])
        if index == 1:
            edges = [edge for edge in edges if edge.is_strong]
        stage = _Stage(
            level,
            random,
            device,
            stage,
            edges=[edge.scaled(level.hole.shape[0] / levels[0].hole.shape[0]) for edge in edges],
            offered=OFFERED if seed else 1.0,
            is_finest=index == len(levels) - 1,
        )
        rounds = FIRST_ROUNDS if index == 0 else FINEST_ROUNDS if index == len(levels) - 1 else ROUNDS
        if stage.ground.is_large:
            rounds = min(rounds, LARGE_ROUNDS)
        for turn in range(rounds):
            stage.turn(is_led=turn < HELD_ROUNDS)
            report(work[index] + (work[index + 1] - work[index]) * (turn + 1) / rounds)
    assert stage is not None
    return stage.copies()


def _alike(rgb: np.ndarray, level: Level, random: np.random.Generator, device: str, report: Report) -> Copies:
    textures = patches.texture(rgb, np.ones(level.hole.shape, bool), GUESSED_TEXTURE_PX)
    stage = _Stage(replace(level, picture=patches.channels(rgb, textures)), random, device, is_filled=True)
    for turn in range(ALIKE_ROUNDS):
        report(turn / ALIKE_ROUNDS)
        stage.search()
    return stage.copies()


def _nearest(hole: np.ndarray, usable: np.ndarray) -> Copies:
    """For what is too narrow to hold a patch."""
    _, labels = cv2.distanceTransformWithLabels(
        (~usable).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = np.asarray(labels, np.int32)
    places = np.zeros(int(labels.max()) + 1, np.int64)
    places[labels[usable]] = np.flatnonzero(usable)
    return Copies(np.flatnonzero(hole), places[labels[hole]])


class _Stage:
    """One level of the pyramid while it is worked on; it begins with what the level before has found."""

    def __init__(
        self,
        level: Level,
        random: np.random.Generator,
        device: str,
        before: _Stage | None = None,
        is_filled: bool = False,
        edges: Sequence[Curve] = (),
        offered: float = 1.0,
        is_finest: bool = True,
    ) -> None:
        targets = cv2.dilate(level.hole.astype(np.uint8), np.ones((SIDE_PX, SIDE_PX), np.uint8)) > 0
        deep = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 5)
        self._hole = np.flatnonzero(level.hole)
        self.ground = search.ground(targets, level.sources)
        nearest = search.anywhere(self.ground, random)
        if before is not None:
            start, nearest = before.enlarged(level.hole.shape), before.scaled_to(self.ground, nearest)
        elif is_filled:
            start = level.picture
        else:
            start, pieces = _first_idea(level, edges, random, offered)
            nearest = search.given(self.ground, pieces, nearest)
        if before is not None and edges:
            guide = curves.guide(level.picture, level.hole, edges, GUIDED)
            start = start + (guide.picture - start) * guide.trust[..., None]
        picture = np.where(level.hole[..., None], start, level.picture).astype(np.float32)
        task = Task(picture, self._hole, deep[targets], self.ground, nearest, is_finest, _held(level, edges))
        self._bench = _bench(task, random, device)
        if before is not None:
            if edges:
                self._bench.search()  # for what the curves say
            self._bench.vote()  # the finer picture's own pixels, before the enlarged coarse ones are looked at again

    def turn(self, is_led: bool) -> None:
        self._bench.search()
        self._bench.vote(is_led)

    def search(self) -> None:
        self._bench.search()

    def copies(self) -> Copies:
        return Copies(self._hole, self._bench.winners())

    def enlarged(self, size: tuple[int, ...]) -> np.ndarray:
        return cv2.resize(self._bench.picture(), (size[1], size[0]), interpolation=cv2.INTER_CUBIC)

    def scaled_to(self, ground: Ground, otherwise: np.ndarray) -> np.ndarray:
        """The sources in a finer `ground` that this level's matches mean there; `otherwise` where that is none."""
        own = self.ground
        down, across = ground.height / own.height, ground.width / own.width
        y, x = ground.targets // ground.width, ground.targets % ground.width
        at_y = (y / down).astype(np.int64).clip(0, own.height - 1)
        at_x = (x / across).astype(np.int64).clip(0, own.width - 1)
        slot = own.slots[at_y * own.width + at_x]
        its = self._bench.nearest()[slot.clip(0)]
        to_y = y + np.rint((its // own.width - at_y) * down).astype(np.int64)
        to_x = x + np.rint((its % own.width - at_x) * across).astype(np.int64)
        found = to_y.clip(0, ground.height - 1) * ground.width + to_x.clip(0, ground.width - 1)
        return np.where((slot >= 0) & ground.is_source[found], found, otherwise)


def _held(level: Level, edges: Sequence[Curve]) -> Held | None:
    edges = [edge for edge in edges if edge.is_held]
    if not edges:
        return None
    guide = curves.guide(level.picture, level.hole, edges, HELD)
    return Held(guide.picture[level.hole], guide.trust[level.hole][:, None])


def _bench(task: Task, random: np.random.Generator, device: str) -> Bench:
    if device == "cpu":
        return OnProcessor(task, random)
    from .gpu_bench import OnGpu  # the one that needs PyTorch

    return OnGpu(task, random, device)


def _first_idea(
    level: Level, edges: Sequence[Curve], random: np.random.Generator, offered: float
) -> tuple[np.ndarray, np.ndarray]:
    """The picture with its hole filled · for each pixel the flat index of what it is copied from, or its own."""
    picture, pieces = level.picture, np.arange(level.hole.size)
    hole = level.hole
    if montage.fits(level):
        pieces = montage.compose(level, edges, random, offered)
        hole = level.hole & level.hole.reshape(-1)[pieces].reshape(hole.shape)  # what no shift could reach
        picture = picture.reshape(-1, picture.shape[2])[pieces].reshape(picture.shape)
    return onion.peel(replace(level, picture=picture, hole=hole), random, offered), pieces
