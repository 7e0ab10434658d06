"""Copied pixels without seams: their gradients stay, their light and colour give way. After Pérez et al. 2003."""

from __future__ import annotations

import numpy as np

from . import shares
from .sheet import Sheet

STEPS = 120  # of conjugate gradients: what is left after them reaches farther than an eye compares
SOLVED = 1e-9  # of energy left
TOLERABLE = 0.07  # a jump of this height is only half trusted to be a seam: it may be an edge that belongs there


def correction(
    sheet: Sheet,
    rows: np.ndarray,
    columns: np.ndarray,
    sources: np.ndarray,
) -> np.ndarray:
    """N×3: what has to be added to the sheet's colours at `sources` (flat indices) once they are copied to the pixels
    (`rows`, `columns`), so that they join each other and what is around them."""
    place = _around(rows, sheet.size[0]), _around(columns, sheet.size[1])
    rows, columns = rows - place[0].start, columns - place[1].start
    source = np.full((place[0].stop - place[0].start, place[1].stop - place[1].start), -1, np.int64)
    source[rows, columns] = sources
    copied = sheet.rgb(place)
    copied[rows, columns] = sheet.looked_at(sources)
    joins = (source >= 0) | sheet.known(place)
    edges = [_edges(sheet, source, copied, joins, axis) for axis in (0, 1)]
    weights, jumps = [weight for weight, _ in edges], [jump for _, jump in edges]
    return solve(weights, jumps, source >= 0)[rows, columns]


def _around(places: np.ndarray, length: int) -> slice:
    """All of them and one pixel more."""
    return slice(max(0, int(places.min()) - 1), min(length, int(places.max()) + 2))


def _edges(
    sheet: Sheet, source: np.ndarray, copied: np.ndarray, joins: np.ndarray, axis: int
) -> tuple[np.ndarray, np.ndarray]:
    """Between each pixel and the next one along `axis`: how much the pair counts, and by how much it jumps too far.

    What the step from one to the other should be is seen at the sources of both. The one that is nearer to what it is
    counts: else a piece that was cut off beside an edge would have the edge go on in its neighbour's light.
    """
    first, second = (slice(None, -1), slice(None)), (slice(1, None), slice(None))
    if axis == 1:
        first, second = first[::-1], second[::-1]
    is_hole = source >= 0
    active = (is_hole[first] | is_hole[second]) & joins[first] & joins[second]
    active &= source[second] - source[first] != (sheet.size[1] if axis == 0 else 1)
    step = copied[second] - copied[first]
    jump, least = np.zeros_like(step), np.full(active.shape, np.inf, np.float32)
    for side, sign in ((first, 1), (second, -1)):
        rows, columns = np.nonzero(active & is_hole[side])
        here = source[side][rows, columns]
        beside, is_there = _beside(here, sign, axis, sheet.size)
        is_there &= sheet.can_copy(beside)
        rows, columns, here, beside = (each[is_there] for each in (rows, columns, here, beside))
        too_far = step[rows, columns] - sign * (sheet.looked_at(beside) - sheet.looked_at(here))
        height = np.abs(too_far).sum(axis=1)
        less = height < least[rows, columns]
        rows, columns = rows[less], columns[less]
        jump[rows, columns], least[rows, columns] = too_far[less], height[less]
    weight = np.where(joins[first] & joins[second] & (is_hole[first] | is_hole[second]), 1, 0)
    weight = np.where(active & np.isinf(least), 0, weight)
    weight = weight / (1 + (np.abs(jump).max(axis=2) / TOLERABLE) ** 2)
    return weight.astype(np.float32), jump.astype(np.float32)


def _beside(at: np.ndarray, sign: int, axis: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The next pixel along `axis`, and whether there is one."""
    rows, columns = np.divmod(at, size[1])
    moved = [rows, columns]
    moved[axis] = moved[axis] + sign
    is_there = (moved[axis] >= 0) & (moved[axis] < size[axis])
    return moved[0].clip(0, size[0] - 1) * size[1] + moved[1].clip(0, size[1] - 1), is_there


def solve(weights: list[np.ndarray], jumps: list[np.ndarray], inside: np.ndarray) -> np.ndarray:
    """The least-squares correction that takes the jumps away, nothing outside the hole: conjugate gradients."""
    from . import compiled

    down, across = (np.zeros(inside.shape, np.float32) for _ in range(2))
    down[:-1], across[:, :-1] = weights
    diagonal = down + across
    diagonal[1:] += weights[0]
    diagonal[:, 1:] += weights[1]
    free = inside & (diagonal > 1e-6)
    left = np.zeros((*inside.shape, 3), np.float32)
    for axis in (0, 1):
        flow = weights[axis][..., None] * jumps[axis]
        before, after = (left[:-1], left[1:]) if axis == 0 else (left[:, :-1], left[:, 1:])
        before += flow
        after -= flow
    left *= free[..., None]
    scale = np.divide(1, diagonal, where=free, out=np.zeros_like(diagonal))
    found = np.zeros_like(left)
    rim = ((1, 1), (1, 1))
    down, across, diagonal, scale = (np.pad(each, rim) for each in (down, across, diagonal, scale))

    def share(first: int, last: int) -> None:
        for channel in range(first, last):
            plane = np.pad(left[..., channel], rim)
            found[..., channel] = compiled.solve(down, across, diagonal, scale, plane, STEPS, SOLVED)[1:-1, 1:-1]

    shares.of(3, share, least=1)
    return found
