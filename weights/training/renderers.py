"""Painters that need no training: a picture and its grain → a painting. What `painter` learns from.

Each is a function of what lies around a pixel, so that a network can learn it. Strokes follow the picture's own
directions: grain drawn out along them (line integral convolution, Cabral and Leedom 1993) is what a brush's bristles
leave.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scumble_daemon.imaging.style.grain import CELL_PX, LENGTH_PX, WIDTHS_PX

Floats = np.ndarray
Renderer = Callable[[Floats, Floats], Floats]
"""`renderer(rgb, grain)`: H×W×3 and H×W×7 float32 → H×W×3 float32 in [0, 1]."""

PAPER, INK = np.array((0.955, 0.925, 0.855), np.float32), np.array((0.105, 0.09, 0.10), np.float32)
MORTAR = np.array((0.15, 0.14, 0.14), np.float32)
LEAST_DIRECTION = 2e-4  # of the structure tensor: what has no direction of its own is stroked slantwise
SLANT = 0.7  # radians


@dataclass(frozen=True)
class Flow:
    """Which way strokes go: `x`, `y`: H×W, a unit vector along them."""

    x: Floats
    y: Floats

    @property
    def across(self) -> Flow:
        return Flow(-self.y, self.x)


def oil(rgb: Floats, grain: Floats) -> Floats:
    """Thick paint: ragged edges, strokes that differ a little, bristles that catch the light."""
    flow = directions(rgb, 3.0)
    strokes, bristles = (drawn_strokes(grain, flow, width_px) for width_px in WIDTHS_PX[::-1])
    paint = flattened(rgb, flow, 5.5)
    paint = _sampled(paint, 2.8 * strokes * flow.across.x, 2.8 * strokes * flow.across.y)
    paint = vivid(paint, 1.25)
    paint = paint * (1 + 0.07 * strokes)[..., None] + (0.012 * strokes)[..., None]
    height = bristles + 0.8 * strokes
    light = _sampled(height, 1.0, 1.0) - _sampled(height, -1.0, -1.0)
    return np.clip(paint + (0.03 * light)[..., None], 0, 1)


def watercolour(rgb: Floats, grain: Floats) -> Floats:
    """Flat washes on white paper, darker at their rims, cloudy where pigment has settled."""
    flow = directions(rgb, 3.0)
    wobble = grain[..., 1]
    wash = flattened(flattened(rgb, flow, 8.0), flow, 6.0)
    wash = _sampled(wash, 3.5 * wobble, -3.5 * wobble)
    wash = vivid(1 - (1 - wash) * 0.86, 1.25)
    tone = _blurred(wash.mean(2), 0.7)
    rim = np.clip((_blurred(tone, 3.0) - tone) * 3.5, 0, 0.6)
    cloud = 0.28 * _blurred(grain[..., 1], 3.0) * 2
    paper = 0.10 * _evened(_blurred(grain[..., 0], 0.9), 5)
    density = (1 + 1.6 * rim + cloud + paper)[..., None]
    washed = wash - (wash - wash * wash) * (density - 1)  # after Bousseau et al. 2006, section 4.2
    return np.clip(washed * (0.985, 0.98, 0.96), 0, 1).astype(np.float32)


def woodcut(rgb: Floats, grain: Floats) -> Floats:
    """Lines cut along the forms, crossed where it is dark, and outlines."""
    flow = directions(rgb, 4.0, least=1e-3)
    light = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    light = _blurred(light, 1.2)
    strokes = np.maximum(
        _pen(drawn_strokes(grain, flow), light, 0.86, 0.30), _pen(drawn_strokes(grain, flow.across), light, 0.42, 0.04)
    )
    outlines = _outlines(rgb, flow)
    covered = np.clip(np.maximum(strokes, outlines), 0, 1)[..., None]
    return PAPER * (1 - covered) + INK * covered


def mosaic(rgb: Floats, grain: Floats) -> Floats:
    """Small stones, each of one colour, set into dark mortar."""
    soft = _blurred(rgb, 2.0)
    stone = _sampled(soft, grain[..., 2] * CELL_PX, grain[..., 3] * CELL_PX)
    stone = vivid(stone, 1.3) * (1 + 0.13 * grain[..., 5:6]) + 0.03 * grain[..., 6:7]
    rim = grain[..., 4]
    lit = -(grain[..., 2] + grain[..., 3]) * np.clip(1 - rim * 1.6, 0, 1)
    stone = stone + (0.10 * lit)[..., None]
    filled = _step((rim - 0.10) / 0.14)[..., None]
    return np.clip(MORTAR * (1 - filled) + stone * filled, 0, 1).astype(np.float32)


def pencil(rgb: Floats, grain: Floats) -> Floats:
    """Coloured pencils: slanting strokes that let the paper through, denser where it is dark."""
    flow = directions(rgb, 5.0, least=4e-3)
    lines = drawn_strokes(grain, flow) * 0.8 + 0.35 * _evened(_blurred(grain[..., 0], 0.7), 4)
    soft = flattened(rgb, flow, 4.0)
    light = cv2.cvtColor(soft, cv2.COLOR_RGB2GRAY)
    strong = vivid(soft, 1.5) * 0.86
    covered = _step(0.5 + 0.55 * (lines + 2.6 * (0.72 - light)))
    covered = 0.12 + 0.83 * covered
    covered = np.maximum(covered, 0.75 * _outlines(rgb, flow))[..., None]
    return np.clip(PAPER * (1 - covered) + np.clip(strong, 0, 1) * covered, 0, 1)


RENDERERS: dict[str, Renderer] = {
    "oil": oil,
    "watercolour": watercolour,
    "woodcut": woodcut,
    "mosaic": mosaic,
    "pencil": pencil,
}


# --- what they are made of ---------------------------------------------------------------------------------------


def directions(rgb: Floats, sigma_px: float, least: float = LEAST_DIRECTION) -> Flow:
    """Along edges, by the structure tensor's smaller eigenvector (Brox et al. 2006, smoothed with a Gaussian)."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    dx, dy = (cv2.Sobel(grey, cv2.CV_32F, *order, scale=0.25) for order in ((1, 0), (0, 1)))
    xx, yy, xy = (_blurred(product, sigma_px) for product in (dx * dx, dy * dy, dx * dy))
    xx, yy = xx + least * np.sin(SLANT) ** 2, yy + least * np.cos(SLANT) ** 2
    xy = xy - least * np.sin(SLANT) * np.cos(SLANT)
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    return Flow(np.cos(angle), np.sin(angle))


