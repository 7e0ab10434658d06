"""A first idea of what is in the hole: large pieces of the picture put together so that its structures go on.

Each node of a grid over the hole chooses one of a few shifts: those by which the picture repeats itself, and those that
go on what reaches the rim. All choose together, by belief propagation. After He & Sun 2012, Komodakis & Tziritas 2007.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from . import patches
from .patches import REACH_PX, SIDE_PX
from .pyramid import Level

if TYPE_CHECKING:
    import torch

MOST_PIXELS, MOST_HOLE_PIXELS, MOST_NODES = 40_000, 2500, 1200  # of a level that this is done on
STEP_PX = 3  # from node to node
ASKED = 800  # patches of the known picture that are asked where it repeats itself
LEAST_SHIFT = 1 / 12  # of the picture's longer side: nearer patches are alike without meaning anything
REPEATED, CONTINUING = 32, 40  # shifts of each kind that are offered
BLUR_PX = 1.0  # of the counts of shifts, before the most frequent are looked for
CONTINUED = 0.25  # of a node's patch that has to be known to say how it goes on
ANSWERS = 5  # shifts that each such node names
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


def compose(level: Level, generator: torch.Generator, offered_share: float) -> np.ndarray:
    """H·W flat indices: what each pixel is copied from, itself where it is known or no shift leads to what is known.

    `offered_share`: how many of the shifts may be taken. On the processor: the picture is small.
    """
    import torch

    picture = torch.from_numpy(level.picture)
    nodes = _nodes(level.hole)
    found = [_repeated(level, picture, generator), _continuing(level, picture, nodes)]
    shifts = np.unique(np.concatenate(found), axis=0)
    if offered_share < 1:
        few = max(1, round(offered_share * len(shifts)))
        shifts = shifts[torch.randperm(len(shifts), generator=generator)[:few].numpy()]
    return _moved(level, nodes, shifts[_choose(level, picture, nodes, shifts)])


def _nodes(hole: np.ndarray) -> _Nodes:
    height, width = hole.shape
    touched = cv2.dilate(hole.astype(np.uint8), np.ones((SIDE_PX, SIDE_PX), np.uint8)) > 0
    ys, xs = np.nonzero(hole)
    rows = np.arange(max(0, ys.min() - REACH_PX), min(height, ys.max() + REACH_PX + 1), STEP_PX)
    columns = np.arange(max(0, xs.min() - REACH_PX), min(width, xs.max() + REACH_PX + 1), STEP_PX)
    return _Nodes(np.where(touched[rows[:, None], columns], rows[:, None] * width + columns, EMPTY))


def _repeated(level: Level, picture: torch.Tensor, generator: torch.Generator) -> np.ndarray:
    """N×2: the rows and columns by which much of the known picture is repeated."""
    import torch

    height, width = level.hole.shape
    sources = torch.from_numpy(np.flatnonzero(level.sources))
    table = patches.describe(picture, patches.components(picture, sources, generator))
    asked = sources[torch.randperm(len(sources), generator=generator)[:ASKED]]
    offered = table[sources]
    lengths = (offered * offered).sum(1)
    y, x = (sources // width).short(), (sources % width).short()
    least = round(LEAST_SHIFT * max(height, width))
    best = []
    for part in asked.split(max(1, CHUNK_PAIRS // len(sources))):
        costs = torch.addmm(lengths, table[part], offered.T, alpha=-2)
        near = ((y - (part // width).short()[:, None]).abs() < least) & (
            (x - (part % width).short()[:, None]).abs() < least
        )
        best.append(sources[costs.masked_fill_(near, torch.inf).argmin(1)])
    to = torch.cat(best)
    shifts = torch.stack([to // width - asked // width, to % width - asked % width], dim=1).numpy()
    return _frequent(np.concatenate([shifts, -shifts]), level.hole.shape, REPEATED)


def _continuing(level: Level, picture: torch.Tensor, nodes: _Nodes) -> np.ndarray:
    """N×2: by which the patches most like what is known at the rim are away from it."""
    import torch

    width = level.hole.shape[1]
    known, weighed = _known(level, picture, torch.from_numpy(nodes.at))
    says = (known.mean(1) > CONTINUED).nonzero()[:, 0]
    known, weighed, at = known[says], weighed[says], nodes.at[says.numpy()]
    sources = np.flatnonzero(level.sources)
    costs = torch.empty(len(at), len(sources))
    for part in torch.arange(len(sources)).split(CHUNK_SOURCES):
        offered = patches.flat_patches(picture, torch.from_numpy(sources)[part])
        costs[:, part] = known @ (offered * offered).T - 2 * weighed @ offered.T
    to = sources[costs.topk(min(ANSWERS, len(sources)), dim=1, largest=False).indices.numpy()]
    shifts = np.stack([to // width - (at // width)[:, None], to % width - (at % width)[:, None]], axis=-1)
    return _frequent(shifts.reshape(-1, 2), level.hole.shape, CONTINUING)


def _known(level: Level, picture: torch.Tensor, at: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the patches around `at`: 1 for each value that is known, and the values times that."""
    import torch

    known = torch.from_numpy((~level.hole).astype(np.float32))[..., None].expand(picture.shape).contiguous()
    counts = patches.flat_patches(known, at)
    return counts, patches.flat_patches(picture, at) * counts


