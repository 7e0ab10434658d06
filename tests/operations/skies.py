"""Outdoor photos with known answers: things drawn before a sky, with the share of sky in every pixel."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scumble_daemon.imaging import relight
from scumble_daemon.imaging.sky import generated
from scumble_daemon.imaging.sky.generated import Camera
from skimage import data
from sklearn.datasets import load_sample_image

SIZE = (512, 768)
FINER = 4  # times as large as the photo are things drawn
HORIZON = 0.68  # of the height


@dataclass(frozen=True)
class Scene:
    """`photo`: H×W×3 uint8 · `sky`: its share, H×W float32 · `ground`: H×W×3 float, what stands before it, alone."""

    name: str
    photo: np.ndarray
    sky: np.ndarray
    ground: np.ndarray

    def before(self, sky: np.ndarray) -> np.ndarray:
        """How it would look before another sky, H×W×3 float, sRGB."""
        return _over(self.ground, sky, self.sky)


def make(name: str, jpeg: int = 92) -> Scene:
    """One of SCENES; the same every time."""
    draw, texture, sky_of = SCENES[name]
    random = np.random.default_rng(sum(name.encode()))
    height, width = SIZE
    drawn = np.zeros((height * FINER, width * FINER), np.uint8)
    draw(drawn, random)
    solid = cv2.resize(drawn.astype(np.float32) / 255, (width, height), interpolation=cv2.INTER_AREA)
    solid = cv2.GaussianBlur(solid, (0, 0), 0.6)  # a lens
    ground, sky = texture(random), sky_of()
    if draw in (roofs, pylons):
        ground = _plain_where_thin(ground, solid)
    photo = _over(ground, sky, 1 - solid)
    photo = photo + random.normal(0, 1.2 / 255, photo.shape)
    pixels = np.clip(photo * 255 + 0.5, 0, 255).astype(np.uint8)
    _, coded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, jpeg])
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return Scene(name, np.ascontiguousarray(decoded[..., ::-1]), 1 - solid, ground)


def _plain_where_thin(ground: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """Wires and struts are of one colour, as in any photo: a dark one of the texture, as far from the sky as that."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    wide = cv2.dilate(cv2.morphologyEx(solid, cv2.MORPH_OPEN, disc), disc)[..., None]
    return wide * ground + (1 - wide) * np.quantile(ground[solid > 0.5], 0.25, axis=0)


