"""Pictures with a known alpha: hair, fur, spokes, glass, stems and a soft edge drawn over real photographs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from skimage import data
from sklearn.datasets import load_sample_image

HEIGHT, WIDTH = 400, 560
FINER = 4  # drawn at so many times the size, and averaged: thin things get the alpha that a lens gives them
BAND_PX = 7  # around all that is partial: the trimap which every method is given
MIDDLE_PX = 1.9
LASSO_PX = 14  # from the outermost hair to the rough selection


@dataclass(frozen=True)
class Composite:
    """`picture`: H×W×3 float32 in [0, 1] · `alpha`, `front`: the truth · `selection`: a lasso around it, 0 or 1."""

    name: str
    picture: np.ndarray
    alpha: np.ndarray
    front: np.ndarray
    selection: np.ndarray

    @property
    def trimap(self) -> np.ndarray:
        """1, 0, and 0.5 around all that is partial; of what is too thin for that, the middle is known to be 1."""
        partial = ((self.alpha > 0.01) & (self.alpha < 0.99)).astype(np.uint8)
        band = cv2.dilate(partial, _disc(BAND_PX)) > 0
        depth = cv2.distanceTransform((self.alpha > 0.99).astype(np.uint8), cv2.DIST_L2, 5)
        middle = (depth >= MIDDLE_PX) & (depth > 0.6 * cv2.dilate(depth, _disc(BAND_PX)))
        return np.where(middle, 1.0, np.where(band, 0.5, (self.alpha > 0.5).astype(np.float64)))


def for_tuning() -> list[Composite]:
    """Over and of the three photographs that the method was made with."""
    return [
        _composite("hair", hair, 1, _warmed(_photo("chelsea"), (0.75, 0.55, 0.45)), _photo("china")),
        _composite("fur", fur, 2, _photo("chelsea"), _photo("astronaut")),
        _composite("spokes", spokes, 3, _grey(data.gravel(), (0.7, 0.7, 0.75)), _photo("china")),
        _composite("glass", glass, 4, _photo("china"), _photo("chelsea")),
        _composite("stems", stems, 5, _grey(data.grass(), (0.5, 0.9, 0.4)), _photo("astronaut")),
        _composite("soft edge", soft, 6, _photo("astronaut"), _photo("china")),
    ]


def for_judging() -> list[Composite]:
    """Over and of photographs that nothing was tuned on, and drawn anew."""
    return [
        _composite("hair", hair, 11, _grey(data.brick(), (0.35, 0.25, 0.2)), _photo("flower")),
        _composite("blond hair", hair, 12, _grey(data.grass(), (1.2, 1.05, 0.7)), _photo("coffee")),
        _composite("fur", fur, 13, _photo("coffee"), _photo("motorcycle")),
        _composite("spokes", spokes, 14, _grey(data.moon(), (0.5, 0.5, 0.55)), _photo("coffee")),
        _composite("wheel before the sky", spokes, 15, _grey(data.gravel(), (0.3, 0.25, 0.3)), _photo("rocket")),
        _composite("glass", glass, 16, _photo("rocket"), _photo("motorcycle")),
        _composite("stems", stems, 17, _grey(data.grass(), (0.5, 0.95, 0.35)), _photo("motorcycle")),
        _composite("stems before flowers", stems, 18, _photo("coffee"), _photo("flower")),
        _composite("soft edge", soft, 19, _photo("flower"), _photo("motorcycle")),
    ]


# --- shapes: a generator of random numbers → alpha H×W in [0, 1] -----------------------------------------------------


def hair(random: np.random.Generator) -> np.ndarray:
    """A head with long locks that part at their ends, and single hairs beside them."""
    canvas = _canvas()
    _ellipse(canvas, (280, 235), (85, 110))
    for _ in range(420):
        angle = random.uniform(-2.9, -0.25)
        start = (280 + 78 * np.cos(angle), 235 + 100 * np.sin(angle))
        outwards = np.array([np.cos(angle), np.sin(angle) - 0.2])
        _strand(canvas, random, start, outwards, random.uniform(30, 110), random.uniform(0.4, 1.1), 0.35)
    return _drawn(canvas)


def fur(random: np.random.Generator) -> np.ndarray:
    """A body with a dense short coat."""
    canvas = _canvas()
    _ellipse(canvas, (280, 210), (140, 105))
    for _ in range(2600):
        angle = random.uniform(0, 2 * np.pi)
        inside = random.uniform(0.88, 1.0)
        start = (280 + 140 * inside * np.cos(angle), 210 + 105 * inside * np.sin(angle))
        outwards = np.array([np.cos(angle) + 0.5, np.sin(angle) + 0.2])
        _strand(canvas, random, start, outwards, random.uniform(8, 26), random.uniform(0.4, 0.9), 0.25)
    return _drawn(canvas)


def spokes(random: np.random.Generator) -> np.ndarray:
    """A bicycle's wheel: a rim, a hub, thin straight spokes with the ground between them."""
    canvas = _canvas()
    centre = np.array([280.0, 200.0])
    for radius, width in ((150, 13), (134, 2), (16, 14)):
        cv2.circle(canvas, _fine(centre), round(radius * FINER), 255, round(width * FINER), cv2.LINE_AA)
    count = 32
    for index in range(count):
        angle = 2 * np.pi * index / count
        crossed = angle + (0.35 if index % 2 else -0.35) + random.uniform(-0.02, 0.02)
        start = centre + 18 * np.array([np.cos(crossed), np.sin(crossed)])
        end = centre + 146 * np.array([np.cos(angle), np.sin(angle)])
        cv2.line(canvas, _fine(start), _fine(end), 255, round(random.uniform(1.0, 1.9) * FINER), cv2.LINE_AA)
    return _drawn(canvas)


