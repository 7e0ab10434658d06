"""For each patch that touches the hole, the most similar one of the known picture: exact while small, then PatchMatch.

After Barnes et al. 2009, with all pixels at a time: good offsets jump from neighbours at 8, 4, 2 and 1 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

EXACT_PAIRS = 4_000_000  # up to here every pair is compared
CHUNK_PAIRS = 8_000_000
JUMPS = (8, 4, 2, 1)


@dataclass
class Ground:
    """Where patches are looked for, in a picture of `height` × `width`.

    `targets`: flat indices of the patches' centres that touch the hole · `slots`: H·W, the place of each pixel in
    `targets`, -1 where it is none · `sources`: flat indices of the centres of wholly known patches · `is_source`: H·W.
    """

    height: int
    width: int
    targets: torch.Tensor
    slots: torch.Tensor
    sources: torch.Tensor
    is_source: torch.Tensor

    @property
    def is_small(self) -> bool:
        return len(self.targets) * len(self.sources) <= EXACT_PAIRS


@dataclass
class Matches:
    """`nearest`: for each target, the flat index of a source · `distances`: squared, between their descriptions."""

    nearest: torch.Tensor
    distances: torch.Tensor


def ground(targets: np.ndarray, sources: np.ndarray, device: torch.device) -> Ground:
    """Both bool H×W."""
    import torch

    height, width = targets.shape
    at = np.flatnonzero(targets)
    slots = np.full(targets.size, -1, np.int64)
    slots[at] = np.arange(len(at))
    flat = (at, slots, np.flatnonzero(sources), sources.reshape(-1))
    return Ground(height, width, *(torch.from_numpy(each).to(device) for each in flat))


def exact(wanted: torch.Tensor, table: torch.Tensor, ground: Ground) -> Matches:
    """Compare every pair. `wanted`: a description for each target · `table`: of every pixel."""
    import torch

    offered = table[ground.sources]
    lengths = (offered * offered).sum(1)
    step = max(1, CHUNK_PAIRS // len(offered))
    nearest, distances = [], []
    for first in range(0, len(wanted), step):
        part = wanted[first : first + step]
        found, at = torch.addmm(lengths, part, offered.T, alpha=-2).min(dim=1)
        nearest.append(at)
        distances.append(found + (part * part).sum(1))
    return Matches(ground.sources[torch.cat(nearest)], torch.cat(distances).clamp_(min=0))


def anywhere(ground: Ground, generator: torch.Generator) -> torch.Tensor:
    """A source at random for each target."""
    import torch

    chosen = torch.randint(len(ground.sources), (len(ground.targets),), generator=generator)
    return ground.sources[chosen.to(ground.sources.device)]


def given(ground: Ground, pieces: np.ndarray, otherwise: torch.Tensor) -> torch.Tensor:
    """For each target the source that `pieces` (H·W flat indices) names; `otherwise` where that is none."""
    import torch

    found = torch.from_numpy(pieces).to(ground.targets.device)[ground.targets]
    return torch.where(ground.is_source[found], found, otherwise)


def measured(wanted: torch.Tensor, table: torch.Tensor, nearest: torch.Tensor) -> Matches:
    return Matches(nearest, ((wanted - table[nearest]) ** 2).sum(1))


def improve(
    wanted: torch.Tensor,
    table: torch.Tensor,
    ground: Ground,
    matches: Matches,
    generator: torch.Generator,
    reach_px: float,
) -> None:
    """Make `matches` better: by what neighbours found, and by chance within `reach_px`, then ever closer."""
    import torch

    matches.distances = measured(wanted, table, matches.nearest).distances
    width = ground.width
    down, across = ground.targets // width, ground.targets % width
    for jump in JUMPS:
        for dy, dx in ((0, jump), (0, -jump), (jump, 0), (-jump, 0)):
            at_y, at_x = (down + dy).clamp_(0, ground.height - 1), (across + dx).clamp_(0, width - 1)
            slot = ground.slots[at_y * width + at_x]
            its = matches.nearest[slot.clamp(min=0)]  # the neighbour's source, moved by as much as it is away
            _take_better(wanted, table, ground, matches, its // width - dy, its % width - dx, slot >= 0)
    radius = reach_px
    while radius >= 1:
        moved = torch.rand((2, len(wanted)), generator=generator).to(wanted.device) * 2 - 1
        step = (moved * (radius + 0.5)).round().long()
        y, x = matches.nearest // width + step[0], matches.nearest % width + step[1]
        _take_better(wanted, table, ground, matches, y, x)
        radius /= 2


def _take_better(
    wanted: torch.Tensor,
    table: torch.Tensor,
    ground: Ground,
    matches: Matches,
    y: torch.Tensor,
    x: torch.Tensor,
    is_there: torch.Tensor | None = None,
) -> None:
    inside = (y >= 0) & (y < ground.height) & (x >= 0) & (x < ground.width)
    offered = (y * ground.width + x).clamp_(0, len(ground.is_source) - 1)
    usable = inside & ground.is_source[offered] & (offered != matches.nearest)
    if is_there is not None:
        usable &= is_there
    which = usable.nonzero()[:, 0]
    candidates = offered[which]
    distances = ((wanted[which] - table[candidates]) ** 2).sum(1)
    better = distances < matches.distances[which]
    which = which[better]
    matches.nearest[which] = candidates[better]
    matches.distances[which] = distances[better]
