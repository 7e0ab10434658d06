"""What the colours of known foreground and background nearby say about a pixel between them."""

from __future__ import annotations

import cv2
import numpy as np

from . import masks

RIM_PX = 12  # samples lie at most so far inside what is known
MOST_SAMPLES = 1600  # a side, spread over the whole band
NEAREST, TYPICAL = 9, 5  # samples each pixel is explained with: those beside it, and the commonest colours of all
BEST = 4  # explanations that are averaged
NOISE = 0.02  # how far a pixel may be off the line between its two colours
APART = 0.12  # two colours closer than about this tell nothing
FAR = 0.03  # what a sample as far away as the longest side costs, in the units of a colour's distance
SEED = 11
CHUNK = 8192


def explain(rgb: np.ndarray, known: np.ndarray, unknown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Alpha and how much it is to be trusted (0 to 1), both N float32, for the N pixels of `unknown` (bool).

    `rgb`: H×W×3 float32 in [0, 1] · `known`: trimap. Every pixel is tried as a mixture of pairs of known colours (after
    Wang & Cohen 2007, "Optimized color sampling for robust matting").
    """
    random = np.random.default_rng(SEED)
    sides = [_samples(rgb, known == value, unknown, random) for value in (1, 0)]
    where = np.argwhere(unknown).astype(np.float32)
    colours = rgb[unknown]
    alpha, trust = np.zeros(len(where), np.float32), np.zeros(len(where), np.float32)
    if any(len(side[0]) == 0 for side in sides):
        return alpha, trust
    longest = float(max(known.shape))
    for start in range(0, len(where), CHUNK):
        part = slice(start, start + CHUNK)
        fronts, backs = (_candidates(side, where[part], longest) for side in sides)
        alpha[part], trust[part] = _best(colours[part], fronts, backs)
    return alpha, trust


def _samples(
    rgb: np.ndarray, side: np.ndarray, unknown: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places (y, x) and colours along the band, and the commonest colours."""
    rim = side & (masks.distance_to(unknown) <= RIM_PX)
    places = np.argwhere(rim if rim.any() else side)
    places = random.permutation(places)[:MOST_SAMPLES]
    smooth = cv2.GaussianBlur(rgb, (0, 0), 0.6)
    colours = smooth[tuple(places.T)].astype(np.float32)
    if len(colours) <= TYPICAL:
        return places.astype(np.float32), colours, colours
    cv2.setRNGSeed(SEED)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 0.005)
    _, _, centres = cv2.kmeans(colours, TYPICAL, np.empty(0), criteria, 1, cv2.KMEANS_PP_CENTERS)
    return places.astype(np.float32), colours, centres.astype(np.float32)


def _candidates(
    side: tuple[np.ndarray, np.ndarray, np.ndarray], where: np.ndarray, longest: float
) -> tuple[np.ndarray, np.ndarray]:
    """Colours N×K×3 and what their distance costs N×K."""
    from scipy.spatial import KDTree

    places, colours, typical = side
    count = min(NEAREST, len(places))
    away, index = KDTree(places).query(where, count)
    away, index = away.reshape(len(where), count), index.reshape(len(where), count)
    near = colours[index]
    common = np.broadcast_to(typical[None], (len(where), *typical.shape))
    costs = np.concatenate([FAR * away / longest, np.full((len(where), len(typical)), FAR)], axis=1)
    return np.concatenate([near, common], axis=1), costs.astype(np.float32)


def _best(
    colours: np.ndarray, fronts: tuple[np.ndarray, np.ndarray], backs: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    front, front_costs = fronts
    back, back_costs = backs
    line = front[:, :, None] - back[:, None]  # N×F×B×3
    length = np.maximum((line**2).sum(axis=-1), 1e-6)
    from_back = colours[:, None] - back  # N×B×3
    along = np.einsum("nfbc,nbc->nfb", line, from_back) / length
    share = np.clip(along, 0, 1)
    missed = ((from_back[:, None] - share[..., None] * line) ** 2).sum(axis=-1)
    costs = np.sqrt(missed) + front_costs[:, :, None] + back_costs[:, None] + 0.02 * np.exp(-length / APART**2)
    flat = costs.reshape(len(colours), -1)
    chosen = np.argpartition(flat, BEST, axis=1)[:, :BEST]
    pick = np.arange(len(colours))[:, None]
    weight = np.exp(-(flat[pick, chosen] - flat[pick, chosen].min(axis=1, keepdims=True)) / NOISE)
    weight /= weight.sum(axis=1, keepdims=True)
    shares = share.reshape(len(colours), -1)[pick, chosen]
    alpha = (weight * shares).sum(axis=1)
    spread = np.sqrt((weight * (shares - alpha[:, None]) ** 2).sum(axis=1))
    residual = (weight * missed.reshape(len(colours), -1)[pick, chosen]).sum(axis=1)
    distinct = (weight * (1 - np.exp(-length.reshape(len(colours), -1)[pick, chosen] / APART**2))).sum(axis=1)
    trust = np.exp(-residual / (2 * NOISE**2)) * distinct * np.exp(-((spread / 0.2) ** 2))
    return alpha.astype(np.float32), trust.astype(np.float32)
