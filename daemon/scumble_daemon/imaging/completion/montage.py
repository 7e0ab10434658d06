"""A first idea of what is in the hole: large pieces of the picture put together so that its structures go on.

Each node of a grid over the hole chooses one of a few shifts: those by which the picture repeats itself, and those that
go on what reaches the rim. All choose together, by belief propagation. After He & Sun 2012, Komodakis & Tziritas 2007.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from . import curves, patches
from .curves import Curve, Guide
from .patches import REACH_PX, SIDE_PX
from .pyramid import Level

MOST_PIXELS, MOST_HOLE_PIXELS, MOST_NODES = 40_000, 2500, 1200  # of a level that this is done on
STEP_PX = 3  # from node to node
ASKED = 800  # patches of the known picture that are asked where it repeats itself
LEAST_SHIFT = 1 / 12  # of the picture's longer side: nearer patches are alike without meaning anything
REPEATED, CONTINUING = 32, 40  # shifts of each kind that are offered
BLUR_PX = 1.0  # of the counts of shifts, before the most frequent are looked for
CONTINUED = 0.25  # of a node's patch that has to be known to say how it goes on
ANSWERS = 5  # shifts that each such node names
GUIDED, HELD = 0.5, 1.0  # what a curve that goes on through the hole counts beside what is known; one that is held
OVERLAP = 0.5  # what overlapping patches' differences count beside those to the known picture
SWEEPS = 8
IMPOSSIBLE = 1e3
CHUNK_PAIRS, CHUNK_NODES, CHUNK_SOURCES = 1 << 20, 32, 4096  # at once
EMPTY = -1


@dataclass(frozen=True)
class _Nodes:
    """`grid`: rows × columns → flat index of a pixel, EMPTY where the patch around it does not touch the hole."""

    grid: np.ndarray

    @property
    def present(self) -> np.ndarray:
        return self.grid >= 0

    @property
    def at(self) -> np.ndarray:
        return self.grid[self.present]


def fits(level: Level) -> bool:
    """Whether the level is small enough: memory grows with the nodes and with the square of the shifts."""
    if level.hole.size > MOST_PIXELS:
        return False
    ys, xs = np.nonzero(level.hole)
    count = math.prod(int(each.max() - each.min() + SIDE_PX) // STEP_PX + 1 for each in (ys, xs)) if len(ys) else 0
    return len(ys) <= MOST_HOLE_PIXELS and count <= MOST_NODES


def compose(level: Level, edges: Sequence[Curve], random: np.random.Generator, offered_share: float) -> np.ndarray:
    """H·W flat indices: what each pixel is copied from, itself where it is known or no shift leads to what is known.

    `edges`: that go on through the hole · `offered_share`: how many of the shifts may be taken.
    """
    nodes = _nodes(level.hole)
    guide = curves.guide(level.picture, level.hole, edges, GUIDED, HELD)
    found = [_repeated(level, random), _continuing(level, guide, nodes)]
    shifts = np.unique(np.concatenate(found), axis=0)
    if offered_share < 1:
        few = max(1, round(offered_share * len(shifts)))
        shifts = shifts[random.permutation(len(shifts))[:few]]
    return _moved(level, nodes, shifts[_choose(level, guide, nodes, shifts)])


def _nodes(hole: np.ndarray) -> _Nodes:
    height, width = hole.shape
    touched = cv2.dilate(hole.astype(np.uint8), np.ones((SIDE_PX, SIDE_PX), np.uint8)) > 0
    ys, xs = np.nonzero(hole)
    rows = np.arange(max(0, ys.min() - REACH_PX), min(height, ys.max() + REACH_PX + 1), STEP_PX)
    columns = np.arange(max(0, xs.min() - REACH_PX), min(width, xs.max() + REACH_PX + 1), STEP_PX)
    return _Nodes(np.where(touched[rows[:, None], columns], rows[:, None] * width + columns, EMPTY))


def _repeated(level: Level, random: np.random.Generator) -> np.ndarray:
    """N×2: the rows and columns by which much of the known picture is repeated."""
    height, width = level.hole.shape
    sources = np.flatnonzero(level.sources)
    table = patches.describe(level.picture, patches.components(level.picture, sources, random))
    asked = random.permutation(sources)[:ASKED]
    offered = table[sources]
    lengths = (offered * offered).sum(1)
    y, x = (sources // width).astype(np.int16), (sources % width).astype(np.int16)
    least = round(LEAST_SHIFT * max(height, width))
    to = []
    for part in _chunks(asked, CHUNK_PAIRS // len(sources)):
        costs = lengths - 2 * (table[part] @ offered.T)
        near = np.abs(y - (part // width).astype(np.int16)[:, None]) < least
        near &= np.abs(x - (part % width).astype(np.int16)[:, None]) < least
        costs[near] = np.inf
        to.append(sources[costs.argmin(1)])
    to = np.concatenate(to)
    shifts = np.stack([to // width - asked // width, to % width - asked % width], axis=1)
    return _frequent(np.concatenate([shifts, -shifts]), level.hole.shape, REPEATED)


def _continuing(level: Level, guide: Guide, nodes: _Nodes) -> np.ndarray:
    """N×2: by which the patches most like what is known at the rim are away from it."""
    width = level.hole.shape[1]
    known, weighed = _known(guide, nodes.at)
    says = known.mean(1) > CONTINUED
    known, weighed, at = known[says], weighed[says], nodes.at[says]
    sources = np.flatnonzero(level.sources)
    costs = np.empty((len(at), len(sources)), np.float32)
    for part in _chunks(np.arange(len(sources)), CHUNK_SOURCES):
        offered = patches.flat_patches(level.picture, sources[part])
        costs[:, part] = known @ (offered * offered).T - 2 * weighed @ offered.T
    named = min(ANSWERS, len(sources)) - 1
    to = sources[np.argpartition(costs, named, axis=1)[:, : named + 1]]
    shifts = np.stack([to // width - (at // width)[:, None], to % width - (at % width)[:, None]], axis=-1)
    return _frequent(shifts.reshape(-1, 2), level.hole.shape, CONTINUING)


def _known(guide: Guide, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the patches around `at`: how far each value is known, and the values times that."""
    trusts = patches.flat_patches(guide.trust[..., None], at).repeat(guide.picture.shape[2], axis=1)
    return trusts, patches.flat_patches(guide.picture, at) * trusts


