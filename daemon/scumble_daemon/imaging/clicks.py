"""The object that an artist's clicks mean: by edges and colours, and with a network's advice where there is one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from . import judging, masks, outline, parts, segment
from .judging import Judge
from .segment import Scene, View

OBJECT_PX = 384  # the longest side of the copy in which an object is parted from its ground by colour
AROUND = 0.35  # of an object's size, what is looked at around it
PART_PX = 192  # the longest side of the copy in which is looked for what a click means
CLOSER = 0.6  # of the view's longer side: an object that needs no more is parted again, from close by
GROUND = 0.5  # of the picture's rim: what has more of it is no object
MIDDLE = 0.5  # the click is about there where it is so far inside, of how far one can be
NEARNESSES = (0, 2, 3, 4)  # from how close by the first click looks: all of the picture, then half, quarter, eighth
CREVICE = 0.03  # of half an object's thickness: what cuts into it and is no wider than twice that is filled
BESIDE_PX = 8  # of what changed: further off, a click within a region fills no holes and no crevices
FINE = 0.012  # of an object's size: a mistake of so small a depth is more than the network can see
SEEN = 0.5  # how likely, in a network's opinion, what a region means has to be for that opinion to count
REACH, LEAST_REACH_PX = 10, 48  # how far around a click, in distances from it to the mask's edge, but not less


@dataclass(frozen=True)
class Click:
    """In the view's own pixels."""

    x: int
    y: int
    include: bool


@dataclass(frozen=True)
class Advice:
    """What a network says of one view and one region in it.

    `chance`: for a part of the view, clicks and the mask before the last of them (bool) in it, H×W float32: how likely
    each pixel is to be of the object; or None, no opinion · `known`: the masks, as bits, that clicks, in this order,
    have led to, kept for the next ones.
    """

    chance: Callable[[View, Sequence[Click], np.ndarray], np.ndarray | None]
    known: dict[tuple[Click, ...], np.ndarray] = field(default_factory=dict)


def from_clicks(
    view: View,
    clicks: Sequence[Click],
    region: np.ndarray | None = None,
    advice: Advice | None = None,
    judge: Judge = judging.likeliest,
) -> np.ndarray:
    """The object that clicks, `region` (bool), or both mean. One of the two has to be given; without a region, at least
    one click includes.

    The region proposes an object; but the including click that comes first does where there is no region, or where it
    says which of the things in the region is meant. Each further click that is on the wrong side corrects it, near the
    click only, so that adding clicks never makes the selection jump.
    """
    allowed = view.shows if region is None else region & view.shows
    known = {} if advice is None else advice.known
    meant = np.zeros(view.shape, bool) if region is None else _of_region(view, region, known)
    if region is None or (clicks and clicks[0].include and meant[clicks[0].y, clicks[0].x]):
        first = next(click for click in clicks if click.include)
        ordered, begun = (first, *(click for click in clicks if click is not first)), 1
        mask = held = np.zeros_like(meant)
    else:
        first, ordered = None, tuple(clicks)
        begun = len(list(itertools.takewhile(lambda click: not click.include, ordered)))
        mask = held = meant
    for count in range(begun, len(ordered) + 1):
        seen = ordered[:count]
        if seen in known:
            if count == len(ordered) or ordered[: count + 1] not in known:
                mask = _unpacked(known[seen], view.shape)
            continue
        if count > begun:
            if mask[seen[-1].y, seen[-1].x] != seen[-1].include:
                mask = _corrected(view, mask, seen, allowed, held, advice, judge)
        elif first is not None:
            mask = _proposed(view, first, allowed, region is None)
        else:
            mask = _without(view, allowed, held, seen)
        known[seen] = np.packbits(mask)
    return mask


def click_discs(size: tuple[int, int], clicks: Sequence[Click], include: bool, radius_px: float = 4) -> np.ndarray:
    """Bool discs around the clicks of one kind, smaller where a click of the other kind is close."""
    drawn = np.zeros(size, np.uint8)
    for click in clicks:
        if click.include != include:
            continue
        gaps = [np.hypot(click.x - other.x, click.y - other.y) for other in clicks if other.include != include]
        radius = int(max(0, min([radius_px, *(gap / 2 - 0.5 for gap in gaps)])))
        cv2.circle(drawn, (click.x, click.y), radius, 1, -1)
    return drawn > 0


