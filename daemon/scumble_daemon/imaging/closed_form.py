"""Closed-form matting of unknown pixels only, with opinions about them that count for so much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

EPSILON = 1e-7  # how much two colours of one line may be off it, squared (as in pymatting)
CHUNK = 1 << 15  # windows that are worked out at a time


@dataclass(frozen=True)
class Opinion:
    """What the N unknown pixels are thought to be, and how much that counts: N float32 each."""

    alpha: np.ndarray
    weight: np.ndarray


def solve(rgb: np.ndarray, known: np.ndarray, opinions: Sequence[Opinion] = ()) -> np.ndarray:
    """Alpha H×W float32: `known` where that is 1 or 0, and solved for where it is 0.5.

    `rgb`: H×W×3 in [0, 1]. After Levin, Lischinski & Weiss 2008, "A closed-form solution to natural image matting";
    memory goes with the number of unknown pixels. Raises: ValueError where it cannot be solved.
    """
    import scipy.sparse

    unknown = known == 0.5
    alpha = known.astype(np.float32)
    if not unknown.any():
        return alpha
    table, right = _laplacian(rgb.astype(np.float64), known, unknown)
    for opinion in opinions:
        table[:, 12] += opinion.weight  # the middle of 5 × 5: a pixel and itself
        right += opinion.weight * opinion.alpha
    columns = _neighbours(unknown)
    inside = columns >= 0
    starts = np.concatenate([[0], np.cumsum(inside.sum(axis=1))])
    matrix = scipy.sparse.csr_matrix((table[inside], columns[inside], starts), (len(table),) * 2)
    del table, columns, inside
    alpha[unknown] = _solved(matrix, right)
    return np.clip(np.nan_to_num(alpha), 0, 1)


def _solved(matrix: Any, right: np.ndarray) -> np.ndarray:
    import pymatting

    symmetric = matrix.tocsc()
    try:
        first_guess = pymatting.ichol(symmetric)
    except ValueError:
        first_guess = pymatting.jacobi(matrix)
    return pymatting.cg(matrix, right, M=first_guess, maxiter=2000, rtol=1e-6)


def _laplacian(rgb: np.ndarray, known: np.ndarray, unknown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The matting Laplacian's rows of the unknown pixels, over the 5 × 5 around each, and what the known ones give.

    Windows beyond the picture's edge are left out.
    """
    width = unknown.shape[1]
    number = np.cumsum(unknown.ravel()) - 1
    table = np.zeros((int(number[-1]) + 1, 25))
    right = np.zeros(len(table))
    touched = cv2.dilate(unknown.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    touched[[0, -1]] = False
    touched[:, [0, -1]] = False
    middles = np.flatnonzero(touched)
    flat_rgb, flat_known, flat_unknown = rgb.reshape(-1, 3), known.ravel(), unknown.ravel()
    steps = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    offsets = np.array([down * width + across for down, across in steps])
    for start in range(0, len(middles), CHUNK):
        pixels = middles[start : start + CHUNK, None] + offsets  # N×9
        colours = flat_rgb[pixels]
        colours -= colours.mean(axis=1, keepdims=True)
        spread = np.einsum("nic,nid->ncd", colours, colours) / 9 + EPSILON / 9 * np.eye(3)
        share = (1 + np.einsum("nic,ncd,njd->nij", colours, np.linalg.inv(spread), colours)) / 9
        for one, (down, across) in enumerate(steps):
            mine = flat_unknown[pixels[:, one]]
            rows = number[pixels[mine, one]]
            for other, (further_down, further_across) in enumerate(steps):
                value = (one == other) - share[mine, one, other]
                at = (further_down - down + 2) * 5 + further_across - across + 2
                table[rows, at] += value  # in one chunk and place of the window every pixel comes once
                right[rows] -= value * np.where(flat_unknown[pixels[mine, other]], 0, flat_known[pixels[mine, other]])
    return table, right


def _neighbours(unknown: np.ndarray) -> np.ndarray:
    """N×25: the numbers of the unknown pixels around each unknown pixel, -1 for those that are known or outside."""
    number = np.full(unknown.shape, -1, np.int32)
    number[unknown] = np.arange(np.count_nonzero(unknown), dtype=np.int32)
    around = np.pad(number, 2, constant_values=-1)
    rows, columns = np.nonzero(unknown)
    return np.stack([around[rows + down, columns + across] for down in range(5) for across in range(5)], axis=1)
