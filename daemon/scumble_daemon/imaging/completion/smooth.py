"""A hole in smooth ground that no pieces fit into: light and colour go on evenly from its rim, up to edges through it.

Shades on a curved surface are nowhere else the same: pieces of them do not join, and what joins them best is texture.
"""

from __future__ import annotations

import cv2
import numpy as np

from . import curves, patches, seams
from .complete import Copies, complete
from .curves import Curve
from .seen import Seen

RIM_PX = 7  # around the hole, that is looked at
SMOOTH = 0.75, 10 / 255  # share of the rim on which the picture changes less than that from pixel to pixel
SOFT = 0.9, 9 / 255  # where it is out of focus besides
MISFIT_SHARE = 0.1  # of the seams between pieces that are steps of more than
MISFIT, SOFT_MISFIT = 0.06, 0.03  # so much; in soft ground less is seen
NOISES = 3.2  # and than so many times what the rim changes by: noise alone makes steps of 2.8
ROUGHNESS_PX = 5  # around a pixel, in which its roughness is seen
ROUGHER = 4.0  # times as rough as the roughest of the rim: not copied
LEAST_ROUGH = 4 / 255
ENOUGH = 0.5  # times as much to copy as there is to fill
COLOURS = 1.0  # of cost, at most, by which colours keep two edges from being one: on curved ground they change
CUT_PX = 2.5  # beside a curve, over which nothing spreads
END_PX = 2.0  # around an edge's end: what is there is of both sides
COARSEST_PIXELS = 2500  # of the hole at the size at which colours are spread first
EDGE_PX = 0.8  # by which an edge between what does not spread is blurred, as lenses do
GRAIN_PX = 1.5  # what is finer is taken from the picture
MOST_GRAIN = 3.0  # times the usual one at the rim


def is_needed(view: Seen, found: Copies) -> bool:
    """Whether nearly all of the rim is smooth, and the copies that were `found` do not join."""
    steps = _steps(view.rgb)[_rim(view)]
    if not len(steps) or np.quantile(steps, SMOOTH[0]) > SMOOTH[1]:
        return False
    heights = _seams(view, found)
    if not len(heights):
        return False
    least = SOFT_MISFIT if np.quantile(steps, SOFT[0]) < SOFT[1] else MISFIT
    return float(np.quantile(heights, 1 - MISFIT_SHARE)) > max(least, NOISES * float(np.median(steps)))


def alike(view: Seen) -> np.ndarray:
    """What may be copied of `view`, bool: nothing much rougher than all of the rim, if enough is left."""
    rough = patches.texture(view.rgb, view.known, ROUGHNESS_PX).sum(2)
    rim = rough[_rim(view)]
    if not len(rim):
        return view.usable
    fits = view.usable & (rough <= max(ROUGHER * float(rim.max()), LEAST_ROUGH))
    return fits if fits.sum() > ENOUGH * view.hole.sum() else view.usable


def continued(view: Seen, device: str) -> np.ndarray:
    """H×W×3, the hole filled: even, with the grain of what is most like it around."""
    lab = patches.channels(view.rgb, np.zeros((*view.size, 2), np.float32))
    edges = curves.joined(lab, view.hole, COLOURS)
    even = _even(view.rgb, view.hole, view.known, edges)
    blurred = cv2.GaussianBlur(even, (0, 0), EDGE_PX)
    for edge in edges:
        beside = view.hole & (_side(edge, view.size) != 0)
        even[beside] = blurred[beside]
    copies = complete(even, view.hole, view.known, view.usable, device=device, is_guessed=True)
    known = view.known.astype(np.float32)
    share = np.maximum(cv2.GaussianBlur(known, (0, 0), GRAIN_PX), 1e-3)[..., None]
    grain = view.rgb - cv2.GaussianBlur(view.rgb * known[..., None], (0, 0), GRAIN_PX) / share
    most = MOST_GRAIN * float(np.median(np.abs(grain[_rim(view)])))
    flat = even.reshape(-1, 3)
    flat[copies.holes] += grain.reshape(-1, 3)[copies.sources].clip(-most, most)
    return even.clip(0, 1)


def _rim(view: Seen) -> np.ndarray:
    """But not the pixels right beside the hole, whose changes are not known."""
    hole = view.hole.astype(np.uint8)
    near, beside = (cv2.dilate(hole, np.ones((2 * px + 1,) * 2, np.uint8)) for px in (RIM_PX, 1))
    return (near > beside) & view.known


def _steps(rgb: np.ndarray) -> np.ndarray:
    light = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.hypot(*(cv2.Sobel(light, cv2.CV_32F, *way, scale=0.25) for way in ((1, 0), (0, 1))))


def _seams(view: Seen, found: Copies) -> np.ndarray:
    """How high the steps are between pixels that were copied from places that are not beside each other."""
    height, width = view.size
    source = np.arange(view.hole.size)
    source[found.holes] = found.sources
    rgb, known = view.rgb.reshape(-1, 3), view.known.reshape(-1)
    rows, columns = np.divmod(found.holes, width)
    heights = []
    for down, across in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        inside = (rows + down >= 0) & (rows + down < height) & (columns + across >= 0) & (columns + across < width)
        here, step = found.holes[inside], down * width + across
        there, beside = source[here + step], (source[here] + step).clip(0, view.hole.size - 1)
        fits = known[there] & known[beside] & (there != beside)
        heights.append(np.abs(rgb[there[fits]] - rgb[beside[fits]]).max(1))
    return np.concatenate(heights)


def _even(rgb: np.ndarray, hole: np.ndarray, known: np.ndarray, edges: list[Curve]) -> np.ndarray:
    """Where each pixel of the hole is the mean of those around it; no curve is crossed."""
    start = rgb
    if hole.sum() > COARSEST_PIXELS:
        size = rgb.shape[1] // 2, rgb.shape[0] // 2
        weight = known.astype(np.float32)
        shares = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
        small = cv2.resize(rgb * weight[..., None], size, interpolation=cv2.INTER_AREA)
        small /= np.maximum(shares, 1e-3)[..., None]
        half = [edge.scaled(0.5) for edge in edges]
        known_there = shares > 0.5
        hole_there = (cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0) & ~known_there
        start = cv2.resize(_even(small, hole_there, known_there, half), rgb.shape[1::-1])
    start = np.where(hole[..., None], start, rgb).astype(np.float32)
    informs = hole | known
    for end in (end for edge in edges for end in (edge.first, edge.last)):
        y, x = np.ogrid[: hole.shape[0], : hole.shape[1]]
        informs &= hole | (np.hypot(x - end.at[0], y - end.at[1]) > END_PX)
    down, across = informs[1:] & informs[:-1], informs[:, 1:] & informs[:, :-1]
    for edge in edges:
        side = _side(edge, hole.shape)
        down &= side[1:] * side[:-1] >= 0
        across &= side[:, 1:] * side[:, :-1] >= 0
    weights = [(down & (hole[1:] | hole[:-1])), (across & (hole[:, 1:] | hole[:, :-1]))]
    jumps = [start[1:] - start[:-1], start[:, 1:] - start[:, :-1]]
    return start + seams.solve([weight.astype(np.float32) for weight in weights], jumps, hole)


def _side(edge: Curve, shape: tuple[int, ...]) -> np.ndarray:
    """-1 and 1 near the curve, on its two sides; 0 elsewhere."""
    rows, columns, aside = curves.beside(edge, np.ones(shape, bool), CUT_PX)
    side = np.zeros(shape, np.int8)
    side[rows, columns] = np.where(aside > 0, 1, -1)
    return side
