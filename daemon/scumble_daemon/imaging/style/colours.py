"""Move the colours of one picture onto those of another."""

from __future__ import annotations

import numpy as np

LEAST_VARIANCE = 1e-5


def transported(rgb: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`rgb` (H×W×3 float32) with the mean and covariance of the colours in `target`; may leave [0, 1].

    The linear Monge-Kantorovich map, which moves colours as little as possible: Pitié, Kokaram: The linear
    Monge-Kantorovitch linear colour mapping for example-based colour transfer (2007).
    """
    ours, theirs = rgb.reshape(-1, 3).astype(np.float64), target.reshape(-1, 3).astype(np.float64)
    here, there = _covariance(ours), _covariance(theirs)
    root = _power(here, 0.5)
    inverse = _power(here, -0.5)
    linear = inverse @ _power(root @ there @ root, 0.5) @ inverse
    moved = (ours - ours.mean(axis=0)) @ linear.T + theirs.mean(axis=0)
    return moved.reshape(rgb.shape).astype(np.float32)


def _covariance(colours: np.ndarray) -> np.ndarray:
    return np.cov(colours.T, bias=True) + LEAST_VARIANCE * np.eye(3)


def _power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(np.maximum(values, 1e-9) ** exponent) @ vectors.T
