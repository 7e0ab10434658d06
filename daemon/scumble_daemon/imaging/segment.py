"""Part an object from its ground by colour and edges, without any trained model.

Everything here works on a `Scene`, a bounded copy of the picture or of a part of it; masks come back at that size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from . import local_colours, masks
from .image import Image

WORK_PX = 512  # longest side of the copy that is searched
GRAB_CUT_ROUNDS = 4
UNLIKE, NEARBY = 14.0, 0.12  # ΔE, share of the longer side: ground this different, or this far away, is none
GROUND_SAMPLES, GROUND_STEPS = 6000, (1.0, 0.4)  # from ground to what is like it, then from that
FADES = 2.0  # ΔE from one pixel to the next: ground that changes no faster goes on, as it falls into shade
HOLE = 0.003  # of the picture: a larger one in the object is the ground seen through it
LINING = 5e-4  # and one so small that only colours nearby tell is none
AROUND, CORE = 0.2, 0.5  # of the longer side, and of the depth that there is so close by: what is deeper is its core
AWAY = 3.0  # times as far as a click is from the outline, but no further than AROUND: closer by is no core
BEHIND = 3.0  # times as hard to get to as the ground beside: so far from a click lies a core that is close to it
FAR = 3.0  # times as far from a click as from the core: colours that are alike there mean nothing
SOBEL = 4.0  # times as strong as the change from one pixel to the next
LEVELLED = 0.5  # of the strongest edge: a weaker one stays what it is
SEED = 20  # of every generator used here: the same picture and prompts give the same mask


@dataclass(frozen=True)
class View:
    """A picture to look closely at, part by part. `rgb`: H×W×3 uint8 · `shows`: bool, False where it is transparent."""

    rgb: np.ndarray
    shows: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return self.shows.shape[0], self.shows.shape[1]

    @staticmethod
    def of_layer(image: Image, rows: slice, columns: slice, longest_px: int) -> View:
        """Of a part of a layer; only the bounded copy is converted."""
        size = masks.fitted_size((rows.stop - rows.start, columns.stop - columns.start), longest_px)
        rgb, alpha = image.reduced_with_alpha(rows, columns, size)
        return View((np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8), alpha > 0.05)

    def part(self, rows: slice, columns: slice) -> View:
        return View(self.rgb[rows, columns], self.shows[rows, columns])

    def scene(self, longest_px: int) -> Scene:
        """All of it, smaller where it is larger than that."""
        size = masks.fitted_size(self.shape, longest_px)
        if size == self.shape:
            return Scene.of(self.rgb / np.float32(255), self.shows.astype(np.float32), longest_px)
        small = cv2.resize(np.ascontiguousarray(self.rgb), size[::-1], interpolation=cv2.INTER_AREA)
        return Scene.of(small / np.float32(255), masks.resize(self.shows, size), longest_px)


@dataclass(frozen=True)
class Scene(View):
    """`lab`: H×W×3 float32, lightly smoothed."""

    lab: np.ndarray

    @staticmethod
    def part_of(image: Image, rows: slice, columns: slice, longest_px: int = WORK_PX) -> Scene:
        """From a part of a layer; only the bounded copy is converted."""
        size = masks.fitted_size((rows.stop - rows.start, columns.stop - columns.start), longest_px)
        return Scene.of(*image.reduced_with_alpha(rows, columns, size))

    @staticmethod
    def of(rgb: np.ndarray, alpha: np.ndarray, longest_px: int = WORK_PX) -> Scene:
        """From float pixels of any size."""
        size = masks.fitted_size(alpha.shape, longest_px)
        small = np.clip(masks.resize(rgb, size), 0, 1)
        smooth = cv2.bilateralFilter(small, 5, 0.08, 2)
        lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB)
        return Scene((small * 255 + 0.5).astype(np.uint8), masks.resize(alpha, size) > 0.05, lab)

    @property
    def rim(self) -> np.ndarray:
        """The outermost pixels of what shows: along the picture's edge and along transparency."""
        inner = cv2.erode(self.shows.astype(np.uint8), masks.disc(1), borderType=cv2.BORDER_CONSTANT, borderValue=0)
        return self.shows & (inner == 0)


