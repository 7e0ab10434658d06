"""From a hard mask to a soft matte, and the colours of the foreground without its background."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from . import masks

WORK_PX = 800  # longest side at which the matte is solved
COLOUR_PX = 1200  # longest side at which foreground and background colours are first estimated
OPAQUE, CLEAR = 0.98, 0.05  # a matte beyond these is whole: the solver leaves a faint haze

Progress = Callable[[float, str], None]
Solve = Callable[[np.ndarray, np.ndarray, Callable[[float], None]], np.ndarray]
"""Colours H×W×3 in [0, 1], trimap (1, 0, and 0.5 where it does not know), a report of the share done → alpha H×W."""


def warm_up() -> None:
    """Load pymatting; where its compiled code is not on the disk yet, that takes a minute."""
    ramp = np.linspace(0, 1, 24).repeat(16).reshape(24, 16)
    image = np.dstack([ramp, ramp**2, 1 - ramp])
    trimap = np.full((24, 16), 0.5)
    trimap[:8], trimap[16:] = 0, 1
    pymatting = _pymatting()
    pymatting.estimate_foreground_ml(image, pymatting.estimate_alpha_cf(image, trimap), return_background=True)


def _pymatting() -> Any:
    import pymatting  # compiled while it is imported

    return pymatting


# --- matte -------------------------------------------------------------------------------------------------------


def matte(
    rgb: np.ndarray,
    mask: np.ndarray,
    detail: float,
    progress: Progress,
    solve: Solve | None = None,
    work_px: int = WORK_PX,
) -> np.ndarray:
    """H×W float32 alpha at the size of `rgb` (float, sRGB) from a `mask`, bool or soft, of any size.

    `detail` (0 to 1): how far from the outline hair and the like are looked for. `solve`: a network that finds alpha
    where the trimap does not know it, on a copy of up to `work_px`; without one, Levin, Lischinski & Weiss 2007.
    """
    size = masks.fitted_size(rgb.shape, work_px)
    small = np.clip(masks.resize(rgb, size), 0, 1)
    known = trimap(small, masks.resize(mask, size), detail)
    progress(0.0, "Looking along the edge")
    if solve is None or not (known == 0.5).any():
        solved = _closed_form(small, known)
    else:
        solved = solve(small, known, lambda share: progress(0.7 * share, "Looking along the edge"))
    progress(0.7, "Refining the edge")
    scale = max(rgb.shape[:2]) / max(size)
    if scale > 1:
        solved = _enlarge(rgb, solved, known == 0.5, scale)
    return masks.levels(solved, CLEAR, OPAQUE).astype(np.float32)


def enlarged(rgb: np.ndarray, soft: np.ndarray, detail: float) -> np.ndarray:
    """H×W float32 alpha at the size of `rgb` from a `soft` mask (float32) that a network made at a size of its own.

    Below half the `detail`, what is faint goes and what is nearly whole is whole: a plain outline.
    """
    scale = max(rgb.shape[:2]) / max(soft.shape)
    alpha = (
        _enlarge(rgb, soft, (soft > CLEAR) & (soft < OPAQUE), scale) if scale > 1 else masks.resize(soft, rgb.shape[:2])
    )
    plain = 0.4 * max(0.0, 1 - 2 * detail)
    return masks.levels(alpha, CLEAR + plain, OPAQUE - plain).astype(np.float32)


def trimap(rgb: np.ndarray, coverage: np.ndarray, detail: float) -> np.ndarray:
    """1 inside, 0 outside, 0.5 where the matte has to be found: a narrow band, wider where the edge looks uncertain."""
    mask = coverage > 0.5
    longest = max(mask.shape)
    narrow = max(2, round((0.003 + 0.003 * detail) * longest))
    wide = max(narrow, round(0.05 * detail * longest))
    away = np.abs(masks.signed_distance(mask))
    unknown = away <= narrow
    if wide > narrow:
        guided = masks.follow_edges(coverage, rgb, wide, 1e-4)
        unknown |= (away <= wide) & (guided > 0.06) & (guided < 0.94)
    known = np.where(unknown, 0.5, np.where(mask, 1.0, 0.0))
    known[_cores(mask, known == 1)] = 1.0
    return known


def _cores(mask: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """The middle of those parts of `mask` that are too thin to have any `sure` pixel."""
    labels, areas = masks.components(mask)
    lost = np.ones(len(areas), bool)
    lost[np.unique(labels[sure])] = False
    lost[0] = False
    depth = masks.distance_to(~mask)
    cores = np.zeros_like(mask)
    for label in np.flatnonzero(lost & (areas >= 6))[:64]:
        part = labels == label
        cores |= part & (depth >= 0.7 * depth[part].max())
    return cores


def _closed_form(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    if not (known == 0.5).any() or not (known == 0).any() or not (known == 1).any():
        return (known > 0.25).astype(np.float32)
    try:
        solved = _pymatting().estimate_alpha_cf(rgb.astype(np.float64), known.astype(np.float64))
    except ValueError:  # the factorisation or the solver gave up, as on perfectly flat colour
        solved = masks.follow_edges((known > 0.25).astype(np.float32), rgb, 4)
    return np.nan_to_num(solved).astype(np.float32)


def _enlarge(rgb: np.ndarray, solved: np.ndarray, partial: np.ndarray, scale: float) -> np.ndarray:
    """`solved` at the size of `rgb`, its edge redrawn along the full picture's where it is `partial` (bool)."""
    size = rgb.shape[:2]
    large = masks.resize(solved, size)
    guided = masks.follow_edges(large, rgb, max(2, round(1.5 * scale)), 3e-5)
    nearby = cv2.dilate(partial.astype(np.uint8), masks.disc(1)).astype(np.float32)
    weight = masks.resize(nearby, size)
    return np.clip(guided * weight + large * (1 - weight), 0, 1)


# --- colours -----------------------------------------------------------------------------------------------------


def foreground_colours(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`rgb` (H×W×3 float) with the background taken out of its colours where `alpha` is neither 0 nor 1.

    Foreground and background are estimated on a bounded copy (Germer et al. 2020), then made to agree with every
    pixel at full size (Forte 2021). Where `alpha` is 1, or 0 and not beside an edge, the colours stay exactly as they
    were.
    """
    partial = (alpha > 0) & (alpha < 1)
    if not partial.any():
        return rgb
    size = masks.fitted_size(rgb.shape, COLOUR_PX)
    estimated = _pymatting().estimate_foreground_ml(
        masks.resize(rgb, size).astype(np.float64), masks.resize(alpha, size).astype(np.float64), return_background=True
    )
    zone = masks.grow(partial, 3) & (alpha < 1)
    front, back = (masks.resize(np.asarray(colours, np.float32), rgb.shape[:2])[zone] for colours in estimated)
    share = alpha[zone][:, None]
    missing = rgb[zone] - share * front - (1 - share) * back
    front = front + missing * share / (share**2 + (1 - share) ** 2 + 0.02)
    cleaned = rgb.astype(np.float32, copy=True)
    low, high = min(0.0, float(rgb.min())), max(1.0, float(rgb.max()))
    cleaned[zone] = np.clip(front, low, high)
    return cleaned
