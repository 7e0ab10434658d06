"""Make the LUTs that are shipped: `python recipe.py` writes one small `.cube` a look beside itself.

A look is a tone curve, a colour balance for shadows and lights, and a way with saturation, all in Oklab (Ottosson
2020), where a hue stays that hue while it gets lighter or paler.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scumble_daemon.imaging.icc import SRGB_CURVE

SIZE = 17

TO_LMS = np.array([[0.4122214708, 0.5363325363, 0.0514459929],
                   [0.2119034982, 0.6806995451, 0.1073969566],
                   [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                   [1.9779984951, -2.4285922050, 0.4505937099],
                   [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip

K1, K2 = 0.206, 0.03
K3 = (1 + K1) / (1 + K2)

Tint = tuple[float, float]  # Oklab a (green to red), b (blue to yellow)


@dataclass(frozen=True)
class Look:
    """`contrast` steepens the middle around `pivot` (from 1 up) · `black`, `white`: where the ends come to lie ·
    `shadows`, `lights`: tints · `saturation` for everything · `dense`: how much saturated colours darken, as dyes do ·
    `hues`: (centre in degrees, width, turn in degrees, saturation) · `mono`: weights of R, G, B for a grey picture."""

    title: str
    contrast: float = 1.0
    pivot: float = 0.5
    black: float = 0.0
    white: float = 1.0
    gamma: float = 1.0
    shadows: Tint = (0.0, 0.0)
    lights: Tint = (0.0, 0.0)
    saturation: float = 1.0
    dense: float = 0.0
    hues: tuple[tuple[float, float, float, float], ...] = ()
    mono: tuple[float, float, float] | None = None


LOOKS = {
    "warm_print": Look(
        "Warm print", contrast=1.28, pivot=0.46, black=0.03, white=0.985,
        shadows=(-0.006, -0.010), lights=(0.011, 0.021), saturation=1.05, dense=0.10,
        hues=((145, 45, 6, 0.85), (250, 50, -4, 0.95)),
    ),
    "slide": Look(
        "Slide film", contrast=1.28, pivot=0.47, saturation=1.20, dense=0.22,
        shadows=(-0.002, -0.005), lights=(0.001, 0.003), hues=((145, 45, 4, 1.08), (265, 40, -7, 1.05)),
    ),
    "teal_orange": Look(
        "Teal and orange", contrast=1.24, pivot=0.46, black=0.015,
        shadows=(-0.022, -0.022), lights=(0.014, 0.018), saturation=1.02, dense=0.08,
        hues=((255, 55, -34, 1.0), (145, 50, 16, 0.72), (55, 40, 2, 1.10)),
    ),
    "cool_fade": Look(
        "Cool fade", contrast=1.06, pivot=0.5, black=0.075, white=0.965,
        shadows=(-0.006, -0.022), lights=(-0.003, 0.003), saturation=0.82,
    ),
    "matte": Look(
        "Soft matte", contrast=1.0, pivot=0.5, black=0.095, white=0.945, gamma=0.95,
        shadows=(-0.001, -0.003), lights=(0.001, 0.006), saturation=0.86,
    ),
    "bleach_bypass": Look(
        "Bleach bypass", contrast=1.42, pivot=0.50,
        shadows=(-0.003, -0.008), lights=(0.0, 0.004), saturation=0.48,
    ),
    "silver_mono": Look(
        "Silver mono", contrast=1.3, pivot=0.47, black=0.012, mono=(0.50, 0.40, 0.10),
        shadows=(0.0, -0.001), lights=(0.001, 0.003),
    ),
    "high_key_mono": Look(
        "High-key mono", contrast=1.08, pivot=0.45, black=0.04, gamma=0.68, mono=(0.55, 0.38, 0.07),
        shadows=(0.001, 0.002), lights=(0.001, 0.002),
    ),
}  # fmt: skip


def develop(look: Look, rgb: np.ndarray) -> np.ndarray:
    """…×3 sRGB-encoded colours in [0, 1] → what the look makes of them, in [0, 1]."""
    lab = _to_lab(rgb)
    if look.mono:
        linear = SRGB_CURVE.to_linear(rgb) @ np.array(look.mono)
        lab = np.stack([np.cbrt(linear), np.zeros_like(linear), np.zeros_like(linear)], axis=-1)
    lightness, a, b = np.moveaxis(lab, -1, 0)
    hue, chroma = np.arctan2(b, a), np.hypot(a, b)

    turn, richness = np.zeros_like(hue), np.full_like(hue, look.saturation)
    for centre, width, degrees, factor in look.hues:
        away = np.angle(np.exp(1j * (hue - np.radians(centre))))
        near = np.exp(-0.5 * (away / np.radians(width)) ** 2)
        turn += near * np.radians(degrees)
        richness *= 1 + near * (factor - 1)
    turn /= 1 + (chroma / 0.2) ** 2  # the purest colours have nowhere to turn to
    hue, chroma = hue + turn, chroma * richness

    lightness = _tone(look, _seen(lightness))
    lightness = lightness * (1 - look.dense * np.clip(chroma, 0, 0.35) * np.sin(np.pi * np.clip(lightness, 0, 1)))
    chroma = chroma * (1 - 0.35 * np.clip((lightness - 0.75) / 0.25, 0, 1) ** 2)  # lights bleach, as film's do

    tint = _split(look, lightness)
    toned = np.stack(
        [_unseen(lightness), chroma * np.cos(hue) + tint[..., 0], chroma * np.sin(hue) + tint[..., 1]], axis=-1
    )
    return _into_gamut(toned)


def _seen(lightness: np.ndarray) -> np.ndarray:
    """Oklab's lightness with a toe that makes its steps near black as large as they look; Ottosson 2021, "Okhsv"."""
    x = K3 * lightness - K1
    return (x + np.sqrt(x * x + 4 * K2 * K3 * lightness)) / 2