def _frequent(shifts: np.ndarray, shape: tuple[int, ...], most: int) -> np.ndarray:
    counted = np.zeros((2 * shape[0] + 1, 2 * shape[1] + 1), np.float32)
    np.add.at(counted, (shifts[:, 0] + shape[0], shifts[:, 1] + shape[1]), 1)
    smooth = cv2.GaussianBlur(counted, (0, 0), BLUR_PX)
    peaks = np.argwhere((cv2.dilate(smooth, np.ones((3, 3), np.uint8)) <= smooth) & (smooth > 0))
    order = np.argsort(-smooth[peaks[:, 0], peaks[:, 1]], kind="stable")
    return peaks[order[:most]] - shape[:2]


def _choose(level: Level, picture: torch.Tensor, nodes: _Nodes, shifts: np.ndarray) -> np.ndarray:
    """For each node the index of its shift."""
    import torch

    height, width = level.hole.shape
    y, x = nodes.at // width, nodes.at % width
    to_y, to_x = y[:, None] + shifts[:, 0], x[:, None] + shifts[:, 1]
    fits = (to_y >= 0) & (to_y < height) & (to_x >= 0) & (to_x < width)
    to = np.where(fits, to_y * width + to_x, 0)
    fits &= level.sources.reshape(-1)[to]
    usable, to = torch.from_numpy(fits), torch.from_numpy(to)
    known, weighed = _known(level, picture, torch.from_numpy(nodes.at))
    present = torch.from_numpy(nodes.present)
    own = torch.zeros((*nodes.grid.shape, len(shifts)))
    grid = torch.zeros((*nodes.grid.shape, len(shifts), SIDE_PX, SIDE_PX, picture.shape[2]))
    cells = present.nonzero()
    for part in torch.arange(len(to)).split(CHUNK_NODES):
        offered = patches.flat_patches(picture, to[part].reshape(-1)).reshape(len(part), len(shifts), -1)
        offered *= usable[part, :, None]
        costs = ((offered * known[part, None] - weighed[part, None]) ** 2).sum(2)
        row, column = cells[part].T
        own[row, column] = costs.masked_fill_(~usable[part], IMPOSSIBLE)
        grid[row, column] = offered.reshape(len(part), len(shifts), SIDE_PX, SIDE_PX, -1)
    across = _differences(grid[:, :-1, :, :, STEP_PX:], grid[:, 1:, :, :, :-STEP_PX])
    down = _differences(grid[:-1, :, :, STEP_PX:], grid[1:, :, :, :-STEP_PX])
    across *= (present[:, :-1] & present[:, 1:])[..., None, None]
    down *= (present[:-1] & present[1:])[..., None, None]
    return _believed(own, across, down)[present].argmin(1).numpy()


def _differences(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Rows × columns × K × K: between the parts of neighbours' patches that lie over each other."""
    first, second = first.flatten(3), second.flatten(3)
    products = first @ second.transpose(-1, -2)
    lengths = (first * first).sum(3)[..., :, None], (second * second).sum(3)[..., None, :]
    return products.mul_(-2).add_(lengths[0]).add_(lengths[1]).clamp_(min=0).mul_(OVERLAP)


def _believed(own: torch.Tensor, across: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """Rows × columns × K: what each choice costs all together. Messages sweep over the grid in four directions."""
    import torch

    rows, columns, _ = own.shape
    left, right, above, below = (torch.zeros_like(own) for _ in range(4))  # what is told from there
    for _ in range(SWEEPS):
        for at in range(columns - 1):
            left[:, at + 1] = _told(own[:, at] + left[:, at] + above[:, at] + below[:, at], across[:, at])
        for at in range(columns - 1, 0, -1):
            told = own[:, at] + right[:, at] + above[:, at] + below[:, at]
            right[:, at - 1] = _told(told, across[:, at - 1].transpose(1, 2))
        for at in range(rows - 1):
            above[at + 1] = _told(own[at] + above[at] + left[at] + right[at], down[at])
        for at in range(rows - 1, 0, -1):
            below[at - 1] = _told(own[at] + below[at] + left[at] + right[at], down[at - 1].transpose(1, 2))
    return own + left + right + above + below


def _told(belief: torch.Tensor, costs: torch.Tensor) -> torch.Tensor:
    best = (belief[..., :, None] + costs).amin(-2)
    return best - best.amin(-1, keepdim=True)


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
