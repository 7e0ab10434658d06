"""What each pixel of the hole becomes: the patches over it vote, by how similar they are and how near to the known.

After Wexler et al. 2007 and Newson et al. 2014, section 3.1. Weights are compared as logarithms: far inside a hole all
of them would otherwise be too small for a float, and their mean black.
"""

from __future__ import annotations

import math

import numpy as np

from . import shares
from .search import Ground, Matches

FALL = math.log(1.3)  # of trust, for each pixel farther into the hole
SHARPNESS = 6.0  # nearly that of a single patch: where many take part texture fades, on every level
COHERENCE = 0.12  # for each neighbour: texture is not combed; on coarse levels it would keep wrong pieces alive
QUANTILE = 0.75  # of the distances, which is taken for their spread
SPREAD_SAMPLES = 100_000


def vote(
    picture: np.ndarray,
    hole: np.ndarray,
    depth: np.ndarray,
    ground: Ground,
    matches: Matches,
    keeps_pieces: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The colours N×C of the pixels `hole` (flat indices) · for each the source pixel whose patch is trusted most.

    `depth`: of each target in the hole, in pixels · `keeps_pieces`: whether patches that are copied from beside each
    other are trusted more.
    """
    from . import compiled

    flat = picture.reshape(-1, picture.shape[2])
    trust = (SHARPNESS * _trusts(ground, matches, depth, keeps_pieces)).astype(np.float32)
    colours, winners = np.empty((len(hole), flat.shape[1]), np.float32), np.empty(len(hole), np.int64)
    size = ground.height, ground.width

    def count(first: int, last: int) -> None:
        compiled.vote(flat, hole, ground.slots, matches.nearest, trust, *size, colours, winners, first, last)

    shares.of(len(hole), count)
    return colours, winners


def _trusts(ground: Ground, matches: Matches, depth: np.ndarray, keeps_pieces: bool) -> np.ndarray:
    from . import compiled

    sample = matches.distances[:: max(1, len(matches.distances) // SPREAD_SAMPLES)]
    spread = float(np.quantile(sample, QUANTILE)) + 1e-8
    trust = -matches.distances / np.float32(2 * spread) - depth * np.float32(FALL)
    if keeps_pieces:
        counts = np.empty(len(trust), np.float32)
        places = ground.targets, ground.slots, matches.nearest, ground.width
        shares.of(len(trust), lambda first, last: compiled.count_coherent(*places, counts, first, last))
        trust += np.float32(COHERENCE) * counts
    return trust
