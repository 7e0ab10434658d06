"""Objects in real photographs, outlined by hand: `python -m tests.bench.objects FILE.png` shows them.

`masks/objects.json` holds for each the photograph, what is difficult about it, whether it may be tuned on, and its
outlines and holes as polygons in the photograph's own pixels. They were drawn point by point on enlarged pictures, with
no selection of ours in sight; where an edge is clear they were then moved to its steepest place, by two pixels at most,
and looked at again. Hair, and edges that cannot be seen, are where an artist would cut: halfway. The corner of the
photograph is 0, 0, and the middle of its first pixel 0.5, 0.5.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage import data, draw
from sklearn.datasets import load_sample_image

FILE = Path(__file__).with_name("masks") / "objects.json"
TILE_PX, ACROSS = 320, 4


@dataclass(frozen=True)
class Drawn:
    """`kind`: plain, or what is difficult · `role`: tuning or judged."""

    name: str
    photo: str
    kind: str
    role: str
    outlines: tuple[Any, ...]
    holes: tuple[Any, ...]

    @cached_property
    def picture(self) -> np.ndarray:
        """H×W×3 uint8, whole."""
        if self.photo in ("china", "flower"):
            return np.ascontiguousarray(load_sample_image(f"{self.photo}.jpg"))
        found = data.stereo_motorcycle()[0] if self.photo == "motorcycle" else getattr(data, self.photo)()
        return np.ascontiguousarray(np.dstack([found] * 3) if found.ndim == 2 else found[..., :3])

    @cached_property
    def mask(self) -> np.ndarray:
        """H×W bool: those pixels whose middle lies in one of the outlines, and in no hole."""
        drawn = np.zeros(self.picture.shape[:2], bool)
        for polygons, inside in ((self.outlines, True), (self.holes, False)):
            for polygon in polygons:
                columns, rows = np.array(polygon).T - 0.5
                drawn[draw.polygon(rows, columns, drawn.shape)] = inside
        return drawn


def drawn(role: str | None = None) -> list[Drawn]:
    """All objects, or those of one role."""
    return [Drawn(**each) for each in json.loads(FILE.read_text("utf-8")) if role in (None, each["role"])]


def outlined(picture: np.ndarray, mask: np.ndarray, words: str, colour: tuple[int, int, int]) -> np.ndarray:
    """A tile with the part of the picture around the mask, its outline, and a line of ASCII."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    around = slice(0, mask.shape[0]), slice(0, mask.shape[1])
    if len(rows):
        margin = 12 + (rows[-1] - rows[0] + columns[-1] - columns[0]) // 12
        around = (
            slice(max(0, rows[0] - margin), rows[-1] + margin),
            slice(max(0, columns[0] - margin), columns[-1] + margin),
        )
    part = np.ascontiguousarray(picture[around])
    scale = TILE_PX / max(part.shape[:2])
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    shown = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    coverage = cv2.resize(mask[around].astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    outlines, _ = cv2.findContours((coverage > 0.5).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(shown, outlines, -1, colour, 1, cv2.LINE_AA)
    tile = np.full((TILE_PX + 18, TILE_PX, 3), 255, np.uint8)
    tile[: shown.shape[0], : shown.shape[1]] = shown
    cv2.putText(tile, words, (3, TILE_PX + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return tile


def sheet(tiles: list[np.ndarray], across: int = ACROSS) -> np.ndarray:
    tiles = tiles + [np.full_like(tiles[0], 255)] * (-len(tiles) % across)
    return np.vstack([np.hstack(tiles[row : row + across]) for row in range(0, len(tiles), across)])


if __name__ == "__main__":
    made = sheet(
        [outlined(each.picture, each.mask, f"{each.name} ({each.kind}, {each.role})", (0, 255, 0)) for each in drawn()]
    )
    cv2.imwrite(sys.argv[1], made[..., ::-1])
