"""Skies of our own, made from a kind and a seed, as a camera with its horizon at a given row would see them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..icc import SRGB_CURVE
from . import atmosphere, clouds, stars
from .atmosphere import Sun
from .clouds import Clouds, Light

RENDER_PX = 1280  # longest side at which a sky is made
FIELD_OF_VIEW = math.radians(62)  # across the longer side, as a 30 mm lens on full frame sees

CROSSTALK = 0.12  # of film's layers: the brightest colours are not the purest
HORIZON = np.array([0.96, 1.0, 1.06])

KINDS = ("clear", "cumulus", "overcast", "sunset", "night")


@dataclass(frozen=True)
class Camera:
    """`size`: height, width · `horizon`: its row · `turn`: radians to the right."""

    size: tuple[int, int]
    horizon: float
    turn: float = 0.0

    @property
    def focal_px(self) -> float:
        return max(self.size) / (2 * math.tan(FIELD_OF_VIEW / 2))


@dataclass(frozen=True)
class Rays:
    """Where each pixel looks, H×W float32: `right`, `up`, `ahead`, not normalised; the angles in radians."""

    right: np.ndarray
    up: np.ndarray
    ahead: np.ndarray
    elevation: np.ndarray
    azimuth: np.ndarray

    @staticmethod
    def of(camera: Camera, rows: int) -> Rays:
        """Of its first `rows`; below the horizon they are those just above it."""
        x = (np.arange(camera.size[1], dtype=np.float32) + 0.5 - camera.size[1] / 2)[None] / camera.focal_px
        y = np.maximum(camera.horizon - np.arange(rows, dtype=np.float32) - 0.5, 0.5)[:, None] / camera.focal_px
        right = x * math.cos(camera.turn) + math.sin(camera.turn) + 0 * y
        ahead = math.cos(camera.turn) - x * math.sin(camera.turn) + 0 * y
        right, up, ahead = (np.ascontiguousarray(each, np.float32) for each in (right, y + 0 * x, ahead))
        return Rays(right, up, ahead, np.arctan2(up, np.hypot(right, ahead)), np.arctan2(right, ahead))

    @property
    def at_one_km(self) -> tuple[np.ndarray, np.ndarray]:
        """Right and ahead, in km, where they have come one km up."""
        return self.right / self.up, self.ahead / self.up


Random = np.random.Generator


def paint(kind: str, camera: Camera, seed: int) -> np.ndarray:
    """H×W×3 float32, sRGB-encoded, at the camera's size. `kind`: one of KINDS."""
    rows = int(np.clip(np.ceil(camera.horizon) + 1, 1, camera.size[0]))
    light = PAINTERS[kind](Rays.of(camera, rows), np.random.default_rng([seed, KINDS.index(kind)]))
    shown = SRGB_CURVE.from_linear(np.clip(light, 0, 1).astype(np.float32)).astype(np.float32)
    return np.concatenate([shown, np.repeat(shown[-1:], camera.size[0] - rows, axis=0)])


# --- the kinds, in linear light -----------------------------------------------------------------------------------


def _clear(rays: Rays, random: Random) -> np.ndarray:
    sun = Sun(np.radians(random.uniform(35, 50)), np.radians(random.choice([-1, 1]) * random.uniform(95, 130)))
    sky, _, _ = _air(sun, 1.0, rays)
    return _exposed(sky, 16)


def _cumulus(rays: Rays, random: Random) -> np.ndarray:
    sun = Sun(np.radians(random.uniform(38, 52)), np.radians(random.choice([-1, 1]) * random.uniform(70, 115)))
    sky, white, table = _air(sun, 1.0, rays)
    zenith, low = table[-1].mean(axis=0), table[6].mean(axis=0)
    kind = Clouds(random.uniform(0.34, 0.44), 1.1, 0.9, 2.6, 26.0, 0.75)
    light = Light(white * 0.17, zenith * 0.7 + low * 0.35, low * 0.3, sun.direction)
    drawn, seen = clouds.draw(kind, light, *rays.at_one_km, int(random.integers(1 << 31)))
    return _exposed(sky * seen[..., None] + drawn, 14)