def glass(random: np.random.Generator) -> np.ndarray:
    """A goblet: walls that let through most of what is behind them, thicker at their rims, and a solid foot."""
    walls, solid = _canvas(), _canvas()
    cv2.ellipse(walls, _fine((280, 140)), (95 * FINER, 110 * FINER), 0, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.ellipse(solid, _fine((280, 140)), (95 * FINER, 110 * FINER), 0, 0, 360, 255, 3 * FINER, cv2.LINE_AA)
    cv2.ellipse(solid, _fine((280, 60)), (62 * FINER, 12 * FINER), 0, 0, 360, 255, 2 * FINER, cv2.LINE_AA)
    cv2.line(solid, _fine((280, 250)), _fine((280, 335)), 255, 9 * FINER, cv2.LINE_AA)
    cv2.ellipse(solid, _fine((280, 345)), (70 * FINER, 13 * FINER), 0, 0, 360, 255, -1, cv2.LINE_AA)
    body, rims = _drawn(walls), _drawn(solid)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    centred = np.clip(np.hypot((columns - 280) / 95, (rows - 140) / 110), 0, 1)
    wall = 0.22 + 0.5 * centred**4 + 0.1 * (rows > 150 + random.uniform(-10, 10))
    return np.maximum(body * np.clip(wall, 0, 1), rims).astype(np.float32)


def stems(random: np.random.Generator) -> np.ndarray:
    """A plant: stems that branch and thin out, with leaves."""
    canvas = _canvas()

    def grow(start: np.ndarray, direction: float, length: float, width: float, depth: int) -> None:
        points = [start]
        for _ in range(6):
            direction += random.uniform(-0.16, 0.16)
            points.append(points[-1] + length / 6 * np.array([np.cos(direction), np.sin(direction)]))
        for index in range(6):
            thick = max(1, round(width * (1 - 0.06 * index) * FINER))
            cv2.line(canvas, _fine(points[index]), _fine(points[index + 1]), 255, thick, cv2.LINE_AA)
        if depth == 0:
            cv2.ellipse(
                canvas,
                _fine(points[-1]),
                (round(9 * FINER), round(3.4 * FINER)),
                np.degrees(direction),
                0,
                360,
                255,
                -1,
                cv2.LINE_AA,
            )
            return
        for side in (-1, 1):
            at = points[int(random.integers(3, 7))]
            grow(at, direction + side * random.uniform(0.25, 0.7), 0.72 * length, 0.66 * width, depth - 1)

    for root in (230.0, 285.0, 335.0):
        grow(np.array([root, 390.0]), -np.pi / 2 + random.uniform(-0.2, 0.2), 120, 6.0, 3)
    return _drawn(canvas)


def soft(random: np.random.Generator) -> np.ndarray:
    """Out of focus on one side, sharp on the other."""
    canvas = _canvas()
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = 120 + 14 * np.sin(3 * angles + random.uniform(0, 6)) + 9 * np.sin(7 * angles)
    outline = np.stack([280 + radius * np.cos(angles), 200 + radius * np.sin(angles)], axis=1)
    cv2.fillPoly(canvas, [np.round(outline * FINER).astype(np.int32)], 255, cv2.LINE_AA)
    sharp = _drawn(canvas)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 6)
    share = np.clip((np.arange(WIDTH) - 200) / 160, 0, 1).astype(np.float32)
    return sharp * (1 - share) + blurred * share


