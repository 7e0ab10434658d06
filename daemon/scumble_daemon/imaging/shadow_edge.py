"""Read a shadow off its own edge: how much light is missing, where the edge lies, how soft it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from . import masks

PROFILES = 700  # at most so many lines are laid across the edge
LEAST_RATIO, MOST_RATIO = 0.12, 2.3  # natural logarithms of lit : shadowed light that are believed
MOST_REDDENING = 0.12  # by which the log ratio of blue may be above that of red
AGREES = 0.22  # profiles whose log ratios are this close tell of the same light
UNSURE, SURE = 0.25, 0.5  # agreement with which another ratio has to be better by far, or is not looked for
FLATTER = 0.95  # unevenness of the ground, of what it is with the ratio that was agreed on
LEVELS = np.geomspace(0.2, 2.2, 13)  # ratios that are tried
BLUER = 0.1  # by which a shadow is tinted, of its ratio, where its edge does not tell
EVERY = 3  # only this one of the profiles is looked at for that
UNEVEN = 0.03  # of log light along a profile: less is flat


@dataclass(frozen=True)
class Edge:
    """Samples along an outline: `points` N×2 (x, y) · `profiles` N×T×3 log light across it, from inside to outside ·
    `seen`: N×T, False beyond the picture · `steps`: T distances from the outline in pixels · `runs`: a slice a contour.
    """

    points: np.ndarray
    profiles: np.ndarray
    seen: np.ndarray
    steps: np.ndarray
    runs: tuple[slice, ...]


@dataclass(frozen=True)
class Fit:
    """`ratio`: log lit − log shadowed light, a channel each · `agreement`: share of the profiles that tell of it ·
    `offsets`, `widths`: N, where the middle of the soft edge lies from the outline, and its half width, in pixels."""

    ratio: np.ndarray
    agreement: float
    offsets: np.ndarray
    widths: np.ndarray


def lay_profiles(log_light: np.ndarray, mask: np.ndarray, shows: np.ndarray, reach_px: int) -> Edge | None:
    """Lines across the outline of `mask` (bool), None where it has no outline inside the picture."""
    distance = masks.signed_distance(mask)
    smooth = cv2.GaussianBlur(np.clip(distance, -1e4, 1e4), (0, 0), 2.0)
    across = np.dstack([cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)])
    across /= np.maximum(np.linalg.norm(across, axis=2, keepdims=True), 1e-6)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    height, width = mask.shape
    stride = max(1, sum(len(contour) for contour in contours) // PROFILES)
    kept, runs, start = [], [], 0
    for contour in contours:
        x, y = contour[::stride, 0].T
        inner = (x > 1) & (y > 1) & (x < width - 2) & (y < height - 2)
        if len(contour) < 12 or inner.sum() < 4:
            continue
        kept.append(np.stack([x[inner], y[inner]], axis=1))
        runs.append(slice(start, start + int(inner.sum())))
        start = runs[-1].stop
    if not kept:
        return None
    points = np.concatenate(kept)
    steps = np.arange(-reach_px, reach_px + 1, dtype=np.float32)
    normals = across[points[:, 1], points[:, 0]]
    where = points[:, None, :].astype(np.float32) + steps[None, :, None] * normals[:, None, :]
    maps = np.ascontiguousarray(where[..., 0]), np.ascontiguousarray(where[..., 1])
    profiles = cv2.remap(log_light, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.remap(shows.astype(np.float32), *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > 0.9
    # A line that runs into another part of the outline stops telling about its own
    met = cv2.remap(np.clip(distance, -1e4, 1e4), *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen &= np.abs(met - steps) < 2 + 0.35 * np.abs(steps)
    return Edge(points, profiles, seen, steps, tuple(runs))


def fit(edge: Edge, rounds: int = 3) -> Fit:
    """Ratio, place and softness of the edge, found in turn."""
    reach = float(edge.steps[-1])
    offsets, widths = np.zeros(len(edge.points)), np.full(len(edge.points), max(1.5, 0.12 * reach))
    ratio, agreement = _ratio(edge, offsets, widths)
    for _ in range(rounds):
        offsets, widths = _place(edge, ratio)
        ratio, agreement = _ratio(edge, offsets, widths)
    return Fit(ratio, agreement, offsets, widths)


def flattened(edge: Edge, fitted: Fit) -> tuple[Fit, bool]:
    """The fit with the ratio that leaves the ground flattest across the edge, where that is clearly another; and
    whether it is.

    Where the ground changes along the edge, few profiles agree on a ratio of their two sides; but the shadow's step is
    in all of them, at a place that changes slowly, and the ground's own steps are not.
    """
    if fitted.agreement > SURE:
        return fitted, False
    few = _thinned(edge)
    costs = [_unevenness(few, level * np.array([1 + BLUER / 2, 1, 1 - BLUER / 2], np.float32)) for level in LEVELS]
    best = int(np.argmin(costs))
    if costs[best] > np.log(FLATTER):  # no step at all
        return fitted, False
    if fitted.agreement >= UNSURE and costs[best] > np.log(FLATTER) + _unevenness(few, fitted.ratio):
        return fitted, False
    level = float(LEVELS[best])
    if 0 < best < len(LEVELS) - 1:  # between two that were tried, by a parabola through three
        before, here, after = costs[best - 1 : best + 2]
        level *= float((LEVELS[1] / LEVELS[0]) ** (0.5 * (before - after) / max(before - 2 * here + after, 1e-9)))
    ratio = (level * np.array([1 + BLUER / 2, 1, 1 - BLUER / 2])).astype(np.float32)
    return placed(edge, replace(fitted, ratio=ratio)), True


def placed(edge: Edge, fitted: Fit) -> Fit:
    """A fit of the same ratio to another edge."""
    offsets, widths = _place(edge, fitted.ratio)
    return replace(fitted, offsets=offsets, widths=widths)


def _thinned(edge: Edge) -> Edge:
    runs, start = [], 0
    chosen = np.concatenate([np.arange(run.start, run.stop, EVERY) for run in edge.runs])
    for run in edge.runs:
        count = len(range(run.start, run.stop, EVERY))
        runs.append(slice(start, start + count))
        start += count
    return Edge(edge.points[chosen], edge.profiles[chosen], edge.seen[chosen], edge.steps, tuple(runs))


def _unevenness(edge: Edge, ratio: np.ndarray) -> float:
    """How much less even the profiles are with that much light given back, as a logarithm: below 0 more even."""
    reach = float(edge.steps[-1])
    places = [(offset, width) for offset in np.linspace(-0.6, 0.6, 13) * reach for width in (1.0, 3.0, 0.25 * reach)]
    costs = np.zeros((len(edge.points), len(places)), np.float32)
    for index, (offset, width) in enumerate(places):
        near = edge.seen & (np.abs(edge.steps - offset) < max(6.0, 0.45 * reach) + width)
        step = shade(edge.steps - offset, width)[None, :, None] * ratio
        given, back = (_deviation(each, near) for each in (edge.profiles, edge.profiles + step))
        costs[:, index] = np.log((back + UNEVEN) / (given + UNEVEN)) * (near.sum(axis=1) >= 6)
    for run in edge.runs:
        costs[run] = _along(costs[run], max(1.0, min(12.0, 0.06 * (run.stop - run.start))))
    return float(costs.min(axis=1).mean())


def _deviation(profiles: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Mean distance of each profile to its mean, where it is `near`."""
    weight = near[..., None].astype(np.float32)
    count = np.maximum(weight.sum(axis=1), 1)
    level = (profiles * weight).sum(axis=1) / count
    off = np.minimum(np.abs(profiles - level[:, None]), 1.0)
    return ((off * weight).sum(axis=1) / count).mean(axis=1)


