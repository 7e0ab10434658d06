"""How much noise there is in a picture, found out from the picture alone.

The difference across a square of four pixels, a - b - c + d, has nothing of an even slope in it and little of an edge;
half of it has the deviation of the noise. Its median over a small part of the picture ignores what edges there are
(Donoho, Johnstone: Ideal spatial adaptation by wavelet shrinkage, 1994), the median over many parts ignores textures.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

PART_PX = 64
PARTS_ALONG = 12  # at most 12 × 12 parts are looked at, evenly spread: a layer of any size takes as long
GAUSSIAN = 0.6745  # the median of |x| where x is normal with deviation 1


def deviation(size: tuple[int, int], read: Callable[[slice, slice], np.ndarray]) -> float:
    """The noise's standard deviation, in [0, 1] as the samples are.

    `size`: height, width · `read`: H×W×C float32 of the given rows and columns. Parts without any, as a blown-out sky,
    do not count, unless all are.
    """
    found = []
    for row in _starts(size[0]):
        for column in _starts(size[1]):
            part = read(
                slice(row, min(size[0], row + PART_PX)),
                slice(column, min(size[1], column + PART_PX)),
            )
            found += _of_channels(part)
    noisy = [each for each in found if each > 0]
    return float(np.median(noisy)) if noisy else 0.0


def _of_channels(part: np.ndarray) -> list[float]:
    height, width = part.shape[0] // 2 * 2, part.shape[1] // 2 * 2
    if not height or not width:
        return []
    squares = part[:height, :width].reshape(height // 2, 2, width // 2, 2, -1)
    across = squares[:, 0, :, 0] - squares[:, 0, :, 1] - squares[:, 1, :, 0] + squares[:, 1, :, 1]
    medians = np.median(np.abs(across / 2).reshape(-1, across.shape[2]), axis=0)
    return [float(value) / GAUSSIAN for value in medians]


def _starts(length: int) -> list[int]:
    last = max(0, length - PART_PX)
    count = min(PARTS_ALONG, last // PART_PX + 1)
    return sorted({round(index * last / max(1, count - 1)) for index in range(count)})
