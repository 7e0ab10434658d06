"""Find the sky without any trained model: where it ends in each column, then by colour, then by what it is joined to.

Works on a bounded copy of the picture. After Shen & Wang 2013 (the border), Rother et al. 2004 (GrabCut).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .. import masks
from ..segment import Scene, geodesic_distance
from . import islands
from .field import Field, distance, field_of, terms

WORK_PX = 512  # longest side of the copy that is searched
THRESHOLDS = np.geomspace(4, 120, 24)  # of the gradient, in 8-bit steps
LEAST_SHARE = 0.01  # of what shows: less is no sky to replace
MEASURED = 30000  # pixels that are looked at
NOISE = 0.5  # variance in Lab that the flattest sky has
ROUNDS, ROUNDS_THROUGH = 8, 5
THIN, BEHIND = 0.018, 0.04  # of the longest side: a wire or twig; things that the sky is seen to go on behind
LEVEL = 0.16  # of the width, that a horizon takes at least
LEAST_ROWS = 6
CLICKED = 12.0  # ΔE from a click
ACROSS = 1500.0  # times plain ground: an edge of ΔE 10 is so long that a way around a thing is shorter than into it
BLOCKED, PLAIN = 0.05, 20.0  # share of the picture; gradient
ALIKE = 16.0  # ΔE between parts of one sky
MOST_UNEVEN = 25.0  # median change of lightness in a sky, in 8-bit steps
DISTINCT = 25.0  # ΔE across the edge that tells a sky from ground that is as even
DARK, PALE = 15.0, 52.0  # lightness between which no sky is without colour: at night it is darker
GREY = 0.8  # mean chroma
HOLE = 2.2
LARGEST_HOLE, GREY_HOLE = 0.08, 0.002  # of the picture
LIKE = 4.0  # spreads that a pixel of the sky may be off
CLOUDED = 2.2  # upper quartile of the spread of a sky with clouds


@dataclass(frozen=True)
class Hints:
    """What the artist said, bool at the working size. `region`: sky lies only in it · `sky`, `ground`: clicks."""

    region: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    is_pointed: bool  # the artist says that there is a sky, so it need not look like one

    @staticmethod
    def none(size: tuple[int, int]) -> Hints:
        nothing = np.zeros(size, bool)
        return Hints(~nothing, nothing, nothing.copy(), False)


@dataclass(frozen=True)
class View:
    """`rgb`: H×W×3 uint8 · `lab`: float32 · `gradient`: in 8-bit steps · `shows`: bool, False where transparent."""

    rgb: np.ndarray
    lab: np.ndarray
    gradient: np.ndarray
    shows: np.ndarray

    @staticmethod
    def of(rgb: np.ndarray, alpha: np.ndarray) -> View:
        """From float pixels at the working size."""
        clipped = np.clip(rgb, 0, 1).astype(np.float32)
        lab = cv2.cvtColor(clipped, cv2.COLOR_RGB2LAB)
        smooth = cv2.GaussianBlur(lab, (0, 0), 1.0)
        change = np.zeros(alpha.shape, np.float32)
        for channel, weight in zip(cv2.split(smooth), (2.55, 2.55, 2.55), strict=True):
            change += (weight * cv2.magnitude(cv2.Sobel(channel, -1, 1, 0), cv2.Sobel(channel, -1, 0, 1))) ** 2
        return View((clipped * 255 + 0.5).astype(np.uint8), lab, np.sqrt(change), alpha > 0.5)


def is_coloured(view: View) -> bool:
    return bool(np.abs(view.lab[..., 1:]).mean() > GREY)


def find(view: View, hints: Hints, known: np.ndarray | None = None) -> np.ndarray:
    """The sky, bool; nothing where there seems to be none.

    `known`: bool, what a network takes for the sky; its outline is then drawn again, within a few pixels.
    """
    if known is None:
        border = _border(view, hints)
        if border is None or np.count_nonzero(border[0]) < BLOCKED * np.count_nonzero(view.shows & hints.region):
            border = _plain_part(view, hints) or border
        if border is None:
            return _clicked(view, hints)
        above, threshold = border
        return _by_colour(view, above, threshold, hints) | _clicked(view, hints)
    reach = max(2, round(0.012 * max(known.shape)))
    found = _by_colour(view, known, PLAIN, hints, goes_on=False)
    found = found & masks.grow(known, reach) | masks.erode(known, reach)
    return (found | _clicked(view, hints)) & view.shows & hints.region


def _clicked(view: View, hints: Hints) -> np.ndarray:
    """What is joined to clicks that say so, and of their colour."""
    labels, areas = masks.components(hints.sky)
    found = hints.sky.copy()
    for label in range(1, len(areas)):
        disc = labels == label
        alike = distance(view.lab, np.median(view.lab[disc], axis=0)) < CLICKED
        found |= masks.touching(alike & (view.gradient < PLAIN) & view.shows & hints.region, disc)
    return found


def end_of(sky: np.ndarray) -> int:
    """The row where it ends, but for a few columns; 0 where there is none."""
    return _lowest(sky)


def seems_sky(view: View, found: np.ndarray) -> bool:
    """Whether that can be one: it begins above, is more even than the ground, and of no colour that skies never are."""
    shows = np.count_nonzero(view.shows)
    if np.count_nonzero(found) < max(LEAST_SHARE * shows, 40):
        return False
    top = found[np.argmax(found.any(axis=1)) + 1 :][:1].mean() if found.any() else 0.0
    inside = masks.erode(found, 3) if masks.erode(found, 3).any() else found
    ground = view.shows & ~found
    evenness = float(np.median(view.gradient[inside]))
    lightness, green, warm = view.lab[inside].mean(axis=0)
    rim = masks.grow(found, 6) & ground
    apart = np.linalg.norm(view.lab[inside].mean(axis=0) - view.lab[rim].mean(axis=0)) if rim.any() else 0.0
    is_alike = ground.mean() > 0.02 and evenness > 0.9 * np.median(view.gradient[ground]) and apart < DISTINCT
    if evenness > MOST_UNEVEN or is_alike:
        return False
    if lightness < 2 or green < -9 or (top < 0.5 and np.count_nonzero(found) < 0.04 * shows):
        return False
    is_neutral = np.hypot(green, warm) < 5
    return not (is_neutral and DARK < lightness < PALE)


def denied(view: View, found: np.ndarray, hints: Hints) -> np.ndarray:
    """What clicks say is no sky, bool: it is closer to them than to the sky's top, by a way that crosses few edges."""
    if not hints.ground.any():
        return hints.ground
    seeds = hints.sky.copy()
    first = int(np.argmax(found.any(axis=1)))
    seeds[first : first + max(2, len(found) // 12)] |= found[first : first + max(2, len(found) // 12)]
    scene = Scene.of(view.rgb / np.float32(255), view.shows.astype(np.float32), max(view.shows.shape))
    to_ground, to_sky = (geodesic_distance(scene, each, ACROSS) for each in (hints.ground, seeds & ~hints.ground))
    near = to_ground <= to_sky
    return near | hints.ground


# --- where it ends -----------------------------------------------------------------------------------------------


def _border(view: View, hints: Hints) -> tuple[np.ndarray, float] | None:
    """From above down to the first strong change in every column, for the threshold that parts colours best."""
    height = len(view.shows)
    best, found = np.inf, None
    usable = view.shows & hints.region
    area = np.count_nonzero(usable)
    top = np.where(usable.any(axis=0), usable.argmax(axis=0), height)
    rows = np.arange(height)[:, None]
    for threshold in THRESHOLDS:
        edge = (view.gradient > threshold) & (rows >= top + 2) | ~usable & (rows > top)
        end = np.where(edge.any(axis=0), edge.argmax(axis=0), height)
        end[end - top < LEAST_ROWS] = 0
        above = (rows < end) & (rows >= top)
        share = np.count_nonzero(above) / max(area, 1)
        if share < LEAST_SHARE or share > 0.99:
            continue
        length = _length(view.lab, above) + _length(view.lab, usable & ~above)
        if length < best:
            best, found = length, (above, float(threshold))
    return found


def _plain_part(view: View, hints: Hints) -> tuple[np.ndarray, float] | None:
    """Where branches hang into nearly every column: the largest even part high in the picture, if light or blue.

    And others at the picture's top that are of nearly its colour.
    """
    usable = view.shows & hints.region
    labels, areas = masks.components((view.gradient < PLAIN) & usable)
    rows = np.broadcast_to(np.arange(len(labels))[:, None] / len(labels), labels.shape)
    counts = np.maximum(areas, 1)[:, None]
    values = np.dstack([rows, view.lab]).reshape(-1, 4)
    means = np.stack([np.bincount(labels.ravel(), each, len(areas)) for each in values.T], axis=1) / counts
    height, light, warm = means[:, 0], means[:, 1], means[:, 3]
    fits = ((light > 55) | (warm < -6)) & (warm < 12) & (areas > 0.3 * LEAST_SHARE * np.count_nonzero(usable))
    fits[0] = False
    worth = np.where(fits & (areas > LEAST_SHARE * np.count_nonzero(usable)), areas * (1 - height), 0)
    if not worth.any():
        return None
    best = int(np.argmax(worth))
    at_top = np.isin(np.arange(len(areas)), labels[:3])
    alike = np.linalg.norm(means[:, 1:] - means[best, 1:], axis=1) < ALIKE
    alike[best] = at_top[best] = True
    return (fits & at_top & alike)[labels], PLAIN


def _length(lab: np.ndarray, part: np.ndarray) -> float:
    """What it takes to write down the colours of a `part` (bool) that change evenly over the picture, in nats."""
    rows, columns = np.nonzero(part)
    step = max(1, len(rows) // MEASURED)
    laid = terms(rows[::step], columns[::step], part.shape)
    colours = lab[rows[::step], columns[::step]].astype(np.float64)
    weights, *_ = np.linalg.lstsq(laid, colours, rcond=None)
    left = colours - laid @ weights
    spread = left.T @ left / len(left) + NOISE * np.eye(3)
    return 0.5 * len(rows) * float(np.log(np.linalg.det(spread)))


# --- by colour ---------------------------------------------------------------------------------------------------


def _by_colour(view: View, above: np.ndarray, threshold: float, hints: Hints, goes_on: bool = True) -> np.ndarray:
    """From what lies `above` on to all that looks like it: what it runs into, and what goes on behind thin things."""
    usable = view.shows & hints.region & ~hints.ground
    plain = view.gradient < threshold
    found = sure = masks.erode(above, 2) & usable
    if not sure.any():
        return above & usable
    field, off = field_of(view.lab, sure), np.zeros(usable.shape, np.float32)
    if goes_on and hints.region.all():
        usable[_horizon(above, distance(view.lab, field.lab) / field.spread) :] = False
        if not is_coloured(view):  # much of the ground is as grey as the sky
            usable[_lowest(above) + 3 :] = False
    like = usable
    for _ in range(ROUNDS):
        before = np.count_nonzero(found)
        field = field_of(view.lab, sure)
        off = distance(view.lab, field.lab) / field.spread
        like = usable & ((off < LIKE) | _cloudy(view, field, found) & plain)
        joined = masks.touching(like & plain, sure) | sure
        joined |= _behind(like & plain & ~joined, joined, off, BEHIND if is_coloured(view) else THIN)
        found = masks.grow(joined, 2) & like | joined
        sure = masks.erode(found, 1)
        if np.count_nonzero(found) < 1.002 * before:
            break
    if _is_clouded(field, found):
        found = found | islands.of_the_sky(view.lab, found, usable)
    for _ in range(ROUNDS_THROUGH if is_coloured(view) else 1):
        found = found | _seen_through(view, like & ~found, found, off)
    return found


def _horizon(above: np.ndarray, off: np.ndarray) -> int:
    """The row of a level horizon; the picture's height where there is none.

    There a wide run of columns ends on the same row, with ground below it; below a wire or a twig is sky again.
    """
    height, width = above.shape
    columns = np.flatnonzero(above.any(axis=0))
    ends = height - above[::-1].argmax(axis=0)
    beyond = round(THIN * max(above.shape)) + 4
    padded = np.concatenate([off, np.full((beyond + 2, width), np.inf, off.dtype)])
    below = np.stack([padded[ends[columns] + step, columns] for step in range(2, beyond)])
    solid = ends[columns[below.min(axis=0) > LIKE]]
    if not len(solid):
        return height
    row = int(np.quantile(solid, 0.9))
    is_level = np.count_nonzero(np.abs(solid - row) <= 3) > LEVEL * width
    return row + 3 if is_level else height


def _cloudy(view: View, field: Field, found: np.ndarray) -> np.ndarray:
    """Where clouds may be in a sky that has some: neither coloured nor dark. Bool."""
    if not _is_clouded(field, found):
        return np.zeros(found.shape, bool)
    lightness, green, warm = cv2.split(view.lab)
    return (lightness > 40) & (np.abs(green) < 7) & (warm < 10) & (warm > -30)


def _is_clouded(field: Field, found: np.ndarray) -> bool:
    return bool(found.any() and np.quantile(field.spread[found], 0.75) >= CLOUDED)


def _behind(candidates: np.ndarray, found: np.ndarray, off: np.ndarray, reach: float) -> np.ndarray:
    """Those parts of what is like the sky that lie on the other side of something thin, where it goes on alike."""
    labels, areas = masks.components(candidates)
    near = candidates & masks.grow(found, max(3, round(reach * max(off.shape))))
    touched = np.bincount(labels[near], minlength=len(areas))
    differ = np.bincount(labels[near], off[near], len(areas)) / np.maximum(touched, 1)
    stays = (touched >= 4) & (differ < (0.75 * LIKE if reach == BEHIND else HOLE))
    stays[0] = False
    return stays[labels]


def _seen_through(view: View, like: np.ndarray, found: np.ndarray, off: np.ndarray) -> np.ndarray:
    """What is like the sky and not joined to it, as between the bars of a tower or in leaves.

    Near the sky that is enough, where colours can tell; a grey picture's has to be just as even as the sky.
    """
    labels, areas = masks.components(like)
    count = np.maximum(np.bincount(labels.ravel(), minlength=len(areas)), 1)
    mean = np.bincount(labels.ravel(), off.ravel(), len(areas)) / count
    uneven = np.bincount(labels.ravel(), (off > HOLE).ravel(), len(areas)) / count
    away = np.full(len(areas), np.inf)
    np.minimum.at(away, labels.ravel(), masks.distance_to(found).ravel())
    stays = (mean < HOLE) & (uneven < 0.25) & (areas <= GREY_HOLE * like.size)
    if is_coloured(view):
        stays |= (mean < LIKE) & (away < 0.06 * max(like.shape)) & (areas <= LARGEST_HOLE * like.size)
    stays[0] = False
    return stays[labels]


def _lowest(above: np.ndarray) -> int:
    """The row where it ends, but for a few columns."""
    ends = np.where(above.any(axis=0), len(above) - above[::-1].argmax(axis=0), 0)
    ends = ends[ends > 0]
    return int(np.quantile(ends, 0.96)) + 1 if len(ends) else 0
