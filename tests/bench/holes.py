"""Holes over known ground in photos, and how far a filling is from what was there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from skimage import data
from sklearn.datasets import load_sample_image

LOBES = 5  # of a hole's outline
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli & Bovik 2003
C1, C2 = 0.01**2, 0.03**2  # of SSIM
BINS, MOST_LOG = 40, 11.0  # of the histograms of gradients, in steps of their logarithms to the base of 2


@dataclass(frozen=True)
class Hole:
    """`photo`: H×W×3 uint8 · `hole`: bool."""

    name: str
    photo: np.ndarray
    hole: np.ndarray


# Name, what reads it, centre (x, y), share. Tuned on the first three; coffee, rocket, flower and brick were looked at.
PLACES: tuple[tuple[str, Callable[[], np.ndarray], tuple[int, int], float], ...] = (
    ("astronaut", data.astronaut, (130, 410), 0.02),
    ("chelsea", data.chelsea, (240, 70), 0.03),
    ("china", lambda: load_sample_image("china.jpg"), (480, 335), 0.05),
    ("coffee", data.coffee, (90, 300), 0.06),
    ("coffee, cup", data.coffee, (250, 350), 0.015),
    ("rocket", data.rocket, (200, 200), 0.05),
    ("rocket, mast", data.rocket, (455, 300), 0.02),
    ("flower", lambda: load_sample_image("flower.jpg"), (110, 120), 0.08),
    ("flower, petals", lambda: load_sample_image("flower.jpg"), (330, 250), 0.01),
    ("motorcycle", lambda: _bundled("motorcycle_left.png")[:, :800], (620, 110), 0.03),
    ("grass", data.grass, (250, 250), 0.04),
    ("gravel", data.gravel, (260, 230), 0.03),
    ("brick", data.brick, (250, 260), 0.03),
    ("immunohistochemistry", data.immunohistochemistry, (250, 250), 0.04),
    ("hubble", lambda: data.hubble_deep_field()[200:712, 200:712], (250, 250), 0.03),
    ("retina", lambda: data.retina()[400:912, 300:812], (260, 260), 0.02),
)


def holes() -> Iterator[Hole]:
    for index, (name, read, centre, share) in enumerate(PLACES):
        photo = read()
        photo = np.ascontiguousarray(np.dstack([photo] * 3) if photo.ndim == 2 else photo[..., :3])
        yield Hole(name, photo, outline(photo.shape, centre, share, index))


def outline(shape: tuple[int, ...], centre: tuple[int, int], share: float, seed: int) -> np.ndarray:
    """An irregular blob of about `share` of the picture."""
    random = np.random.default_rng(seed)
    radius = np.sqrt(share * shape[0] * shape[1] / np.pi)
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    wave = sum(
        random.normal(0, 0.22 / lobe) * np.cos(lobe * angles + random.uniform(0, 2 * np.pi))
        for lobe in range(1, LOBES + 1)
    )
    away = radius * np.clip(1 + wave, 0.4, 1.6)
    points = np.stack([centre[0] + away * np.cos(angles), centre[1] + away * np.sin(angles)], axis=1)
    drawn = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(drawn, [points.round().astype(np.int32)], 1)
    return drawn > 0


def _bundled(name: str) -> np.ndarray:
    """A photo that scikit-image has no function for."""
    return np.asarray(PIL.Image.open(Path(data.__file__).parent / name).convert("RGB"))


# --- measures -----------------------------------------------------------------------------------------------------


def psnr(truth: np.ndarray, filled: np.ndarray, hole: np.ndarray) -> float:
    error = (truth[hole].astype(float) - filled[hole]) ** 2
    return float(10 * np.log10(255**2 / max(error.mean(), 1e-9)))


def ms_ssim(truth: np.ndarray, filled: np.ndarray, hole: np.ndarray) -> float:
    """On luminance, averaged over the hole: Wang, Simoncelli & Bovik 2003."""
    first, second = _grey(truth), _grey(filled)
    weight = hole.astype(np.float32)
    product = 1.0
    for scale, power in enumerate(SCALE_WEIGHTS):
        light, structure = _ssim(first, second)
        last = scale == len(SCALE_WEIGHTS) - 1
        value = float(((light * structure if last else structure) * weight).sum() / weight.sum())
        product *= max(value, 1e-3) ** power
        first, second, weight = (
            cv2.resize(each, (max(1, each.shape[1] // 2), max(1, each.shape[0] // 2)), interpolation=cv2.INTER_AREA)
            for each in (first, second, weight)
        )
    return product


def _ssim(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    def blur(plane: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(plane, (11, 11), 1.5)

    mean1, mean2 = blur(first), blur(second)
    spread1, spread2 = blur(first * first) - mean1**2, blur(second * second) - mean2**2
    both = blur(first * second) - mean1 * mean2
    light = (2 * mean1 * mean2 + C1) / (mean1**2 + mean2**2 + C1)
    return light, (2 * both + C2) / (spread1 + spread2 + C2)


def gradient_distance(truth: np.ndarray, filled: np.ndarray, hole: np.ndarray) -> float:
    """Between how strong gradients are in the hole and how strong they were: the earth mover's, in doublings."""
    shares = []
    for picture in (truth, filled):
        grey = 255 * _grey(picture)
        strength = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))[hole]
        counted, _ = np.histogram(np.log2(1 + strength), BINS, (0, MOST_LOG))
        shares.append(np.cumsum(counted) / counted.sum())
    return float(np.abs(shares[0] - shares[1]).sum() * MOST_LOG / BINS)


def _grey(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
