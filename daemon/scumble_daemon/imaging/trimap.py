"""Where a mask can be trusted, and where the matte has to be found: by how its edge looks, and by colours beside it."""

from __future__ import annotations

import cv2
import numpy as np

from . import colour_pairs, masks

MIDDLE = 0.7  # of its depth: what is too thin to be known has this much of its middle known
LEAST_AREA = 6  # of such a part, in pixels: what is smaller is a speck
OTHER = 0.3  # a pixel whose colours say that its alpha is so far from the mask's is looked at
TRUSTED = 0.35
PINHOLE = 2e-4  # of the picture: a smaller hole in a mask is a highlight or a pupil
THIN = 0.006  # half width, of the longer side
# Of an outline, how far it is off what the colours beside it make of it: not at all, and much.
CRISP, HAIRY = 0.09, 0.15
TELLING, GUESSING = 0.1, 0.2  # how far colours beside the band are mistaken for the other side's: hardly, and too much
INSIDE = 0.5  # what a mistake about the object counts beside one about the ground: it is the more varied
INWARDS = 0.25  # of how far hair is looked for outside: who clicks sees what is missing of the object
UNTRIED = 0.01  # of what is around a pixel: so little there tells nothing


def around(
    rgb: np.ndarray, coverage: np.ndarray, detail: float, allowed: np.ndarray | None = None, is_checked: bool = False
) -> np.ndarray:
    """1 inside, 0 outside, 0.5 where the matte has to be found, H×W float32.

    `rgb`: H×W×3 float32 in [0, 1] · `coverage`: the mask, bool or soft, of the same size · `detail`: 0 to 1, how far
    from the outline hair and the like are looked for · `allowed`: bool, outside it everything is 0 · `is_checked`: the
    artist has corrected the mask, so that it is believed where colours would be a guess.
    """
    mask = np.asarray(coverage > 0.5)
    mask = masks.fill_holes(mask, round(PINHOLE * mask.size))
    longest = max(mask.shape)
    narrow = max(2, round((0.003 + 0.003 * detail) * longest))
    wide = max(narrow, round(0.1 * detail * longest))
    away = np.abs(masks.signed_distance(mask))
    unknown = (away <= narrow) | ((coverage > 0.05) & (coverage < 0.95))
    if wide > narrow:
        widest = wide // 2 + 1
        told = _told_apart(rgb, mask, away, widest) if is_checked else np.ones(mask.shape, np.float32)
        beyond = (away - narrow) / np.where(mask & is_checked, INWARDS, 1)
        unknown |= beyond <= (widest - narrow) * _softness(rgb, mask, 2 * narrow) * told
        unknown |= _doubted(rgb, mask, unknown, (beyond <= wide - narrow) & (told > 0.5), allowed)
    known = np.where(unknown, 0.5, mask).astype(np.float32)
    known[_middles(mask, known == 1, LEAST_AREA)] = 1
    if allowed is not None:
        known[~allowed] = 0
    return known


def band(coverage: np.ndarray, radius_px: float) -> np.ndarray:
    """The same from a mask alone: unknown is what lies no further than `radius_px` from where it passes one half."""
    mask = np.asarray(coverage > 0.5)
    known = np.where(np.abs(masks.signed_distance(mask)) <= radius_px, 0.5, mask).astype(np.float32)
    inside, outside = _middles(mask, known == 1), _middles(~mask, known == 0)
    known[inside], known[outside] = 1, 0
    return known


