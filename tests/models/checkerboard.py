"""How much of a picture's spectrum stands out at the frequencies of enlarging by two, four and eight."""

from __future__ import annotations

import numpy as np

BLOCK_PX = 64
PERIODS = (2, 4, 8)
APART = (3, 4, 5)  # bins from a frequency, where its surroundings are


def standing_out(picture: np.ndarray) -> dict[int, float]:
    """`picture`: H×W×3 in [0, 1] → for each period in pixels the energy at it over that of frequencies nearby, by
    Welch's method: about 1 for a picture that has no such pattern."""
    grey = picture.mean(2)
    window = np.outer(np.hanning(BLOCK_PX), np.hanning(BLOCK_PX))
    total = np.zeros((BLOCK_PX, BLOCK_PX))
    for top in range(0, grey.shape[0] - BLOCK_PX + 1, BLOCK_PX // 2):
        for left in range(0, grey.shape[1] - BLOCK_PX + 1, BLOCK_PX // 2):
            block = grey[top : top + BLOCK_PX, left : left + BLOCK_PX]
            total += np.abs(np.fft.fft2((block - block.mean()) * window)) ** 2
    found = {}
    for period in PERIODS:
        step = BLOCK_PX // period
        places = [(y, x) for y in range(0, BLOCK_PX, step) for x in range(0, BLOCK_PX, step) if (y, x) != (0, 0)]
        here = [total[y, x] for y, x in places]
        nearby = [_nearby(total, y, x) for y, x in places]
        found[period] = float(np.exp(np.mean(np.log(here) - np.log(nearby))))
    return found


def _nearby(total: np.ndarray, y: int, x: int) -> float:
    """The geometric mean of energies on both sides, across and down: a spectrum that falls evenly gives what it has
    there itself."""
    around = [
        total[(y + dy * far) % BLOCK_PX, (x + dx * far) % BLOCK_PX]
        for far in APART
        for dy, dx in ((1, 0), (-1, 0), (0, 1), (0, -1))
        if not _is_low((y + dy * far) % BLOCK_PX, (x + dx * far) % BLOCK_PX)
    ]
    return float(np.exp(np.mean(np.log(around))))


def _is_low(y: int, x: int) -> bool:
    """Where a photograph has nearly all of its energy."""
    return min(y, BLOCK_PX - y) < 2 and min(x, BLOCK_PX - x) < 2
