"""Clouds as a stack of slices above the ground, each seen in perspective and lit by the sun through those above it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

TILE = 512  # texels of a slice, which repeats
TEXEL_KM = 0.04
DETAIL_TILE, DETAIL_SLICES, DETAIL_TEXEL_KM = 256, 32, 0.0125
SMOOTH_PX = 0.8
CHUNK_PIXELS = 1 << 15  # rows at a time, so that they stay in the processor's cache
FADES_KM = 28.0  # into the haze at the horizon


@dataclass(frozen=True)
class Clouds:
    """`cover`: 0 to 1 · `base_km`, `thick_km`: where they lie · `size_km`: of the largest · `density`: per km ·
    `billow`: how much their outline is eaten into."""

    cover: float
    base_km: float
    thick_km: float
    size_km: float
    density: float
    billow: float
    slices: int = 40
    stretch: float = 1.0  # along the wind


@dataclass(frozen=True)
class Light:
    """Linear, R, G, B. `sun`: what falls on them · `above`, `below`: from the sky, from the ground ·
    `direction`: right, up, ahead."""

    sun: np.ndarray
    above: np.ndarray
    below: np.ndarray
    direction: np.ndarray


def draw(clouds: Clouds, light: Light, right: np.ndarray, ahead: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    """Their light H×W×3 and how much of the sky shows between them, H×W.

    `right`, `ahead`: H×W, where a ray is when it has come one km up, in km.
    """
    random = np.random.default_rng(seed)
    heights = _heights(clouds, random)
    detail = _billows(random)
    lit = [_wrapped(each) for each in _lighting(clouds, light, heights, detail)]
    textures = _wrapped(heights), [_wrapped(each) for each in detail]
    shown, seen = np.empty((*right.shape, 3), np.float32), np.empty(right.shape, np.float32)
    jitter = _even_jitter(right.shape) - 0.5
    rows = max(1, CHUNK_PIXELS // right.shape[1])
    for top in range(0, len(right), rows):
        part = slice(top, top + rows)
        shown[part], seen[part] = _draw_rows(clouds, light, right[part], ahead[part], jitter[part], lit, *textures)
    return tuple(cv2.GaussianBlur(each, (0, 0), SMOOTH_PX) for each in (shown, seen))


def _draw_rows(
    clouds: Clouds,
    light: Light,
    right: np.ndarray,
    ahead: np.ndarray,
    jitter: np.ndarray,
    lit: list[np.ndarray],
    heights: np.ndarray,
    detail: list[np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    thin = np.sqrt(right**2 + ahead**2 + 1)  # km along the ray for one km up
    x, y, z = (float(each) for each in light.direction)
    towards = np.maximum((right * x + y + ahead * z) / thin, 0)
    phase = 0.7 + 0.25 * towards**2 + 1.6 * towards**16
    fade = np.exp(-clouds.base_km * thin / FADES_KM)
    seen = np.ones(right.shape, np.float32)
    sunlit, overhead = np.zeros_like(seen), np.zeros_like(seen)  # how much of what is shown the sun and the sky light
    step_km = clouds.thick_km / clouds.slices
    depth = clouds.density * step_km * np.minimum(thin, 6)
    for index in range(clouds.slices):
        share = (index + 0.5) / clouds.slices
        km = clouds.base_km + clouds.thick_km * share + step_km * jitter
        x, z = right * km, ahead * km
        shows = seen * (1 - np.exp(-depth * _density(clouds, heights, detail, x, z, share)))
        if not shows.any():
            continue
        sunlit += shows * _sample(lit[index], x, z, TEXEL_KM)
        overhead += shows * (0.35 + 0.65 * share)
        seen -= shows
        if seen.max() < 0.005:
            break
    covered = 1 - seen
    shown = (sunlit * phase)[..., None] * light.sun + covered[..., None] * light.below
    shown += overhead[..., None] * (light.above - light.below)
    return shown * fade[..., None], 1 - covered * fade


def ceiling(base_km: float, size_km: float, right: np.ndarray, ahead: np.ndarray, seed: int) -> np.ndarray:
    """How thick a closed cover looks from below, H×W, mean 0 and deviation 1; even towards the horizon."""
    random = np.random.default_rng(seed)
    thin = np.sqrt(right**2 + ahead**2 + 1)
    total = np.zeros(right.shape, np.float32)
    for index, (share, size) in enumerate(((1.0, 1.0), (0.55, 0.37), (0.3, 0.13))):
        field = _noise((TILE, TILE), 2.4, 0.12, random, 1.6)
        texel = TEXEL_KM * size * size_km
        km = base_km * (1 + 0.15 * index)
        near = np.exp(-((km * thin * 0.5 * texel / (0.02 * size_km)) ** 2) / 400)
        total += share * near * _sample(_wrapped(field), right * km, ahead * km, texel)
    return total


def texture(random: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rough noise over a direction's x and y, mean 0 and deviation 1."""
    return _sample(_wrapped(_noise((TILE, TILE), 1.6, 0.15, random)), x, y, 3.0 / TILE)