def _ratio(edge: Edge, offsets: np.ndarray, widths: np.ndarray) -> tuple[np.ndarray, float]:
    """The log ratio on which most profiles agree: each compares a short stretch of ground on both sides of the edge."""
    away = edge.steps[None] - offsets[:, None]
    gap = 1.6 * widths[:, None] + 0.5
    stretch = np.maximum(3.0, 0.3 * edge.steps[-1])
    inner = edge.seen & (away < -gap) & (away > -gap - stretch)
    outer = edge.seen & (away > gap) & (away < gap + stretch)
    usable = (inner.sum(axis=1) >= 2) & (outer.sum(axis=1) >= 2)
    if usable.sum() < 4:
        return np.full(3, LEAST_RATIO, np.float32), 0.0
    profiles = edge.profiles[usable]
    lit = _masked_median(profiles, outer[usable])
    dark = _masked_median(profiles, inner[usable])
    ratios = lit - dark
    level = ratios.mean(axis=1)
    # What lights a shadow is the sky or the room: about the sun's colour, or bluer, hardly ever much redder
    tinted = (np.ptp(ratios, axis=1) < 0.1 + 0.3 * level) & (ratios[:, 2] - ratios[:, 0] < MOST_REDDENING)
    plausible = (level > LEAST_RATIO) & (level < MOST_RATIO) & tinted
    if plausible.sum() < 4:
        return np.full(3, LEAST_RATIO, np.float32), 0.0
    believed = ratios[plausible]
    spread = np.linalg.norm(believed[:, None] - believed[None], axis=2) / np.sqrt(3)
    support = np.exp(-0.5 * (spread / AGREES) ** 2).sum(axis=1)
    centre = believed[support.argmax()]
    for _ in range(8):
        weight = np.exp(-0.5 * ((believed - centre) ** 2).mean(axis=1) / AGREES**2)
        centre = (weight[:, None] * believed).sum(axis=0) / weight.sum()
    near = np.sqrt(((believed - centre) ** 2).mean(axis=1)) < 1.5 * AGREES
    agreement = float(near.sum() / len(ratios))
    return np.clip(centre, 0, MOST_RATIO).astype(np.float32), agreement


