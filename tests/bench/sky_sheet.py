"""Contact sheets of Replace Sky: `python -m tests.bench.sky_sheet docs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scumble_daemon.context import Context
from scumble_daemon.imaging.image import Image, NewLayer
from scumble_daemon.operations.replace_sky import Params, replace_sky
from scumble_protocol.image import Point
from skimage import data
from sklearn.datasets import load_sample_image

from ..operations import skies
from .sky import over

WIDTH_PX, CROP_PX, LABEL_PX = 250, 125, 16
SHEETS = {"sky": 3, "sky-scenes": 2, "sky-scenes-2": 2, "sky-scenes-3": 2, "sky-scenes-4": 2}
"""Rows of each, few, since they are in full colour: with a palette skies have bands."""
SKIES: tuple[tuple[Any, int], ...] = (("cumulus", 5), ("sunset", 1), ("night", 1))
PHOTOS = {  # and the corner, y and x, of what is shown of each at 100 %
    "china": (70, 60),
    "rocket": (0, 0),
    "camera": (60, 190),
}
NO_SKY = {"camera": Point(425.0, 160.0, include=False)}
"""Clicks that correct the matte: the tower is as pale as the sky."""
SCENES = {
    "roofs before China's sky": (150, 60),
    "pylons at dusk": (30, 90),
    "bare trees, clear": (60, 120),
    "leafy trees before China's sky": (60, 400),
    "grass, overcast": (230, 100),
    "hair, sunset": (60, 270),
    "firs, fair weather clouds": (200, 400),
    "a lake's shore": (120, 420),
}


def row(name: str, photo: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    """The photo, its matte, and each sky: whole, and a part of it at 100 % below."""
    said = NO_SKY.get(name)
    tiles = [tile(photo, corner, name if said is None else f"{name}, a click: the tower is no sky")]
    for index, (kind, seed) in enumerate(SKIES):
        image = Image.from_array(photo)
        made = replace_sky(image, Params(sky=kind, seed=seed), Context(points=() if said is None else (said,)))
        assert isinstance(made, list)
        if index == 0:
            tiles.append(tile(matte(made[-1], photo.shape), corner, "the sky's share"))
        tiles.append(tile(over(image, made), corner, kind))
    return np.hstack(tiles)


def matte(layer: NewLayer, shape: tuple[int, ...]) -> np.ndarray:
    whole = np.zeros((*shape[:2], 3), np.uint8)
    part = layer.bounds
    assert part is not None
    assert layer.mask is not None
    whole[part.y : part.bottom, part.x : part.right] = (layer.mask * 255 + 0.5).astype(np.uint8)[..., None]
    return whole


def tile(picture: np.ndarray, corner: tuple[int, int], text: str) -> np.ndarray:
    picture = np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture
    height = round(WIDTH_PX * 2 / 3)
    scale = WIDTH_PX / picture.shape[1]
    size = (WIDTH_PX, round(picture.shape[0] * scale))
    small = cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA)[:height]
    y, x = corner
    y, x = min(y, picture.shape[0] - CROP_PX), min(x, picture.shape[1] - WIDTH_PX)
    crop = picture[y : y + CROP_PX, x : x + WIDTH_PX]
    label = np.full((LABEL_PX, WIDTH_PX, 3), 255, np.uint8)
    cv2.putText(label, text, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([small, crop, label])


def main(folder: Path) -> None:
    rows = []
    for name, corner in PHOTOS.items():
        photo = load_sample_image("china.jpg") if name == "china" else getattr(data, name)()
        rows.append(row(name, np.dstack([photo] * 3) if photo.ndim == 2 else photo, corner))
    rows += [row(name, skies.make(name).photo, corner) for name, corner in SCENES.items()]
    for name, count in SHEETS.items():
        picture, rows = np.vstack(rows[:count]), rows[count:]
        cv2.imwrite(str(folder / f"{name}.png"), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