# --- a region -----------------------------------------------------------------------------------------------------


def _of_region(view: View, region: np.ndarray, known: dict[tuple[Click, ...], np.ndarray]) -> np.ndarray:
    """The object that is meant by a region alone."""
    if () not in known:
        scene = view.scene(segment.WORK_PX)
        found = segment.within(scene, _reduced(region, scene.shape))
        known[()] = np.packbits(_enlarged(found, view) & region & view.shows)
    return _unpacked(known[()], view.shape)


def _without(view: View, region: np.ndarray, mask: np.ndarray, clicks: Sequence[Click]) -> np.ndarray:
    """`mask`, the object of a region, less the things that are clicked on."""
    if not clicks:
        return mask
    scene = view.scene(segment.WORK_PX)
    discs = [click_discs(scene.shape, [click], False) for click in _scaled(clicks, view.shape, scene.shape)]
    found = segment.without(scene, _reduced(region, scene.shape), _reduced(mask, scene.shape), discs)
    return _enlarged(found, view) & mask & ~click_discs(view.shape, clicks, False, 0)


# --- the first click ----------------------------------------------------------------------------------------------


def _proposed(view: View, first: Click, allowed: np.ndarray, is_open: bool) -> np.ndarray:
    """The object that one click means. `is_open`: it may end anywhere, since no region was given.

    What stands out in all of the picture, if the click is about in its middle; else what does from closer by.
    """
    everything = slice(0, view.shape[0]), slice(0, view.shape[1])
    if not is_open:
        return _object(view, first, allowed, allowed, everything)
    scene = view.scene(OBJECT_PX)
    at = click_discs(scene.shape, _scaled([first], view.shape, scene.shape), True)
    region = parts.salient_level(scene, _reduced(allowed, scene.shape) & scene.shows | at, at)
    is_ground = float(np.mean(region[scene.rim])) > GROUND
    if not is_ground and judging.centrality(masks.fill_holes(region, region.size), at) >= MIDDLE:
        found = _object(view, first, allowed, _enlarged(region, view), everything)
    else:
        found = _from_closer_by(view, first, allowed)
    around = _around(found, AROUND)
    if max(part.stop - part.start for part in around) <= CLOSER * max(view.shape):
        found = _object(view, first, allowed, found, around)
    return found


def _object(
    view: View, first: Click, allowed: np.ndarray, likely: np.ndarray, window: tuple[slice, slice]
) -> np.ndarray:
    """What in `window` has the colours of the `likely` region (bool) rather than those around it."""
    seen = view.part(*window)
    scene = seen.scene(OBJECT_PX)
    inside = click_discs(scene.shape, _scaled(_moved([first], window), seen.shape, scene.shape), True)
    may = _reduced(allowed[window], scene.shape) & scene.shows
    found = _settle(scene, _reduced(likely[window], scene.shape) | inside, may, inside)
    mask = click_discs(view.shape, [first], True, 1)
    mask[window] |= _enlarged(_tidy(found, inside, np.zeros_like(inside), may), seen) & allowed[window]
    return mask


def _from_closer_by(view: View, first: Click, allowed: np.ndarray) -> np.ndarray:
    """What stands out most around the click, of what is seen from several distances."""
    best, best_score = click_discs(view.shape, [first], True), -1.0
    for nearness in NEARNESSES:
        window = _window(view.shape, first, max(LEAST_REACH_PX, round(max(view.shape) / 2**nearness)))
        seen = view.part(*window)
        scene = seen.scene(PART_PX)
        at = click_discs(scene.shape, _scaled(_moved([first], window), seen.shape, scene.shape), True, 2)
        part, score = parts.thing_at(scene, _reduced(allowed[window], scene.shape) | at, at)
        score *= (max(seen.shape) / max(view.shape)) ** (2 * parts.FIRST_LARGER)
        if score > best_score:
            best, best_score = np.zeros(view.shape, bool), score
            best[window] = _enlarged(part, seen)
        if seen.shape == scene.shape:
            break
    return best & allowed | click_discs(view.shape, [first], True, 1)


