"""Tell an object from its ground by the colours that either has nearby: a dark tyre from the dark floor beside it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from . import masks

CELL = (8.0, 6.0, 6.0)  # L, a, b: colours about so far apart are alike
PLACE = 0.1  # of the longer side: places about so far apart are near
ROUNDS = 4
DEEP = 0.15  # of the selection's breadth: further inside than this a pixel is likely to be meant
SHALLOW_CHANCE, DEEP_CHANCE = 0.2, 0.8  # that a pixel is meant, at the selection's edge and deep inside
BOX = 0.95  # of the rectangle around it: a selection that fills so much of that is one
BELIEVED = 0.6  # of what is thought of a pixel before any colour is: by the mask so far; the rest by its depth
DROPPED = 0.3  # of its chance: so much counts at first what the mask so far left out
UNSEEN = 4e-5  # of the picture: so many pixels of a colour nearby weigh as much as what was thought before
GUESSED = 0.4  # ground within the selection is not certain, and counts so much of what is outside
LEAST_SURE = 0.02
SMOOTH, SIMILAR = 30.0, 6.0  # how far opinions spread, and across what steps of colour, in 255ths
FURTHER, PASSES = 3.0, 3  # each pass spreads so much more, as weak opinions have far to go
SHARPER = 4.0  # opinions between the rounds
NARROW = np.array([0.25, 0.5, 0.25])


def settle(
    rgb: np.ndarray, lab: np.ndarray, drawn: np.ndarray, region: np.ndarray, ground: np.ndarray, found: np.ndarray
) -> np.ndarray:
    """`found`, a mask of the object within a rough `region`, with every pixel of that weighed anew.

    `rgb`: H×W×3 uint8 · `lab`: the same in Lab, float32 · `drawn`: bool, the selection · `region`: bool, what of it may
    be object · `ground`: bool, what is none for certain. Colours are counted on a grid of colour and place (after Märki
    et al. 2016, "Bilateral space video segmentation"), so that each is judged by what is near, as by the windows of Bai
    et al. 2009 ("Video SnapCut"). What colours leave open, the depth within the selection decides, and what is beside
    it.
    """
    counts = _Counts.over(lab, region)
    chance = _chance(drawn, region)
    before = (BELIEVED * found + (1 - BELIEVED) * chance)[region]
    object_ = np.where(region, np.where(found, np.maximum(0.5, chance), DROPPED * chance), 0).astype(np.float32)
    certain, unseen = counts.of(ground.astype(np.float32)), UNSEEN * region.size
    for index in range(ROUNDS):
        front, back = counts.of(object_), certain
        if index > 0:  # before, what was left out has not been weighed yet
            back = certain + GUESSED * counts.of(np.where(region, 1 - object_, 0))
        opinion, weight = np.zeros_like(object_), np.ones_like(object_)
        opinion[region] = (front + unseen * before) / (front + back + unseen)
        weight[region] = np.abs(2 * opinion[region] - 1) + LEAST_SURE
        spread = _spread(rgb, opinion * weight) / np.maximum(_spread(rgb, weight), 1e-6)
        object_ = np.where(region, np.clip((spread - 0.5) * SHARPER + 0.5, 0, 1), 0).astype(np.float32)
    return object_ > 0.5


def _chance(drawn: np.ndarray, region: np.ndarray) -> np.ndarray:
    """That a pixel is meant, by its depth: a lasso runs at some distance around what is meant, a box does not."""
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    around = (rows[-1] + 1 - rows[0]) * (columns[-1] + 1 - columns[0])
    if np.count_nonzero(drawn) > BOX * around:
        return np.full(region.shape, SHALLOW_CHANCE, np.float32)
    depth = masks.distance_to(~region) / (DEEP * np.sqrt(max(1, np.count_nonzero(region))))
    return SHALLOW_CHANCE + (DEEP_CHANCE - SHALLOW_CHANCE) * np.clip(depth, 0, 1)


def _spread(rgb: np.ndarray, values: np.ndarray) -> np.ndarray:
    return cv2.ximgproc.fastGlobalSmootherFilter(
        rgb, values.astype(np.float32), SMOOTH, SIMILAR, lambda_attenuation=FURTHER, num_iter=PASSES
    )


@dataclass(frozen=True)
class _Counts:
    """`cells`: for each pixel of the picture the number of its cell · `places`: 5×N, in cells, of those asked for."""

    cells: np.ndarray
    places: np.ndarray
    shape: tuple[int, ...]

    @staticmethod
    def over(lab: np.ndarray, asked: np.ndarray) -> _Counts:
        height, width = asked.shape
        at = np.mgrid[:height, :width].astype(np.float32) / np.float32(PLACE * max(height, width))
        places = np.concatenate([(lab / np.array(CELL, np.float32)).transpose(2, 0, 1), at]).reshape(5, -1)
        places -= places.min(axis=1, keepdims=True) - 1.5  # an empty cell all around
        shape = tuple(int(length) for length in np.ceil(places.max(axis=1) + 2.5))
        cells = np.asarray(np.ravel_multi_index(tuple(np.rint(places).astype(int)), shape))
        return _Counts(cells, places[:, asked.ravel()], shape)

    def of(self, weights: np.ndarray) -> np.ndarray:
        """How much of `weights` (H×W) there is of the like of each pixel that is asked for."""
        from scipy import ndimage

        table = np.bincount(self.cells, weights.ravel(), minlength=int(np.prod(self.shape))).reshape(self.shape)
        for axis in range(5):
            table = ndimage.convolve1d(table, NARROW, axis=axis, mode="constant")
        return ndimage.map_coordinates(table, self.places, order=1)
