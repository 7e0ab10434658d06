"""The object that an artist's clicks mean: by edges and colours, and with a network's advice where there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from . import masks, segment
from .segment import Scene

# A correction's likely area is twice that of a disc reaching from the click to the mask's edge, and e-fold less likely
# when four times larger or smaller. Moving a whole island over counts as an edge of 2.5 times the mean strength.
CORRECTION_AREA, CORRECTION_SPREAD, ISLAND_EDGE = 2.0, 1.0, 2.5
TRUST = 0.5  # the power to which a part's agreement with a network's opinion counts
FLAT = 1.0  # edge strength below which a picture has no edges at all


@dataclass(frozen=True)
class Click:
    """In the scene's own pixels."""

    x: int
    y: int
    include: bool


@dataclass(frozen=True)
class Advice:
    """What a network says of one scene and one region in it.

    `chance`: for clicks and the mask before the last of them (bool), H×W float32: how likely each pixel is to be of the
    object; or None, no opinion · `known`: the masks that clicks, in this order, have led to, kept for the next ones.
    """

    chance: Callable[[Sequence[Click], np.ndarray], np.ndarray | None]
    known: dict[tuple[Click, ...], np.ndarray] = field(default_factory=dict)


def from_clicks(
    scene: Scene, clicks: Sequence[Click], region: np.ndarray | None = None, advice: Advice | None = None
) -> np.ndarray:
    """The object that the clicks point at, inside `region` (bool) where one is given. At least one click includes.

    The including click that comes first proposes an object; each further click that is on the wrong side corrects it,
    near the click only, so that adding clicks never makes the selection jump.
    """
    allowed = scene.shows if region is None else region & scene.shows
    first = next(click for click in clicks if click.include)
    ordered = (first, *(click for click in clicks if click is not first))
    known = {} if advice is None else advice.known
    mask = np.zeros(scene.shape, bool)
    for count in range(1, len(ordered) + 1):
        seen = ordered[:count]
        if seen in known:
            mask = known[seen]
            continue
        if count == 1:
            mask = _proposed(scene, first, allowed, region is None)
        elif mask[seen[-1].y, seen[-1].x] != seen[-1].include:
            chance = None if advice is None else advice.chance(seen, mask)
            mask = _correct(scene, mask, seen, allowed, chance)
        known[seen] = mask
    seen = ordered
    return keep_clicks(mask, click_discs(scene.shape, seen, True), click_discs(scene.shape, seen, False))


def click_discs(size: tuple[int, int], clicks: Sequence[Click], include: bool, radius_px: int = 4) -> np.ndarray:
    """Bool discs around the clicks of one kind, smaller where a click of the other kind is close."""
    drawn = np.zeros(size, np.uint8)
    for click in clicks:
        if click.include != include:
            continue
        gaps = [np.hypot(click.x - other.x, click.y - other.y) for other in clicks if other.include != include]
        radius = int(max(0, min([radius_px, *(gap / 2 - 0.5 for gap in gaps)])))
        cv2.circle(drawn, (click.x, click.y), radius, 1, -1)
    return drawn > 0


def salient_level(scene: Scene, distance: np.ndarray, domain: np.ndarray) -> np.ndarray:
    """The region {`distance` < t} inside `domain` (bool) whose outline lies on the strongest edges, over all t."""
    change = segment.edge_strength(scene)
    if change.max() < FLAT:
        return domain
    reachable = distance[domain]
    best, best_score = domain & (distance <= np.quantile(reachable, 0.02)), -1.0
    for share in np.geomspace(0.002, 1.0, 32):
        region = domain & (distance <= np.quantile(reachable, share))
        filled = masks.fill_holes(region, region.size)  # the edges of other things it flows around are not its own
        outline = filled ^ masks.erode(filled, 1)
        outline[[0, -1]] = outline[:, [0, -1]] = False
        if not outline.any():
            continue
        on_rim = float(np.mean(region[scene.rim]))
        score = float(change[outline].mean()) * region.mean() ** 0.12 * (1 - on_rim)
        if score > best_score:
            best, best_score = region, score
    return best


