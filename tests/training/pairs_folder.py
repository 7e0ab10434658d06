"""Folders of pairs for tests: pictures from formulas, and what a simple filter makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from scumble_daemon.training import content


def made(count: int, side_px: int = 80, seed: int = 4) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each a picture, and the same with its colours swapped, in four tones: uint8."""
    found = []
    for picture in content.pictures(count, side_px, seed):
        given = (picture * 255 + 0.5).astype(np.uint8)
        found.append((given, np.ascontiguousarray(given[..., ::-1] // 64 * 64 + 32)))
    return found


def written(folder: Path, count: int, side_px: int = 80) -> Path:
    """`folder`, with input/ and output/ in it."""
    for index, pair in enumerate(made(count, side_px)):
        for name, picture in zip(("input", "output"), pair, strict=True):
            save(folder / name / f"{index:02d}.png", picture)
    return folder


def save(file: Path, picture: np.ndarray) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(picture).save(file)
    return file