# --- drawing -------------------------------------------------------------------------------------------------------


def _composite(
    name: str,
    shape: Callable[[np.random.Generator], np.ndarray],
    seed: int,
    front: np.ndarray,
    back: np.ndarray,
) -> Composite:
    random = np.random.default_rng(seed)
    alpha = shape(random)
    light = _light(front)
    mixed = alpha[..., None] * light + (1 - alpha[..., None]) * back
    noisy = mixed + random.normal(0, 1 / 255, mixed.shape)
    picture = np.round(np.clip(noisy, 0, 1) * 255).astype(np.uint8) / np.float32(255)
    drawn = cv2.morphologyEx((alpha > 0.1).astype(np.uint8), cv2.MORPH_CLOSE, _disc(25))
    selection = (cv2.dilate(drawn, _disc(LASSO_PX)) > 0).astype(np.float32)
    return Composite(name, picture, alpha.astype(np.float32), light, selection)


def _light(front: np.ndarray) -> np.ndarray:
    """What a body has: lit from the upper left."""
    rows, columns = np.mgrid[0 : 1 : HEIGHT * 1j, 0 : 1 : WIDTH * 1j]
    return (front * (1.15 - 0.3 * (0.5 * rows + 0.5 * columns))[..., None]).clip(0, 1).astype(np.float32)


def _strand(
    canvas: np.ndarray,
    random: np.random.Generator,
    start: tuple[float, float],
    direction: np.ndarray,
    length: float,
    width: float,
    curl: float,
) -> None:
    point, heading = np.array(start), np.arctan2(direction[1], direction[0]) + random.normal(0, curl)
    bend = random.normal(0, curl / 6)
    steps = max(4, int(length / 5))
    for index in range(steps):
        heading += bend
        after = point + length / steps * np.array([np.cos(heading), np.sin(heading)])
        thick = max(1, round(width * FINER * (1 - 0.5 * index / steps)))
        cv2.line(canvas, _fine(point), _fine(after), 255, thick, cv2.LINE_AA)
        point = after


def _canvas() -> np.ndarray:
    return np.zeros((HEIGHT * FINER, WIDTH * FINER), np.uint8)


def _ellipse(canvas: np.ndarray, centre: tuple[float, float], axes: tuple[int, int]) -> None:
    cv2.ellipse(canvas, _fine(centre), (axes[0] * FINER, axes[1] * FINER), 0, 0, 360, 255, -1, cv2.LINE_AA)


def _fine(point: np.ndarray | tuple[float, float]) -> tuple[int, int]:
    return round(float(point[0]) * FINER), round(float(point[1]) * FINER)


def _drawn(canvas: np.ndarray) -> np.ndarray:
    return cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _disc(radius_px: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))


def _photo(name: str) -> np.ndarray:
    if name in ("china", "flower"):
        photo = load_sample_image(f"{name}.jpg")
    else:
        photo = data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()
    return _fitted(photo)


def _grey(texture: np.ndarray, tint: tuple[float, float, float]) -> np.ndarray:
    return np.clip(_fitted(np.dstack([texture] * 3)) * np.array(tint, np.float32), 0, 1)


def _warmed(photo: np.ndarray, tint: tuple[float, float, float]) -> np.ndarray:
    return np.clip(photo * np.array(tint, np.float32), 0, 1)


def _fitted(photo: np.ndarray) -> np.ndarray:
    """Scaled to cover the frame, its middle."""
    scale = max(HEIGHT / photo.shape[0], WIDTH / photo.shape[1])
    size = (max(WIDTH, round(photo.shape[1] * scale)), max(HEIGHT, round(photo.shape[0] * scale)))
    large = cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    top, left = (large.shape[0] - HEIGHT) // 2, (large.shape[1] - WIDTH) // 2
    return (large[top : top + HEIGHT, left : left + WIDTH] / np.float32(255)).astype(np.float32)
