"""One level's picture and its matches on a GPU, with PyTorch: as `bench`, `search` and `votes` do it on the processor.

All pixels take the same step at a time, and random numbers are its own: another filling than the processor's, as good.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it

from . import patches
from .bench import Task, around, within
from .patches import REACH_PX, SIDE_PX
from .search import CHUNK_PAIRS, JUMPS
from .votes import COHERENCE, FALL, QUANTILE, SHARPNESS, SPREAD_SAMPLES

CHUNK_PX = 1 << 13
STRIP_PX = 1 << 15  # that are described at once


class OnGpu:
    def __init__(self, task: Task, random: np.random.Generator, device: str) -> None:
        self._task, self._device = task, torch.device(device)
        ground = task.ground
        each = (ground.targets, ground.slots, ground.sources, ground.is_source, task.hole, task.depth)
        moved = (torch.from_numpy(one).to(self._device) for one in each)
        self._targets, self._slots, self._sources, self._is_source, self._hole, self._depth = moved
        self._picture = torch.from_numpy(task.picture).to(self._device)
        vectors = patches.components(task.picture, ground.sources, random)
        self._generator = torch.Generator().manual_seed(int(random.integers(1 << 62)))
        square = (len(vectors), SIDE_PX, SIDE_PX, -1)
        self._vectors = torch.from_numpy(vectors).to(self._device).reshape(square).permute(0, 3, 1, 2).contiguous()
        self._window = around(ground)
        self._in_window = torch.from_numpy(within(ground, self._window)).to(self._device)
        self._table = self._described(self._picture)
        self._nearest = torch.from_numpy(task.nearest).to(self._device)
        self._distances = self._apart(self._wanted(), self._nearest)

    def search(self) -> None:
        wanted = self._wanted()
        if self._task.ground.is_small:
            self._exact(wanted)
        else:
            self._improve(wanted)

    def vote(self, is_led: bool = False) -> None:
        flat = self._picture.reshape(-1, self._picture.shape[2])
        trust = SHARPNESS * self._trusts(self._task.keeps_pieces)
        mixed = []
        for part in self._hole.split(CHUNK_PX):
            weights, sources = self._ballots(part, trust)
            mixed.append((torch.softmax(weights, dim=0)[..., None] * flat[sources]).sum(0))
        colours, held = torch.cat(mixed), self._task.held
        if is_led and held is not None:
            to, trust = (torch.from_numpy(each).to(self._device) for each in (held.colours, held.trust))
            colours += (to - colours) * trust
        flat[self._hole] = colours

    def picture(self) -> np.ndarray:
        return self._picture.cpu().numpy()

    def nearest(self) -> np.ndarray:
        return self._nearest.cpu().numpy()

    def winners(self) -> np.ndarray:
        trust = self._trusts(True)
        chosen = []
        for part in self._hole.split(CHUNK_PX):
            weights, sources = self._ballots(part, trust)
            chosen.append(sources.gather(0, weights.argmax(dim=0)[None])[0])
        return torch.cat(chosen).cpu().numpy()

    def _wanted(self) -> torch.Tensor:
        """A description of each target; only the window that holds them all is looked at."""
        return self._described(self._picture[self._window].contiguous())[self._in_window]

    def _described(self, picture: torch.Tensor) -> torch.Tensor:
        height, width, _ = picture.shape
        wide = F.pad(picture.permute(2, 0, 1)[None], (REACH_PX,) * 4, mode="reflect")
        table = picture.new_empty((height, width, len(self._vectors)))
        step = max(1, STRIP_PX // width)
        for top in range(0, height, step):
            rows = min(step, height - top)
            found = F.conv2d(wide[:, :, top : top + rows + 2 * REACH_PX], self._vectors)[0]
            table[top : top + rows] = found.permute(1, 2, 0)
        return table.reshape(height * width, -1)

    def _apart(self, wanted: torch.Tensor, nearest: torch.Tensor) -> torch.Tensor:
        return ((wanted - self._table[nearest]) ** 2).sum(1)

    def _exact(self, wanted: torch.Tensor) -> None:
        offered = self._table[self._sources]
        lengths = (offered * offered).sum(1)
        parts = wanted.split(max(1, CHUNK_PAIRS // len(offered)))
        at = torch.cat([torch.addmm(lengths, part, offered.T, alpha=-2).argmin(dim=1) for part in parts])
        self._nearest = self._sources[at]
        self._distances = self._apart(wanted, self._nearest)

    def _improve(self, wanted: torch.Tensor) -> None:
        self._distances = self._apart(wanted, self._nearest)
        height, width = self._task.ground.height, self._task.ground.width
        down, across = self._targets // width, self._targets % width
        for jump in JUMPS:
            for dy, dx in ((0, jump), (0, -jump), (jump, 0), (-jump, 0)):
                at_y, at_x = (down + dy).clamp_(0, height - 1), (across + dx).clamp_(0, width - 1)
                slot = self._slots[at_y * width + at_x]
                its = self._nearest[slot.clamp(min=0)]  # the neighbour's source, moved by as much as it is away
                self._take_better(wanted, its // width - dy, its % width - dx, slot >= 0)
        radius = max(height, width) / 2
        while radius >= 1:
            moved = torch.rand((2, len(wanted)), generator=self._generator).to(self._device) * 2 - 1
            step = (moved * (radius + 0.5)).round().long()
            self._take_better(wanted, self._nearest // width + step[0], self._nearest % width + step[1])
            radius /= 2

    def _take_better(
        self, wanted: torch.Tensor, y: torch.Tensor, x: torch.Tensor, is_there: torch.Tensor | None = None
    ) -> None:
        height, width = self._task.ground.height, self._task.ground.width
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        offered = (y * width + x).clamp_(0, len(self._is_source) - 1)
        usable = inside & self._is_source[offered] & (offered != self._nearest)
        if is_there is not None:
            usable &= is_there
        which = usable.nonzero()[:, 0]
        candidates = offered[which]
        distances = self._apart(wanted[which], candidates)
        better = distances < self._distances[which]
        which = which[better]
        self._nearest[which] = candidates[better]
        self._distances[which] = distances[better]

    def _trusts(self, keeps_pieces: bool) -> torch.Tensor:
        sample = self._distances[:: max(1, len(self._distances) // SPREAD_SAMPLES)]
        trust = -self._distances / (2 * (torch.quantile(sample, QUANTILE) + 1e-8)) - self._depth * FALL
        return trust + COHERENCE * self._coherence() if keeps_pieces else trust

    def _coherence(self) -> torch.Tensor:
        """How many of each target's four neighbours are copied from beside its own source."""
        width = self._task.ground.width
        away = self._nearest - self._targets
        count = away.new_zeros(len(away), dtype=self._distances.dtype)
        for step in (1, -1, width, -width):
            slot = self._slots[(self._targets + step).clamp(0, len(self._slots) - 1)]
            count += (slot >= 0) & (away[slot.clamp(min=0)] == away)
        return count

    def _ballots(self, pixels: torch.Tensor, trust: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """For the SIDE² patches over each of `pixels`: the logarithm of their weights, and what they put there."""
        height, width = self._task.ground.height, self._task.ground.width
        steps = torch.arange(SIDE_PX, device=pixels.device) - REACH_PX
        dy, dx = steps.repeat_interleave(SIDE_PX)[:, None], steps.repeat(SIDE_PX)[:, None]
        y, x = pixels // width - dy, pixels % width - dx
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        slot = self._slots[(y * width + x).clamp_(0, len(self._slots) - 1)]
        votes = inside & (slot >= 0)
        slot = slot.clamp(min=0)
        weights = torch.where(votes, trust[slot], trust.new_tensor(-torch.inf))
        return weights, torch.where(votes, self._nearest[slot] + dy * width + dx, 0)
