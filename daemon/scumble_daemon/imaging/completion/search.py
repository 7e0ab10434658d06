"""For each patch that touches the hole, the most similar one of the known picture: exact while small, then PatchMatch.

After Barnes et al. 2009, with all pixels at a time: good offsets jump from neighbours at 8, 4, 2 and 1 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from . import shares

EXACT_PAIRS = 4_000_000  # up to here every pair is compared
CHUNK_PAIRS = 8_000_000
JUMPS = (8, 4, 2, 1)
LARGE = 30_000  # targets, whose matches come from levels on which all of the picture was looked through
NEAR_PX = 32  # of such a match, within which better ones are tried by chance


@dataclass(frozen=True)
class Ground:
    """Where patches are looked for, in a picture of `height` × `width`.

    `targets`: flat indices of the patches' centres that touch the hole · `slots`: H·W, the place of each pixel in
    `targets`, -1 where it is none · `sources`: flat indices of the centres of wholly known patches · `is_source`: H·W.
    """

    height: int
    width: int
    targets: np.ndarray
    slots: np.ndarray
    sources: np.ndarray
    is_source: np.ndarray

    @property
    def is_small(self) -> bool:
        return len(self.targets) * len(self.sources) <= EXACT_PAIRS

    @property
    def is_large(self) -> bool:
        return len(self.targets) > LARGE


@dataclass
class Matches:
    """`nearest`: for each target, the flat index of a source · `distances`: squared, between their descriptions."""

    nearest: np.ndarray
    distances: np.ndarray


def ground(targets: np.ndarray, sources: np.ndarray) -> Ground:
    """Both bool H×W."""
    height, width = targets.shape
    at = np.flatnonzero(targets)
    slots = np.full(targets.size, -1, np.int64)
    slots[at] = np.arange(len(at))
    return Ground(height, width, at, slots, np.flatnonzero(sources), np.ascontiguousarray(sources).reshape(-1))


def anywhere(ground: Ground, random: np.random.Generator) -> np.ndarray:
    """A source at random for each target."""
    return ground.sources[random.integers(len(ground.sources), size=len(ground.targets))]


def given(ground: Ground, pieces: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """For each target the source that `pieces` (H·W flat indices) names; `otherwise` where that is none."""
    found = pieces[ground.targets]
    return np.where(ground.is_source[found], found, otherwise)


def exact(wanted: np.ndarray, table: np.ndarray, ground: Ground) -> Matches:
    """Compare every pair. `wanted`: a description for each target · `table`: of every pixel."""
    offered = table[ground.sources]
    lengths = (offered * offered).sum(1)
    step = max(1, CHUNK_PAIRS // len(offered))
    nearest = []
    for first in range(0, len(wanted), step):
        costs = wanted[first : first + step] @ offered.T
        costs *= -2
        costs += lengths
        nearest.append(costs.argmin(1))
    return measured(wanted, table, ground.sources[np.concatenate(nearest)])


def measured(wanted: np.ndarray, table: np.ndarray, nearest: np.ndarray) -> Matches:
    from . import compiled

    distances = np.empty(len(wanted), np.float32)
    shares.of(len(wanted), lambda first, last: compiled.measure(wanted, table, nearest, distances, first, last))
    return Matches(nearest, distances)


def improve(
    wanted: np.ndarray,
    table: np.ndarray,
    ground: Ground,
    matches: Matches,
    random: np.random.Generator,
) -> Matches:
    """Better ones: by what neighbours found, and by chance anywhere, then ever closer."""
    from . import compiled

    matches = measured(wanted, table, matches.nearest.copy())
    nearest, distances, size = matches.nearest, matches.distances, (ground.height, ground.width)
    spare = np.empty_like(nearest)
    for jump in JUMPS:
        places = ground.targets, ground.slots, ground.is_source, nearest, spare, distances, *size, jump
        shares.of(len(wanted), partial(compiled.spread, wanted, table, *places))
        nearest, spare = spare, nearest
    seed = np.uint64(random.integers(1 << 62))
    reach = np.float32(NEAR_PX if ground.is_large else max(ground.height, ground.width) / 2)
    shares.of(
        len(wanted),
        lambda first, last: compiled.guess(
            wanted, table, ground.is_source, nearest, distances, *size, reach, seed, first, last
        ),
    )
    return Matches(nearest, distances)