def _frequent(shifts: np.ndarray, shape: tuple[int, ...], most: int) -> np.ndarray:
    counted = np.zeros((2 * shape[0] + 1, 2 * shape[1] + 1), np.float32)
    np.add.at(counted, (shifts[:, 0] + shape[0], shifts[:, 1] + shape[1]), 1)
    smooth = cv2.GaussianBlur(counted, (0, 0), BLUR_PX)
    peaks = np.argwhere((cv2.dilate(smooth, np.ones((3, 3), np.uint8)) <= smooth) & (smooth > 0))
    order = np.argsort(-smooth[peaks[:, 0], peaks[:, 1]], kind="stable")
    return peaks[order[:most]] - shape[:2]


def _choose(level: Level, guide: Guide, nodes: _Nodes, shifts: np.ndarray) -> np.ndarray:
    """For each node the index of its shift."""
    height, width = level.hole.shape
    y, x = nodes.at // width, nodes.at % width
    to_y, to_x = y[:, None] + shifts[:, 0], x[:, None] + shifts[:, 1]
    fits = (to_y >= 0) & (to_y < height) & (to_x >= 0) & (to_x < width)
    to = np.where(fits, to_y * width + to_x, 0)
    fits &= level.sources.reshape(-1)[to]
    known, weighed = _known(guide, nodes.at)
    present = nodes.present
    own = np.zeros((*nodes.grid.shape, len(shifts)), np.float32)
    grid = np.zeros((*nodes.grid.shape, len(shifts), SIDE_PX, SIDE_PX, level.picture.shape[2]), np.float32)
    cells = np.argwhere(present)
    for part in _chunks(np.arange(len(to)), CHUNK_NODES):
        offered = patches.flat_patches(level.picture, to[part].reshape(-1)).reshape(len(part), len(shifts), -1)
        offered *= fits[part, :, None]
        costs = (offered * (offered * known[part, None] - 2 * weighed[part, None])).sum(2)
        costs += (patches.flat_patches(guide.picture, nodes.at[part]) * weighed[part]).sum(1)[:, None]
        row, column = cells[part].T
        own[row, column] = np.where(fits[part], costs, IMPOSSIBLE)
        grid[row, column] = offered.reshape(len(part), len(shifts), SIDE_PX, SIDE_PX, -1)
    across = _differences(grid[:, :-1, :, :, STEP_PX:], grid[:, 1:, :, :, :-STEP_PX])
    down = _differences(grid[:-1, :, :, STEP_PX:], grid[1:, :, :, :-STEP_PX])
    across *= (present[:, :-1] & present[:, 1:])[..., None, None]
    down *= (present[:-1] & present[1:])[..., None, None]
    return _believed(own, across, down)[present].argmin(1)