def enlarged(known: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The same at `size` (height, width): still nothing but 0, 0.5 and 1."""
    return cv2.resize(known, size[::-1], interpolation=cv2.INTER_NEAREST)


def _softness(rgb: np.ndarray, mask: np.ndarray, radius_px: int) -> np.ndarray:
    """Of the outline that is nearest, H×W: 0 where colours within `radius_px` of it change just there, and so say where
    it runs; 1 where it cannot be told from them, as in hair, fur, and what is out of focus."""
    from scipy.ndimage import distance_transform_edt

    line = mask & ~masks.erode(mask, 1)
    if not line.any():
        return np.zeros(mask.shape, np.float32)
    drawn = mask.astype(np.float32)
    beside = (np.abs(masks.signed_distance(mask)) <= radius_px).astype(np.float32)
    off = np.abs(masks.follow_edges(drawn, rgb, radius_px, 1e-4) - drawn) * beside
    off, count = (cv2.GaussianBlur(each, (0, 0), 1.5 * radius_px) for each in (off, beside))
    softness = np.clip((off / np.maximum(count, 1e-6) - CRISP) / (HAIRY - CRISP), 0, 1)
    rows, columns = distance_transform_edt(~line, return_distances=False, return_indices=True)  # pyright: ignore[reportGeneralTypeIssues]
    return softness[rows, columns]


def _told_apart(rgb: np.ndarray, mask: np.ndarray, away: np.ndarray, band_px: int) -> np.ndarray:
    """H×W, 1 where the two sides can be told apart by their colours across a band of `band_px` on both sides of the
    outline, and 0 where that would be a guess: by what a matte over a wider band makes of what lies just beyond.

    What is thin there may be hair that the mask has missed, and no mistake. An object too narrow to try is a guess.
    """
    tried_px = max(2, band_px // 2)
    unknown = away <= band_px + tried_px
    known = np.where(unknown, 0.5, mask).astype(np.float32)
    known[_middles(mask, known == 1, LEAST_AREA)] = 1
    tried = unknown & (away > band_px) & (known == 0.5)
    found, _ = colour_pairs.explain(rgb, known, tried)
    mistaken = np.zeros(mask.shape, np.float32)
    mistaken[tried] = np.abs(found - mask[tried])
    mistaken = cv2.morphologyEx(mistaken, cv2.MORPH_OPEN, masks.disc(1))
    inside = INSIDE * _beside(mistaken, tried & mask, band_px, 1 / INSIDE)
    off = np.maximum(inside, _beside(mistaken, tried & ~mask, band_px, 0))
    return 1 - np.clip((off - TELLING) / (GUESSING - TELLING), 0, 1)


def _beside(values: np.ndarray, chosen: np.ndarray, radius_px: int, none: float) -> np.ndarray:
    """Mean around each pixel of the `values` that are `chosen` (bool); `none` where there are hardly any."""
    total, count = (cv2.GaussianBlur(each.astype(np.float32), (0, 0), radius_px) for each in (values * chosen, chosen))
    return np.where(count > UNTRIED, total / np.maximum(count, UNTRIED), np.float32(none))


def _doubted(
    rgb: np.ndarray, mask: np.ndarray, unknown: np.ndarray, near: np.ndarray, allowed: np.ndarray | None
) -> np.ndarray:
    """Pixels that are `near`, whose colours are those of the other side, and that hang together with it."""
    doubtful = near if allowed is None else near & allowed
    known = np.where(unknown, 0.5, mask).astype(np.float32)
    known[_middles(mask, known == 1, LEAST_AREA)] = 1
    if not (known == 1).any() or not (known == 0).any() or not doubtful.any():
        return np.zeros_like(mask)
    found, trust = colour_pairs.explain(rgb, known, doubtful)
    alpha = mask.astype(np.float32)
    sure = trust > TRUSTED
    alpha[doubtful] = np.where(sure, found, alpha[doubtful])
    outside = masks.touching((alpha > OTHER) | mask, mask) & ~mask
    inside = masks.touching((alpha < 1 - OTHER) | ~mask, ~mask) & mask
    return masks.grow(_thin(outside) | _thin(inside), 2)


def _thin(part: np.ndarray) -> np.ndarray:
    """What is no wider than hair, spokes and stems are: a broad piece would be a mistake about the object itself."""
    radius = max(2, round(THIN * max(part.shape)))
    broad = cv2.morphologyEx(part.astype(np.uint8), cv2.MORPH_OPEN, masks.disc(radius)) > 0
    return part & ~masks.grow(broad, 1)


def _middles(mask: np.ndarray, sure: np.ndarray, least_area: int = 1) -> np.ndarray:
    """The middle of those parts of `mask` that are too thin to have any `sure` pixel."""
    labels, areas = masks.components(mask)
    lost = areas >= least_area
    lost[np.unique(labels[sure])] = False
    lost[0] = False
    depth = masks.distance_to(~mask)
    deepest = np.zeros(len(areas), np.float32)
    np.maximum.at(deepest, labels.ravel(), depth.ravel())
    return lost[labels] & (depth >= MIDDLE * deepest[labels])
