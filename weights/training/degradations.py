"""Damage that cameras, transmission and saving do to a picture: what the denoiser learns to undo, and is judged on."""

from __future__ import annotations

import cv2
import numpy as np

Floats = np.ndarray
BLACK_LEVEL, WHITE_LEVEL = 4096.0, 53248.0  # of the 16-bit mosaic: room for noise below black and above white
DEMOSAIC = (cv2.COLOR_BayerBG2BGR, cv2.COLOR_BayerBG2BGR_EA)  # named after the second row: red comes first


def damaged(rng: np.random.Generator, clean: Floats, weak: float = 1.0) -> Floats:
    """clean: H×W×3 float32 in [0, 1], sRGB-encoded → the same with noise of a kind and strength drawn at random.

    `weak`: 1 draws every σ of white noise as often; above, weak noise is more frequent.
    """
    kind = rng.random()
    if kind < 0.06:
        return clean.copy()
    if kind < 0.50:
        return eight_bits(gaussian(rng, clean, 55 * rng.random() ** weak))
    if kind < 0.56:  # stored after some processing: correlated, stronger in colour or in light
        return eight_bits(correlated(rng, clean))
    if kind < 0.64:
        return jpeg(clean, int(rng.integers(30, 96)))
    if kind < 0.72:
        return jpeg(gaussian(rng, clean, rng.uniform(0, 35)), int(rng.integers(50, 99)))
    shot = 10 ** rng.uniform(-4, -1.6)
    seen = camera(rng, clean, shot, read=np.sqrt(shot) * rng.uniform(0.01, 0.12))
    return jpeg(seen, int(rng.integers(60, 99))) if rng.random() < 0.6 else eight_bits(seen)


def gaussian(rng: np.random.Generator, clean: Floats, sigma: float) -> Floats:
    """White noise; sigma in steps of 1/255."""
    return clean + rng.standard_normal(clean.shape, np.float32) * np.float32(sigma / 255)


def correlated(rng: np.random.Generator, clean: Floats) -> Floats:
    grain = cv2.GaussianBlur(rng.standard_normal(clean.shape, np.float32), (0, 0), rng.uniform(0.3, 1.0))
    grey = grain.mean(2, keepdims=True)
    grain = grey * rng.uniform(0, 1.5) + (grain - grey) * rng.uniform(0, 1.5)
    return clean + grain * np.float32(rng.uniform(5, 40) / 255 / (grain.std() + 1e-6))


def camera(rng: np.random.Generator, clean: Floats, shot: float, read: float) -> Floats:
    """What a sensor would have seen: photon and read-out noise on a Bayer mosaic, developed again.

    shot: variance of the noise at full white, in linear light; read: deviation of the noise in black.
    After Brooks et al. 2019.
    """
    gains = np.array([rng.uniform(1.2, 2.4), 1, rng.uniform(1.2, 2.4)], np.float32)
    light = clean**2.2 / gains
    light = light + rng.standard_normal(light.shape, np.float32) * np.sqrt(shot * light + read**2).astype(np.float32)
    mosaic = light[..., 1].copy()
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = light[0::2, 0::2, 0], light[1::2, 1::2, 2]
    stored = np.clip(mosaic * WHITE_LEVEL + BLACK_LEVEL, 0, 65535).astype(np.uint16)
    developed = cv2.cvtColor(stored, DEMOSAIC[rng.integers(2)]).astype(np.float32)[..., ::-1]
    light = np.clip((developed - BLACK_LEVEL) / WHITE_LEVEL * gains, 0, 1)
    return light ** np.float32(1 / 2.2)


def jpeg(picture: Floats, quality: int) -> Floats:
    _, stored = cv2.imencode(".jpg", as_bytes(picture)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    opened = cv2.imdecode(stored, cv2.IMREAD_COLOR)
    assert opened is not None
    return opened[..., ::-1].astype(np.float32) / 255


def as_bytes(picture: Floats) -> np.ndarray:
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def eight_bits(picture: Floats) -> Floats:
    """Clipped and rounded as an 8-bit file holds it."""
    return as_bytes(picture).astype(np.float32) / 255