def _over(ground: np.ndarray, sky: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Light is mixed, not its encoded values."""
    light = relight.linear(ground) * (1 - share[..., None]) + relight.linear(sky) * share[..., None]
    return relight.encoded(np.clip(light, 0, 1))


# --- things, drawn white ------------------------------------------------------------------------------------------


def _at(y: float, x: float) -> tuple[int, int]:
    return round(x * SIZE[1] * FINER), round(y * SIZE[0] * FINER)


def _line(drawn: np.ndarray, start: tuple[float, float], end: tuple[float, float], px: float) -> None:
    """From y, x to y, x, shares of the picture; `px` wide in the photo."""
    cv2.line(drawn, _at(*start), _at(*end), 255, max(1, round(px * FINER)), cv2.LINE_AA)


def _land(drawn: np.ndarray, random: np.random.Generator, height: float = HORIZON, rough: float = 0.02) -> None:
    steps = np.arange(0, 1.001, 1 / 64)
    walk = np.convolve(random.normal(0, 1, len(steps) + 8), np.ones(9) / 9, "valid")
    edge = [_at(height + rough * each, step) for each, step in zip(walk, steps, strict=True)]
    points = np.array([*edge, _at(1.1, 1.05), _at(1.1, -0.05)], np.int32)
    cv2.fillPoly(drawn, [points], 255, cv2.LINE_AA)


def roofs(drawn: np.ndarray, random: np.random.Generator) -> None:
    """Houses with aerials, and a wire from one to another."""
    _land(drawn, random, 0.8, 0)
    left = -0.05
    while left < 1.05:
        width, top = random.uniform(0.1, 0.2), random.uniform(0.4, 0.66)
        ridge = top - random.uniform(0.02, 0.1)
        corners = [(1.1, left), (top, left), (ridge, left + width / 2), (top, left + width), (1.1, left + width)]
        cv2.fillPoly(drawn, [np.array([_at(*corner) for corner in corners], np.int32)], 255, cv2.LINE_AA)
        foot = left + random.uniform(0.3, 0.7) * width
        mast = ridge - random.uniform(0.08, 0.2)
        _line(drawn, (top, foot), (mast, foot), 1.4)
        for step in range(5):
            y, reach = mast + 0.012 * (step + 1), 0.012 + 0.003 * step
            _line(drawn, (y, foot - reach), (y, foot + reach), 0.9)
        left += width + random.choice([0, 0.03, 0.06])
    sag = np.linspace(-1, 1, 40)
    for drop in (0.20, 0.23):
        points = np.array([_at(drop + 0.06 * (1 - each**2), (each + 1) / 2 * 1.1 - 0.05) for each in sag], np.int32)
        cv2.polylines(drawn, [points], False, 255, max(1, round(1.2 * FINER)), cv2.LINE_AA)


def pylons(drawn: np.ndarray, random: np.random.Generator) -> None:
    """Lattice towers with wires."""
    _land(drawn, random, 0.8, 0.03)
    tips = []
    for foot, top, spread in ((0.2, 0.08, 0.075), (0.55, 0.3, 0.05), (0.82, 0.42, 0.035)):
        for side in (-1, 1):
            _line(drawn, (0.86, foot + side * spread), (top, foot + 0.1 * side * spread), 2.2)
        levels = np.linspace(top + 0.02, 0.85, 11)
        for upper, lower in itertools.pairwise(levels):
            wide = [spread * (0.1 + 0.9 * (each - top) / (0.86 - top)) for each in (upper, lower)]
            _line(drawn, (upper, foot - wide[0]), (lower, foot + wide[1]), 1.2)
            _line(drawn, (upper, foot + wide[0]), (lower, foot - wide[1]), 1.2)
            _line(drawn, (lower, foot - wide[1]), (lower, foot + wide[1]), 1.2)
        for arm in (0.03, 0.11):
            y = top + arm * (0.86 - top)
            _line(drawn, (y, foot - 1.3 * spread), (y, foot + 1.3 * spread), 1.6)
            tips.append([(y, foot - 1.3 * spread), (y, foot + 1.3 * spread)])
    for first, second in ((0, 2), (1, 3), (2, 4), (3, 5)):
        for side in (0, 1):
            _line(drawn, tips[first][side], tips[second][side], 0.9)


def _branch(
    drawn: np.ndarray, random: np.random.Generator, y: float, x: float, up: float, px: float, leaf: float
) -> None:
    length = 0.028 * px**0.62 + 0.01
    end = y - length * np.cos(up) * 1.5, x + length * np.sin(up)
    _line(drawn, (y, x), end, px)
    if leaf and px < 2.2:
        for _ in range(3):
            at = _at(end[0] + random.normal(0, 0.018), end[1] + random.normal(0, 0.012))
            size = round(leaf * FINER * random.uniform(0.6, 1.3)), round(0.5 * leaf * FINER)
            cv2.ellipse(drawn, at, size, random.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA)
    if px > 0.9:
        for _ in range(2 if px > 1.1 else 1):
            _branch(drawn, random, *end, up + random.normal(0, 0.42), px * random.uniform(0.68, 0.86), leaf)


def bare_trees(drawn: np.ndarray, random: np.random.Generator) -> None:
    _land(drawn, random, 0.82)
    for x, px in ((0.2, 11), (0.5, 8), (0.78, 13)):
        _branch(drawn, random, 0.86, x, random.normal(0, 0.08), px, 0)


def leafy_trees(drawn: np.ndarray, random: np.random.Generator) -> None:
    _land(drawn, random, 0.8, 0.03)
    for x, px in ((0.16, 12), (0.62, 9), (0.86, 12)):
        _branch(drawn, random, 0.86, x, random.normal(0, 0.08), px, 4.5)


def grass(drawn: np.ndarray, random: np.random.Generator) -> None:
    """A meadow's blades, thin as hair, before the sky."""
    _land(drawn, random, 0.74, 0.04)
    for _ in range(420):
        x, base, tall, bend = random.uniform(-0.02, 1.02), 0.8, random.uniform(0.1, 0.34), random.normal(0, 0.05)
        points = [_at(base - tall * t, x + bend * t * t) for t in np.linspace(0, 1, 9)]
        for index, (start, end) in enumerate(itertools.pairwise(points)):
            width = max(1, round((1.9 - 0.17 * index) * FINER))
            cv2.line(drawn, start, end, 255, width, cv2.LINE_AA)


def head(drawn: np.ndarray, random: np.random.Generator) -> None:
    """Somebody's head and shoulders with loose hair."""
    _land(drawn, random, 0.86, 0.02)
    centre_y, centre_x = 0.45, 0.5
    cv2.ellipse(drawn, _at(1.08, 0.5), _at(0.36, 0.24), 0, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.ellipse(drawn, _at(centre_y, centre_x), _at(0.23, 0.115), 0, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.ellipse(drawn, _at(0.68, 0.5), _at(0.16, 0.05), 0, 0, 360, 255, -1, cv2.LINE_AA)
    for _ in range(260):
        angle = random.uniform(-2.2, 2.2)
        y, x = centre_y - 0.22 * np.cos(angle), centre_x + 0.11 * np.sin(angle)
        points, way = [(y, x)], angle
        for _ in range(int(random.uniform(3, 10))):
            way += random.normal(0.02 * np.sign(angle), 0.35)
            y, x = y - 0.017 * np.cos(way), x + 0.0115 * np.sin(way)
            points.append((y, x))
        for start, end in itertools.pairwise(points):
            _line(drawn, start, end, random.uniform(0.5, 1.0))


def ridges(drawn: np.ndarray, random: np.random.Generator) -> None:
    """Firs on a mountain."""
    _land(drawn, random, 0.55, 0.2)
    for _ in range(150):
        x = random.uniform(0, 1)
        column = drawn[:, min(drawn.shape[1] - 1, max(0, _at(0, x)[0]))]
        foot, tall = np.argmax(column > 0) / len(column) + 0.01, random.uniform(0.03, 0.09)
        corners = [(foot - tall, x), (foot, x - 0.14 * tall), (foot, x + 0.14 * tall)]
        cv2.fillPoly(drawn, [np.array([_at(*corner) for corner in corners], np.int32)], 255, cv2.LINE_AA)


def shore(drawn: np.ndarray, random: np.random.Generator) -> None:
    """The far side of a lake; the water is ground too."""
    _land(drawn, random, HORIZON, 0.004)
    _branch(drawn, random, 0.95, 0.15, 0.05, 12, 4.5)


# --- what they are made of ----------------------------------------------------------------------------------------


def _tiled(photo: np.ndarray, tint: tuple[float, float, float], light: float) -> np.ndarray:
    photo = np.dstack([photo] * 3) if photo.ndim == 2 else photo
    across = np.concatenate([photo, photo[:, ::-1]], axis=1)
    both = np.concatenate([across, across[::-1]])
    repeats = -(-SIZE[0] // both.shape[0]), -(-SIZE[1] // both.shape[1]), 1
    grown = np.tile(both, repeats)[: SIZE[0], : SIZE[1]].astype(np.float32) / 255
    return np.clip(grown * light * np.array(tint, np.float32), 0, 1)


def bricks(random: np.random.Generator) -> np.ndarray:
    return _tiled(data.brick(), (1.15, 0.85, 0.7), 0.9)


def dark_metal(random: np.random.Generator) -> np.ndarray:
    return _tiled(data.gravel(), (0.95, 0.98, 1.0), 0.4)


def bark(random: np.random.Generator) -> np.ndarray:
    return _tiled(data.gravel(), (1.0, 0.86, 0.7), 0.55)


def leaves(random: np.random.Generator) -> np.ndarray:
    return _tiled(data.grass(), (0.75, 0.95, 0.45), 0.8)


def fur(random: np.random.Generator) -> np.ndarray:
    return _tiled(data.chelsea()[40:240, 120:380], (1.0, 0.95, 0.9), 0.3)


def water(random: np.random.Generator) -> np.ndarray:
    """A pale lake that shows the sky again, a bank behind it, dark leaves before it."""
    ground = leaves(random) * 0.7
    row, far = round(HORIZON * SIZE[0]), round((HORIZON + 0.03) * SIZE[0])
    lake = china_sky()[::-1][: SIZE[0] - far] * np.array([0.86, 0.9, 0.88], np.float32)
    ripples = random.normal(0, 0.012, (*lake.shape[:2], 1)).astype(np.float32)
    wide = np.ones(SIZE, bool)
    wide[:, : round(0.34 * SIZE[1])] = False
    below = np.zeros(SIZE, bool)
    below[far:] = True
    ground = ground.copy()
    ground[row - 6 : far][:, round(0.34 * SIZE[1]) :] = (0.50, 0.57, 0.60)
    ground[wide & below] = (lake + ripples)[wide[far:]]
    return ground


# --- skies --------------------------------------------------------------------------------------------------------


def _stretched(photo: np.ndarray) -> np.ndarray:
    small = cv2.GaussianBlur(photo.astype(np.float32) / 255, (0, 0), 1.2)
    return np.clip(cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_CUBIC), 0, 1)


def china_sky() -> np.ndarray:
    return _stretched(load_sample_image("china.jpg")[0:120, 330:590])


def rocket_sky() -> np.ndarray:
    return _stretched(data.rocket()[10:330, 345:425])


def grey_sky() -> np.ndarray:
    return np.repeat(_stretched(np.dstack([data.camera()[0:60, 20:480]] * 3)), 1, axis=2)


def ours(kind: str, seed: int) -> Callable[[], np.ndarray]:
    return lambda: generated.paint(kind, Camera(SIZE, 0.85 * SIZE[0]), seed)


SCENES: dict[str, tuple[Callable[..., None], Callable[..., np.ndarray], Callable[[], np.ndarray]]] = {
    "roofs before China's sky": (roofs, bricks, china_sky),
    "pylons at dusk": (pylons, dark_metal, rocket_sky),
    "bare trees, clear": (bare_trees, bark, ours("clear", 3)),
    "leafy trees before China's sky": (leafy_trees, leaves, china_sky),
    "grass, overcast": (grass, leaves, ours("overcast", 2)),
    "hair, sunset": (head, fur, ours("sunset", 2)),
    "firs, fair weather clouds": (ridges, leaves, ours("cumulus", 3)),
    "a lake's shore": (shore, water, china_sky),
    "roofs, fair weather clouds": (roofs, bricks, ours("cumulus", 5)),
    "bare trees before a grey sky": (bare_trees, bark, grey_sky),
}


def at_night() -> np.ndarray:
    """A photo at night: nearly black, with noise."""
    drawn = np.zeros((SIZE[0] * FINER, SIZE[1] * FINER), np.uint8)
    random = np.random.default_rng(5)
    roofs(drawn, random)
    solid = cv2.resize(drawn.astype(np.float32) / 255, SIZE[::-1], interpolation=cv2.INTER_AREA)
    photo = _over(bricks(random) * 0.25, ours("night", 1)(), 1 - solid) + random.normal(0, 2.5 / 255, (*SIZE, 3))
    return np.clip(photo * 255 + 0.5, 0, 255).astype(np.uint8)