def _even_jitter(shape: tuple[int, ...]) -> np.ndarray:
    """0 to 1 without clumps, so that slices are not seen as such. After Jimenez 2014 (interleaved gradient noise)."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.mod(52.9829189 * np.mod(0.06711056 * x + 0.00583715 * y, 1), 1).astype(np.float32)


def _density(
    clouds: Clouds, heights: np.ndarray, detail: list[np.ndarray], x: np.ndarray, z: np.ndarray, share: float
) -> np.ndarray:
    """0 to 1, H×W, at a share of the clouds' thickness."""
    top = _sample(heights, x, z, TEXEL_KM)
    layer = int(share * DETAIL_SLICES * 0.9) % DETAIL_SLICES
    coarse = _sample(detail[layer], x, z, DETAIL_TEXEL_KM * clouds.size_km)
    fine = _sample(detail[(3 * layer) % DETAIL_SLICES], x + 0.37, z, DETAIL_TEXEL_KM * clouds.size_km / 4.3)
    outline = top - clouds.billow * (0.7 * coarse + 0.3 * fine) * (0.4 + 0.6 * share)
    return np.clip((outline - share) * 3.5, 0, 1) * min(1.0, 12 * share + 0.15)


def _heights(clouds: Clouds, random: np.random.Generator) -> np.ndarray:
    """How high the clouds reach, as a share of their thickness; 0 and less where there are none."""
    field = _noise((TILE, TILE), 2.2, clouds.size_km / (TILE * TEXEL_KM), random, clouds.stretch)
    limit = np.quantile(field, 1 - clouds.cover)
    above = (field - limit) / max(float(field.max() - limit), 1e-6)
    return np.where(above > 0, np.sqrt(np.maximum(above, 0)) * 1.5, above * 4).astype(np.float32)


def _billows(random: np.random.Generator) -> np.ndarray:
    """Rounded lumps with creases between them, 0 to 1, in three dimensions."""
    total = 0.0
    for octave in range(3):
        scale = 0.07 / 2**octave
        total = total + np.abs(_noise((DETAIL_SLICES, DETAIL_TILE, DETAIL_TILE), 4.0, scale, random)) / 2**octave
    return (1 - np.clip(total / np.quantile(total, 0.98), 0, 1)).astype(np.float32)


def _lighting(clouds: Clouds, light: Light, heights: np.ndarray, detail: np.ndarray) -> np.ndarray:
    """Slices × TILE × TILE: the share of sunlight that comes through to each."""
    step_km = clouds.thick_km / clouds.slices
    rise = max(float(light.direction[1]), 0.08)
    shift = light.direction[[2, 0]] / rise * step_km / TEXEL_KM  # texels towards the sun from one slice to the next
    reduced = np.stack([cv2.resize(each, (80, 80), interpolation=cv2.INTER_AREA) for each in detail])
    lit = np.empty((clouds.slices, TILE, TILE), np.float32)
    depth = np.zeros((TILE, TILE), np.float32)
    for index in reversed(range(clouds.slices)):
        lit[index] = 0.65 * np.exp(-depth) + 0.35 * np.exp(-0.25 * depth)
        share = (index + 0.5) / clouds.slices
        lumps = np.tile(reduced[int(share * DETAIL_SLICES * 0.9)], (7, 7))[:TILE, :TILE]
        inside = np.clip((heights - clouds.billow * 0.8 * lumps * (0.4 + 0.6 * share) - share) * 4, 0, 1)
        depth = depth + clouds.density * inside * step_km / rise * 0.5
        depth = _rolled(depth, -shift)
    return lit


def _rolled(array: np.ndarray, by: np.ndarray) -> np.ndarray:
    move = np.array([[1, 0, by[1]], [0, 1, by[0]]], np.float32)
    return cv2.warpAffine(array, move, array.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _noise(
    shape: tuple[int, ...], falloff: float, scale: float, random: np.random.Generator, stretch: float = 1.0
) -> np.ndarray:
    """Periodic, mean 0 and deviation 1; `scale`: its largest features as a share of the last axis."""
    from scipy import fft

    axes = [fft.fftfreq(side) * shape[-1] for side in shape[:-1]] + [fft.rfftfreq(shape[-1]) * shape[-1]]
    axes[-1] = axes[-1] * stretch
    grid = np.meshgrid(*axes, indexing="ij", sparse=True)
    frequency = np.sqrt(sum(axis**2 for axis in grid)) * scale
    weight = frequency**2 / (1 + frequency**2) ** (1 + falloff / 2 + 0.5)
    frequency[(0,) * len(shape)] = 0
    spectrum = np.asarray(fft.rfftn(random.standard_normal(shape, np.float32))) * weight
    noise = np.asarray(fft.irfftn(spectrum, shape))
    return ((noise - noise.mean()) / noise.std()).astype(np.float32)


def _wrapped(texture: np.ndarray) -> np.ndarray:
    """With its first row and column once more behind the last, to be sampled across that edge."""
    return cv2.copyMakeBorder(texture, 0, 1, 0, 1, cv2.BORDER_WRAP)


def _sample(wrapped: np.ndarray, x: np.ndarray, z: np.ndarray, texel_km: float) -> np.ndarray:
    side = wrapped.shape[0] - 1
    u, v = x * np.float32(1 / (texel_km * side)), z * np.float32(1 / (texel_km * side))
    u -= np.floor(u)
    v -= np.floor(v)
    u *= side
    v *= side
    return cv2.remap(wrapped, u, v, cv2.INTER_LINEAR)