def _masked_median(profiles: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return np.nanmedian(np.where(chosen[..., None], profiles, np.nan), axis=1)


def _place(edge: Edge, ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset and half width of every profile, each contour's neighbours agreeing with each other."""
    reach = float(edge.steps[-1])
    size = max(float(ratio @ ratio), 1e-4)
    light = (edge.profiles @ (ratio / size)).astype(np.float32)  # in units in which the shadow's step is 1
    candidates = [
        (offset, width)
        for offset in np.linspace(-0.55, 0.55, 23) * reach
        for width in np.geomspace(0.6, max(0.8, 0.45 * reach), 8)
    ]
    weight = edge.seen.astype(np.float32)
    counted = np.maximum(weight.sum(axis=1, keepdims=True), 1)
    costs = np.empty((len(edge.points), len(candidates)), np.float32)
    for index, (offset, width) in enumerate(candidates):
        flat = light + shade(edge.steps - offset, width)  # flat where the modelled step is right
        level = (flat * weight).sum(axis=1, keepdims=True) / counted
        error = np.minimum(np.abs(flat - level), 1.0) * weight
        costs[:, index] = error.sum(axis=1) / counted[:, 0] + 0.02 * abs(offset) / reach
    for run in edge.runs:
        count = run.stop - run.start
        costs[run] = _along(costs[run], max(1.0, min(12.0, 0.06 * count)))
    best = costs.argmin(axis=1)
    offsets, widths = np.array(candidates)[best].T
    for run in edge.runs:
        around = max(1.0, min(8.0, 0.04 * (run.stop - run.start)))
        offsets[run] = _along(offsets[run][:, None], around)[:, 0]
        widths[run] = np.exp(_along(np.log(widths[run])[:, None], around)[:, 0])
    return offsets, widths


def shade(away_px: np.ndarray, width_px: np.ndarray | float) -> np.ndarray:
    """How much of the shadow there is at a distance from the middle of its edge: 1 well inside, 0 well outside."""
    return 0.5 - 0.5 * np.tanh(1.2 * away_px / width_px)


def draw(
    mask: np.ndarray, edge: Edge, fitted: Fit, softness: float, shape: tuple[int, ...], scale: float
) -> np.ndarray:
    """The fitted edge at full size (`shape`, `scale` times the mask's): H×W, 1 in the shadow, 0 in the light."""
    holes = np.ones(mask.shape, np.uint8)
    holes[edge.points[:, 1], edge.points[:, 0]] = 0
    _, found = cv2.distanceTransformWithLabels(holes, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    labels = np.asarray(found, np.int64)
    profile_of = np.zeros(int(labels.max()) + 1, np.int64)
    profile_of[labels[edge.points[:, 1], edge.points[:, 0]]] = np.arange(len(edge.points))
    nearest = profile_of[labels]
    offsets, widths = (
        cv2.GaussianBlur(each[nearest].astype(np.float32), (0, 0), 4) for each in (fitted.offsets, fitted.widths)
    )
    distance = cv2.GaussianBlur(np.clip(masks.signed_distance(mask), -1e4, 1e4), (0, 0), 1.2)
    size = (shape[0], shape[1])
    away = masks.resize(distance - offsets, size) * scale
    return shade(away, masks.resize(widths, size) * scale * max(softness, 0.05)).astype(np.float32)


def gain(ratio: np.ndarray, shadow: np.ndarray) -> np.ndarray:
    """Log gain H×W×3 where `shadow` H×W takes light away: (1 + k) / (1 + k·(1 − shadow)), k = lit : shadowed − 1."""
    extra = np.exp(ratio) - 1
    lift = np.log1p(extra) - np.log1p(extra * (1 - shadow[..., None]))
    return np.where(shadow[..., None] < 0.004, 0, lift).astype(np.float32)


def share(ratio: np.ndarray, shadow: np.ndarray) -> np.ndarray:
    """How much of the whole log gain a `shadow` H×W stands for, H×W."""
    whole = float(np.mean(ratio))
    extra = np.expm1(whole)
    return shadow if whole < 1e-3 else (whole - np.log1p(extra * (1 - shadow))) / whole


def shadow(ratio: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The inverse of `share`."""
    whole = float(np.mean(ratio))
    if whole < 1e-3:
        return share
    return np.clip(1 - np.expm1(whole * (1 - share)) / np.expm1(whole), 0, 1).astype(np.float32)


def softened(shadow: np.ndarray, width_px: float, softness: float) -> np.ndarray:
    """Its edge softer than it was found, or below 1 crisper."""
    if softness >= 1:
        return masks.feather(shadow, (softness - 1) * width_px)
    return masks.levels(shadow, 0.5 * (1 - softness), 0.5 * (1 + softness))


def _along(values: np.ndarray, sigma: float) -> np.ndarray:
    """Rows blurred along a closed contour."""
    pad = min(len(values), int(3 * sigma) + 1)
    closed = np.concatenate([values[-pad:], values, values[:pad]]).astype(np.float32)
    return cv2.GaussianBlur(closed, (1, 2 * pad + 1), sigmaX=0.01, sigmaY=sigma)[pad : pad + len(values)]
