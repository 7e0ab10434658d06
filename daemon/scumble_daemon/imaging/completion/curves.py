"""Strong edges that end at a hole's rim, joined through it: two that go on in each other are one edge, hidden between.

What is beside an edge where it ends is carried along the curve that joins both ends: a guide for what is copied there.
After Sun et al. 2005, who have the artist draw the curves; good continuation as Kellman & Shipley 1991 found it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

BLUR_PX = 0.8  # of what is known, before it is asked where it changes
ASIDE_PX = 3  # along the rim, from an end to what lies beside its edge
FAR_ASIDE_PX = 6  # and to what lies beyond a highlight or a line along it
LEAST_STEP = 0.10  # from one side of an edge to the other, of L, a and b over 100
STANDS_OUT = 2.5  # times the median step along the rim: texture is no edge
TENSOR_PX = 2.5  # around an end, in which its direction is seen
COHERENT = 0.5  # of the structure tensor: what has one direction
LEAST_INWARD = 0.25  # cosine: an edge along the rim does not enter the hole
MOST_TURN = np.radians(70)  # at either end
USUAL_TURN, USUAL_BEND = np.radians(45), np.radians(30)  # that count as much as sides that differ by USUAL_DIFFERENCE
LEAST_BEND = np.radians(30)  # of a curve that has an inner side
USUAL_DIFFERENCE = 0.5  # of the sides that are more alike, beside the step across the edge
SURE = 1.0  # of cost: a curve that costs more may be none
UNLIKE = 3.0  # an edge so many times as strong at one end as at the other may be two
STRONG = 0.3  # an edge's step: a jag in it is seen; what is carried along a weaker one would disturb texture
MOST_ENDS = 64  # the strongest: every pair of them is weighed
MOST_COST = 2.0
LEAST_CHORD_PX = 5.0
LEAST_INSIDE = 0.8  # of a curve's length
BAND_PX, HELD_BAND_PX = 5.0, 10.0  # to either side of a curve, that is carried along; of one that is held
FALL = 1.5  # of trust: at the band's edge a tenth is left
SAMPLE_PX = 0.5
DEEPEST_PX = 12  # outwards of an end, where its profile is looked for


@dataclass(frozen=True)
class End:
    """Where an edge meets the rim of a hole: `at` and `inward` (x, y), `order` along the rim, which `hole` of several,
    how strong the edge is, and the colours before and after there: M×3, near and far."""

    at: np.ndarray
    inward: np.ndarray
    order: int
    hole: int
    step: float
    before: np.ndarray
    after: np.ndarray


@dataclass(frozen=True)
class Guide:
    """`picture`: with what is carried into the hole · `trust`: H×W in [0, 1], 1 what is known."""

    picture: np.ndarray
    trust: np.ndarray


@dataclass(frozen=True)
class Curve:
    """From the edge that ends at `first` to the one at `last`; `points` (x, y) lie near each other. `cost`: how badly
    the two go on in each other, up to MOST_COST · `bend`: in radians, all in all."""

    first: End
    last: End
    points: np.ndarray
    cost: float
    bend: float
    scale: float = 1.0

    @property
    def step(self) -> float:
        """From one side of the edge to the other, of L, a and b over 100: the geometric mean of both ends'."""
        return (self.first.step * self.last.step) ** 0.5

    @property
    def is_strong(self) -> bool:
        return self.step > STRONG

    @property
    def is_held(self) -> bool:
        """Whether it must not be lost while pieces are chosen: none is bent as it is, and straight ones do not join."""
        low, high = sorted((self.first.step, self.last.step))
        return self.is_strong and high < UNLIKE * low and self.cost < SURE and abs(self.bend) > LEAST_BEND

    @property
    def band_px(self) -> float:
        return (HELD_BAND_PX if self.is_held else BAND_PX) * self.scale

    def scaled(self, by: float) -> Curve:
        """In a picture `by` times as large."""
        first, last = (replace(end, at=(end.at + 0.5) * by - 0.5) for end in (self.first, self.last))
        return replace(self, first=first, last=last, points=(self.points + 0.5) * by - 0.5, scale=self.scale * by)


def guide(
    picture: np.ndarray, hole: np.ndarray, curves: Sequence[Curve], weight: float, held: float | None = None
) -> Guide:
    """`picture`: H×W×C · `weight`: of what lies on a curve · `held`: on one that is held, if that is another."""
    trust = (~hole).astype(np.float32)
    guided = picture.copy() if curves else picture
    for curve in curves:
        near, along, aside = _near(curve, hole, curve.band_px)
        carried, is_there = _carried(picture, hole, curve, along, aside)
        most = held if held is not None and curve.is_held else weight
        confidence = most * np.exp(-((FALL * aside / curve.band_px) ** 2)) * is_there
        rows, columns = near
        better = confidence > trust[rows, columns]
        guided[rows[better], columns[better]] = carried[better]
        trust[rows[better], columns[better]] = confidence[better]
    return Guide(guided, trust)


