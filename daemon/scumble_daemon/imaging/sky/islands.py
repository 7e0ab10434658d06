"""Small parts of a clouded sky that are unlike the sky around them and yet of a colour that much of this sky has."""

from __future__ import annotations

import numpy as np

from .. import masks

LARGEST = 0.01  # of the picture
STEP, STEPS = 4, 64  # Lab; colours within 4 to 8 of each other are counted together
COMMON = 0.03  # share of the sky that has such a colour: a strand of hair has one of the darkest clouds at most
SKYLIKE = 4.0  # times as common in the sky as below it
NEAR_PX = 3


def of_the_sky(lab: np.ndarray, sky: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Bool: bits of cloud that float in it, and gaps beside it, as between trees. `sky`: bool, what is known."""
    inside = masks.erode(sky, 2)
    if not inside.any():
        return np.zeros_like(sky)
    common, skylike = _common(lab, inside, ~sky)
    labels, areas = masks.components(~sky)
    of_cloud = np.bincount(labels.ravel(), common.ravel(), len(areas)) > 0.5 * areas
    floating = (of_cloud & _is_small(areas, sky))[labels]
    labels, areas = masks.components(skylike & usable & ~sky & ~floating)
    beside = np.bincount(labels[masks.grow(sky, NEAR_PX)], minlength=len(areas)) > 0
    gaps = (beside & _is_small(areas, sky))[labels]
    return (floating | gaps) & usable


def coloured(lab: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Bool: of a colour that much of the `sky` (bool) has, and little of what lies below it."""
    return _common(lab, sky, ~sky)[1] if sky.any() else np.zeros_like(sky)


def _common(lab: np.ndarray, sky: np.ndarray, ground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bool: of a colour that much of the sky has; and the same where less of the ground has it."""
    share = _shares(lab, sky)
    common = share > COMMON
    return common, common & (share > SKYLIKE * _shares(lab, ground))


def _is_small(areas: np.ndarray, sky: np.ndarray) -> np.ndarray:
    small = areas <= LARGEST * sky.size
    small[0] = False
    return small


def _shares(lab: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """H×W: how much of the `sky` is of nearly a pixel's colour."""
    steps = np.clip((lab + np.array([0, 128, 128])) / STEP, 1, STEPS - 2).astype(int)
    place = (steps[..., 0] * STEPS + steps[..., 1]) * STEPS + steps[..., 2]
    counts = np.bincount(place[sky], minlength=STEPS**3).reshape(STEPS, STEPS, STEPS)
    for axis in range(3):
        counts = counts + np.roll(counts, 1, axis) + np.roll(counts, -1, axis)
    return counts.ravel()[place] / max(1, np.count_nonzero(sky))
