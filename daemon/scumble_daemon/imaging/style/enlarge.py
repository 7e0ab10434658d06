"""Paint the same picture large: each patch that was chosen on a small one is taken from the style in full size."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from .synthesis import PATCH_PX, STEP_PX, Painted

TAKEN = 2 * STEP_PX  # every second patch along each side: more of them would average strokes away
SHARPNESS = 1.5  # how much a patch that is nearer to the small picture counts
STRIP_ROWS = 256


def enlarge(
    painted: Painted,
    style: np.ndarray,
    small_style: tuple[int, int],
    size: tuple[int, int],
    report: Callable[[float], None] = lambda share: None,
) -> np.ndarray:
    """H×W×3 float32 of `size` (height, width).

    `style`: the same as the small picture was painted from, as much larger as `size` is · `small_style`: the (height,
    width) that it had there. Raises: what `report` raises.
    """
    result = np.empty((*size, 3), np.float32)
    for top in range(0, size[0], STRIP_ROWS):
        report(top / size[0])
        rows = slice(top, min(size[0], top + STRIP_ROWS))
        result[rows] = _strip(painted, style, small_style, size, rows)
    return result


def _strip(
    painted: Painted, style: np.ndarray, small_style: tuple[int, int], size: tuple[int, int], rows: slice
) -> np.ndarray:
    small = painted.rgb.shape[:2]
    y = ((np.arange(rows.start, rows.stop) + 0.5) * small[0] / size[0] - 0.5).clip(0, small[0] - 1)
    x = ((np.arange(size[1]) + 0.5) * small[1] / size[1] - 0.5).clip(0, small[1] - 1)
    down, across = np.meshgrid(y.astype(np.float32), x.astype(np.float32), indexing="ij")
    wanted = cv2.remap(painted.rgb, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    total, weights = np.zeros_like(wanted), np.zeros(wanted.shape[:2], np.float32)
    for one in range(2):
        for other in range(2):
            row = _patch(y, one, painted.chosen.shape[0])
            column = _patch(x, other, painted.chosen.shape[1])
            place = painted.chosen[row[:, None], column[None]].astype(np.float32)
            inner = down - (row * STEP_PX)[:, None], across - (column * STEP_PX)[None]
            turned = place[..., 1] + inner[0], place[..., 2] + inner[1]
            colours = _look_up(style, small_style, place[..., 0], *turned)
            error = ((colours - wanted) ** 2).mean(axis=2)
            weight = _window(inner[0]) * _window(inner[1]) * (error + 1e-3) ** -SHARPNESS
            total += colours * weight[..., None]
            weights += weight
    return total / weights[..., None]


def _patch(at: np.ndarray, which: int, count: int) -> np.ndarray:
    """The patch that covers each place along one side: the last one that begins before it, or the one before that."""
    last = np.floor(at / TAKEN).astype(int) - which
    return np.clip(last * (TAKEN // STEP_PX), 0, count - 1)


def _window(inside: np.ndarray) -> np.ndarray:
    """A patch counts most in its middle."""
    middle = (PATCH_PX - 1) / 2
    return np.clip(1 - np.abs(inside - middle) / (middle + 1), 0, 1) ** 2 + 1e-6


def _look_up(
    style: np.ndarray, small: tuple[int, int], turn: np.ndarray, down: np.ndarray, across: np.ndarray
) -> np.ndarray:
    """Colours at places in the quarter-turned small style, taken from the large one."""
    last_row, last_column = small[0] - 1, small[1] - 1
    row = np.choose(turn.astype(int), (down, across, last_row - down, last_row - across))
    column = np.choose(turn.astype(int), (across, last_column - down, last_column - across, down))
    row = (row + 0.5) * np.float32(style.shape[0] / small[0]) - np.float32(0.5)
    column = (column + 0.5) * np.float32(style.shape[1] / small[1]) - np.float32(0.5)
    return cv2.remap(
        style, column.astype(np.float32), row.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