def joined(picture: np.ndarray, hole: np.ndarray, colours: float = np.inf) -> list[Curve]:
    """The first three of `picture`'s channels are L, a and b over 100. No two curves cross. `colours`: the most that
    sides of other colours cost."""
    within = cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8))  # its rim too, on which the ends lie
    found = sorted(_ends(picture, hole), key=lambda end: -end.step)[:MOST_ENDS]
    pairs = sorted(
        (cost, i, j)
        for i in range(len(found))
        for j in range(i)
        if (cost := _cost(found[i], found[j], colours)) < MOST_COST
    )
    taken: list[tuple[int, int]] = []
    curves = []
    for cost, i, j in pairs:
        if any(i in pair or j in pair or _cross(found, (i, j), pair) for pair in taken):
            continue
        points = _points(found[i], found[j])
        at = np.rint(points).astype(int).clip(0, (hole.shape[1] - 1, hole.shape[0] - 1))
        if within[at[:, 1], at[:, 0]].mean() >= LEAST_INSIDE:
            taken.append((i, j))
            curves.append(Curve(found[i], found[j], points, cost, sum(_turns(found[i], found[j]))))
    return curves


def _ends(picture: np.ndarray, hole: np.ndarray) -> list[End]:
    known = (~hole).astype(np.float32)
    weight = cv2.GaussianBlur(known, (0, 0), BLUR_PX)[..., None]
    lab = np.ascontiguousarray(picture[..., :3])
    smooth = cv2.GaussianBlur(lab * known[..., None], (0, 0), BLUR_PX) / np.maximum(weight, 1e-3)
    tensor = _tensor(smooth, ~hole)
    away = cv2.distanceTransform(1 - hole.astype(np.uint8), cv2.DIST_L2, 5)
    away -= cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    away = cv2.GaussianBlur(away, (0, 0), 2)
    outward = np.dstack([cv2.Sobel(away, cv2.CV_32F, *way, scale=0.125) for way in ((1, 0), (0, 1))])
    grown = cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8))
    _, holes = cv2.connectedComponents(grown)
    rims, _ = cv2.findContours(grown, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    found, first = [], 0
    for rim in (each[:, 0] for each in rims):
        number = int(holes[rim[0, 1], rim[0, 0]])
        found += _ends_along(rim, first, number, smooth, known > 0, tensor, outward)
        first += len(rim)
    return found


def _ends_along(
    rim: np.ndarray,
    first: int,
    hole: int,
    smooth: np.ndarray,
    known: np.ndarray,
    tensor: np.ndarray,
    outward: np.ndarray,
) -> list[End]:
    if len(rim) < 4 * ASIDE_PX:
        return []
    x, y = rim.T
    colours, is_known = smooth[y, x], known[y, x]
    before, after = (
        np.stack([np.roll(colours, sign * aside, axis=0) for aside in (ASIDE_PX, FAR_ASIDE_PX)], axis=1)
        for sign in (1, -1)
    )
    step = np.linalg.norm(np.roll(colours, 2, axis=0) - np.roll(colours, -2, axis=0), axis=1)
    usable = is_known & np.roll(is_known, ASIDE_PX) & np.roll(is_known, -ASIDE_PX)
    step *= usable
    least = max(LEAST_STEP, STANDS_OUT * float(np.median(step[usable]))) if usable.any() else np.inf
    most = np.max([np.roll(step, by) for by in range(-ASIDE_PX, ASIDE_PX + 1)], axis=0)
    found = []
    for at in np.flatnonzero((step >= most) & (step > least)):
        direction = _direction(tensor[y[at], x[at]])
        inward = -outward[y[at], x[at]]
        length = float(np.linalg.norm(inward))
        if direction is None or length < 1e-3:
            continue
        cosine = float(direction @ inward) / length
        if abs(cosine) >= LEAST_INWARD:
            way = np.sign(cosine) * direction
            found.append(End(rim[at].astype(float), way, first + at, hole, float(step[at]), before[at], after[at]))
    return found


def _tensor(smooth: np.ndarray, known: np.ndarray) -> np.ndarray:
    """H×W×3: the means of gx², gx·gy and gy² around each pixel, where they are known."""
    inside = cv2.erode(known.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)[..., None]
    gx, gy = (cv2.Sobel(smooth, cv2.CV_32F, *way) * inside for way in ((1, 0), (0, 1)))
    products = np.dstack([(gx * gx).sum(2), (gx * gy).sum(2), (gy * gy).sum(2)])
    return cv2.GaussianBlur(products, (0, 0), TENSOR_PX)


def _direction(tensor: np.ndarray) -> np.ndarray | None:
    """Along the edge, of length 1."""
    xx, xy, yy = (float(each) for each in tensor)
    values, vectors = np.linalg.eigh([[xx, xy], [xy, yy]])
    if values[1] <= 0 or (values[1] - values[0]) / (values[1] + values[0]) < COHERENT:
        return None
    return vectors[:, 0]


def _cost(first: End, last: End, colours: float) -> float:
    chord = last.at - first.at
    if first.hole != last.hole or float(np.linalg.norm(chord)) < LEAST_CHORD_PX:
        return np.inf
    turns = _turns(first, last)
    if max(abs(turn) for turn in turns) > MOST_TURN:
        return np.inf
    # What is before the one end, along the rim, is on the same side of the curve as what is after the other. Things
    # bulge: within a bend lies what the edge belongs to, and without it a ground that may change.
    left, right = _apart(first.before, last.after), _apart(first.after, last.before)
    bend = sum(turns)
    inner = min(left, right) if abs(bend) < LEAST_BEND else right if bend > 0 else left
    contrast = _apart(first.before[:1], first.after[:1]) + _apart(last.before[:1], last.after[:1])
    difference = 2 * inner / max(contrast, 1e-6)
    turned = (turns[0] ** 2 + turns[1] ** 2) / USUAL_TURN**2 / 2
    return turned + ((turns[0] - turns[1]) / USUAL_BEND) ** 2 / 2 + min(colours, (difference / USUAL_DIFFERENCE) ** 2)


def _apart(some: np.ndarray, others: np.ndarray) -> float:
    """Between those of either that are most alike."""
    return float(np.linalg.norm(some[:, None] - others, axis=2).min())


def _turns(first: End, last: End) -> tuple[float, float]:
    """From the first end to the chord, and from there to the last end."""
    chord = last.at - first.at
    return _angle(first.inward, chord), _angle(chord, -last.inward)


def _angle(first: np.ndarray, second: np.ndarray) -> float:
    """From the one to the other, in (-π, π]."""
    return float(np.arctan2(first[0] * second[1] - first[1] * second[0], first @ second))


def _cross(ends: list[End], one: tuple[int, int], other: tuple[int, int]) -> bool:
    low, high = sorted(ends[each].order for each in one)
    return (low < ends[other[0]].order < high) != (low < ends[other[1]].order < high)


def _points(first: End, last: End) -> np.ndarray:
    """N×2: Hermite's; where both ends lie on one circle with these directions, nearly that circle's arc."""
    chord = last.at - first.at
    length = float(np.linalg.norm(chord))
    turn = abs(_angle(first.inward, chord)) + abs(_angle(chord, -last.inward))
    speed = length / np.cos(turn / 4) ** 2
    t = np.linspace(0, 1, max(4, round(length / SAMPLE_PX)))[:, None]
    return (
        (2 * t**3 - 3 * t**2 + 1) * first.at
        + (t**3 - 2 * t**2 + t) * speed * first.inward
        + (3 * t**2 - 2 * t**3) * last.at
        - (t**3 - t**2) * speed * last.inward
    )


def beside(curve: Curve, within: np.ndarray, band_px: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns of pixels up to `band_px` away from the curve, and how far, to its right positive."""
    (rows, columns), _, aside = _near(curve, within, band_px)
    return rows, columns, aside


def _near(curve: Curve, hole: np.ndarray, band: float) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Rows and columns of the hole's pixels beside the curve, where along it they are, in [0, 1], and how far aside,
    to its right positive."""
    points = curve.points
    away = np.ones(hole.shape, np.uint8)
    at = np.rint(points).astype(int).clip(0, (hole.shape[1] - 1, hole.shape[0] - 1))
    away[at[:, 1], at[:, 0]] = 0
    reached = cv2.distanceTransform(away, cv2.DIST_L2, 5) < band + 1
    rows, columns = np.nonzero(hole & reached)
    pixels = np.stack([columns, rows], axis=1).astype(np.float32)
    nearest = ((points**2).sum(1) - 2 * pixels @ points.T).astype(np.float32).argmin(1)
    tangent = np.gradient(points, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
    offset = pixels - points[nearest]
    t = tangent[nearest]
    aside = t[:, 0] * offset[:, 1] - t[:, 1] * offset[:, 0]
    near = np.linalg.norm(offset, axis=1) < band
    return (rows[near], columns[near]), nearest[near] / (len(points) - 1), aside[near]


def _carried(
    picture: np.ndarray,
    hole: np.ndarray,
    curve: Curve,
    along: np.ndarray,
    aside: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """N×C: what lies as far aside of either end, more of the nearer one; and whether there is something."""
    total = np.zeros((len(along), picture.shape[2]), np.float32)
    weights = np.zeros(len(along), np.float32)
    first, last = curve.first, curve.last
    for end, travel, share in ((first, first.inward, 1 - along), (last, -last.inward, along)):
        normal = np.array([-travel[1], travel[0]])
        missing = np.arange(len(along))
        for deep in range(1, round(DEEPEST_PX * curve.scale)):
            at = np.rint(end.at + aside[missing, None] * normal - deep * end.inward).astype(int)
            inside = ((at >= 0) & (at < (hole.shape[1], hole.shape[0]))).all(axis=1)
            at = at.clip(0, (hole.shape[1] - 1, hole.shape[0] - 1))
            fits = inside & ~hole[at[:, 1], at[:, 0]]
            given = missing[fits]
            total[given] += share[given, None].astype(np.float32) * picture[at[fits, 1], at[fits, 0]]
            weights[given] += share[given].astype(np.float32)
            missing = missing[~fits]
    return total / np.maximum(weights, 1e-6)[:, None], weights > 0.3
