"""Wires that a photo shows in pieces only: they are followed along their curve from where they are seen best.

What is left of a faint wire differs from the sky in the same way all along it, and noise does not; so the mean over a
long piece, in the direction of that difference, still tells where it goes on.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

PIECE_PX, STEP_PX = 60, 10  # a span of wire sags by less than a pixel in that
ASIDE_PX = 3
BESIDE_PX = 3  # what lies so near to a wire is not looked at as another
BENDS = np.radians(np.arange(-3, 4))  # within a step: a sagging wire bends by less
FIRST_BENDS = np.radians(np.arange(-9, 10, 1.5))  # a line's direction is known to that
SHIFTS = np.array([-1.0, 0.0, 1.0])  # pixels sideways
CERTAIN = 3.0  # standard errors
FADES = 0.25  # of how far the wire has been from the sky so far
SEEN_WELL = 0.75  # of what is looked at: JPEG takes from a wire and adds nothing to it
LEAST_LONG = 60  # pixels
MOST = 300  # lines that are looked at: a tree has thousands, and no wires


def trace(away: np.ndarray, sky: np.ndarray, strength: np.ndarray, way: np.ndarray) -> np.ndarray:
    """The course of wires, H×W×2 float32: the cosine and sine of twice their direction, 0 where none is.

    `away`: H×W×3, from the sky's colour · `sky`: bool, open sky · `strength`, `way`: H×W, of lines that are seen, and
    their direction in radians.
    """
    course = np.zeros((*sky.shape, 2), np.float32)
    visited = (~sky).astype(np.uint8)
    looked = 0
    for place in np.argsort(-strength, axis=None, kind="stable")[: np.count_nonzero(strength)]:
        y, x = divmod(int(place), sky.shape[1])
        if visited[y, x]:
            continue
        looked += 1
        if looked > MOST:
            break
        track = _both_ways(away, sky, np.array([x, y], float), float(way[y, x]))
        cv2.polylines(visited, [np.round(track).astype(np.int32)], False, 1, 2 * BESIDE_PX + 1)
        cv2.circle(visited, (x, y), BESIDE_PX, 1, -1)
        if np.linalg.norm(track[-1] - track[0]) >= LEAST_LONG:
            for start, end in itertools.pairwise(track):
                twice = 2 * np.arctan2(*(end - start)[::-1])
                _draw(course, start, end, (np.cos(twice), np.sin(twice)))
    return course


def evened(share: np.ndarray, course: np.ndarray, step_px: float) -> np.ndarray:
    """A foreground's `share` of each pixel, H×W, on wires what it is beside that, along them, where they are seen well.

    `course`: of `trace`, at the same size · `step_px`: pixels here for one of those it was found with.
    """
    certain = np.hypot(*cv2.split(course))
    on = np.nonzero(certain > 0.05)
    if not len(on[0]):
        return share
    angle = np.arctan2(course[on][:, 1], course[on][:, 0]) / 2
    along = np.arange(-PIECE_PX / 2, PIECE_PX / 2 + 1, 2)
    seen = np.empty((len(along), len(angle)), np.float32)
    for row, step in zip(seen, along, strict=True):
        x, y = (
            (place + way(angle) * (step * step_px)).astype(np.float32)[:, None]
            for place, way in ((on[1], np.cos), (on[0], np.sin))
        )
        row[:] = _interpolated(share, x, y)
    made = share.copy()
    made[on] += np.minimum(certain[on], 1) * np.maximum(np.quantile(seen, SEEN_WELL, axis=0) - made[on], 0)
    return made


def _interpolated(values: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`values` at places, in parts: OpenCV takes no longer ones."""
    parts = (slice(first, first + 30000) for first in range(0, len(x), 30000))
    return np.concatenate(
        [cv2.remap(values, x[part], y[part], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0] for part in parts]
    )


def _draw(course: np.ndarray, start: np.ndarray, end: np.ndarray, twice: tuple[float, float]) -> None:
    first, last = (tuple(int(each) for each in np.round(place)) for place in (start, end))
    cv2.line(course, first, last, twice, 3)


