"""How the sky would look without what stands before it: its colour changes slowly, so it is known from what is near."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .. import masks

FITTED = 6000  # pixels that a fit looks at
LEAST_SPREAD, MOST_SPREAD, WIDEST_SPREAD = 1.2, 7.0, 5.0  # in Lab: noise, and JPEG
FIELD_PX = (6.0, 20.0, 60.0, 200.0)
COUNTS = np.array([1.0, 1.5, 1.5], np.float32)


@dataclass(frozen=True)
class Field:
    """How the sky looks without what stands before it. `lab`: H×W×3 · `spread`: H×W, how far it strays from that."""

    lab: np.ndarray
    spread: np.ndarray


def field_of(lab: np.ndarray, sure: np.ndarray) -> Field:
    """From those pixels that are `sure` (bool): an even change over the picture, and what is near of the rest."""
    first = _field(lab, sure)
    trusted = sure & (distance(lab, first.lab) < 3 * first.spread)
    return _field(lab, trusted) if trusted.any() else first


def _field(lab: np.ndarray, sure: np.ndarray) -> Field:
    even = _even_change(lab, sure)
    colours = even + spread_out(lab - even, sure, FIELD_PX)[0]
    off = distance(lab, colours)
    usual = 1.48 * float(np.median(off[sure])) if sure.any() else 0.0
    off = np.minimum(off, max(3 * usual, MOST_SPREAD))  # twigs among what is taken for sky are no spread of it
    strayed, share = spread_out((off**2)[..., None], sure, FIELD_PX)
    spread = np.sqrt(strayed[..., 0] + (1 - share) * usual**2)
    return Field(colours, np.clip(spread, LEAST_SPREAD, WIDEST_SPREAD))


def _even_change(lab: np.ndarray, part: np.ndarray) -> np.ndarray:
    """The quadratic in x and y that fits most colours of a `part`, over the whole picture."""
    rows, columns = np.nonzero(part)
    step = max(1, len(rows) // FITTED)
    rows, columns = rows[::step], columns[::step]
    laid, colours = terms(rows, columns, part.shape), lab[rows, columns].astype(np.float64)
    weight, weights = np.ones(len(rows)), np.zeros((laid.shape[1], 3))
    for _ in range(5):  # what stands before the sky counts less and less
        weights, *_ = np.linalg.lstsq(laid * weight[:, None], colours * weight[:, None], rcond=None)
        away = np.linalg.norm(colours - laid @ weights, axis=1)
        weight = 1 / (1 + (away / max(LEAST_SPREAD, 1.5 * float(np.median(away)))) ** 2)
    y, x = np.mgrid[: part.shape[0], : part.shape[1]]
    even = (terms(y.ravel(), x.ravel(), part.shape) @ weights).reshape(lab.shape)
    fitted = laid[weight > 0.2] @ weights
    low, high = fitted.min(axis=0), fitted.max(axis=0)
    room = 0.75 * (high - low)
    return np.clip(even, low - room, high + room).astype(np.float32)


def terms(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Of a quadratic in a picture's x and y: pixels × 6."""
    y, x = rows / shape[0] - 0.5, columns / shape[1] - 0.5
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1)


def spread_out(values: np.ndarray, where: np.ndarray, reaches_px: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The mean of `values` (H×W×C) `where` they count, of what is near; from further away where nothing is.

    And how much of it there is, from 1 down to 0 where nothing lies within reach: the mean is to be divided by that.
    """
    size = values.shape[:2]
    total, share = np.zeros_like(values, np.float32), np.zeros(size, np.float32)
    weighed = np.empty((*size, values.shape[2] + 1), np.float32)
    np.multiply(values, where[..., None], out=weighed[..., :-1])
    weighed[..., -1] = where
    for reach in reaches_px:
        step = max(1, int(reach / 3))  # a wide blur is the same on a small copy
        small = masks.resize(weighed, (-(-size[0] // step), -(-size[1] // step)))
        small = cv2.GaussianBlur(small, (0, 0), reach / step, borderType=cv2.BORDER_CONSTANT)
        blurred = masks.resize(small, size)
        near = blurred[..., -1]
        part = np.clip(4 * near, 0, 1) * (1 - share)
        share += part
        part /= np.maximum(near, 1e-6)
        blurred[..., :-1] *= part[..., None]
        total += blurred[..., :-1]
    return total, share


def distance(lab: np.ndarray, other: np.ndarray) -> np.ndarray:
    """As ΔE 1976, hue counting more than lightness, which haze and clouds change."""
    away = lab - other
    return np.sqrt(np.square(away, out=away) @ COUNTS**2)
