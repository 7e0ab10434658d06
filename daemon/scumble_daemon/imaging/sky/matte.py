"""How much of each pixel is sky, at full resolution: wires, leaves and hair by how far they are from the sky's colour.

The sky's own colour is known nearly everywhere, since it changes slowly. So a pixel at an edge is a mixture of one
known colour and one of those near it, and both its share and the foreground's colour follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from .. import blocks, masks
from ..blocks import Block, Part
from . import closely, lines, wires
from .field import COUNTS, distance, field_of, spread_out
from .finding import View, end_of, is_coloured
from .lines import Lines

BAND, GREY_BAND = 0.055, 0.02  # of the longest side: how far from the coarse edge a pixel is looked at
NEAR_PX = (1.5, 4.0, 12.0, 40.0)  # where the foreground's colour at an edge is taken from, on the working copy
PURE_PX = 4
NEAR = 4.0  # of the band: beyond 1.5 / 4 of it nothing new is found in the ground
BESIDE_PX = (1.5, 4.0)  # the same in the picture itself, where what is thin is not yet mixed with the sky
NOISE = 2.2  # spreads within which a pixel is plain sky
CERTAIN = 0.7  # of that noise is none along a line
CONTRAST = (2.0, 6.0)  # spreads between sky and foreground: colour says nothing, colour says it all
MIXED = (20.0, 48.0)  # spreads between sky and the foreground's colour on the copy: mixed with the sky, and pure
COPY_PX = 1536  # longest side of the copy on which the sky beside thin things, and lines, are looked for
BLOCK_PX = 512
MARGIN_PX = 16  # that colours beside an edge are taken from
SAMPLED, SAMPLE_PX = (12, 16), 48  # places where noise is measured
PLAIN_SKY = 0.99
FAINT, WHOLE = 0.07, 0.97
EVEN = (0.5, 0.8)  # of how far a pixel is from the sky, that those around it are: on a line, on what is wide
FURTHER = 2.5  # a line's purest pixels are two fifths of it at least
LIGHT = 0.75  # documents mix encoded values: by light alone, twigs before a new pale sky are heavier than they were
OVERSHOT = 0.3
SKYWARDS = 0.05  # so far towards the sky's colour a foreground's may lie: more is what is left of the sky
ALIKE = 1e-4  # of two colours, squared: less tells no direction
STEADY = 0.05  # of a foreground colour that is solved for

Read = Callable[[slice, slice], np.ndarray]
"""Rows and columns of the picture at full size, H×W×3 float sRGB."""


@dataclass(frozen=True)
class Edge:
    """What is known of both sides, on the working copy. `prior`: the sky's coarse share · `sky`, `ground`: colours ·
    `wide`: the ground's where it is no line, into which a lens mixes sky · `even`: how far `ground` is of such places.

    `band`: float32, where the matte is looked for · `spread`: of the sky's colour, and less than that further into the
    ground, where less is taken for sky · `near`: 1 beside the coarse sky, 0 further away, where what is pale in the
    ground is no gap in it · `lines`: wires and the like, where little is taken for noise. `sky`, `spread` and `lines`
    are of any size.
    """

    prior: np.ndarray
    band: np.ndarray
    sky: np.ndarray
    ground: np.ndarray
    wide: np.ndarray
    even: np.ndarray
    spread: np.ndarray
    near: np.ndarray
    lines: Lines

    @staticmethod
    def of(view: View, prior: np.ndarray, never: np.ndarray) -> Edge:
        """`prior`: float32 in [0, 1] at the view's size · `never`: bool, what is no sky for certain."""
        sky = prior > 0.5
        field = field_of(view.lab, _inside(sky))
        off = distance(view.lab, field.lab) / field.spread
        # Its purest pixels: others are mixed with the sky already, on the copy more so than in the picture.
        pure = (off >= 0.8 * cv2.dilate(off, masks.disc(PURE_PX))) & (off > CONTRAST[1])
        solid = (pure & ~sky | masks.erode(~sky, 4)) & view.shows & (off > CONTRAST[0])
        even = _evenly(off)
        wide = solid * even if (solid * even).any() else solid
        reach = max(3, round((BAND if is_coloured(view) else GREY_BAND) * max(sky.shape)))
        unknown = masks.grow(sky, reach) & masks.grow(~sky, reach) | (prior > 0.05) & (prior < 0.95)
        away = masks.distance_to(sky) / reach
        unknown[end_of(sky) + 1 :] = False  # below the horizon haze and water are as pale as the sky
        unknown &= ~never
        return Edge(
            cv2.GaussianBlur(prior.astype(np.float32), (0, 0), 0.8),
            cv2.GaussianBlur(unknown.astype(np.float32), (0, 0), 1.0),
            field.lab,
            _everywhere(view.lab, solid),
            _everywhere(view.lab, wide),
            _everywhere(even[..., None], solid)[..., 0],
            field.spread * np.clip(1.15 - away, 0.4, 1).astype(np.float32),
            np.clip(1.5 - NEAR * away, 0, 1).astype(np.float32),
            Lines(np.zeros((1, 1), np.float32), np.zeros((1, 1, 2), np.float32)),
        )

    def closer(self, rgb: np.ndarray, never: np.ndarray, read: Read, whole: tuple[int, int]) -> Edge:
        """The same with the sky's colour beside thin things, and lines, as a larger copy of the picture shows them.

        `rgb`: the copy, H×W×3 float sRGB · `whole`: the picture's size.
        """
        size, every = (rgb.shape[0], rgb.shape[1]), slice(0, len(rgb))
        lab = cv2.cvtColor(np.clip(rgb, 0, 1).astype(np.float32), cv2.COLOR_RGB2LAB)
        prior, sky, spread = (masks.stretched(each, size, every) for each in (self.prior, self.sky, self.spread))
        sky, spread = closely.look(lab, prior, sky, spread, _scale(size, self))
        spread = np.hypot(spread, _grain(lab, prior, read, whole))
        is_open = masks.stretched(self.prior * ~never, size, every) > 0.5
        return replace(self, sky=sky, spread=spread, lines=lines.follow(lab - sky, is_open))


