"""Renderers of a domain each: a photo → cel shading, ink. What the student of `domain-toon` learns from.

They need no training, and take seconds where the student takes a fraction of one. Each is a function of what lies
around a pixel, so that a network can learn it, and has an intensity: not how much of it is laid over the photo, but how
far it goes, in steps of tone, in width of line, in how much of the wash is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from .renderers import INK, PAPER, Floats, Flow, directions, drawn_out, flattened, vivid

STYLES = ("cel", "ink")
TONES = 6  # steps of lightness in full cel shading
LINE_PX, TONE_PX = 0.9, 1.3  # deviations of what an outline, and what an inked area is told by
RATIO = 1.6  # of the two Gaussians (Marr and Hildreth 1980)


@dataclass(frozen=True)
class Ground:
    """What the renderers begin with, costly and the same for each intensity.

    `rgb`, `flat`: H×W×3 · `line`: H×W, below 0 where a line is · `tone`: H×W, lightness with its edges raised.
    """

    rgb: Floats
    flat: Floats
    line: Floats
    tone: Floats


def ground(rgb: Floats) -> Ground:
    """`rgb`: H×W×3 float32 in [0, 1]."""
    flow = directions(rgb, 2.5)
    flat = flattened(rgb, flow, 4.5)
    light = _light(0.5 * rgb + 0.5 * flat)
    return Ground(rgb, flat, _edges(light, flow, LINE_PX), _raised(light, flow))


def cel(made: Ground, intensity: float) -> Floats:
    """Few tones, stronger colours, dark outlines."""
    i = np.float32(intensity)
    colours = made.rgb + np.minimum(1, 2 * i) * (made.flat - made.rgb)
    stepped = _stepped(colours, 100 / TONES, 0.85 * i)
    lines = _lines(made.line, 40, 0.004 * (1 - i)) * np.minimum(1, 1.6 * i)
    return np.clip(vivid(stepped, 1 + 0.3 * intensity), 0, 1) * (1 - 0.88 * lines[..., None])


def ink(made: Ground, intensity: float) -> Floats:
    """A pen's outlines and black areas on paper; the less intense, the more is left of a wash of the colours."""
    i = np.float32(intensity)
    black = 0.5 + 0.5 * np.tanh(9 * (0.30 - made.tone))
    covered = np.maximum(black, _lines(made.line, 55, 0.0))[..., None] * np.minimum(1, 1.5 * i)
    light = _light(made.flat)[..., None]
    grey = PAPER * (0.55 + 0.45 * _soft(light * 1.6))
    wash = made.rgb + np.minimum(1, 2 * i) * (made.flat - made.rgb)
    wash = wash + i * (grey - wash)
    return np.clip(wash * (1 - covered) + INK * covered, 0, 1)


RENDERERS: dict[str, Callable[[Ground, float], Floats]] = {"cel": cel, "ink": ink}


def rendered(rgb: Floats, style: str, intensity: float = 1.0) -> Floats:
    """H×W×3 float32 in [0, 1] → the same in that style."""
    return RENDERERS[style](ground(rgb), intensity)


def _stepped(rgb: Floats, step: float, amount: float) -> Floats:
    """Lightness drawn towards the middles of steps, softly, so that no islands arise (Winnemöller et al. 2006)."""
    lab = cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2LAB)
    light = lab[..., 0]
    middle = np.floor(light / step) * step + step / 2
    within = (light - middle) / step  # -0.5 to 0.5
    drawn = middle + step * 0.5 * np.sign(within) * np.abs(2 * within) ** 4
    lab[..., 0] = light + np.float32(amount) * (drawn - light)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1)


def _edges(light: Floats, flow: Flow, sigma_px: float) -> Floats:
    """After Winnemöller: XDoG (2011), smoothed along the flow."""
    return drawn_out(_blurred(light, sigma_px) - 0.985 * _blurred(light, sigma_px * RATIO), flow, 5, 1.0)


def _raised(light: Floats, flow: Flow) -> Floats:
    near, far = _blurred(light, TONE_PX), _blurred(light, TONE_PX * RATIO)
    return drawn_out(near + 4 * (near - far), flow, 4, 1.0)


def _lines(edge: Floats, sharpness: float, least: float) -> Floats:
    return np.clip(-np.tanh(sharpness * (edge + least)), 0, 1)


def _light(rgb: Floats) -> Floats:
    return cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2GRAY)


def _soft(value: Floats) -> Floats:
    within = np.clip(value, 0, 1)
    return within * within * (3 - 2 * within)


def _blurred(field: Floats, sigma_px: float) -> Floats:
    return cv2.GaussianBlur(field, (0, 0), sigma_px)