def _settle(scene: Scene, likely: np.ndarray, allowed: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """GrabCut from a `likely` region (bool), whose parts nearest to the click are certain."""
    near = segment.geodesic_distance(scene, inside)
    labels = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[~allowed] = cv2.GC_BGD
    labels[likely & (near <= np.quantile(near[likely], 0.3))] = cv2.GC_FGD
    labels[inside] = cv2.GC_FGD
    mask = segment.grab_cut(scene, labels)
    on_rim = [float(each[scene.rim].mean()) for each in (likely, mask)]
    if on_rim[1] > max(0.6, 2 * on_rim[0]):  # the colours did not part it from the ground; the edges did
        mask = likely
    return mask


# --- each further click -------------------------------------------------------------------------------------------


def _corrected(
    view: View,
    mask: np.ndarray,
    clicks: Sequence[Click],
    allowed: np.ndarray,
    held: np.ndarray,
    advice: Advice | None,
    judge: Judge,
) -> np.ndarray:
    """`mask` with the last of `clicks` put on its right side, together with what belongs to it.

    `held`: bool, what needs no click to stay, as long as none excludes it: a click takes the lesser part of that. Who
    clicks close to the mask's edge means something small: it is looked at from as close by.
    """
    click = clicks[-1]
    depth = min(_depth(mask if not click.include else ~mask, click), max(view.shape) / 2)
    reach = max(LEAST_REACH_PX, round(REACH * depth))
    window = _window(view.shape, click, reach)
    seen = view.part(*window)
    scene = seen.scene(PART_PX)
    before, may = _reduced(mask[window], scene.shape), _reduced(allowed[window], scene.shape)
    scale = max(scene.shape) / max(seen.shape)
    disc = max(0.0, min(4.0, depth * scale / 2))
    small = _scaled(_moved(clicks, window), seen.shape, scene.shape)
    at = click_discs(scene.shape, small[-1:], click.include, disc)
    others = click_discs(scene.shape, small[:-1], not click.include, disc) & ~at
    chance = None if advice is None else _advised(view, mask, clicks, depth, window, scene.shape, held, advice)
    likely = None if chance is None else chance if click.include else 1 - chance
    domain = (may & ~before if click.include else before) | at
    stays = None if click.include else _shares(mask & held, window, scene.shape)
    proposals = parts.around_click(scene, domain, at, others, before == click.include, likely, stays)
    part = _enlarged(proposals.parts[judge(window, proposals)], seen)
    changed = mask.copy()
    if click.include:
        changed[window] |= part & allowed[window]
    else:
        changed[window] &= ~part
    inside, outside = (_kept(mask == include, clicks, include, min(4.0, depth / 2)) for include in (True, False))
    if not click.include:
        changed &= ~_specks(changed, mask & ~changed, inside)
    inside |= changed & held
    if not click.include:
        around = _around(mask & (~changed | outside), 0.5)
        changed[around] &= ~parts.hung(view.part(*around), mask[around], changed[around], inside[around])
    if held.any():
        still = ~masks.grow(mask ^ (changed | inside), BESIDE_PX)
        outside |= still & ~mask  # there its holes are where ground is seen
    return _tidy(changed, inside, outside, allowed)


def _shares(those: np.ndarray, window: tuple[slice, slice], size: tuple[int, int]) -> np.ndarray | None:
    """Of all of `those` (bool) the share that each pixel of a window has, at `size`; None where there are none."""
    total = np.count_nonzero(those)
    if not total:
        return None
    share = masks.resize(those[window].astype(np.float32), size)
    return share * (those[window].size / share.size / total)


def _specks(left: np.ndarray, taken: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """What is `left` (bool) beside what was `taken` in pieces too small to be things, with nothing `inside` in them."""
    labels, areas = masks.components(left)
    small = areas < parts.HUNG_PX
    small[labels[inside]] = small[0] = False
    return masks.touching(small[labels], masks.grow(taken, 2))


def _kept(side: np.ndarray, clicks: Sequence[Click], include: bool, radius_px: float) -> np.ndarray:
    """What is certain by clicks of one kind: around the last one all, around those before only what was on their `side`
    (bool) already, since they may lie close to an outline that is right."""
    discs, pixels = (click_discs(side.shape, clicks, include, radius) for radius in (radius_px, 0))
    return discs & (side | click_discs(side.shape, clicks[-1:], include, radius_px)) | pixels


def _advised(
    view: View,
    mask: np.ndarray,
    clicks: Sequence[Click],
    depth: float,
    window: tuple[slice, slice],
    size: tuple[int, int],
    held: np.ndarray,
    advice: Advice,
) -> np.ndarray | None:
    """What the network, which sees the object so far and the clicks from close by, thinks of a window, at `size`.

    Nothing, where it takes most of what is `held` (bool) for ground: a region says nothing to it, and few clicks may
    not tell it what is meant.
    """
    marked = mask.copy()
    marked[[click.y for click in clicks], [click.x for click in clicks]] = True
    around = _around(marked, AROUND)
    if depth < FINE * max(part.stop - part.start for part in around):
        return None
    found = advice.chance(view.part(*around), _moved(clicks, around), mask[around])
    sure = held & mask
    if found is None or (sure.any() and masks.resize(found, sure[around].shape)[sure[around]].mean() < SEEN):
        return None
    whole = np.full(view.shape, 0.0, np.float32)
    whole[around] = masks.resize(found, mask[around].shape)
    return masks.resize(whole[window], size)


def _tidy(mask: np.ndarray, inside: np.ndarray, outside: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Only what hangs together with an including click, without holes, and true to every click."""
    tidied, around = np.zeros_like(mask), _around(mask | inside, CREVICE)
    tidied[around] = _without_flaws(*(each[around] for each in (mask, inside, outside, allowed)))
    return tidied


def _without_flaws(mask: np.ndarray, inside: np.ndarray, outside: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """The same of all there is."""
    crevice_px = int(CREVICE * float(masks.distance_to(~mask).max())) if mask.any() and not mask.all() else 0
    if crevice_px:
        closed = masks.distance_to(masks.distance_to(mask) > crevice_px) > crevice_px
        mask = mask | (closed & ~masks.touching(closed & ~mask, outside)) & allowed
    mask = (mask | inside) & ~outside
    mask = masks.touching(mask, inside)
    return masks.fill_holes(mask, max(8, int(0.02 * mask.sum())), outside)


# --- between sizes ------------------------------------------------------------------------------------------------


def _depth(domain: np.ndarray, click: Click) -> float:
    """How far the click is from where `domain` (bool) ends."""
    return float(cv2.distanceTransform(domain.astype(np.uint8), cv2.DIST_L2, 5)[click.y, click.x])


def _window(size: tuple[int, int], click: Click, reach: int) -> tuple[slice, slice]:
    """Rows and columns around the click."""
    return (
        slice(max(0, click.y - reach), min(size[0], click.y + reach + 1)),
        slice(max(0, click.x - reach), min(size[1], click.x + reach + 1)),
    )


def _around(mask: np.ndarray, margin: float) -> tuple[slice, slice]:
    """Rows and columns of what there is of `mask`, with a margin of so much of its longer side."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    room = 8 + round(margin * max(rows[-1] - rows[0], columns[-1] - columns[0]))
    return (
        slice(max(0, int(rows[0]) - room), min(mask.shape[0], int(rows[-1]) + 1 + room)),
        slice(max(0, int(columns[0]) - room), min(mask.shape[1], int(columns[-1]) + 1 + room)),
    )


def _moved(clicks: Sequence[Click], window: tuple[slice, slice]) -> list[Click]:
    """Those in the window, in its own pixels."""
    rows, columns = window
    return [
        Click(click.x - columns.start, click.y - rows.start, click.include)
        for click in clicks
        if rows.start <= click.y < rows.stop and columns.start <= click.x < columns.stop
    ]


def _scaled(clicks: Sequence[Click], size: tuple[int, int], smaller: tuple[int, int]) -> list[Click]:
    down, across = smaller[0] / size[0], smaller[1] / size[1]
    return [Click(int((each.x + 0.5) * across), int((each.y + 0.5) * down), each.include) for each in clicks]


def _reduced(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return masks.resize(mask, size) >= 0.5


def _unpacked(bits: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.unpackbits(bits, count=size[0] * size[1]).reshape(size) > 0


def _enlarged(mask: np.ndarray, view: View) -> np.ndarray:
    """A mask of something smaller than the view at its size, along its edges."""
    if mask.shape == view.shape:
        return mask
    drawn = outline.draw(mask, view.shape, lambda rows, columns: view.rgb[rows, columns] / np.float32(255))
    return drawn.whole(view.shape) > 0.5