def _inside(sky: np.ndarray) -> np.ndarray:
    """`sky` without its rim, which is mixed with the ground; of narrow gaps the middle."""
    wide, narrow = masks.erode(sky, 2), masks.erode(sky, 1)
    inside = wide | narrow & ~masks.grow(wide, 3)
    return inside if inside.any() else sky


def _evenly(off: np.ndarray) -> np.ndarray:
    """1 where all around a pixel is as far `off` the sky's colour, 0 on what is so thin that sky is mixed into it."""
    least = cv2.erode(off, np.ones((3, 3), np.uint8)) / np.maximum(off, 1e-6)
    low, high = EVEN
    return np.clip((least - low) / (high - low), 0, 1).astype(np.float32)


def _everywhere(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Those that count, of what is near, and where nothing is, their mean."""
    around, share = spread_out(values, weight, NEAR_PX)
    mean = (weight[..., None] * values).sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6)
    return around + (1 - share)[..., None] * mean.astype(np.float32)


def _grain(lab: np.ndarray, share: np.ndarray, read: Read, size: tuple[int, int]) -> np.float32:
    """How far a pixel of the sky strays from the copy `lab`, where noise is averaged away."""
    off = []
    for row, column in np.ndindex(*SAMPLED):
        top, left = (index * length // count for index, length, count in zip((row, column), size, SAMPLED, strict=True))
        part = slice(top, min(top + SAMPLE_PX, size[0])), slice(left, min(left + SAMPLE_PX, size[1]))
        if masks.stretched(share, size, *part).min() > PLAIN_SKY:
            pixels = cv2.cvtColor(np.clip(read(*part), 0, 1).astype(np.float32), cv2.COLOR_RGB2LAB)
            off.append(distance(pixels, masks.stretched(lab, size, *part)).ravel())
    strayed = np.concatenate(off) if off else np.zeros(1)
    usual = strayed[strayed <= 3 * np.median(strayed)]  # without the edges of what is thin
    return np.float32(np.sqrt(np.mean(usual**2)))


def solve(read: Read, size: tuple[int, int], edge: Edge, report: Callable[[float], None]) -> np.ndarray:
    """The sky's share of each pixel, H×W float32."""
    alpha, unknown = np.empty(size, np.float32), np.empty(size, bool)
    for top in range(0, size[0], BLOCK_PX):
        rows = slice(top, min(top + BLOCK_PX, size[0]))
        prior, band, line = (masks.stretched(each, size, rows) for each in (edge.prior, edge.band, edge.lines.strength))
        alpha[rows], unknown[rows] = prior > 0.5, (band > 0) | (line > 0)
    touched = blocks.along(unknown, BLOCK_PX, max(MARGIN_PX, 2 * _reach_px(size, edge), _wire_px(size, edge)))
    for index, block in enumerate(touched):
        report(index / len(touched))
        alpha[block.core] = _share(read(*block.around), size, block.around, edge)[block.inside]
    return alpha


def _share(rgb: np.ndarray, size: tuple[int, int], part: Part, edge: Edge) -> np.ndarray:
    prior, line, band = (masks.stretched(each, size, *part) for each in (edge.prior, edge.lines.strength, edge.band))
    band = np.maximum(band, line)
    picture = np.clip(rgb, 0, 1).astype(np.float32)
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    sky, spread = masks.stretched(edge.sky, size, *part), masks.stretched(edge.spread, size, *part)
    ground = _ground(lab, sky, spread, edge, size, part)
    share, between = _mixture(lab, sky, ground, spread, line)
    if edge.lines.course.any():
        step = max(size) / max(edge.lines.course.shape)
        share = wires.evened(share, masks.stretched(edge.lines.course, size, *part), step)
    told = np.maximum(np.clip((between / spread - CONTRAST[0]) / (CONTRAST[1] - CONTRAST[0]), 0, 1), line)
    plain = masks.follow_edges(prior, picture, _reach_px(size, edge), 1e-4)
    near_sky = masks.grow(share < 0.6, round(2 + _scale(size, edge) / 2))
    share[~near_sky] = 1
    found = told * (1 - share) + (1 - told) * plain
    sure = (prior > 0.5).astype(np.float32)
    found = band * found + (1 - band) * sure
    return masks.levels(found, FAINT, WHOLE).astype(np.float32)


def _scale(size: tuple[int, int], edge: Edge) -> float:
    return max(size) / max(edge.prior.shape)


def _reach_px(size: tuple[int, int], edge: Edge) -> int:
    """Of a filter that moves the coarse edge onto the picture's."""
    return max(2, round(2 * _scale(size, edge)))


def _wire_px(size: tuple[int, int], edge: Edge) -> int:
    """How far along a wire its share is evened."""
    course = edge.lines.course
    return round(wires.PIECE_PX / 2 * max(size) / max(course.shape)) if course.any() else 0


def _ground(
    lab: np.ndarray, sky: np.ndarray, spread: np.ndarray, edge: Edge, size: tuple[int, int], part: Part
) -> np.ndarray:
    """The foreground's colour at an edge, Lab: of the purest pixels beside it, and where none is, that on the copy.

    Of a line even the purest pixels are mixed with the sky: its colour is taken to be as far from that as what is wide.
    """
    around, wide, even, near = (
        masks.stretched(each, size, *part) for each in (edge.ground, edge.wide, edge.even, edge.near)
    )
    off = distance(lab, sky) / spread
    pure = (off >= 0.8 * cv2.dilate(off, masks.disc(PURE_PX))) & (off > CONTRAST[1])
    beside, share = spread_out(np.dstack([lab, _evenly(off)]), pure, BESIDE_PX)
    around = np.dstack([around, even])
    beside += (1 - share)[..., None] * around
    low, high = MIXED
    mixed = np.clip((high - distance(around[..., :3], sky) / spread) / (high - low), 0, 1)
    ground = around + (near * mixed)[..., None] * (beside - around)
    away = ground[..., :3] - sky
    counted = away * COUNTS**2
    square = np.maximum(np.einsum("yxc,yxc->yx", counted, away), 1e-3)
    further = np.clip(np.einsum("yxc,yxc->yx", counted, wide - sky) / square, 1, FURTHER)
    away *= (1 + (1 - ground[..., 3]) * (further - 1))[..., None]
    away += sky
    np.clip(away[..., 0], 0, 100, out=away[..., 0])
    return away


def _mixture(
    lab: np.ndarray, sky: np.ndarray, ground: np.ndarray, spread: np.ndarray, line: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The foreground's share of each pixel, and how far apart the two colours are."""
    towards = (ground - sky) * COUNTS
    between = np.maximum(np.sqrt((towards**2).sum(axis=2)), 1e-3)
    away = (lab - sky) * COUNTS
    along = (away * towards).sum(axis=2) / between
    off = np.sqrt((away**2).sum(axis=2))
    aside = np.sqrt(np.maximum(off**2 - along**2, 0))
    mixed = np.exp(-((aside / (2 * spread + 0.15 * between)) ** 2)) * (along > 0)
    low = NOISE * spread * (1 - CERTAIN * line)
    apart = np.clip((off - low) / np.maximum(0.8 * between - low, 2 * spread), 0, 1)
    blended = np.clip((along - 0.7 * low) / np.maximum(between - 0.7 * low, 2 * spread), 0, 1)
    share = mixed * blended + (1 - mixed) * apart
    sharpened = (along <= 0.1 * off) & (off < OVERSHOT * between)  # brighter than the sky beside what is darker
    share[sharpened & (line < 0.5)] = 0
    more = np.maximum(_of_light(share, sky[..., 0], ground[..., 0]) - share, 0)  # what is pale has shades of its own
    return share + LIGHT * more, between


def _of_light(share: np.ndarray, sky: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """The share of light that is mixed, for that of lightness between the sky's and the ground's, L of Lab."""
    far, near = np.maximum(sky, 0) + 16, np.maximum(ground, 0) + 16  # whose cube light goes with
    mixed = far + share * (near - far)
    return share * (far * far + far * mixed + mixed * mixed) / (far * far + far * near + near * near)


def foreground(read: Read, alpha: np.ndarray, part: Part, edge: Edge) -> np.ndarray:
    """That part of the picture, without the old sky in its colours where `alpha`, its share there, is not 0."""
    size = (alpha.shape[0], alpha.shape[1])
    given = blocks.wider(part, MARGIN_PX, size)
    around, inner = read(*given), Block(part, given).inside
    lab = cv2.cvtColor(np.clip(around, 0, 1).astype(np.float32), cv2.COLOR_RGB2LAB)
    behind, spread = masks.stretched(edge.sky, size, *given), masks.stretched(edge.spread, size, *given)
    near = cv2.cvtColor(_ground(lab, behind, spread, edge, size, given)[inner], cv2.COLOR_LAB2RGB)
    rgb, sky = around[inner], cv2.cvtColor(behind[inner], cv2.COLOR_LAB2RGB)
    share = alpha[part][..., None]
    missing = rgb - share * sky - (1 - share) * near
    front = near + (1 - share) * missing / ((1 - share) ** 2 + STEADY)
    towards = sky - near
    length = np.maximum((towards**2).sum(axis=2, keepdims=True), ALIKE)
    beyond = ((front - near) * towards).sum(axis=2, keepdims=True) / length - SKYWARDS
    front = front - np.maximum(beyond, 0) * towards
    return np.where(share > 0, np.clip(front, 0, max(1.0, float(rgb.max()))), rgb).astype(np.float32)