def geodesic_distance(scene: Scene, starts: np.ndarray, reach: float = 60.0) -> np.ndarray:
    """Length of the shortest path to `starts` (bool), where crossing a change of colour is long.

    Plain ground costs 1 a picture width, an edge of ΔE 10 about `reach` / 6 as much. Infinite without a start.
    """
    return path_length(scene, starts, local_change(scene), reach)


def path_length(scene: Scene, starts: np.ndarray, change: np.ndarray, reach: float = 60.0) -> np.ndarray:
    """The same for any cost that is given as a `change` of colour (ΔE) at every pixel."""
    if not starts.any():
        return np.full(scene.shape, np.inf, np.float32)
    from . import paths

    costs = (1 + reach * (change / 10) ** 1.5) / max(scene.shape)
    costs[~scene.shows] = 1e3
    return paths.lengths(np.ascontiguousarray(costs, np.float64), np.ascontiguousarray(starts)).astype(np.float32)


def warm_up() -> None:
    """Load the compiled search for paths."""
    from . import paths  # noqa: F401


def local_change(scene: Scene) -> np.ndarray:
    """ΔE between a pixel and the most unlike of its four neighbours."""
    change = np.zeros(scene.shape, np.float32)
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(scene.lab, axis=axis), axis=2)
        pads = [(0, 1), (0, 0)] if axis == 0 else [(0, 0), (0, 1)]
        change = np.maximum(change, np.pad(step, pads))
        change = np.maximum(change, np.pad(step, [pads[0][::-1], pads[1][::-1]]))
    return change


def edge_strength(scene: Scene) -> np.ndarray:
    """Gradient magnitude of the picture in Lab, its few strongest edges levelled, but not to the noise between them."""
    change = np.zeros(scene.shape, np.float32)
    for channel in cv2.split(scene.lab):
        change += cv2.magnitude(cv2.Sobel(channel, cv2.CV_32F, 1, 0), cv2.Sobel(channel, cv2.CV_32F, 0, 1))
    return np.minimum(change, max(np.quantile(change, 0.98), LEVELLED * change.max()))


def grab_cut(scene: Scene, labels: np.ndarray, rounds: int = GRAB_CUT_ROUNDS) -> np.ndarray:
    """Bool mask from GrabCut labels (cv2.GC_*). After Rother, Kolmogorov & Blake 2004.

    What does not show is background, and is painted with the background's own colours so that it teaches nothing.
    """
    labels = labels.astype(np.uint8, order="C")
    labels[~scene.shows] = cv2.GC_BGD
    pixels = scene.rgb
    foreground = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    background = scene.shows & ~foreground
    if not foreground.any() or not background.any():
        return foreground & scene.shows
    if not scene.shows.all():
        pixels = pixels.copy()
        drawn = np.random.default_rng(SEED).integers(0, np.count_nonzero(background), np.count_nonzero(~scene.shows))
        pixels[~scene.shows] = pixels[background][drawn]
    cv2.setRNGSeed(SEED)
    cv2.grabCut(pixels, labels, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), rounds, cv2.GC_INIT_WITH_MASK)
    return ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)) & scene.shows


# --- rough region → object ---------------------------------------------------------------------------------------


def within(scene: Scene, region: np.ndarray) -> np.ndarray:
    """The object inside a rough `region` (bool): outside is background for certain, inside only likely to be object."""
    allowed = region & scene.shows
    found = grab_cut(scene, np.where(allowed, cv2.GC_PR_FGD, cv2.GC_BGD))
    found = found | _unlike_ground(scene, region, allowed, found)
    return _settled(scene, region, allowed, found)


def without(scene: Scene, region: np.ndarray, found: np.ndarray, clicks: Sequence[np.ndarray]) -> np.ndarray:
    """What was `found` (bool) within `region`, less the thing that each of `clicks` (bool discs) is on, and what is
    around that and has its colours rather than the object's."""
    allowed, far = region & scene.shows, found
    for at in clicks:
        nearness = _nearness(scene, region, found, at)
        allowed, far = allowed & ~(at | (nearness > 1)), far & (nearness < 1 / FAR)
    return far | (_settled(scene, region, allowed, found & allowed) & found)