def _unseen(seen: np.ndarray) -> np.ndarray:
    return (seen * seen + K1 * seen) / (K3 * (seen + K2))


def _tone(look: Look, lightness: np.ndarray) -> np.ndarray:
    """A smooth S with its ends held, then lifted to `black` and lowered to `white`."""
    x = np.clip(lightness, 0, 1) ** look.gamma

    def bend(value: np.ndarray | float) -> np.ndarray:
        return np.tanh((value - look.pivot) * steepness)

    steepness = 2.2 * np.sqrt(max(look.contrast - 1, 0)) + 1e-3
    s = (bend(x) - bend(0.0)) / (bend(1.0) - bend(0.0))
    return look.black + (look.white - look.black) * s


def _split(look: Look, lightness: np.ndarray) -> np.ndarray:
    """The tint at a lightness: none at pure black and white, so that paper stays paper."""
    x = np.clip(lightness, 0, 1)[..., None]
    dark = 4 * x * (1 - x) ** 2 * 1.6 + look.black * 2 * (1 - x) ** 6
    light = 4 * x**2 * (1 - x) * 1.6
    return dark * np.array(look.shadows) + light * np.array(look.lights)


def _into_gamut(lab: np.ndarray) -> np.ndarray:
    """Less chroma until the colour fits into sRGB, found by halving; the last of it is rolled off, not cut."""
    low, high = np.zeros(lab.shape[:-1]), np.ones(lab.shape[:-1])
    for _ in range(24):
        middle = (low + high) / 2
        rgb = _from_lab(lab * np.stack([np.ones_like(middle), middle, middle], axis=-1))
        fits = (rgb > -1e-4).all(axis=-1) & (rgb < 1 + 1e-4).all(axis=-1)
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    rgb = _from_lab(lab * np.stack([np.ones_like(low), low, low], axis=-1))
    return np.clip(rgb, 0, 1)


def _to_lab(rgb: np.ndarray) -> np.ndarray:
    return np.cbrt(SRGB_CURVE.to_linear(rgb) @ TO_LMS.T) @ TO_LAB.T


def _from_lab(lab: np.ndarray) -> np.ndarray:
    linear = (lab @ np.linalg.inv(TO_LAB).T) ** 3 @ np.linalg.inv(TO_LMS).T
    return SRGB_CURVE.from_linear(np.ascontiguousarray(linear))


def grid(size: int = SIZE) -> np.ndarray:
    """size³×3, red running fastest, as `.cube` files list their colours."""
    steps = np.linspace(0, 1, size)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    return np.stack([red, green, blue], axis=-1).reshape(-1, 3)


def to_cube(look: Look) -> str:
    rows = "\n".join("{:.5f} {:.5f} {:.5f}".format(*row) for row in develop(look, grid()))
    return f'TITLE "{look.title}"\nLUT_3D_SIZE {SIZE}\n{rows}\n'


if __name__ == "__main__":
    for name, look in LOOKS.items():
        Path(__file__).with_name(f"{name}.cube").write_text(to_cube(look), encoding="ascii", newline="\n")
