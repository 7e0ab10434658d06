"""`python -m tests.bench.erase_sheets docs`: what Erase Object and others make of objects and of holes, at 100 %."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw
from skimage import data
from sklearn.datasets import load_sample_image

from .erase import Fill, gmic, ours, telea
from .holes import Hole, holes

CROP = (150, 180)  # height, width
GAP, LABEL_PX = 4, 16
INK = (230, 230, 230)
MARK = np.array((255, 0, 255))
SHOWN = ("chelsea", "china", "coffee", "rocket", "flower", "grass", "brick")

Outline = list[tuple[int, int]]
OBJECTS: tuple[tuple[str, str, Outline], ...] = (
    (
        "spoon",
        "coffee",
        [
            *((312, 244), (338, 228), (366, 220), (384, 200), (390, 186), (399, 184), (395, 210), (392, 230)),
            *((403, 246), (411, 268), (409, 290), (397, 314), (374, 332), (350, 332), (330, 324), (319, 306)),
            *((319, 272), (311, 256)),
        ],
    ),
    ("mast", "rocket", [(438, 116), (456, 116), (464, 200), (486, 404), (430, 404), (438, 220)]),
    (
        "second flower",
        "flower",
        [(279, 426), (282, 386), (318, 362), (365, 364), (412, 370), (452, 380), (474, 404), (482, 426)],
    ),
    ("badge", "astronaut", [(int(173 + 54 * np.cos(t)), int(388 + 52 * np.sin(t))) for t in np.arange(0, 6.28, 0.2)]),
    ("ornament", "china", [(188, 24), (222, 24), (226, 60), (214, 68), (196, 68), (186, 60)]),
    ("tree", "china", [(640, 116), (602, 120), (566, 152), (540, 190), (540, 270), (560, 300), (640, 300)]),
)


def objects() -> list[Hole]:
    found = []
    for name, source, outline in OBJECTS:
        photo = load_sample_image(f"{source}.jpg") if source in ("china", "flower") else getattr(data, source)()
        drawn = np.zeros(photo.shape[:2], np.uint8)
        cv2.fillPoly(drawn, [np.array(outline, np.int32)], 1)
        found.append(Hole(f"{source}: {name}", photo, drawn > 0))
    return found


def sheet(cases: list[Hole]) -> Image.Image:
    ways: dict[str, Fill] = {"Erase Object": ours, "OpenCV, Telea": telea}
    if shutil.which("gmic"):
        ways["G'MIC, inpaint_matchpatch"] = gmic("inpaint_matchpatch")
    columns = ["photo", "selected", *ways]
    height, width = CROP[0] + GAP + LABEL_PX, CROP[1] + GAP
    page = Image.new("RGB", (width * len(columns) - GAP, height * len(cases) + LABEL_PX), (24, 24, 24))
    draw = ImageDraw.Draw(page)
    for index, name in enumerate(columns):
        draw.text((index * width + 2, 2), name, INK)
    for row, case in enumerate(cases):
        marked = np.where(case.hole[..., None], (case.photo * 0.4 + MARK * 0.6).astype(np.uint8), case.photo)
        pictures = [case.photo, marked, *(fill(case.photo, case.hole) for fill in ways.values())]
        top = LABEL_PX + row * height
        for index, picture in enumerate(pictures):
            page.paste(Image.fromarray(picture[_crop(case.hole)]), (index * width, top))
        draw.text((2, top + CROP[0] + 2), case.name, INK)
    return page


def _crop(hole: np.ndarray) -> tuple[slice, slice]:
    """CROP around the hole's middle, within the picture."""
    rows, columns = np.nonzero(hole)
    middle = (int(rows.min() + rows.max()) // 2, int(columns.min() + columns.max()) // 2)
    starts = [
        min(max(0, at - size // 2), max(0, length - size))
        for at, size, length in zip(middle, CROP, hole.shape, strict=True)
    ]
    return slice(starts[0], starts[0] + CROP[0]), slice(starts[1], starts[1] + CROP[1])


def main(folder: Path) -> None:
    sheet(objects()).save(folder / "erase.png", optimize=True)
    known = {case.name: case for case in holes()}
    sheet([known[name] for name in SHOWN]).save(folder / "erase-holes.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