def _overcast(rays: Rays, random: Random) -> np.ndarray:
    thick = clouds.ceiling(1.0, 3.0, *rays.at_one_km, int(random.integers(1 << 31)))
    higher = (
        1 + 1.2 * np.sin(rays.elevation)
    ) / 2.2  # brighter overhead, as the CIE's overcast sky, but not by so much
    bright = higher * (1 - 0.22 * np.tanh(0.8 * thick)) * 0.9
    thin = np.clip(-thick - 0.6, 0, 1.5)[..., None]
    tint = np.array([0.95, 1.0, 1.06]) * (1 - 0.3 * thin) + 0.3 * thin
    glow = 0.10 * np.exp(-rays.elevation / 0.12)
    return _exposed((bright + glow)[..., None] * tint, 1.35)


def _sunset(rays: Rays, random: Random) -> np.ndarray:
    sun = Sun(np.radians(random.uniform(0.8, 2.2)), np.radians(random.uniform(-28, 28)))
    table = atmosphere.radiance(sun, 1.6)
    overhead = np.clip(np.degrees(atmosphere.heights()) / 22, 0, 1)[:, None, None]
    table *= 1 + overhead * (np.array([0.80, 0.84, 1.35]) - 1)  # what is scattered twice up there, and bluer
    table = table.astype(np.float32)
    sky = atmosphere.look_up(table, rays.elevation, rays.azimuth - sun.azimuth)
    arriving = atmosphere.sunlight(np.array(atmosphere.EARTH_KM + 3), np.array(np.sin(sun.elevation + 0.03)), 0.8)
    rosy = arriving.mean() * np.array([1.45, 0.82, 0.73])
    zenith, low = table[-1].mean(axis=0), table[8].mean(axis=0)
    kind = Clouds(random.uniform(0.38, 0.5), 3.0, 0.5, 2.2, 9.0, 0.9, 24, 2.2)
    direction = np.array([np.sin(sun.azimuth), 0.12, np.cos(sun.azimuth)])
    light = Light((0.5 * arriving + 0.5 * rosy) * 0.075, zenith * 0.8 + low * 0.1, low * 0.2 + zenith * 0.45, direction)
    drawn, seen = clouds.draw(kind, light, *rays.at_one_km, int(random.integers(1 << 31)))
    return _exposed(sky * seen[..., None] + drawn, 24)


def _night(rays: Rays, random: Random) -> np.ndarray:
    height = np.clip(rays.elevation / np.radians(50), 0, 1)[..., None]
    low, high = np.array([0.020, 0.028, 0.050]), np.array([0.0035, 0.006, 0.016])
    sky = high + (low - high) * np.exp(-4 * height)
    return sky + stars.milky_way(rays.right, rays.up, rays.ahead, random)


def _air(sun: Sun, haze: float, rays: Rays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The clear sky, sunlight, and the table of the sky's light, as a camera set to daylight takes them."""
    table = atmosphere.radiance(sun, haze)
    sunlight = atmosphere.sunlight(np.array(atmosphere.EARTH_KM + 1), np.array(np.sin(sun.elevation)), haze)
    table = table / (sunlight / sunlight.mean())
    low = np.exp(-np.degrees(atmosphere.heights()) / 5)[:, None, None]  # where much is scattered again, and whiter
    table += 0.75 * low * (table.mean(axis=2, keepdims=True) * HORIZON - table)
    table = table.astype(np.float32)
    return atmosphere.look_up(table, rays.elevation, rays.azimuth - sun.azimuth), np.full(3, sunlight.mean()), table


def _exposed(light: np.ndarray, exposure: float) -> np.ndarray:
    """As film takes it: bright light goes over into white."""
    mixed = light + CROSSTALK * (light.mean(axis=2, keepdims=True) - light)
    return 1 - np.exp(-exposure * mixed)


PAINTERS: dict[str, Callable[[Rays, Random], np.ndarray]] = {
    "clear": _clear,
    "cumulus": _cumulus,
    "overcast": _overcast,
    "sunset": _sunset,
    "night": _night,
}
