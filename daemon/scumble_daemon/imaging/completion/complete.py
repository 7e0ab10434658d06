"""Fill a hole with patches of what is around it, from coarse to fine. After Newson et al. 2014."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scumble_protocol.image import Bounds

from .. import masks
from . import montage, onion, patches, pyramid, search, votes
from .patches import REACH_PX, SIDE_PX
from .pyramid import Level
from .search import Ground

if TYPE_CHECKING:
    import torch

FIRST_ROUNDS = 5
ROUNDS = 6
FINEST_ROUNDS = 3
OFFERED = 0.3  # of the patches, by chance, for a first idea with a seed: so that every seed has another
ALIKE_ROUNDS = 4
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
    device: str | torch.device = "cpu",
    report: Report = lambda fraction: None,
    is_guessed: bool = False,
) -> Copies:
    """Where each pixel of `hole` is best copied from.

    `rgb`: H×W×3 float32 in [0, 1] · `hole`, `known`, `usable`: bool H×W; what is known is joined, and what of that is
    usable is copied. The same seed gives the same. `is_guessed`: what is in the hole is what should come: what is most
    like it is copied. Raises: what `report` raises.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    levels = pyramid.build(rgb, hole, known, usable)
    if not levels:
        return _nearest(hole, usable)
    if is_guessed:
        return _alike(rgb, levels[-1], generator, torch.device(device), report)
    levels = levels[max((at for at, level in enumerate(levels) if montage.fits(level)), default=0) :]
    work = np.cumsum([0.0, *(level.hole.sum() for level in levels)])
    work /= work[-1]
    stage: _Stage | None = None
    for index, level in enumerate(levels):
        report(work[index])
        stage = _Stage(
            level,
            generator,
            torch.device(device),
            stage,
            offered=OFFERED if seed else 1.0,
            is_finest=index == len(levels) - 1,
        )
        rounds = FIRST_ROUNDS if index == 0 else FINEST_ROUNDS if index == len(levels) - 1 else ROUNDS
        for turn in range(rounds):
            stage.turn()
            report(work[index] + (work[index + 1] - work[index]) * (turn + 1) / rounds)
    assert stage is not None
    return stage.copies()


def _alike(rgb: np.ndarray, level: Level, generator: torch.Generator, device: torch.device, report: Report) -> Copies:
    textures = patches.texture(rgb, np.ones(level.hole.shape, bool), GUESSED_TEXTURE_PX)
    stage = _Stage(replace(level, picture=patches.channels(rgb, textures)), generator, device, is_filled=True)
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
        generator: torch.Generator,
        device: torch.device,
        before: _Stage | None = None,
        is_filled: bool = False,
        offered: float = 1.0,
        is_finest: bool = True,
    ) -> None:
        import torch

        self._generator, self._is_finest = generator, is_finest
        targets = cv2.dilate(level.hole.astype(np.uint8), np.ones((SIDE_PX, SIDE_PX), np.uint8)) > 0
        deep = cv2.distanceTransform(level.hole.astype(np.uint8), cv2.DIST_L2, 5)
        self._depth = torch.from_numpy(deep[targets]).to(device)
        self._hole = torch.from_numpy(np.flatnonzero(level.hole)).to(device)
        self._window = _around(targets)
        self.ground = search.ground(targets, level.sources, device)
        nearest = search.anywhere(self.ground, generator)
        if before is not None:
            start, nearest = before.enlarged(level.hole.shape), before.scaled_to(self.ground, nearest)
        elif is_filled:
            start = level.picture
        else:
            start, pieces = _first_idea(level, generator, offered)
            nearest = search.given(self.ground, pieces, nearest)
        picture = np.where(level.hole[..., None], start, level.picture).astype(np.float32)
        self.picture = torch.from_numpy(picture).to(device)
        self._vectors = patches.components(self.picture, self.ground.sources, generator)
        self._table = patches.describe(self.picture, self._vectors)
        self.matches = search.measured(self._wanted(), self._table, nearest)
        if before is not None:
            self._vote()  # the finer picture's own pixels, before the enlarged coarse ones are looked at again

    def turn(self) -> None:
        self.search()
        self._vote()

    def search(self) -> None:
        wanted = self._wanted()
        if self.ground.is_small:
            self.matches = search.exact(wanted, self._table, self.ground)
        else:
            reach = max(self.ground.height, self.ground.width) / 2
            search.improve(wanted, self._table, self.ground, self.matches, self._generator, reach)

    def copies(self) -> Copies:
        sources = votes.winners(self._hole, self._depth, self.ground, self.matches)
        return Copies(self._hole.cpu().numpy(), sources.cpu().numpy())

    def enlarged(self, size: tuple[int, ...]) -> np.ndarray:
        return cv2.resize(self.picture.cpu().numpy(), (size[1], size[0]), interpolation=cv2.INTER_CUBIC)

    def scaled_to(self, ground: Ground, otherwise: torch.Tensor) -> torch.Tensor:
        """The sources in a finer `ground` that this level's matches mean there; `otherwise` where that is none."""
        import torch

        down, across = ground.height / self.ground.height, ground.width / self.ground.width
        y, x = ground.targets // ground.width, ground.targets % ground.width
        at_y = (y / down).long().clamp_(0, self.ground.height - 1)
        at_x = (x / across).long().clamp_(0, self.ground.width - 1)
        slot = self.ground.slots[at_y * self.ground.width + at_x]
        its = self.matches.nearest[slot.clamp(min=0)]
        to_y = (y + ((its // self.ground.width - at_y) * down).round().long()).clamp_(0, ground.height - 1)
        to_x = (x + ((its % self.ground.width - at_x) * across).round().long()).clamp_(0, ground.width - 1)
        found = to_y * ground.width + to_x
        return torch.where((slot >= 0) & ground.is_source[found], found, otherwise)

    def _vote(self) -> None:
        voted = votes.vote(self.picture, self._hole, self._depth, self.ground, self.matches, self._is_finest)
        self.picture.reshape(-1, self.picture.shape[2])[self._hole] = voted

    def _wanted(self) -> torch.Tensor:
        """A description of each target; only the window that holds them all is looked at."""
        rows, columns = self._window
        described = patches.describe(self.picture[rows, columns].contiguous(), self._vectors)
        y = self.ground.targets // self.ground.width - rows.start
        x = self.ground.targets % self.ground.width - columns.start
        return described[y * (columns.stop - columns.start) + x]


def _first_idea(level: Level, generator: torch.Generator, offered: float) -> tuple[np.ndarray, np.ndarray]:
    """The picture with its hole filled · for each pixel the flat index of what it is copied from, or its own."""
    picture, pieces = level.picture, np.arange(level.hole.size)
    hole = level.hole
    if montage.fits(level):
        pieces = montage.compose(level, generator, offered)
        hole = level.hole & level.hole.reshape(-1)[pieces].reshape(hole.shape)  # what no shift could reach
        picture = picture.reshape(-1, picture.shape[2])[pieces].reshape(picture.shape)
    return onion.peel(replace(level, picture=picture, hole=hole), generator, offered), pieces


def _around(targets: np.ndarray) -> tuple[slice, slice]:
    """All of them and what their patches reach."""
    found = masks.extent(targets, Bounds(0, 0, targets.shape[1], targets.shape[0]))
    return (
        slice(max(0, found.y - REACH_PX), min(targets.shape[0], found.bottom + REACH_PX)),
        slice(max(0, found.x - REACH_PX), min(targets.shape[1], found.right + REACH_PX)),
    )
