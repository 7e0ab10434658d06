"""Contact sheet of shadows removed: `python -m tests.bench.shadow_sheet docs`."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from . import shadow
from .cutout_sheet import labelled

TILE_PX = (152, 190)


def row(case: shadow.Case) -> np.ndarray:
    """The shadow's surroundings at 100 %: as given, Lab mean and deviation, ours, as it was lit."""
    rows, columns = np.nonzero(case.shadow > 0.02)
    corner = []
    for used, tile, length in zip((rows, columns), TILE_PX, case.shadow.shape, strict=True):
        middle = (int(used.min()) + int(used.max())) // 2
        corner.append(min(max(0, middle - tile // 2), length - tile))
    window = slice(corner[0], corner[0] + TILE_PX[0]), slice(corner[1], corner[1] + TILE_PX[1])
    tiles = []
    for name, picture in (
        (f"{case.name}", shadow.untouched(case)),
        ("Lab mean and deviation", shadow.matched(case)),
        ("ours", shadow.ours(case)),
        ("lit", case.lit / np.float32(255)),
    ):
        off = shadow.errors(picture, case)
        text = name if name == "lit" else f"{name}: {off[0]:.1f} / {off[1]:.1f} / {off[2]:.1f}"
        tiles.append(labelled(picture[window], text))
    return np.hstack(tiles)


def main(folder: Path) -> None:
    rows = [row(case) for case in shadow.cases()]
    sheet = np.vstack(rows)
    cv2.imwrite(
        str(folder / "shadow.png"),
        (np.clip(sheet, 0, 1) * 255 + 0.5).astype(np.uint8)[..., ::-1],
        [cv2.IMWRITE_PNG_COMPRESSION, 9],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