def _differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rows × columns × K × K: between the parts of neighbours' patches that lie over each other."""
    first, second = (each.reshape(*each.shape[:3], -1) for each in (first, second))
    products = first @ second.swapaxes(-1, -2)
    products *= -2
    products += (first * first).sum(3)[..., :, None]
    products += (second * second).sum(3)[..., None, :]
    return np.maximum(products, 0, out=products) * np.float32(OVERLAP)


def _believed(own: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Rows × columns × K: what each choice costs all together. Messages sweep over the grid in four directions."""
    from .compiled import tell, tell_back

    rows, columns, _ = own.shape
    left, right, above, below = (np.zeros_like(own) for _ in range(4))  # what is told from there
    for _ in range(SWEEPS):
        for at in range(columns - 1):
            tell(own[:, at] + left[:, at] + above[:, at] + below[:, at], across[:, at], left[:, at + 1])
        for at in range(columns - 1, 0, -1):
            belief = own[:, at] + right[:, at] + above[:, at] + below[:, at]
            tell_back(belief, across[:, at - 1], right[:, at - 1])
        for at in range(rows - 1):
            tell(own[at] + above[at] + left[at] + right[at], down[at], above[at + 1])
        for at in range(rows - 1, 0, -1):
            tell_back(own[at] + below[at] + left[at] + right[at], down[at - 1], below[at - 1])
    return own + left + right + above + below


def _chunks(values: np.ndarray, most: int) -> list[np.ndarray]:
    most = max(1, most)
    return [values[first : first + most] for first in range(0, len(values), most)]


def _moved(level: Level, nodes: _Nodes, shifts: np.ndarray) -> np.ndarray:
    """Each pixel of the hole and of its rim by the shift of the node nearest to it."""
    height, width = level.hole.shape
    away = np.ones((height, width), np.uint8)
    away.reshape(-1)[nodes.at] = 0
    _, labels = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    labels = np.asarray(labels, np.int32)
    by_label = np.zeros((int(labels.max()) + 1, 2), np.int64)
    by_label[labels.reshape(-1)[nodes.at]] = shifts
    rows, columns = np.indices((height, width))
    to_rows, to_columns = rows + by_label[labels][..., 0], columns + by_label[labels][..., 1]
    fits = (to_rows >= 0) & (to_rows < height) & (to_columns >= 0) & (to_columns < width)
    at, to = rows * width + columns, np.where(fits, to_rows * width + to_columns, 0)
    known = ~level.hole.reshape(-1)[to]
    return np.where(fits & known, to, at).reshape(-1)
