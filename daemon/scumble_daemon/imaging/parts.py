"""What hangs together in a scene around a click: proposals by edges and by colour, and which of them is a thing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from . import blocks, judging, masks, segment
from .judging import ISLAND_EDGE, Proposals, Seen
from .segment import Scene, View

COLOURED = (0.4, 0.5, 0.65)  # how much likelier
BIN = 5  # ΔE, of a histogram's step
FLAT = 1.0  # edge strength below which a picture has no edges at all
LEVELS = 20  # proposals of each kind
FIRST_CENTRAL = 0.5  # the power to which counts how near a first click is to the middle: corners are clicked too
FIRST_LARGER = 0.2  # likewise, of a first click's part the share of what it could be
THREADS_PX = 1, 2, 3  # half as wide as they may be
BROADER = 2  # times as broad as the thread is what joined a piece to what was taken
HUNG_PX, HUNG = 50, 0.5  # pixels, and of what was taken: smaller pieces are specks, and larger ones are things
SEAM = 0.5  # of the edge along a piece's outline: what is parted by a stronger one was never one thing


def salient_level(scene: Scene, domain: np.ndarray, at: np.ndarray) -> np.ndarray:
    """What in `domain` (bool) is within some distance of `at`, by that whose outline lies on the strongest edges."""
    change = segment.edge_strength(scene)
    if change.max() < FLAT:
        return domain
    distance = segment.geodesic_distance(scene, at)
    reachable = distance[domain]
    best, best_score = domain & (distance <= np.quantile(reachable, 0.02)), -1.0
    for share in np.geomspace(0.002, 1.0, 32):
        region = domain & (distance <= np.quantile(reachable, share))
        filled = masks.fill_holes(region, region.size)  # the edges of other things it flows around are not its own
        rim = filled ^ masks.erode(filled, 1)
        rim[[0, -1]] = rim[:, [0, -1]] = False
        if not rim.any():
            continue
        on_rim = float(np.mean(region[scene.rim]))
        score = float(change[rim].mean()) * region.mean() ** 0.12 * (1 - on_rim)
        if score > best_score:
            best, best_score = region, score
    return best


def thing_at(scene: Scene, domain: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, float]:
    """The part of `domain` (bool) around a first click (`at`, bool) that stands out most, and how much.

    What it encloses is its own. A part that reaches the scene's rim is seen only in part, or is ground.
    """
    domain = masks.touching(domain, at)
    change = segment.edge_strength(scene)
    if change.max() < FLAT:
        return domain, 0.0
    best, best_score = at, 0.0
    for region in _proposals(scene, domain, at, np.zeros_like(at), None):
        part = masks.fill_holes(region, region.size)
        on_rim = float(np.mean(part[scene.rim]))
        score = _edges(part, domain, change) * judging.centrality(part, at) ** FIRST_CENTRAL * (1 - on_rim)
        score *= (part.sum() / part.size) ** FIRST_LARGER
        if score > best_score:
            best, best_score = region, score
    return best | at, best_score


def around_click(
    scene: Scene,
    domain: np.ndarray,
    at: np.ndarray,
    others: np.ndarray,
    beyond: np.ndarray,
    likely: np.ndarray | None = None,
    stays: np.ndarray | None = None,
) -> Proposals:
    """Parts of `domain` (bool) around a click (`at`, bool), each of which may be what it means.

    `others`: bool, clicks of the other kind · `beyond`: bool, what is on the click's side already · `likely`: how
    likely each pixel is to be of that part, in the opinion of a network, which proposes a part as well · `stays`: of
    all that should rather stay as it is, the share that each pixel has.
    """
    halo = masks.grow(beyond, 1) & domain  # the mixed colours along an outline lead all around it
    inner = domain & ~halo
    domain = masks.touching(inner if (inner & at).any() else domain, at)
    alike = _alike(scene, beyond & scene.shows | at, domain & ~at)
    proposed = _proposals(scene, domain, at, others, likely, alike)
    found = {np.packbits(part).tobytes(): part for part in proposed}.values()
    seen = Seen.of(scene, domain, at, beyond, alike, likely)
    return Proposals(
        tuple(part | at | (halo & masks.grow(part, 2)) for part in found),
        np.array([seen.features(part) for part in found], np.float32),
        np.array([1 if stays is None else 1 - min(float(stays[part].sum()), 0.999) for part in found], np.float32),
    )


def hung(view: View, before: np.ndarray, after: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """What goes with that which was taken from `before` (bool), as a crank goes with a box: it was joined to that
    broadly, with no edge between them, and hangs on the rest of `after` by a thread only; and such a thread itself.

    `inside`: bool, what stays, as does what reaches the view's rim and may go on beyond.
    """
    found, taken = np.zeros_like(after), before & ~after
    most, inside = HUNG * np.count_nonzero(taken), inside.copy()
    inside[[0, -1]] = inside[:, [0, -1]] = True
    beside = masks.grow(taken, 1)
    for thread in THREADS_PX:
        cores, sizes = masks.components(masks.erode(after, thread))
        small = sizes <= most
        small[cores[inside]] = small[0] = False
        pieces = masks.touching(small[cores], masks.touching(masks.erode(before, BROADER * thread), taken))
        loose, areas = masks.components(after & ~masks.grow((cores > 0) & ~pieces, thread + 1))
        for label in np.unique(loose[(pieces | beside) & (loose > 0)]):
            piece = loose == label
            if HUNG_PX <= areas[label] <= most and not (piece & inside).any() and _is_seamless(view, piece, taken):
                found |= piece
    return found


def _is_seamless(view: View, piece: np.ndarray, taken: np.ndarray) -> bool:
    """Whether the edges between both (bool) are weak beside those along the rest of the piece's outline."""
    left, top, width, height = cv2.boundingRect(piece.astype(np.uint8))
    near = blocks.wider((slice(top, top + height), slice(left, left + width)), 8, piece.shape)
    piece, taken = piece[near], taken[near]
    change = segment.edge_strength(view.part(*near).scene(max(piece.shape)))
    outline = masks.grow(piece, 1) & ~masks.erode(piece, 1)
    joint, rest = outline & masks.grow(taken, 1), outline & ~masks.grow(taken, 4)
    return bool(joint.any() and rest.any() and np.median(change[joint]) < SEAM * np.median(change[rest]))


