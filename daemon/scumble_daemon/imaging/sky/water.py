"""Water below the sky: where a photo has some, and how another sky is mirrored in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .. import masks, relight
from ..blocks import Part
from ..colour import LUMINANCE
from .field import spread_out
from .finding import PLAIN, View, end_of, is_coloured

BANDS = 4  # heights of the sky that water may have the colour of
HUE, DARKER, LIGHTER = 9.0, 32.0, 6.0  # in Lab: how far its colour may be off the sky's; haze is whiter than water is
LEAST_AREA, LEAST_WIDTH = 0.015, 0.2  # of the picture: less is a puddle, or the end of a road
BEYOND = 0.1  # of the height: a far shore lies between the sky and the water
LEVEL, LEVEL_SHARE = 0.06, 0.6  # of the height, of the columns: a shore is level, where a road or a slope is not
BOAT = 2e-3  # of the picture: what is smaller and lies in the water may be a wave of it
SMOOTHED_PX = 2.0
AROUND_PX = (3.0, 9.0, 27.0)  # where its own colour comes from
APART = 14.0  # ΔE from that: a twig before the water
RIPPLES = (0.6, 1.7)  # of its light, at most
DIMMEST = 0.35  # of the sky's light, that water gives back
SMEARED_PX = (1.5, 5.0)  # across and down, of 512: what ripples do to a mirrored cloud


@dataclass(frozen=True)
class Water:
    """On the working copy. `share`: H×W float32 · `own`: its own colour without ripples, sRGB · `light`: of the sky's
    that it gives back · `horizon_row`: where it is mirrored."""

    share: np.ndarray
    own: np.ndarray
    light: float
    horizon_row: int

    def mirrored(self, new: np.ndarray) -> np.ndarray:
        """The `new` sky (H×W×3 sRGB, of the working copy's size) upside down below the horizon and as dim, linear."""
        rows = np.clip(2 * self.horizon_row - np.arange(len(new)), 0, max(0, self.horizon_row - 1))
        across, down = (each * max(new.shape) / 512 for each in SMEARED_PX)
        return cv2.GaussianBlur(relight.linear(new[rows]).astype(np.float32), (0, 0), across, sigmaY=down) * self.light


def find(view: View, rgb: np.ndarray, sky: np.ndarray) -> Water | None:
    """What is smooth, of the sky's colour, and reaches level to the sky's lower end; None where nothing is.

    `rgb`: H×W×3 sRGB, `sky`: bool. In a photo without colour nothing is: a grey road looks like that too.
    """
    if not is_coloured(view) or not sky.any():
        return None
    horizon_row = end_of(sky)
    smooth = cv2.GaussianBlur(view.gradient, (0, 0), SMOOTHED_PX) < PLAIN
    rows = np.arange(len(sky))[:, None]
    candidates = smooth & view.shows & ~masks.grow(sky, 2) & (rows >= horizon_row) & _sky_coloured(view.lab, sky)
    candidates = cv2.morphologyEx(candidates.astype(np.uint8), cv2.MORPH_OPEN, masks.disc(2)) > 0
    found = np.zeros_like(sky)
    labels, areas = masks.components(candidates)
    for label in np.flatnonzero(areas >= LEAST_AREA * sky.size):
        if label and _is_level(labels == label, horizon_row):
            found |= labels == label
    if not found.any():
        return None
    found = masks.fill_holes(found, round(BOAT * found.size))
    reach = max(2, round(0.012 * max(sky.shape)))
    share = masks.follow_edges(masks.grow(found, 1).astype(np.float32), rgb, 2 * reach, 1e-4)
    share = masks.levels(share, 0.15, 0.7) * ~sky
    own, near = spread_out(rgb.astype(np.float32), found, AROUND_PX)
    own += (1 - near)[..., None] * rgb[found].mean(axis=0)
    light = relight.linear(np.stack([rgb[found].mean(axis=0), rgb[sky].mean(axis=0)]).astype(np.float32)) @ LUMINANCE
    dim = float(np.clip(light[0] / max(light[1], 1e-3), DIMMEST, 1))
    return Water(share.astype(np.float32), own.astype(np.float32), dim, horizon_row)


def draw(
    rgb: np.ndarray, water: Water, mirrored: np.ndarray, size: tuple[int, int], part: Part
) -> tuple[np.ndarray, np.ndarray]:
    """The new sky in the water's ripples H×W×3 sRGB, and how much of each pixel that is, for that `part`.

    `rgb`: the photo there · `mirrored`: of `Water.mirrored` · `size`: of the layer.
    """
    picture = np.clip(rgb, 0, 1).astype(np.float32)
    share, own, sky = (masks.stretched(each, size, *part) for each in (water.share, water.own, mirrored))
    before = (relight.linear(each) @ LUMINANCE for each in (picture, own))
    ripples = np.divide(*(np.maximum(each, 1e-3) for each in before))
    shown = relight.encoded(np.clip(sky * np.clip(ripples, *RIPPLES)[..., None], 0, 1)).astype(np.float32)
    lab = [cv2.cvtColor(np.ascontiguousarray(each), cv2.COLOR_RGB2LAB) for each in (picture, own)]
    away = np.linalg.norm(lab[0] - lab[1], axis=2)
    return shown, share * np.exp(-((away / APART) ** 4)).astype(np.float32)


def _sky_coloured(lab: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Bool: as the sky is at some height, or darker."""
    at = np.argwhere(sky)[:, 0]
    like = np.zeros(sky.shape, bool)
    for low, high in zip(
        *(np.quantile(at, np.arange(BANDS + 1) / BANDS)[part] for part in (slice(-1), slice(1, None))), strict=True
    ):
        band = sky.copy()
        band[: int(low)] = band[int(high) + 1 :] = False
        lightness, green, warm = np.median(lab[band], axis=0)
        off = np.hypot(lab[..., 1] - green, lab[..., 2] - warm)
        darker = lightness - lab[..., 0]
        like |= (off < HUE) & (darker < DARKER) & (darker > -LIGHTER)
    return like


def _is_level(part: np.ndarray, horizon_row: int) -> bool:
    """Whether it is wide, begins near the horizon, and most of its columns begin on nearly the same row."""
    height, width = part.shape
    columns = part.any(axis=0)
    tops = part.argmax(axis=0)[columns]
    first = int(np.quantile(tops, 0.1))
    is_wide = np.count_nonzero(columns) >= LEAST_WIDTH * width
    at_top = np.abs(tops - first) <= max(2, LEVEL * height)
    return bool(is_wide and first - horizon_row <= BEYOND * height and at_top.mean() >= LEVEL_SHARE)
