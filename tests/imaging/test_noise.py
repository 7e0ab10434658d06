"""The noise in a picture is found out from the picture, whatever else is in it and however large it is."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from scumble_daemon.imaging import noise


def found(picture: np.ndarray) -> float:
    return noise.deviation(picture.shape[:2], lambda rows, columns: picture[rows, columns])


def noisy(picture: np.ndarray, sigma: float) -> np.ndarray:
    """As a camera gives it: clipped, in 8 bits."""
    made = picture + np.random.default_rng(2).normal(0, sigma, picture.shape)
    return (np.clip(made, 0, 1) * 255).round().astype(np.float32) / 255


@pytest.mark.parametrize("sigma", [5, 10, 25, 40])
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_noise_in_photographs(name: str, sigma: int) -> None:
    """Edges, textures and blown-out parts hardly count."""
    clean = getattr(skimage.data, name)().astype(np.float32) / 255
    assert found(noisy(clean, sigma / 255)) * 255 == pytest.approx(sigma, rel=0.2)
    assert found(clean) * 255 < 3


def test_a_picture_with_little_in_it() -> None:
    """Blown out but for a quarter: the quarter counts. Nothing at all, one row, one pixel: no noise."""
    picture = np.ones((400, 400, 3), np.float32)
    assert found(picture) == 0
    picture[:200, :200] = noisy(np.full((200, 200, 3), 0.5, np.float32), 0.04)
    assert found(picture) == pytest.approx(0.04, rel=0.2)
    for shape in ((1, 50, 3), (50, 1, 3), (1, 1, 1)):
        assert found(np.random.default_rng(1).random(shape, np.float32)) == 0


def test_a_huge_picture_is_only_sampled() -> None:
    """As many pixels are read of a gigapixel as of ten megapixels, up to its far corner."""
    read: list[tuple[slice, slice]] = []

    def part(rows: slice, columns: slice) -> np.ndarray:
        read.append((rows, columns))
        shape = (rows.stop - rows.start, columns.stop - columns.start, 3)
        return np.random.default_rng(len(read)).normal(0.5, 0.02, shape).astype(np.float32)

    assert noise.deviation((30_000, 40_000), part) == pytest.approx(0.02, rel=0.05)
    assert len(read) == noise.PARTS_ALONG**2
    assert (read[-1][0].stop, read[-1][1].stop) == (30_000, 40_000)
