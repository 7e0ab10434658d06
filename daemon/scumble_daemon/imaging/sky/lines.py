"""Wires, masts and strands too faint to be told pixel by pixel: lines that go on, from the ground or into the picture.

Means along short straight pieces in every direction are steadier than pixels; pieces are joined by hysteresis along
the line, after Canny 1986.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .. import blocks, masks
from . import wires
from .field import COUNTS

DIRECTIONS, LENGTH_PX, ASIDE_PX = 12, 21, 3
NEXT_TO = 0.7
MOST = 10.0  # Lab: a star is bright and short, a line goes on
STRONG, WEAK = 4.5, 1.6  # Lab, along a piece against both sides
OF_NOISE = 3.0  # times what most of the sky has
LEAST_STRONG, LEAST_LONG = 12, 30  # pixels
TOUCHES_PX = 4
BLOCK_PX = 256


@dataclass(frozen=True)
class Lines:
    """`strength`: where they are, H×W float32 in [0, 1] · `course`: of wires that are faint there, as
    `wires.trace` gives it."""

    strength: np.ndarray
    course: np.ndarray


def follow(away: np.ndarray, sky: np.ndarray) -> Lines:
    """`away`: H×W×3, Lab less the sky's own · `sky`: bool, what is open sky."""
    strength, angle = (np.zeros(sky.shape, np.float32) for _ in range(2))
    away = _capped(away)
    for block in blocks.along(sky, BLOCK_PX, LENGTH_PX):
        found = _strength(away[block.around])
        strength[block.core], angle[block.core] = (each[block.inside] for each in found)
    strength *= sky
    usual = float(np.median(strength[sky])) if sky.any() else 0.0
    weak = strength > max(WEAK, OF_NOISE * usual)
    strong = strength > max(STRONG, 2 * OF_NOISE * usual)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(weak.astype(np.uint8), connectivity=8)
    labels = np.asarray(labels, np.int32)
    begins = masks.grow(~sky, TOUCHES_PX)
    begins[:TOUCHES_PX] = begins[:, :TOUCHES_PX] = begins[:, -TOUCHES_PX:] = True
    joined = np.bincount(labels[begins], minlength=count) > 0
    certain = np.bincount(labels[strong], minlength=count) >= LEAST_STRONG
    long = np.hypot(boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT]) >= LEAST_LONG
    kept = joined & certain & long
    kept[0] = False
    strength *= kept[labels]
    course = wires.trace(away, sky, strength, angle)
    seen = np.clip(strength / STRONG, 0, 1)
    course[masks.grow(seen >= 1, wires.BESIDE_PX) | masks.grow(~sky, LENGTH_PX // 2)] = 0
    strength = np.maximum(cv2.dilate(seen, np.ones((3, 3), np.uint8)), np.hypot(*cv2.split(course)))
    return Lines(strength, course)


def _capped(away: np.ndarray) -> np.ndarray:
    away = away * COUNTS
    return away * np.minimum(1, MOST / np.maximum(_size(away), 1e-6))[..., None]


def _strength(away: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the mean along a piece is from that on both its sides, in the direction where that is most; and that."""
    best, way = (np.zeros(away.shape[:2], np.float32) for _ in range(2))
    for angle in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
        along = cv2.filter2D(away, -1, _piece(angle), borderType=cv2.BORDER_REFLECT)
        aside = ASIDE_PX * np.array([-np.sin(angle), np.cos(angle)])
        one, other = _moved(along, aside), _moved(along, -aside)
        apart = _size(along - (one + other) / 2) - 0.5 * _size(one - other)
        apart[np.maximum(_size(one), _size(other)) > NEXT_TO * _size(along)] = 0  # between two lines is none
        way[apart > best] = angle
        np.maximum(best, apart, out=best)
    return best, way


def _size(away: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(away) @ np.ones(3, np.float32))


def _piece(angle: float) -> np.ndarray:
    """A straight line of that length through the middle, with smooth ends; its sum is 1."""
    half = LENGTH_PX // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    along, aside = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = np.clip(1 - np.abs(aside), 0, 1) * np.exp(-((along / (0.7 * half)) ** 4))
    return (kernel / kernel.sum()).astype(np.float32)


def _moved(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    place = np.array([[1, 0, by[0]], [0, 1, by[1]]], np.float32)
    size = values.shape[1], values.shape[0]
    return cv2.warpAffine(values, place, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
