"""Guess what a picture is of, when nobody pointed at it, and say how sure the guess is."""

from __future__ import annotations

import cv2
import numpy as np

from . import masks
from .segment import SEED, Scene, grab_cut

SCAN_PX = 200  # barrier distances are scanned on a copy this large
SCANS = 3
BORDER_COLOURS = 4
SURE = 0.66  # below this confidence the artist is told that it is a guess


def find_subject(scene: Scene) -> tuple[np.ndarray, float]:
    """The likely subject (bool) and a confidence from 0 to 1."""
    saliency = saliency_map(scene)
    shown = saliency[scene.shows]
    otsu, _ = cv2.threshold((shown * 255).astype(np.uint8)[None], 0, 255, cv2.THRESH_OTSU)
    threshold = np.clip(otsu / 255, 0.15, 0.6)
    likely = saliency > threshold
    labels = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[saliency > max(0.75, threshold + 0.2)] = cv2.GC_FGD
    labels[(saliency < 0.4 * threshold) | (scene.rim & ~likely)] = cv2.GC_BGD
    subject = grab_cut(scene, labels)
    subject = masks.drop_specks(subject, 0.15)
    subject = masks.fill_holes(subject, int(0.02 * subject.sum()))
    return subject, _confidence(scene, saliency, likely & scene.shows, subject)


def saliency_map(scene: Scene) -> np.ndarray:
    """0 (ground) to 1 (subject): barrier distance to the rim, and unlikeness to its colours; the middle is favoured."""
    size = masks.fitted_size(scene.shape, SCAN_PX)
    lab = masks.resize(scene.lab, size)
    shows = masks.resize(scene.shows, size) > 0.5
    rim = masks.resize(scene.rim, size) > 0
    barrier = barrier_distance(lab, rim | ~shows).sum(axis=2)
    unlike = _unlike_border(lab, shows)
    rows, columns = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    central = np.exp(-(rows**2 + columns**2) / 0.9)
    joined = (_stretched(barrier, shows) + _stretched(unlike, shows)) * central * shows
    return masks.resize(_stretched(joined, shows), scene.shape)


def barrier_distance(lab: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Per channel, the least (highest − lowest value) on any path to `seeds`. H×W×3.

    Minimum barrier distance by scanning, whole rows and columns at a time (after Zhang et al. 2015, "Minimum Barrier
    Salient Object Detection at 80 FPS").
    """
    distance = np.where(seeds[..., None], 0.0, 1e9).astype(np.float32) + np.zeros_like(lab)
    highest, lowest = lab.copy(), lab.copy()
    for _ in range(SCANS):
        for transpose in (False, True):
            views = [np.swapaxes(array, 0, 1) if transpose else array for array in (distance, highest, lowest)]
            values = np.swapaxes(lab, 0, 1) if transpose else lab
            for line in range(1, len(values)):
                _relax(values, views, line, line - 1)
            for line in range(len(values) - 2, -1, -1):
                _relax(values, views, line, line + 1)
    return np.minimum(distance, 1e3)


def _relax(values: np.ndarray, views: list[np.ndarray], line: int, before: int) -> None:
    """Let the paths that end on the line `before` go on to `line`."""
    distance, highest, lowest = views
    high = np.maximum(highest[before], values[line])
    low = np.minimum(lowest[before], values[line])
    better = (high - low) < distance[line]
    distance[line] = np.where(better, high - low, distance[line])
    highest[line] = np.where(better, high, highest[line])
    lowest[line] = np.where(better, low, lowest[line])


def _unlike_border(lab: np.ndarray, shows: np.ndarray) -> np.ndarray:
    """How far each pixel's colour is from the few colours that the border band has, in their own spreads."""
    width = max(2, round(0.06 * max(shows.shape)))
    band = shows & (masks.distance_to(np.pad(~shows, 1, constant_values=True))[1:-1, 1:-1] <= width)
    samples = lab[band].astype(np.float32)
    count = min(BORDER_COLOURS, len(np.unique(samples.round(), axis=0)))
    cv2.setRNGSeed(SEED)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    _, labels, centres = cv2.kmeans(samples, count, np.empty(0), criteria, 2, cv2.KMEANS_PP_CENTERS)
    nearest = np.full(shows.shape, np.inf, np.float32)
    for index in range(count):
        mine = samples[labels[:, 0] == index]
        if len(mine) < 0.04 * len(samples):
            continue  # the subject may touch the border a little
        spread = mine.std(axis=0) + 6
        nearest = np.minimum(nearest, np.sqrt((((lab - centres[index]) / spread) ** 2).sum(axis=2)))
    return np.minimum(np.where(np.isfinite(nearest), nearest, 0), 8)


def _stretched(values: np.ndarray, shows: np.ndarray) -> np.ndarray:
    low, high = values[shows].min(), np.quantile(values[shows], 0.99)
    return np.clip((values - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)


def _confidence(scene: Scene, saliency: np.ndarray, likely: np.ndarray, subject: np.ndarray) -> float:
    """High where the guess before and after GrabCut agree, the subject stands off the rim, and the map is two-sided."""
    ground = scene.shows & ~subject
    if not subject.any() or not ground.any():
        return 0.0
    agreement = float((likely & subject).sum() / max(1, (likely | subject).sum()))
    contrast = float(saliency[subject].mean() - saliency[ground].mean())
    on_rim = float(subject[scene.rim].mean())
    share = float(subject.sum() / scene.shows.sum())
    sized = float(np.clip(share / 0.03, 0, 1) * np.clip((0.85 - share) / 0.2, 0, 1))
    difference = np.linalg.norm(scene.lab[subject].mean(axis=0) - scene.lab[ground].mean(axis=0))
    apart = float(np.clip(difference / 25, 0, 1))
    return agreement * np.clip(contrast / 0.45, 0, 1) * (1 - on_rim) ** 2 * sized * apart
