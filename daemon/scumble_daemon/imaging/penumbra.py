"""A shadow's soft edge, found so that the ground goes on evenly under it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from . import masks

STEP = 0.02  # a change of log light between two pixels that is no edge of the ground's own
SMOOTH = 0.006  # times the square of an edge's half width: what its evenness counts beside that of the ground
STARTED = 2e-3  # what the fitted edge counts, where neither tells anything
ROUNDS = 5
BLUR, LEAST_BLUR_PX, MOST_BLUR_PX = 0.2, 0.3, 1.2  # of an edge's half width: noise goes, a crisp edge stays crisp
MARGIN_PX = 3
OVER_WHITE = 0.05  # natural logarithm: noise
LIT = 0.8  # what cannot have so much of its light missing is lit, and so is what it goes on in evenly,
LIT_PX, LIT_AROUND_PX = 2, 20  # if it is no speck, and no further away


def solve(
    log_light: np.ndarray, ratio: np.ndarray, started: np.ndarray, width_px: float, shows: np.ndarray, white: float
) -> np.ndarray:
    """How much of the `ratio` (3 log factors) is missing in each pixel: H×W float32, 1 in the shadow, 0 in the light.

    `log_light`: H×W×3 · `started`: the same as it was fitted to profiles across the edge, which holds outside a band of
    `width_px`, the edge's half width, around where that is partial, and around what would get brighter than `white`
    (log light), which is lit. In the band the gradients of the picture with its light given back are to be small, in a
    robust norm (reweighted least squares): edges of the ground's own stay.
    """
    import scipy.sparse

    if float(ratio @ ratio) < 1e-3:
        return started
    partial = (started > 0.02) & (started < 0.98)
    lit = _lit(log_light, ratio, white) & (started > 0.5)
    band = masks.grow(partial, max(MARGIN_PX, round(0.7 * width_px)))
    band = (band | masks.grow(lit, LIT_AROUND_PX) & (started > 0.02)) & shows
    if not band.any():
        return started
    started = np.where(lit, 0, started)
    number = np.full(band.shape, -1, np.int64)
    number[band] = np.arange(np.count_nonzero(band))
    known = np.round(started)
    light = cv2.GaussianBlur(log_light, (0, 0), float(np.clip(BLUR * width_px, LEAST_BLUR_PX, MOST_BLUR_PX)))
    missing = started.astype(np.float64)
    missing[~band] = known[~band]
    pairs = [_pairs(band, number, light, axis) for axis in (0, 1)]
    one, other = (np.concatenate([each[index] for each in pairs]) for index in (0, 1))
    steps = np.concatenate([each[2] for each in pairs])  # the change of log light from one to the other, N×3
    bend, bend_right = _bending(band, number, known)
    flat = missing.ravel()
    smooth = SMOOTH * max(1.0, width_px) ** 2
    size = float(ratio @ ratio)
    # At first an edge counts that could be the shadow's, wherever it was fitted
    left = np.min([((steps + change * ratio) ** 2).sum(axis=1) for change in (-1, 0, 1)], axis=0)
    for turn in range(ROUNDS):
        fitted = ((steps + (flat[other] - flat[one])[:, None] * ratio) ** 2).sum(axis=1)
        weight = 1 / (1 + (np.minimum(left, fitted) if turn == 0 else fitted) / (3 * STEP**2))
        matrix, right = _flattening(one, other, number.ravel(), known.ravel(), weight * size, weight * (steps @ ratio))
        matrix = matrix + smooth * size * bend + STARTED * scipy.sparse.identity(matrix.shape[0])
        right = right + smooth * size * bend_right + STARTED * started[band]
        flat[number.ravel() >= 0] = _solved(matrix, right)
    return np.clip(flat.reshape(band.shape), 0, 1).astype(np.float32)


def _lit(log_light: np.ndarray, ratio: np.ndarray, white: float) -> np.ndarray:
    """What so much light given back would make whiter than `white` (bool)."""
    over = log_light.max(axis=2) + LIT * float(ratio.mean()) > white + OVER_WHITE
    closed = cv2.morphologyEx(over.astype(np.uint8), cv2.MORPH_CLOSE, masks.disc(LIT_PX))
    return cv2.morphologyEx(closed, cv2.MORPH_OPEN, masks.disc(LIT_PX)) > 0


def _solved(matrix: Any, right: np.ndarray) -> np.ndarray:
    from scipy.sparse.linalg import spsolve

    return np.asarray(spsolve(matrix.tocsc(), right))


def _pairs(band: np.ndarray, number: np.ndarray, light: np.ndarray, axis: int) -> tuple[np.ndarray, ...]:
    """Flat indices of neighbours along an axis of which one is in the band, and the change of light between them."""
    index = np.arange(band.size).reshape(band.shape)
    everything, before, after = slice(None), slice(None, -1), slice(1, None)
    first, second = (
        ((before, everything), (after, everything)) if axis == 0 else ((everything, before), (everything, after))
    )
    chosen = band[first] | band[second]
    return index[first][chosen], index[second][chosen], (light[second] - light[first])[chosen].astype(np.float64)


def _flattening(
    one: np.ndarray, other: np.ndarray, number: np.ndarray, known: np.ndarray, weight: np.ndarray, pull: np.ndarray
) -> tuple[Any, np.ndarray]:
    """Σ weight·(m_other − m_one)² + 2·pull·(m_other − m_one) as a matrix and a right side over the band."""
    import scipy.sparse

    count = int(number.max()) + 1
    right = np.zeros(count)
    rows, columns, values = [], [], []
    for mine, its, sign in ((one, other, 1.0), (other, one, -1.0)):
        inside = number[mine] >= 0
        row, w = number[mine][inside], weight[inside]
        np.add.at(right, row, sign * pull[inside])
        rows.append(row)
        columns.append(row)
        values.append(w)
        both = number[its][inside] >= 0
        rows.append(row[both])
        columns.append(number[its][inside][both])
        values.append(-w[both])
        np.add.at(right, row[~both], w[~both] * known[its[inside][~both]])
    table = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return scipy.sparse.csr_matrix(table, (count, count)), right


def _bending(band: np.ndarray, number: np.ndarray, known: np.ndarray) -> tuple[Any, np.ndarray]:
    """The squared second differences as a matrix and a right side over the band."""
    import scipy.sparse

    rows, columns = np.nonzero(band)
    count, (height, width) = len(rows), band.shape
    flat_number, flat_known = number.ravel(), known.ravel()
    here, column, values, fixed = [], [], [], np.zeros(count)
    for down, across in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):  # beyond the picture's edge it goes on as it is
        at = np.clip(rows + down, 0, height - 1) * width + np.clip(columns + across, 0, width - 1)
        value = -1.0 if down or across else 4.0
        inside = flat_number[at] >= 0
        here.append(np.flatnonzero(inside))
        column.append(flat_number[at[inside]])
        values.append(np.full(np.count_nonzero(inside), value))
        fixed[~inside] += value * flat_known[at[~inside]]
    table = np.concatenate(values), (np.concatenate(here), np.concatenate(column))
    laplacian = scipy.sparse.csr_matrix(table, (count, count))
    return (laplacian.T @ laplacian).tocsr(), -(laplacian.T @ fixed)
