"""Give a shadow back the light that is missing in it, as one smooth gain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from . import masks, penumbra, shadow_edge
from .icc import SRGB_CURVE
from .segment import Scene, grab_cut

WORK_PX = 640  # longest side at which a shadow is measured
DARKEST = 1 / 512  # linear light below this is noise
TINT_LEEWAY = 0.05
LOOSE = 0.7  # a shadow that fills more of the selection than this was selected closely
BRIGHT = 0.95  # this share of a shadow does not become whiter than white
CORE = 0.9  # with so much of the light missing, it is not the soft edge
OVER_WHITE = 0.1  # natural logarithm, as noise and small lights have it
LEAST_LIT, MOST_LIT = 0.02, 0.6  # of a mask: so much of it may turn out to be lit
LEAST_AGREEMENT = 0.12  # with less of it the edge tells nothing about the ratio
TEXTURE, CLEAR = 0.1, 0.35  # of a shadow's radius; agreement
SURE_ENOUGH = 0.15  # with a smaller share of the edge agreeing on one light, the artist is told

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Relight:
    """`log_gain`: H×W×3 float32 ≥ 0, natural logarithm of the factor in linear light, over what was measured ·
    `agreement`: see shadow_edge.Fit · `overlap_px`: how far the shadow's soft edge reaches beyond the selection ·
    `is_held_back`: what was measured would have made whiter than white what cannot have lain in such a shadow."""

    log_gain: np.ndarray
    agreement: float
    overlap_px: float
    is_held_back: bool = False


def linear(rgb: np.ndarray) -> np.ndarray:
    """sRGB-encoded → linear light; what lies below 0 becomes 0."""
    return SRGB_CURVE.to_linear(np.maximum(rgb, 0).astype(np.float32))


def encoded(light: np.ndarray) -> np.ndarray:
    """Linear light → sRGB-encoded."""
    return SRGB_CURVE.from_linear(light.astype(np.float32))


def selected_shadow(
    rgb: np.ndarray, alpha: np.ndarray, coverage: np.ndarray, find_edge: bool, softness: float, progress: Progress
) -> Relight:
    """The gain for the shadow inside a selection, `coverage` H×W in [0, 1]; all at one size, of WORK_PX at most.

    The light's ratio is taken across the edge, where the same ground is seen lit and shadowed; the soft edge is fitted
    to profiles across it (after Gong & Cosker 2016).
    """
    size = alpha.shape[0], alpha.shape[1]
    scene = Scene.of(rgb, alpha, WORK_PX)
    log_light = _log_light(rgb)
    selected_mask = (coverage >= min(0.5, float(coverage.max()))) & scene.shows
    progress(0.1, "Finding the shadow's edge")
    mask = _shadow_inside(scene, selected_mask) if find_edge else selected_mask
    progress(0.4, "Measuring the light")
    edge = shadow_edge.lay_profiles(log_light, mask, scene.shows, _reach(mask))
    if edge is None:
        ratio, is_held_back = _within_white(_ratio_of_areas(log_light, mask, scene.shows), log_light, mask, scene.shows)
        return Relight(ratio * mask[..., None].astype(np.float32), 0.0, 0.0, is_held_back)
    fitted = shadow_edge.fit(edge)
    if find_edge:
        mask, edge, fitted = _deeper(log_light, selected_mask, scene.shows, mask, edge, fitted)
    progress(0.55, "Measuring the light")
    fitted, is_flattest = shadow_edge.flattened(edge, fitted)
    if find_edge and is_flattest:
        mask, edge, fitted = _without_lit(log_light, scene.shows, mask, edge, fitted)
    progress(0.7, "Lighting it")
    shadow = shadow_edge.draw(mask, edge, fitted, 1.0, size, 1.0)
    ratio = _matched(log_light, mask, scene.shows, fitted, is_flattest)
    core = (shadow > CORE) & scene.shows
    ratio, is_held_back = _within_white(ratio, log_light, core, scene.shows)
    width = float(np.median(fitted.widths))
    crisp = np.log(linear(rgb) + DARKEST)
    share = shadow_edge.share(ratio, shadow)
    missing = penumbra.solve(crisp, ratio, share, width, scene.shows, _white(log_light, scene.shows))
    shadow = shadow_edge.softened(shadow_edge.shadow(ratio, missing), width, softness)
    from_selection = masks.signed_distance(selected_mask)[edge.points[:, 1], edge.points[:, 0]]
    overlap = float(np.median(fitted.offsets + 1.2 * fitted.widths + from_selection))
    return Relight(shadow_edge.gain(ratio, shadow), fitted.agreement, max(0.0, overlap), is_held_back)


def shadow_in(rgb: np.ndarray, alpha: np.ndarray, selected: np.ndarray, find_edge: bool) -> np.ndarray:
    """Where the shadow is (bool, H×W) inside a selection (float32, H×W) of a picture H×W×3 of any size."""
    scene = Scene.of(rgb, alpha, WORK_PX)
    small = masks.resize(selected, scene.shape)
    mask = (small >= min(0.5, float(small.max()))) & scene.shows
    found = _shadow_inside(scene, mask) if find_edge else mask
    return masks.resize(found, selected.shape) > 0.5


def _log_light(rgb: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(np.log(linear(rgb) + DARKEST), (0, 0), 0.8)


def _white(log_light: np.ndarray, shows: np.ndarray) -> float:
    """The log light that nothing there is brighter than: 0, or more in an HDR picture."""
    return max(0.0, float(log_light[shows].max()))


def _reach(mask: np.ndarray) -> int:
    """How far across the edge to look: in proportion to the shadow."""
    return int(np.clip(0.35 * np.sqrt(mask.sum() / np.pi), 8, 48))


def _shadow_inside(scene: Scene, selected: np.ndarray) -> np.ndarray:
    """The dark part of a generous selection; the selection itself where that gives no sensible answer."""
    labels = np.where(selected, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    around = masks.grow(selected, max(8, round(0.6 * np.sqrt(selected.sum() / np.pi))))
    lightness = scene.lab[..., 0]
    lit = around & ~selected & scene.shows
    if not lit.any():
        return selected
    rows, columns = np.flatnonzero(around.any(axis=1)), np.flatnonzero(around.any(axis=0))
    near = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    found = np.zeros_like(selected)
    dark = selected & (lightness < np.quantile(lightness[selected], 0.35))
    labels[dark & (lightness < np.median(lightness[lit]))] = cv2.GC_FGD
    # Shadows are wide; blurred, the ground's own dark and light patches do not count as shadow and light
    blurred = cv2.GaussianBlur(scene.rgb[near], (0, 0), max(1.0, 0.02 * np.sqrt(selected.sum() / np.pi)))
    found[near] = grab_cut(Scene(blurred, scene.shows[near], scene.lab[near]), labels[near])
    # What GrabCut takes away has to hang together with the outside: a light thing in the shadow is still in it
    dropped, _ = masks.components(selected & ~found)
    outside = masks.grow(~selected, 2)
    found = selected & ~np.isin(dropped, np.unique(dropped[outside & (dropped > 0)]))
    round_px = max(1, round(0.03 * np.sqrt(selected.sum() / np.pi)))
    opened = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, masks.disc(round_px))
    found = (cv2.morphologyEx(opened, cv2.MORPH_OPEN, masks.disc(round_px)) > 0) & selected
    found = masks.drop_specks(found, 0.05)
    darker = found.any() and lightness[found].mean() < lightness[lit].mean()
    # The fit along the edge copes with a slightly generous selection better than a cut by colour does
    return found if darker and 0.15 < found.sum() / selected.sum() < LOOSE else selected


def _deeper(
    log_light: np.ndarray,
    selected: np.ndarray,
    shows: np.ndarray,
    mask: np.ndarray,
    edge: shadow_edge.Edge,
    fitted: shadow_edge.Fit,
) -> tuple[np.ndarray, shadow_edge.Edge, shadow_edge.Fit]:
    """The dark part by lightness alone, blurred over the ground's texture, where its edge tells as clearly of much more
    missing light: then what was found before is the edge of the selection, or of a patch of the ground."""
    radius = np.sqrt(selected.sum() / np.pi)
    light = cv2.GaussianBlur(log_light.mean(axis=2), (0, 0), max(1.0, TEXTURE * radius))
    low, span = float(light[selected].min()), float(np.ptp(light[selected]))
    if span < shadow_edge.LEAST_RATIO:
        return mask, edge, fitted
    values = np.clip((light[selected] - low) / span * 255, 0, 255).astype(np.uint8)[None]
    threshold, _ = cv2.threshold(values, 0, 255, cv2.THRESH_OTSU)
    dark = masks.drop_specks(selected & (light < low + threshold / 255 * span), 0.1)
    dark = masks.fill_holes(dark, int(0.1 * selected.sum()))
    found = shadow_edge.lay_profiles(log_light, dark, shows, _reach(dark)) if dark.any() else None
    if found is None:
        return mask, edge, fitted
    other = shadow_edge.fit(found)
    is_clear = other.agreement > max(CLEAR, 0.9 * fitted.agreement)
    if is_clear and other.ratio.mean() > 1.3 * fitted.ratio.mean():
        return dark, found, other
    return mask, edge, fitted


def _without_lit(
    log_light: np.ndarray, shows: np.ndarray, mask: np.ndarray, edge: shadow_edge.Edge, fitted: shadow_edge.Fit
) -> tuple[np.ndarray, shadow_edge.Edge, shadow_edge.Fit]:
    """The mask less those parts along its outline that would get whiter than white: they are lit already."""
    white = _white(log_light, shows)
    over = mask & ((log_light + fitted.ratio).max(axis=2) > white + OVER_WHITE)
    round_px = max(1, round(0.04 * np.sqrt(mask.sum() / np.pi)))
    lit = cv2.morphologyEx(over.astype(np.uint8), cv2.MORPH_CLOSE, masks.disc(round_px))
    lit = cv2.morphologyEx(lit, cv2.MORPH_OPEN, masks.disc(round_px)) > 0
    lit = masks.touching(lit & mask, masks.grow(~mask, 2 * round_px))
    left = masks.drop_specks(mask & ~lit, 0.1)
    if not LEAST_LIT < 1 - left.sum() / mask.sum() < MOST_LIT:
        return mask, edge, fitted
    found = shadow_edge.lay_profiles(log_light, left, shows, _reach(left))
    if found is None:
        return mask, edge, fitted
    return left, found, shadow_edge.placed(found, fitted)


def _ratio_of_areas(log_light: np.ndarray, mask: np.ndarray, shows: np.ndarray) -> np.ndarray:
    outside = shows & ~mask
    if not outside.any() or not mask.any():
        return np.zeros(3, np.float32)
    ratio = np.median(log_light[outside], axis=0) - np.median(log_light[mask], axis=0)
    return np.clip(ratio, 0, shadow_edge.MOST_RATIO).astype(np.float32)


def _within_white(
    ratio: np.ndarray, log_light: np.ndarray, mask: np.ndarray, shows: np.ndarray
) -> tuple[np.ndarray, bool]:
    """The ratio, less where it would burn out what lies in the shadow; whether it is less by much.

    Something nearly white inside the mask is a sign that not all of that is shadow.
    """
    if not mask.any():
        return ratio, False
    white = _white(log_light, shows)
    brightest = float(np.quantile((log_light[mask] + ratio).max(axis=1), BRIGHT))
    too_much = brightest - white - OVER_WHITE
    if too_much <= 0:
        return ratio, False
    return np.maximum(ratio - too_much, 0).astype(np.float32), too_much > 2 * OVER_WHITE


def _matched(
    log_light: np.ndarray, mask: np.ndarray, shows: np.ndarray, fitted: shadow_edge.Fit, is_flattest: bool
) -> np.ndarray:
    """The ratio made better by matching shadowed to lit ground of the same colour, near each other."""
    from scipy.spatial import KDTree

    distance = masks.signed_distance(mask)
    soft = 1.6 * float(np.median(fitted.widths)) + 1
    middle = float(np.median(fitted.offsets))
    band = max(6.0, 0.5 * np.sqrt(mask.sum() / np.pi))
    inner = shows & (distance < middle - soft) & (distance > middle - soft - band)
    outer = shows & (distance > middle + soft) & (distance < middle + soft + band)
    trusted = is_flattest or fitted.agreement >= LEAST_AGREEMENT
    if inner.sum() < 40 or outer.sum() < 40:
        return fitted.ratio if trusted else _ratio_of_areas(log_light, mask, shows)
    generator = np.random.default_rng(4)
    dark_at, lit_at = (
        generator.permutation(np.argwhere(area))[:count] for area, count in ((inner, 3000), (outer, 6000))
    )
    dark, lit = log_light[tuple(dark_at.T)], log_light[tuple(lit_at.T)]
    start = fitted.ratio if trusted else np.median(lit, axis=0) - np.median(dark, axis=0)
    start = np.clip(start, 0, shadow_edge.MOST_RATIO)
    ratio = start
    for _ in range(5):
        tree = KDTree(np.c_[lit * 4, lit_at / band])
        gaps, nearest = tree.query(np.c_[(dark + ratio) * 4, dark_at / band])
        close = gaps <= np.quantile(gaps, 0.5)
        ratio = ratio + np.median((lit[nearest] - dark - ratio)[close], axis=0)
    # The edge saw the same ground on both sides; matching may only refine what it said, less the surer it was
    leeway = 0.1 if is_flattest else 0.1 + 0.6 * max(0.0, 0.6 - fitted.agreement)
    level = start.mean() + np.clip(ratio.mean() - start.mean(), -leeway, leeway)
    said = (start - start.mean()) * trusted
    tint = said + np.clip((ratio - ratio.mean()) - said, -TINT_LEEWAY, TINT_LEEWAY)
    return np.maximum(level + tint, 0).astype(np.float32)