def _settled(scene: Scene, region: np.ndarray, allowed: np.ndarray, found: np.ndarray) -> np.ndarray:
    ground = scene.shows & ~allowed
    if not allowed.any() or not ground.any():
        return found
    settled = local_colours.settle(scene.rgb, scene.lab, region, allowed, ground, found)
    kept = masks.fill_holes(settled, round(LINING * settled.size))  # a pale lining before a pale wall
    return settled | (found & kept)


def _nearness(scene: Scene, region: np.ndarray, found: np.ndarray, at: np.ndarray) -> np.ndarray:
    """How many times closer to the click `at` (bool) than to the object's core each pixel of what was `found` is,
    where edges make paths long; 0 elsewhere, and everywhere if the click is not on it.

    The core is what lies deep, for its neighbourhood, and some way off or behind an edge: nobody clicks into the middle
    of what is meant. An edge is what parts the click from ground that was found in the `region` (bool) already.
    """
    if found[at].mean() < 0.5:
        return np.zeros(scene.shape, np.float32)
    depth = masks.distance_to(~np.pad(found, 1))[1:-1, 1:-1]
    around = AROUND * max(scene.shape)
    deepest = cv2.dilate(depth, masks.disc(round(around)))
    change = edge_strength(scene) / SOBEL
    to_click = path_length(scene, at, change)
    core = masks.distance_to(at) > min(AWAY * depth[at].max(), around)
    outline = found & masks.grow(masks.erode(region, 2) & ~found, 1)
    if outline.any():
        core |= to_click > BEHIND * to_click[outline].min()
    core &= depth > CORE * deepest
    if not core.any():
        return np.zeros(scene.shape, np.float32)
    return np.where(found, path_length(scene, core, change) / np.maximum(to_click, 1e-6), 0)


def _unlike_ground(scene: Scene, region: np.ndarray, allowed: np.ndarray, found: np.ndarray) -> np.ndarray:
    """What GrabCut gave to the ground because somewhere there is such ground, but not nearby: a dark collar before a
    light wall, where a dark thing stands further off. Only what adjoins the object that was found."""
    from scipy.spatial import KDTree

    ground = scene.shows & ~region
    dropped = allowed & ~found & scene.shows
    if not found.any() or not dropped.any() or not ground.any():
        return np.zeros_like(found)
    scale = np.array([1 / UNLIKE, 1 / UNLIKE, 1 / UNLIKE, *[1 / (NEARBY * max(scene.shape))] * 2])

    def placed(chosen: np.ndarray) -> np.ndarray:
        at = np.argwhere(chosen)
        return np.concatenate([scene.lab[chosen], at], axis=1) * scale

    random = np.random.default_rng(SEED)
    unlike = dropped.copy()
    for step in GROUND_STEPS:
        samples = random.permutation(placed(ground))[:GROUND_SAMPLES]
        away, _ = KDTree(samples).query(placed(unlike))
        reached = unlike.copy()
        reached[unlike] = away <= step
        ground, unlike = ground | reached, unlike & ~reached
        if not reached.any() or not unlike.any():
            break
    even = unlike & (local_change(scene) < FADES)
    unlike &= ~masks.touching(even, masks.grow(ground, 1))
    unlike |= _holes_in(unlike, found)
    round_px = max(1, round(0.006 * max(scene.shape)))
    opened = cv2.morphologyEx(unlike.astype(np.uint8), cv2.MORPH_OPEN, masks.disc(round_px)) > 0
    return masks.touching(opened | found, found) & ~found & opened


def _holes_in(unlike: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Small holes in the object that lie in or beside what is `unlike` the ground: a highlight, a pale lining."""
    whole = unlike | found
    holes = masks.fill_holes(whole, round(HOLE * whole.size)) & ~whole
    return masks.touching(holes, masks.grow(unlike, 1))
