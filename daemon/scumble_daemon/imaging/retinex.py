"""Find shadows nobody selected: multi-scale retinex for the light, Lab and HSV for where it is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from . import masks, shadow_edge
from .relight import Relight, encoded, linear

WORK_PX = 512
SCALES = (0.03, 0.1, 0.3)  # standard deviations of the surrounds, of the picture's longer side (Jobson et al. 1997)
DEPTHS = (0.15, 0.3, 0.5, 0.75)  # of the shortfall (a natural logarithm) at which regions are outlined
MOST_SHADOWS = 6
PATCH = 0.012  # of the longer side: what is smaller is texture
TEXTURE = 1.2  # a shadow is deeper than so many standard deviations of the lit ground around it
LEAST_SHARE, MOST_SHARE = 0.01, 0.5  # of the picture, for a shadow
LEAST_AGREEMENT = 0.33  # share of a dark region's edge that has to look like a shadow's
MOST_LIFT = 0.9  # natural logarithm; nobody pointed at it, so a shadow is never lifted further


def find_shadows(rgb: np.ndarray, alpha: np.ndarray, softness: float) -> tuple[Relight, int]:
    """A gentle gain for what is surely a shadow, and how many there are; nothing at all for what is merely dark.

    `rgb`, `alpha`: of WORK_PX at most.
    """
    shows = alpha > 0.05
    light = linear(rgb)
    log_light = cv2.GaussianBlur(np.log(np.maximum(light, 0) + 1 / 512), (0, 0), 0.8)
    found = _distinct(
        candidate
        for region in _dark_regions(light, log_light, shows)
        if (candidate := _as_shadow(log_light, region, shows)) is not None
    )
    gain = np.zeros((*alpha.shape, 3), np.float32)
    for shadow in found:
        sure = float(np.clip((shadow.fitted.agreement - LEAST_AGREEMENT) / 0.15, 0.4, 1))
        ratio = shadow.fitted.ratio * min(1.0, MOST_LIFT / float(shadow.fitted.ratio.max())) * sure
        cover = shadow_edge.draw(shadow.region, shadow.edge, shadow.fitted, softness, alpha.shape, 1.0)
        gain = np.maximum(gain, shadow_edge.gain(ratio, cover))
    agreement = float(np.mean([shadow.fitted.agreement for shadow in found])) if found else 0.0
    return Relight(gain, agreement, 0.0), len(found)


@dataclass(frozen=True)
class _Shadow:
    region: np.ndarray
    edge: shadow_edge.Edge
    fitted: shadow_edge.Fit


def _distinct(candidates: Iterable[_Shadow]) -> list[_Shadow]:
    """The surest first; what lies over a surer one is the same shadow seen twice."""
    kept: list[_Shadow] = []
    for candidate in sorted(candidates, key=lambda each: -each.fitted.agreement):
        if len(kept) < MOST_SHADOWS and not any((candidate.region & each.region).any() for each in kept):
            kept.append(candidate)
    return kept


def _dark_regions(light: np.ndarray, log_light: np.ndarray, shows: np.ndarray) -> Iterator[np.ndarray]:
    """Regions where light falls short of its surrounds at several scales, in Lab and HSV the way shadows do."""
    longest = max(log_light.shape)
    # Blurred first: outlined on the ground's own dark patches, any region's edge would look like a step in light
    luminance = cv2.GaussianBlur(log_light.mean(axis=2), (0, 0), PATCH * longest)
    weight = shows.astype(np.float32)
    shortfall = np.zeros_like(luminance)
    for part in SCALES:
        sigma = part * longest
        surround = cv2.GaussianBlur(luminance * weight, (0, 0), sigma) / (
            cv2.GaussianBlur(weight, (0, 0), sigma) + 1e-3
        )
        shortfall += (surround - luminance) / len(SCALES)
    display = np.clip(encoded(light), 0, 1)
    lab = cv2.cvtColor(display, cv2.COLOR_RGB2LAB)
    hsv = cv2.cvtColor(display, cv2.COLOR_RGB2HSV)
    lightness, value = lab[..., 0], hsv[..., 2]
    darker = lightness < lightness[shows].mean() - lightness[shows].std() / 3
    black = value < 0.03  # nothing is left there to be lifted
    round_px = max(2, round(0.008 * longest))
    for depth in DEPTHS:
        dark = ((shortfall > depth) & darker & ~black & shows).astype(np.uint8)
        closed = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, masks.disc(round_px))
        labels, areas = masks.components(cv2.morphologyEx(closed, cv2.MORPH_OPEN, masks.disc(round_px)) > 0)
        share = areas / max(1, int(shows.sum()))
        fitting = np.flatnonzero((share > LEAST_SHARE) & (share < MOST_SHARE))
        for label in sorted(fitting[fitting > 0], key=lambda each: -areas[each])[:MOST_SHADOWS]:
            yield labels == label


def _as_shadow(log_light: np.ndarray, region: np.ndarray, shows: np.ndarray) -> _Shadow | None:
    """The region with its edge, if that is the edge of a shadow.

    One ratio all along it, no change of the ground's own colour, and a step that stands out from the ground's texture.
    """
    region = masks.fill_holes(region, int(0.2 * region.sum()))
    reach = int(np.clip(0.35 * np.sqrt(region.sum() / np.pi), 8, 40))
    edge = shadow_edge.lay_profiles(log_light, region, shows, reach)
    if edge is None:
        return None
    fitted = shadow_edge.fit(edge, rounds=2)
    ratio = fitted.ratio
    outside = masks.grow(region, 2 * reach) & ~masks.grow(region, reach // 3) & shows
    texture = float(log_light[outside].mean(axis=-1).std()) if outside.any() else np.inf
    bluish = ratio[0] >= ratio[2] - 0.06
    stands_out = ratio.mean() > max(2 * shadow_edge.LEAST_RATIO, TEXTURE * texture)
    return _Shadow(region, edge, fitted) if fitted.agreement > LEAST_AGREEMENT and bluish and stands_out else None
