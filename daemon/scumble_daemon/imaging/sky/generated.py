"""Skies of our own, made from a kind and a seed, as a camera with its horizon at a given row would see them."""

from __future__ import annotations

import math
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

    def rays(self, focal: float) -> tuple[np.ndarray, ...]:
        """Right, up and ahead, not normalised; below the horizon they are those just above it."""
        height, width = self.size
        x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2)[None] / focal
        y = np.maximum(self.horizon - np.arange(height, dtype=np.float32) - 0.5, 0.5)[:, None] / focal
        right = x * math.cos(self.turn) + math.sin(self.turn) + 0 * y
        ahead = math.cos(self.turn) - x * math.sin(self.turn) + 0 * y
        return tuple(np.ascontiguousarray(each, np.float32) for each in (right, y + 0 * x, ahead))


def paint(kind: str, camera: Camera, seed: int) -> np.ndarray:
    """H×W×3 float32, sRGB-encoded, at the camera's size."""
    height, width = camera.size
    above = int(np.clip(np.ceil(camera.horizon) + 1, 1, height))
    right, up, ahead = Camera((above, width), camera.horizon, camera.turn).rays(camera.focal_px)
    elevation = np.arctan2(up, np.sqrt(right**2 + ahead**2))
    azimuth = np.arctan2(right, ahead)
    random = np.random.default_rng([seed, KINDS.index(kind)])
    light = PAINTERS[kind](right, up, ahead, elevation, azimuth, random)
    shown = SRGB_CURVE.from_linear(np.clip(light, 0, 1).astype(np.float32)).astype(np.float32)
    return np.concatenate([shown, np.repeat(shown[-1:], height - above, axis=0)])


def _clear(right, up, ahead, elevation, azimuth, random):
    sun = Sun(np.radians(random.uniform(35, 50)), np.radians(random.choice([-1, 1]) * random.uniform(95, 130)))
    sky, _, _ = _air(sun, 1.0, elevation, azimuth)
    return _exposed(sky, 16)


def _cumulus(right, up, ahead, elevation, azimuth, random):
    sun = Sun(np.radians(random.uniform(38, 52)), np.radians(random.choice([-1, 1]) * random.uniform(70, 115)))
    sky, white, table = _air(sun, 1.0, elevation, azimuth)
    zenith, low = table[-1].mean(axis=0), table[6].mean(axis=0)
    kind = Clouds(random.uniform(0.34, 0.44), 1.1, 0.9, 2.6, 26.0, 0.75)
    light = Light(white * 0.17, zenith * 0.7 + low * 0.35, low * 0.3, sun.direction)
    drawn, seen = clouds.draw(kind, light, right / up, ahead / up, int(random.integers(1 << 31)))
    return _exposed(sky * seen[..., None] + drawn, 14)


def _overcast(right, up, ahead, elevation, azimuth, random):
    thick = clouds.ceiling(1.0, 3.0, right / up, ahead / up, int(random.integers(1 << 31)))
    higher = (1 + 1.2 * np.sin(elevation)) / 2.2  # brighter overhead, as the CIE's overcast sky, but not by so much
    bright = higher * (1 - 0.22 * np.tanh(0.8 * thick)) * 0.9
    thin = np.clip(-thick - 0.6, 0, 1.5)[..., None]
    tint = np.array([0.95, 1.0, 1.06]) * (1 - 0.3 * thin) + 0.3 * thin
    glow = 0.10 * np.exp(-elevation / 0.12)
    return _exposed((bright + glow)[..., None] * tint, 1.35)


def _sunset(right, up, ahead, elevation, azimuth, random):
    sun = Sun(np.radians(random.uniform(0.8, 2.2)), np.radians(random.uniform(-28, 28)))
    table = atmosphere.radiance(sun, 1.6)
    overhead = np.clip(np.degrees(atmosphere.heights()) / 22, 0, 1)[:, None, None]
    table *= 1 + overhead * (np.array([0.80, 0.84, 1.35]) - 1)  # what is scattered twice up there, and bluer
    table = table.astype(np.float32)
    sky = atmosphere.look_up(table, elevation, azimuth - sun.azimuth)
    arriving = atmosphere.sunlight(np.array(atmosphere.EARTH_KM + 3), np.array(np.sin(sun.elevation + 0.03)), 0.8)
    rosy = arriving.mean() * np.array([1.45, 0.82, 0.73])
    zenith, low = table[-1].mean(axis=0), table[8].mean(axis=0)
    kind = Clouds(random.uniform(0.38, 0.5), 3.0, 0.5, 2.2, 9.0, 0.9, 24, 2.2)
    direction = np.array([np.sin(sun.azimuth), 0.12, np.cos(sun.azimuth)])
    light = Light((0.5 * arriving + 0.5 * rosy) * 0.075, zenith * 0.8 + low * 0.1, low * 0.2 + zenith * 0.45, direction)
    drawn, seen = clouds.draw(kind, light, right / up, ahead / up, int(random.integers(1 << 31)))
    return _exposed(sky * seen[..., None] + drawn, 24)


def _night(right, up, ahead, elevation, azimuth, random):
    height = np.clip(elevation / np.radians(50), 0, 1)[..., None]
    low, high = np.array([0.020, 0.028, 0.050]), np.array([0.0035, 0.006, 0.016])
    sky = high + (low - high) * np.exp(-4 * height)
    return sky + stars.milky_way(right, up, ahead, random)


def _air(sun, haze, elevation, azimuth):
    """The clear sky, sunlight, and the table of the sky's light, as a camera set to daylight takes them."""
    table = atmosphere.radiance(sun, haze)
    sunlight = atmosphere.sunlight(np.array(atmosphere.EARTH_KM + 1), np.array(np.sin(sun.elevation)), haze)
    table = table / (sunlight / sunlight.mean())
    low = np.exp(-np.degrees(atmosphere.heights()) / 5)[:, None, None]  # where much is scattered again, and whiter
    table += 0.75 * low * (table.mean(axis=2, keepdims=True) * HORIZON - table)
    table = table.astype(np.float32)
    return atmosphere.look_up(table, elevation, azimuth - sun.azimuth), np.full(3, sunlight.mean()), table


def _exposed(light: np.ndarray, exposure: float) -> np.ndarray:
    """As film takes it: bright light goes over into white."""
    mixed = light + CROSSTALK * (light.mean(axis=2, keepdims=True) - light)
    return 1 - np.exp(-exposure * mixed)


PAINTERS = dict(zip(KINDS, (_clear, _cumulus, _overcast, _sunset, _night), strict=True))
