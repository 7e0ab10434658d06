"""The night sky: stars by their magnitudes and colours, and the Milky Way's glow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..colour import LUMINANCE
from . import clouds

BRIGHTEST, FAINTEST = 0.0, 6.8  # magnitudes
PER_STERADIAN = 1500.0  # down to the faintest, for the eye: about 9000 on the whole sphere
GROWS = 0.47  # ten times as many for every two magnitudes more: their number's logarithm per magnitude
COLOURS = np.array([[0.70, 0.80, 1.0], [0.85, 0.91, 1.0], [1.0, 1.0, 0.98], [1.0, 0.90, 0.76], [1.0, 0.78, 0.58]])
REACH_PX = 5


@dataclass(frozen=True)
class Stars:
    """Sorted by row. `y`, `x`: pixels · `light`: n×3, linear, of the whole star · `blur_px`: of the lens."""

    y: np.ndarray
    x: np.ndarray
    light: np.ndarray
    blur_px: float

    def add(self, rgb: np.ndarray, top: int) -> None:
        """Into linear light, H×W×3, whose first row is `top`."""
        height, width = rgb.shape[:2]
        first, last = np.searchsorted(self.y, [top - REACH_PX, top + height + REACH_PX])
        for y, x, light in zip(self.y[first:last] - top, self.x[first:last], self.light[first:last], strict=True):
            rows = slice(max(0, int(y) - REACH_PX), max(0, min(height, int(y) + REACH_PX + 1)))
            columns = slice(max(0, int(x) - REACH_PX), max(0, min(width, int(x) + REACH_PX + 1)))
            down = np.exp(-(((np.arange(rows.start, rows.stop) + 0.5 - y) / self.blur_px) ** 2) / 2)
            over = np.exp(-(((np.arange(columns.start, columns.stop) + 0.5 - x) / self.blur_px) ** 2) / 2)
            rgb[rows, columns] += (down[:, None] * over)[..., None] * light

    def without_colour(self) -> Stars:
        return replace(self, light=np.repeat((self.light @ LUMINANCE)[:, None], 3, axis=1))


def scatter(size: tuple[int, int], horizon: float, focal_px: float, random: np.random.Generator) -> Stars:
    """Over what a camera sees above its horizon."""
    sky_px = max(1.0, horizon) * size[1]
    count = int(np.clip(PER_STERADIAN * sky_px / focal_px**2, 20, 6000))
    y = np.sort(random.uniform(0, max(1.0, horizon), count))
    x = random.uniform(0, size[1], count)
    magnitude = FAINTEST + np.log10(random.uniform(10 ** (GROWS * (BRIGHTEST - FAINTEST)), 1, count)) / GROWS
    shown = 10 ** (-0.4 * 0.8 * (magnitude - 2.0))  # the brightest a little less so, as film shows them
    kept = np.clip((horizon - y) / (0.18 * focal_px), 0, 1) ** 0.7  # the air near the horizon takes them
    colour = COLOURS[random.choice(len(COLOURS), count, p=(0.15, 0.25, 0.3, 0.2, 0.1))]
    return Stars(y, x, (0.55 * shown * kept)[:, None] * colour, max(0.65, max(size) / 2600))


def milky_way(right: np.ndarray, up: np.ndarray, ahead: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A faint band across the sky with dark lanes in it, linear light H×W×3."""
    tilt, turn = np.radians(random.uniform(35, 70)), np.radians(random.uniform(-30, 30))
    pole = np.array([np.cos(tilt) * np.cos(turn), np.sin(tilt) * 0.4 + 0.1, -np.cos(tilt) * np.sin(turn) - 0.5])
    pole /= np.linalg.norm(pole)
    length = np.sqrt(right**2 + up**2 + ahead**2)
    across = (right * pole[0] + up * pole[1] + ahead * pole[2]) / length
    rough = clouds.texture(random, right / length, up / length)
    band = np.exp(-(((across + 0.03 * rough) / 0.16) ** 2))
    lanes = np.clip(1 - 0.9 * np.exp(-(((across + 0.07 * rough) / 0.05) ** 2)) - 0.25 * rough, 0.1, 1.4)
    above = np.clip(up / length / 0.35, 0, 1)
    glow = cv2.GaussianBlur((band * lanes * above).astype(np.float32), (0, 0), 1.0)
    return glow[..., None] * np.array([0.011, 0.0105, 0.012])
