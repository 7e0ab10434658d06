"""What lies under a painting: noise, cells and strokes that never change, from which a network chooses.

A convolution gives the same answer wherever it sees the same colours, so a sky would become one flat tone. Grain tells
places apart: the same seed gives the same strokes at the same places, in a tile as in the whole.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

CHANNELS = 7  # fine noise, soft noise, the way to the cell's centre (x, y), the distance to its rim, two chances of it
DIRECTIONS = 8
WIDTHS_PX = (0.9, 2.0)  # of the strokes drawn in each direction: a bristle, a brush
LINES = DIRECTIONS * len(WIDTHS_PX)
LENGTH_PX = 8.0  # the deviation of a stroke along itself
PERIOD_PX = 600  # after which it comes again
CELL_PX = 12
JITTER = 0.7  # of a cell's side, that its centre moves by at most
SOFT_PX = 5.0


def grain(top: int, left: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """height×width×(CHANNELS + LINES) float32, all about in [-1, 1], of a sheet without end at (top, left)."""
    sheet = _sheet(seed)
    rows, columns = (np.arange(first, first + count) % PERIOD_PX for first, count in ((top, height), (left, width)))
    return sheet[rows[:, None], columns[None]].astype(np.float32)


@lru_cache(maxsize=2)
def _sheet(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    fine = rng.standard_normal((PERIOD_PX, PERIOD_PX), np.float32)
    soft = _around(rng.standard_normal((PERIOD_PX, PERIOD_PX), np.float32), SOFT_PX)
    sheet = np.empty((PERIOD_PX, PERIOD_PX, CHANNELS + LINES), np.float16)
    sheet[..., 0] = np.clip(fine / 2, -1, 1)
    sheet[..., 1] = np.clip(soft / (2 * soft.std()), -1, 1)
    sheet[..., 2:CHANNELS] = _cells(rng)
    sheet[..., CHANNELS:] = _lines(sheet[..., 0].astype(np.float32))
    sheet.setflags(write=False)
    return sheet


def _lines(noise: np.ndarray) -> np.ndarray:
    """The noise drawn out in each direction, and evened: what is broader than a few strokes is taken away."""
    frequency = np.fft.fftfreq(PERIOD_PX)
    spectrum = np.fft.rfft2(noise)
    y, x = frequency[:, None], np.fft.rfftfreq(PERIOD_PX)[None]
    drawn = []
    for width_px in WIDTHS_PX:
        for direction in range(DIRECTIONS):
            angle = np.pi * direction / DIRECTIONS
            along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
            narrow = np.exp(-2 * np.pi**2 * ((LENGTH_PX * along) ** 2 + (width_px * across) ** 2))
            broad = 1 - np.exp(-2 * np.pi**2 * (5 * width_px) ** 2 * (x * x + y * y))
            lines = np.fft.irfft2(spectrum * narrow * broad, noise.shape)
            drawn.append(np.clip(lines / (2 * lines.std()), -1.5, 1.5))
    return np.stack(drawn, 2)


def _around(field: np.ndarray, sigma_px: float) -> np.ndarray:
    """Blurred as if the sheet went on at its other side."""
    edge = round(4 * sigma_px)
    return cv2.GaussianBlur(np.pad(field, edge, mode="wrap"), (0, 0), sigma_px)[edge:-edge, edge:-edge]


def _cells(rng: np.random.Generator) -> np.ndarray:
    """The nearest of centres that stand, moved at random, on a grid; after Worley: A Cellular Texture Basis Function
    (SIGGRAPH 1996)."""
    count = PERIOD_PX // CELL_PX
    moved = JITTER * (rng.random((count, count, 2), np.float32) - 0.5) + 0.5
    chance = rng.random((count, count, 2), np.float32) * 2 - 1
    at = np.arange(PERIOD_PX, dtype=np.float32) / CELL_PX
    own = at.astype(int)
    ways, distances, chances = [], [], []
    for down in (-2, -1, 0, 1, 2):
        for across in (-2, -1, 0, 1, 2):
            row, column = (own + down)[:, None] % count, (own + across)[None] % count
            y = (own + down)[:, None] + moved[row, column, 0] - at[:, None]
            x = (own + across)[None] + moved[row, column, 1] - at[None]
            ways.append(np.stack([x, y], 2))
            distances.append(np.hypot(x, y))
            chances.append(chance[row, column])
    order = np.argsort(np.stack(distances), axis=0)[:2]
    nearest, next_ = (np.take_along_axis(np.stack(ways), order[which][None, ..., None], 0)[0] for which in (0, 1))
    chosen = np.take_along_axis(np.stack(chances), order[0][None, ..., None], 0)[0]
    apart = next_ - nearest
    rim = ((nearest + next_) / 2 * apart).sum(2) / np.maximum(np.linalg.norm(apart, axis=2), 1e-6)
    return np.concatenate([nearest, rim[..., None] * 2, chosen], axis=2)