def _both_ways(away: np.ndarray, sky: np.ndarray, start: np.ndarray, angle: float) -> np.ndarray:
    """Points x, y along the line through `start`."""
    half = PIECE_PX / 2
    found = _best(away, sky, start, angle, FIRST_BENDS, np.arange(-half, half + 1), None)
    if found is None:
        return start[None]
    at, angle, apart, _ = found
    parts = [_onwards(away, sky, at, angle + turn, apart) for turn in (0, np.pi)]
    return np.array([*parts[1][::-1], at, *parts[0]])


def _onwards(away: np.ndarray, sky: np.ndarray, at: np.ndarray, angle: float, apart: np.ndarray) -> list[np.ndarray]:
    points = []
    usual = float(np.linalg.norm(apart))
    for _ in range(sum(sky.shape) // STEP_PX):  # a wheel has no end
        found = _best(away, sky, at, angle, BENDS, np.arange(1.0, PIECE_PX + 1), apart)
        if found is None or found[3] < FADES * usual:
            break
        at, angle, _, much = found
        usual += 0.1 * (much - usual)
        at = at + STEP_PX * np.array([np.cos(angle), np.sin(angle)])
        points.append(at)
        x, y = np.round(at).astype(int)
        if not (0 <= y < len(sky) and 0 <= x < sky.shape[1] and sky[y, x]):
            break
    return points


def _best(
    away: np.ndarray,
    sky: np.ndarray,
    at: np.ndarray,
    angle: float,
    bends: np.ndarray,
    steps: np.ndarray,
    apart: np.ndarray | None,
) -> tuple[np.ndarray, float, np.ndarray, float] | None:
    """The piece that differs most from both its sides, as `apart` does: where, its direction, colour and how far."""
    angles = angle + bends
    ahead = np.stack([np.cos(angles), np.sin(angles)], axis=1)[:, None, None]
    aside = np.stack([-np.sin(angles), np.cos(angles)], axis=1)[:, None, None]
    middle = at + steps[None, None, :, None] * ahead + SHIFTS[None, :, None, None] * aside
    inside = _inside(sky, middle)
    count = inside.sum(axis=2)
    line, one, other = (_sampled(away, middle + side * aside) for side in (0, ASIDE_PX, -ASIDE_PX))
    differs = (line - (one + other) / 2) * inside[..., None]
    mean = differs.sum(axis=2) / np.maximum(count, 1)[..., None]
    if apart is None:
        unit = mean / np.maximum(np.linalg.norm(mean, axis=2, keepdims=True), 1e-6)
    else:
        unit = np.broadcast_to(apart / np.linalg.norm(apart), mean.shape)
    each = (differs * unit[:, :, None]).sum(axis=3)
    much = each.sum(axis=2) / np.maximum(count, 1)
    sides = ((one - other) * inside[..., None]).sum(axis=2) / np.maximum(count, 1)[..., None]
    much = much - 0.5 * np.linalg.norm(sides, axis=2)
    error = np.sqrt(((each - much[..., None]) ** 2 * inside).sum(axis=2)) / np.maximum(count, 1) * np.sqrt(3)
    much[(much < CERTAIN * error) | (count < 0.5 * len(steps))] = -1
    bend, shift = np.unravel_index(int(np.argmax(much)), much.shape)
    if much[bend, shift] <= 0:
        return None
    return at + SHIFTS[shift] * aside[bend, 0, 0], float(angles[bend]), mean[bend, shift], float(much[bend, shift])


def _inside(sky: np.ndarray, places: np.ndarray) -> np.ndarray:
    return _sampled(sky, places) & (places >= 0).all(axis=-1) & (places <= np.array(sky.shape[::-1]) - 1).all(axis=-1)


def _sampled(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    x, y = (np.clip(np.round(places[..., axis]).astype(int), 0, values.shape[1 - axis] - 1) for axis in (0, 1))
    return values[y, x]
