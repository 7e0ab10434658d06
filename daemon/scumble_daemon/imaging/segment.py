"""Part an object from its ground by colour and edges, without any trained model.

Everything here works on a `Scene`, a bounded copy of the picture; masks come back at that size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from . import masks

WORK_PX = 512  # longest side of the copy that is searched
GRAB_CUT_ROUNDS = 4
SEED = 20  # of every generator used here: the same picture and prompts give the same mask


@dataclass(frozen=True)
class Scene:
    """`rgb`: H×W×3 uint8 · `lab`: H×W×3 float32, lightly smoothed · `shows`: bool, False where it is transparent."""

    rgb: np.ndarray
    lab: np.ndarray
    shows: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return self.shows.shape[0], self.shows.shape[1]

    @staticmethod
    def of(rgb: np.ndarray, alpha: np.ndarray, longest_px: int = WORK_PX) -> Scene:
        """From full-size float pixels."""
        size = masks.fitted_size(alpha.shape, longest_px)
        small = np.clip(masks.resize(rgb, size), 0, 1)
        smooth = cv2.bilateralFilter(small, 5, 0.08, 2)
        lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB)
        return Scene((small * 255 + 0.5).astype(np.uint8), lab, masks.resize(alpha, size) > 0.05)

    @property
    def rim(self) -> np.ndarray:
        """The outermost pixels of what shows: along the picture's edge and along transparency."""
        inner = cv2.erode(self.shows.astype(np.uint8), masks.disc(1), borderType=cv2.BORDER_CONSTANT, borderValue=0)
        return self.shows & (inner == 0)


def geodesic_distance(scene: Scene, starts: np.ndarray, reach: float = 60.0) -> np.ndarray:
    """Length of the shortest path to `starts` (bool), where crossing a change of colour is long.

    Plain ground costs 1 a picture width, an edge of ΔE 10 about `reach` / 6 as much. Infinite without a start.
    """
    from skimage.graph import MCP_Geometric

    if not starts.any():
        return np.full(scene.shape, np.inf, np.float32)
    height, width = scene.shape
    change = np.zeros(scene.shape, np.float32)
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(scene.lab, axis=axis), axis=2)
        pads = [(0, 1), (0, 0)] if axis == 0 else [(0, 0), (0, 1)]
        change = np.maximum(change, np.pad(step, pads))
        change = np.maximum(change, np.pad(step, [pads[0][::-1], pads[1][::-1]]))
    costs = (1 + reach * (change / 10) ** 1.5) / max(height, width)
    costs[~scene.shows] = 1e3
    distance, _ = MCP_Geometric(costs.astype(np.float64)).find_costs(np.argwhere(starts))
    return np.ascontiguousarray(distance, np.float32)


def edge_strength(scene: Scene) -> np.ndarray:
    """Gradient magnitude of the picture in Lab, its few strongest edges levelled."""
    change = np.zeros(scene.shape, np.float32)
    for channel in cv2.split(scene.lab):
        change += cv2.magnitude(cv2.Sobel(channel, cv2.CV_32F, 1, 0), cv2.Sobel(channel, cv2.CV_32F, 0, 1))
    return np.minimum(change, np.quantile(change, 0.98))


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


def within(
    scene: Scene, region: np.ndarray, sure: np.ndarray | None = None, never: np.ndarray | None = None
) -> np.ndarray:
    """The object inside a rough `region` (bool): outside is background for certain, inside is only likely to be object.

    `sure`, `never`: bool, pixels that are object, or are not, for certain.
    """
    labels = np.where(region, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    if sure is not None:
        labels[sure] = cv2.GC_FGD
    if never is not None:
        labels[never] = cv2.GC_BGD
    return grab_cut(scene, labels)
