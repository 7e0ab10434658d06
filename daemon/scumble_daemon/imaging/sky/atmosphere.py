"""The light of a cloudless sky: sunlight that air, haze and ozone scatter towards the eye.

After Nishita et al. 1993 (single scattering), with coefficients as in Bruneton & Neyret 2008 and Hillaire 2020, and a
constant share for what is scattered more than once.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

EARTH_KM, AIR_KM = 6360.0, 6460.0
RAYLEIGH = np.array([5.802e-3, 13.558e-3, 33.1e-3])  # per km at the ground
RAYLEIGH_KM, HAZE_KM = 8.0, 1.2  # heights over which they thin out
HAZE = 3.996e-3
OZONE = np.array([0.650e-3, 1.881e-3, 0.085e-3])  # per km at its height of 25 km
FORWARD = 0.76  # of Henyey and Greenstein's phase function
SCATTERED_AGAIN = 0.35
STEPS, STEPS_TO_SUN = 24, 10
ELEVATIONS, AZIMUTHS = 72, 96


@dataclass(frozen=True)
class Sun:
    """In radians; `azimuth` from straight ahead, to the right."""

    elevation: float
    azimuth: float

    @property
    def direction(self) -> np.ndarray:
        """Right, up, ahead."""
        flat = np.cos(self.elevation)
        return np.array([flat * np.sin(self.azimuth), np.sin(self.elevation), flat * np.cos(self.azimuth)])


def radiance(sun: Sun, haze: float) -> np.ndarray:
    """ELEVATIONS × AZIMUTHS × 3: light from 0° to 90° up, denser below, and 0° to 180° from the sun."""
    elevation = heights()[:, None]
    azimuth = np.linspace(0, np.pi, AZIMUTHS)[None]
    up, flat = np.sin(elevation) + 0 * azimuth, np.cos(elevation)
    towards_sun = np.cos(sun.elevation) * flat * np.cos(azimuth) + np.sin(sun.elevation) * up
    length = _to_edge(EARTH_KM + 0.05, up)
    step = length / STEPS
    light, depth = np.zeros((*up.shape, 3)), np.zeros((*up.shape, 3))
    rayleigh_phase = 3 / (16 * np.pi) * (1 + towards_sun**2)
    haze_phase = _forward(towards_sun, FORWARD)
    even = SCATTERED_AGAIN / (4 * np.pi)
    for index in range(STEPS):
        along = (index + 0.5) * step
        away = np.sqrt((EARTH_KM + 0.05) ** 2 + along**2 + 2 * (EARTH_KM + 0.05) * along * up)
        thickness, scatter_air, scatter_haze = _air(away - EARTH_KM, haze)
        depth += 0.5 * thickness * step[..., None]
        sun_up = ((EARTH_KM + 0.05) * np.sin(sun.elevation) + along * towards_sun) / away
        arriving = sunlight(away, sun_up, haze) * np.exp(-depth)
        phases = scatter_air * (rayleigh_phase + even)[..., None] + scatter_haze * (haze_phase + even)[..., None]
        light += arriving * phases * step[..., None]
        depth += 0.5 * thickness * step[..., None]
    return light.astype(np.float32)


def heights() -> np.ndarray:
    """Of a table's rows, in radians."""
    return np.linspace(0, 1, ELEVATIONS) ** 2 * np.pi / 2


def sunlight(away_km: np.ndarray, up: np.ndarray, haze: float) -> np.ndarray:
    """What is left of it so far from the earth's centre; `up`: the sine of the sun's height seen from there."""
    length = _to_edge(away_km, up)
    depth = np.zeros((*np.shape(length), 3))
    step = length / STEPS_TO_SUN
    for index in range(STEPS_TO_SUN):
        along = (index + 0.5) * step
        height = np.sqrt(away_km**2 + along**2 + 2 * away_km * along * up) - EARTH_KM
        depth += _air(np.maximum(height, 0), haze)[0] * step[..., None]
    lowest = np.where(up < 0, away_km * np.sqrt(np.maximum(1 - up**2, 0)), away_km) - EARTH_KM
    risen = np.clip(lowest / 4 + 1, 0, 1)  # below the horizon the earth is before it, with a soft edge
    return np.exp(-depth) * risen[..., None]


def look_up(table: np.ndarray, elevation: np.ndarray, azimuth: np.ndarray) -> np.ndarray:
    """The light of a `radiance` table in directions, H×W; `azimuth` from the sun."""
    around = np.abs((azimuth + np.pi) % (2 * np.pi) - np.pi)
    x = (around / np.pi * (AZIMUTHS - 1)).astype(np.float32)
    y = (np.sqrt(np.clip(elevation, 0, np.pi / 2) / (np.pi / 2)) * (ELEVATIONS - 1)).astype(np.float32)
    return cv2.remap(table, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _to_edge(away_km: np.ndarray | float, up: np.ndarray) -> np.ndarray:
    return -away_km * up + np.sqrt(np.maximum((away_km * up) ** 2 + AIR_KM**2 - np.square(away_km), 0))


def _air(height_km: np.ndarray, haze: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a km of it takes away, and what of that air and haze scatter."""
    air = np.exp(-height_km / RAYLEIGH_KM)[..., None] * RAYLEIGH
    mist = np.exp(-height_km / HAZE_KM)[..., None] * HAZE * haze
    ozone = np.maximum(1 - np.abs(height_km - 25) / 15, 0)[..., None] * OZONE
    return air + 1.11 * mist + ozone, air, mist


def _forward(cosine: np.ndarray, g: float) -> np.ndarray:
    return (1 - g**2) / (4 * np.pi * (1 + g**2 - 2 * g * cosine) ** 1.5)