def _proposed(scene: Scene, first: Click, allowed: np.ndarray, is_open: bool) -> np.ndarray:
    """The object that one click means. `is_open`: it may end anywhere, since no region was given."""
    inside = click_discs(scene.shape, [first], True)
    near = segment.geodesic_distance(scene, inside)
    likely = salient_level(scene, near, allowed) if is_open else allowed
    return _settle(scene, likely, near, allowed, inside)


def _settle(scene: Scene, likely: np.ndarray, near: np.ndarray, allowed: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """GrabCut from a `likely` region (bool), whose parts nearest to the click are certain."""
    labels = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[~allowed] = cv2.GC_BGD
    labels[likely & (near <= np.quantile(near[likely], 0.3))] = cv2.GC_FGD
    labels[inside] = cv2.GC_FGD
    mask = segment.grab_cut(scene, labels)
    on_rim = [float(each[scene.rim].mean()) for each in (likely, mask)]
    if on_rim[1] > max(0.6, 2 * on_rim[0]):  # the colours did not part it from the ground; the edges did
        mask = likely
    return keep_clicks(mask, inside, np.zeros_like(inside))


def _correct(
    scene: Scene, mask: np.ndarray, clicks: Sequence[Click], allowed: np.ndarray, chance: np.ndarray | None = None
) -> np.ndarray:
    """`mask` with the last of `clicks` put on its right side, together with what belongs to it.

    `chance`: what a network thinks of each pixel (float32), knowing the clicks.
    """
    click = clicks[-1]
    at = click_discs(scene.shape, [click], click.include)
    others = click_discs(scene.shape, clicks, not click.include) & ~at
    domain = (allowed & ~mask if click.include else mask) | at
    labels, _ = masks.components(domain)
    domain = labels == labels[click.y, click.x]
    near, opposed = segment.geodesic_distance(scene, at), segment.geodesic_distance(scene, others)
    depth = min(float(masks.distance_to(~domain)[click.y, click.x]), max(scene.shape) / 2)
    likely = None if chance is None else chance if click.include else 1 - chance
    part = _parted(scene, near, domain, domain & (near < opposed), depth, likely) | at
    return mask | part if click.include else mask & ~part


def _parted(
    scene: Scene,
    near: np.ndarray,
    domain: np.ndarray,
    mine: np.ndarray,
    depth_px: float,
    likely: np.ndarray | None = None,
) -> np.ndarray:
    """The part of `domain` around the click that is best parted from the rest of it by edges.

    `depth_px`: how far the click is from the mask's edge. Who clicks close to the edge means a small correction ·
    `likely`: how likely each pixel is to be of that part, in the opinion of a network, which proposes a part as well.
    """
    change = segment.edge_strength(scene)
    typical = float(change.mean()) + 1e-3
    reachable = np.sort(near[mine])
    best, best_score = mine & (near <= reachable[int(0.05 * (reachable.size - 1))]), 0.0
    shares = np.geomspace(max(1e-3, 4 / reachable.size), 1.0, 32)
    parts = [mine & (near <= reachable[int(share * (reachable.size - 1))]) for share in shares]
    if likely is not None:
        parts.append(masks.touching(mine & (likely > 0.5), near <= reachable[0]))
    for part in parts:
        if not part.any():
            continue
        outline = part & masks.grow(domain & ~part, 1)
        strength = float(change[outline].mean()) if outline.any() else ISLAND_EDGE * typical
        unlikely = np.log(part.sum() / (CORRECTION_AREA * np.pi * depth_px**2)) / CORRECTION_SPREAD
        score = strength * np.exp(-0.5 * unlikely**2)
        if likely is not None:
            score *= _agreement(part, likely, domain) ** TRUST
        if score > best_score:
            best, best_score = part, score
    return best


def _agreement(part: np.ndarray, likely: np.ndarray, domain: np.ndarray) -> float:
    """From 0 to 1, how much of one is the other too: Dice's coefficient of `part` and what is `likely` in `domain`."""
    shared = float(likely[part].sum())
    return (2 * shared + 1) / (float(likely[domain].sum()) + float(part.sum()) + 1)


def keep_clicks(mask: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Only what hangs together with an including click, without holes, and true to every click."""
    mask = (mask | inside) & ~outside
    mask = masks.touching(mask, inside)
    mask = masks.fill_holes(mask, max(8, int(0.02 * mask.sum())), outside)
    return mask