def _proposals(
    scene: Scene,
    domain: np.ndarray,
    at: np.ndarray,
    others: np.ndarray,
    likely: np.ndarray | None,
    alike: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    steps, unlike = segment.local_change(scene), _unlike(scene, at)
    with ThreadPoolExecutor(3) as pool:
        searches = ((at, steps), (at, unlike), (others, steps))
        near, akin, opposed = pool.map(lambda each: segment.path_length(scene, *each), searches)
    mine = domain & (near < opposed) | at
    for distance in (near, akin):
        for limit in _levels(np.sort(distance[mine]), is_snapped=alike is None):
            yield mine & (distance <= limit)
    if alike is not None:
        for least in COLOURED:
            yield masks.touching(mine & (alike > least) | at, at)
    if likely is not None:
        yield masks.touching(mine & ((likely > 0.5) | at), at)


def _levels(distances: np.ndarray, is_snapped: bool) -> Iterator[float]:
    """At most LEVELS of the sorted `distances`, evenly over the sizes of what lies within them.

    `is_snapped`: of each share the one after which they leap most, where a plain thing ends; in what is textured that
    may be a speck, and a correction does better without.
    """
    least = max(1e-3, min(1.0, 4 / distances.size))
    ends = np.unique((np.geomspace(least, 1.0, LEVELS) * (distances.size - 1)).astype(int))
    leaps = np.diff(np.log(distances + 1e-6), append=np.inf) if is_snapped else None
    for start, end in zip(ends, [*ends[1:], distances.size], strict=True):
        yield float(distances[start if leaps is None else start + int(np.argmax(leaps[start:end]))])


def _alike(scene: Scene, these: np.ndarray, those: np.ndarray) -> np.ndarray:
    """From 0 to 1: how much more likely a pixel's colour is among `these` (bool) than among `those`."""
    count = 128 // BIN + 1
    steps = (np.clip(scene.lab + np.array([0, 64, 64], np.float32), 0, 127) / BIN).astype(np.int32)
    place = (steps[..., 0] * count + steps[..., 1]) * count + steps[..., 2]
    shares = []
    for chosen in (these, those):
        table = np.bincount(place[chosen], minlength=count**3).reshape(count, count, count).astype(np.float32)
        for axis in range(3):
            table = table + 0.5 * (np.roll(table, 1, axis) + np.roll(table, -1, axis))
        shares.append(table.ravel() / max(1.0, float(table.sum())))
    odds = (shares[0] + 1e-6) / (shares[0] + shares[1] + 2e-6)
    return cv2.blur(odds[place], (3, 3))


def _unlike(scene: Scene, at: np.ndarray) -> np.ndarray:
    """ΔE to the nearest of the colours at the click."""
    colours = scene.lab[at]
    if len(colours) > 12:
        cv2.setRNGSeed(segment.SEED)
        criteria = (cv2.TERM_CRITERIA_MAX_ITER, 6, 0.0)
        _, _, colours = cv2.kmeans(colours, 3, np.empty(0), criteria, 1, cv2.KMEANS_PP_CENTERS)
    square = np.full(scene.shape, np.inf, np.float32)
    for colour in colours:
        np.minimum(square, np.square(scene.lab - colour).sum(axis=2), out=square)
    return np.sqrt(square)


def _edges(part: np.ndarray, domain: np.ndarray, change: np.ndarray) -> float:
    """Strength of the edges along which `part` leaves the rest of `domain`: a geometric mean above the picture's usual
    strength, since what stops in the midst of plain ground is no thing, however strong its other edges are."""
    rim, usual = part & masks.grow(domain & ~part, 1), float(change.mean()) + 1e-3
    if not rim.any():
        return ISLAND_EDGE * usual
    return float(np.exp(np.log(change[rim] + usual).mean())) - usual
