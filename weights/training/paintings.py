"""Pictures with a style, from formulas: brush strokes that follow a flow, hatching, mosaic, stippling."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

OVERSAMPLED = 2

Painting = Callable[[int, int], np.ndarray]
"""`painting(side_px, seed)`: side×side×3 uint8."""

EVENING = ((18, 28, 74), (36, 62, 140), (66, 118, 182), (142, 182, 202), (236, 206, 104), (250, 232, 168), (30, 50, 66))
TILES = ((196, 66, 44), (238, 182, 58), (44, 122, 158), (32, 62, 112), (96, 152, 84), (238, 230, 206), (122, 46, 92))
INK, PAPER = (38, 32, 30), (240, 232, 214)


def field(side: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise in [0, 1], side×side."""
    values = cv2.resize(rng.normal(size=(cells, cells)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    return (values - values.min()) / max(float(np.ptp(values)), 1e-6)


def brush(side_px: int, seed: int = 0) -> np.ndarray:
    """Thick strokes along a flow, from broad to fine, each with a lighter ridge."""
    rng, side = np.random.default_rng(seed), side_px * OVERSAMPLED
    flow = cv2.GaussianBlur(field(side, 7, rng), (0, 0), side / 60)
    angle = np.arctan2(cv2.Sobel(flow, cv2.CV_32F, 1, 0), -cv2.Sobel(flow, cv2.CV_32F, 0, 1))
    tone = field(side, 6, rng)
    colours = np.array(EVENING, np.float32)
    picture = np.full((side, side, 3), colours[0], np.float32)
    count = 40 * side_px
    for number in range(count):
        coarse = 1 - number / count
        place = rng.uniform(0, side, 2)
        length = side * rng.uniform(0.04, 0.09) * (0.6 + coarse)
        width = max(2, round(side * rng.uniform(0.006, 0.012) * (0.6 + 1.2 * coarse)))
        at = np.clip(
            tone[tuple(place.astype(int)[::-1])] * (len(colours) - 1) + rng.normal(0, 0.6), 0, len(colours) - 1
        )
        low = int(at)
        colour = colours[low] + (at - low) * (colours[min(low + 1, len(colours) - 1)] - colours[low])
        colour = colour + rng.normal(0, 10, 3)
        path = [place]
        for _ in range(6):
            y, x = np.clip(path[-1][::-1], 0, side - 1).astype(int)
            path.append(path[-1] + length / 6 * np.array((np.cos(angle[y, x]), np.sin(angle[y, x]))))
        line = np.array(path)
        cv2.polylines(picture, [line.astype(np.int32)], False, colour.tolist(), width, cv2.LINE_AA)
        ridge = (line - (0, width * 0.3)).astype(np.int32)
        cv2.polylines(picture, [ridge], False, (colour * 1.12 + 8).tolist(), max(1, width // 4), cv2.LINE_AA)
    return _finished(picture, side_px)


def hatching(side_px: int, seed: int = 0) -> np.ndarray:
    """Pen strokes in three directions, more of them where it is dark."""
    rng, side = np.random.default_rng(seed), side_px * OVERSAMPLED
    tone = field(side, 5, rng)
    picture = np.full((side, side, 3), PAPER, np.float32)
    for slant, below in ((0.8, 0.78), (-0.8, 0.52), (0.2, 0.3)):
        for _ in range(side_px * side_px // 55):
            place = rng.uniform(0, side, 2)
            if tone[tuple(place.astype(int)[::-1])] < below:
                angle, length = slant + rng.normal(0, 0.06), rng.uniform(0.02, 0.05) * side
                end = place + length * np.array((np.cos(angle), np.sin(angle)))
                cv2.line(picture, place.astype(int).tolist(), end.astype(int).tolist(), INK, 2, cv2.LINE_AA)
    return _finished(picture, side_px)


def mosaic(side_px: int, seed: int = 0) -> np.ndarray:
    """Tiles of a few colours, set into dark mortar."""
    rng = np.random.default_rng(seed)
    side = side_px * OVERSAMPLED
    count = 700
    corners = rng.uniform(0, side, (count, 2)).astype(np.float32)
    plan = cv2.Subdiv2D((0, 0, side, side))
    plan.insert([(float(x), float(y)) for x, y in np.minimum(corners, side - 1)])
    cells, middles = plan.getVoronoiFacetList([])
    tone, colours = field(side, 4, rng), np.array(TILES, np.float32)
    picture = np.full((side, side, 3), (26, 24, 26), np.float32)
    for cell, middle in zip(cells, middles, strict=True):
        y, x = np.clip(np.array(middle)[::-1], 0, side - 1).astype(int)
        which = int(np.clip(tone[y, x] * len(colours) + rng.normal(0, 0.9), 0, len(colours) - 1))
        colour = np.clip(colours[which] + rng.normal(0, 14), 0, 255)
        inner = middle + (cell - np.array(middle)) * 0.9
        cv2.fillPoly(picture, [inner.astype(np.int32)], colour.tolist(), cv2.LINE_AA)
    return _finished(picture, side_px)


def stippling(side_px: int, seed: int = 0) -> np.ndarray:
    """Dots of pure colours side by side, which mix in the eye."""
    rng, side = np.random.default_rng(seed), side_px * OVERSAMPLED
    tone, warmth = field(side, 5, rng), field(side, 4, rng)
    picture = np.full((side, side, 3), (232, 224, 206), np.float32)
    cold = np.array(((24, 40, 90), (40, 90, 150), (110, 160, 190), (214, 226, 226)), np.float32)
    warm = np.array(((70, 26, 30), (186, 70, 40), (236, 160, 66), (250, 232, 176)), np.float32)
    for _ in range(side_px * side_px // 6):
        place = rng.uniform(0, side, 2).astype(int)
        at = tone[place[1], place[0]] * 3.99 + rng.normal(0, 0.5)
        palette = warm if rng.random() < warmth[place[1], place[0]] else cold
        colour = palette[int(np.clip(at, 0, 3))] + rng.normal(0, 8, 3)
        cv2.circle(picture, place.tolist(), round(rng.uniform(0.006, 0.011) * side), colour.tolist(), -1, cv2.LINE_AA)
    return _finished(picture, side_px)


PAINTINGS: dict[str, Painting] = {"brush": brush, "hatching": hatching, "mosaic": mosaic, "stippling": stippling}


def _finished(picture: np.ndarray, side_px: int) -> np.ndarray:
    small = cv2.resize(picture, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return np.clip(small + 0.5, 0, 255).astype(np.uint8)