def drawn_out(field: Floats, flow: Flow, reach_px: int, step_px: float = 1.5) -> Floats:
    """The mean along the stroke through each pixel, of `reach_px` both ways, nearer ones counting more."""
    height, width = field.shape[:2]
    at_y, at_x = np.mgrid[:height, :width].astype(np.float32)
    total, weight = field.copy(), 1.0
    for sign in (1, -1):
        x, y = at_x, at_y
        way_x, way_y = sign * flow.x, sign * flow.y
        count = round(reach_px / step_px)
        for number in range(1, count + 1):
            x, y = x + step_px * way_x, y + step_px * way_y
            next_x, next_y = _at(flow.x, x, y), _at(flow.y, x, y)
            turned = np.where(next_x * way_x + next_y * way_y < 0, -1, 1).astype(np.float32)
            way_x, way_y = next_x * turned, next_y * turned
            share = float(np.exp(-0.5 * (2 * number / count) ** 2))
            total, weight = total + share * _at(field, x, y), weight + share
    return total / weight


def flattened(rgb: Floats, flow: Flow, radius_px: float, sharpness: float = 8.0, sectors: int = 8) -> Floats:
    """The calmest of eight sectors around each pixel, longer along the flow.

    After Kyprianidis, Kang, Döllner: Image and Video Abstraction by Anisotropic Kuwahara Filtering (2009).
    """
    height, width = rgb.shape[:2]
    at_y, at_x = np.mgrid[:height, :width].astype(np.float32)
    sums, squares, weights = [np.zeros((sectors, height, width, depth), np.float32) for depth in (3, 3, 1)]
    for reach in (0.35, 0.7, 1.0):
        for number in range(2 * sectors):
            around = np.pi * number / sectors
            along, aside = reach * np.cos(around) * radius_px * 1.4, reach * np.sin(around) * radius_px / 1.4
            seen = _at(rgb, at_x + along * flow.x - aside * flow.y, at_y + along * flow.y + aside * flow.x)
            for sector in range(sectors):
                apart = abs((around - 2 * np.pi * sector / sectors + np.pi) % (2 * np.pi) - np.pi)
                if apart < np.pi / sectors * 1.5:
                    share = np.exp(-1.5 * reach**2) * np.cos(apart / (np.pi / sectors * 1.5) * np.pi / 2) ** 2
                    sums[sector] += share * seen
                    squares[sector] += share * seen * seen
                    weights[sector] += share
    means = (sums + 0.15 * rgb) / (weights + 0.15)
    spread = np.abs((squares + 0.15 * rgb * rgb) / (weights + 0.15) - means * means).sum(3, keepdims=True)
    calm = 1 / (1 + (255 * np.sqrt(spread)) ** (sharpness / 2))
    return (means * calm).sum(0) / calm.sum(0)


def vivid(rgb: Floats, factor: float) -> Floats:
    grey = rgb.mean(2, keepdims=True)
    return np.clip(grey + (rgb - grey) * np.float32(factor), 0, 1)


def drawn_strokes(grain: Floats, flow: Flow, width_px: float = WIDTHS_PX[0]) -> Floats:
    """Strokes along the flow, side by side; deviation about 1."""
    reach_px = round(2 * LENGTH_PX)
    return _evened(drawn_out(_blurred(grain[..., 0], width_px), flow, reach_px), 5 * width_px)


def _pen(lines: Floats, light: Floats, begins: float, full: float) -> Floats:
    """Strokes that swell from nothing where it is as light as `begins` to all but black at `full`."""
    dark = np.clip((begins - light) / (begins - full), 0, 1)
    return _step(0.5 + 1.1 * (lines - (2.5 - 3.6 * dark)))


def _outlines(rgb: Floats, flow: Flow) -> Floats:
    """After Winnemöller: XDoG (2011), smoothed along the flow."""
    light = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    edge = _blurred(light, 1.0) - 0.98 * _blurred(light, 1.6)  # the second a little weaker: what is flat stays paper
    return np.clip(-np.tanh(55 * drawn_out(edge, flow, 5, 1.0)), 0, 1)


def _evened(field: Floats, around_px: float) -> Floats:
    """Mean 0 and deviation 1 within its surroundings."""
    centred = field - _blurred(field, around_px)
    return centred / np.sqrt(_blurred(centred * centred, 2 * around_px) + 1e-8)


def _step(value: Floats) -> Floats:
    within = np.clip(value, 0, 1)
    return within * within * (3 - 2 * within)


def _blurred(field: Floats, sigma_px: float) -> Floats:
    return cv2.GaussianBlur(field, (0, 0), sigma_px)


def _sampled(field: Floats, right: Floats | float, down: Floats | float) -> Floats:
    """What lies so far to the right of each pixel, and below it."""
    height, width = field.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return _at(field, x + np.float32(right), y + np.float32(down))


def _at(field: Floats, x: Floats, y: Floats) -> Floats:
    return cv2.remap(field, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
