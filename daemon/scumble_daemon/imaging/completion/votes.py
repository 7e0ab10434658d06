"""What each pixel of the hole becomes: the patches over it vote, by how similar they are and how near to the known.

After Wexler et al. 2007 and Newson et al. 2014, section 3.1. Weights are compared as logarithms: far inside a hole all
of them would otherwise be too small for a float, and their mean black.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .patches import REACH_PX, SIDE_PX
from .search import Ground, Matches

if TYPE_CHECKING:
    import torch

FALL = math.log(1.3)  # of trust, for each pixel farther into the hole
SHARPNESS = 6.0  # nearly that of a single patch: where many take part texture fades, on every level
COHERENCE = 0.12  # for each neighbour: texture is not combed; on coarse levels it would keep wrong pieces alive
QUANTILE = 0.75  # of the distances, which is taken for their spread
CHUNK_PX = 1 << 13


def vote(
    picture: torch.Tensor,
    hole: torch.Tensor,
    depth: torch.Tensor,
    ground: Ground,
    matches: Matches,
    keeps_pieces: bool,
) -> torch.Tensor:
    """The colours N×C of the pixels `hole` (flat indices). `depth`: of each target in the hole, in pixels.

    `keeps_pieces`: whether patches that are copied from beside each other are trusted more.
    """
    import torch

    flat = picture.reshape(-1, picture.shape[2])
    trust = SHARPNESS * trusts(ground, matches, depth, keeps_pieces)
    mixed = []
    for part in hole.split(CHUNK_PX):
        weights, sources = ballots(part, ground, matches, trust)
        mixed.append((torch.softmax(weights, dim=0)[..., None] * flat[sources]).sum(0))
    return torch.cat(mixed)


def winners(hole: torch.Tensor, depth: torch.Tensor, ground: Ground, matches: Matches) -> torch.Tensor:
    """For each pixel of the hole the one source pixel (flat index) whose patch is trusted most."""
    import torch

    trust = trusts(ground, matches, depth, keeps_pieces=True)
    chosen = []
    for part in hole.split(CHUNK_PX):
        weights, sources = ballots(part, ground, matches, trust)
        chosen.append(sources.gather(0, weights.argmax(dim=0)[None])[0])
    return torch.cat(chosen)


def trusts(ground: Ground, matches: Matches, depth: torch.Tensor, keeps_pieces: bool) -> torch.Tensor:
    import torch

    sample = matches.distances[:: max(1, len(matches.distances) // 100_000)]
    spread = torch.quantile(sample, QUANTILE) + 1e-8
    trust = -matches.distances / (2 * spread) - depth * FALL
    return trust + COHERENCE * coherence(ground, matches) if keeps_pieces else trust


def coherence(ground: Ground, matches: Matches) -> torch.Tensor:
    """How many of each target's four neighbours are copied from beside its own source."""
    width = ground.width
    away = matches.nearest - ground.targets
    last = len(ground.slots) - 1
    count = away.new_zeros(len(away), dtype=matches.distances.dtype)
    for step in (1, -1, width, -width):
        slot = ground.slots[(ground.targets + step).clamp(0, last)]
        count += (slot >= 0) & (away[slot.clamp(min=0)] == away)
    return count


def ballots(
    pixels: torch.Tensor, ground: Ground, matches: Matches, trust: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """For the SIDE² patches over each of `pixels`: the logarithm of their weights, and what they would put there."""
    import torch

    steps = torch.arange(SIDE_PX, device=pixels.device) - REACH_PX
    dy, dx = steps.repeat_interleave(SIDE_PX)[:, None], steps.repeat(SIDE_PX)[:, None]
    y, x = pixels // ground.width - dy, pixels % ground.width - dx
    inside = (y >= 0) & (y < ground.height) & (x >= 0) & (x < ground.width)
    slot = ground.slots[(y * ground.width + x).clamp_(0, len(ground.slots) - 1)]
    votes = inside & (slot >= 0)
    slot = slot.clamp(min=0)
    weights = torch.where(votes, trust[slot], trust.new_tensor(-torch.inf))
    sources = torch.where(votes, matches.nearest[slot] + dy * ground.width + dx, 0)
    return weights, sources
