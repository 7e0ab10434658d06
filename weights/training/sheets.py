"""Contact sheets of the shipped models: `python weights/training/sheets.py docs`."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np

from training import denoiser, evaluate, photos, upscaler

TILE_PX = 130
LABEL_PX = 18
DENOISED = (  # photograph, damage, top left corner of what is shown
    ("coffee", "gaussian σ 25", (60, 150)),
    ("rocket", "gaussian σ 50", (100, 130)),
    ("motorcycle", "camera, less light", (110, 90)),
    ("flower", "the same as JPEG 85", (120, 130)),
    ("retina", "gaussian σ 15", (60, 60)),
)
ENLARGED = (
    ("coffee", (80, 130)),
    ("motorcycle", (180, 180)),
    ("flower", (140, 200)),
    ("rocket", (120, 130)),
    ("immunohistochemistry", (160, 160)),
)


def denoising() -> np.ndarray:
    """Rows of photographs: clean, as given, OpenCV's NLM, scikit-image's NLM, ours."""
    net, rows = evaluate.shipped("denoise-small"), []
    for name, kind, corner in DENOISED:
        clean, given = photos.photo(name, evaluate.SIDE_PX), evaluate.damaged(name, kind)
        sigma = float((given.astype(np.float32) - clean).std())
        opencv = [evaluate.opencv_nlm(given, factor * sigma) for factor in evaluate.OPENCV_STRENGTHS]
        scikit = [evaluate.scikit_nlm(given, sigma, factor) for factor in evaluate.SCIKIT_STRENGTHS]
        best = [max(tried, key=lambda picture: photos.psnr(picture, clean)) for tried in (opencv, scikit)]
        pictures = {"clean": clean, kind: given, "OpenCV NLM": best[0], "scikit-image NLM": best[1]}
        rows.append(row({**pictures, "ours": denoiser.restore(net, given)}, corner, clean))
    return np.vstack(rows)


def upscaling() -> np.ndarray:
    """Rows of photographs, first ×2, then ×4: as it was, pixels, bicubic, Lanczos, ours."""
    rows = []
    for scale in (2, 4):
        net = evaluate.shipped(f"upscale-x{scale}-small")
        for name, corner in ENLARGED[: 5 if scale == 2 else 3]:
            photo = photos.photo(name)
            small = upscaler.small_photo(photo, scale)
            pictures = {
                "original": photo,
                f"/{scale}": cv2.resize(small, photo.shape[1::-1], interpolation=cv2.INTER_NEAREST),
                "bicubic": upscaler.bicubic(small, scale),
                "Lanczos": upscaler.lanczos(small, scale),
                f"ours x{scale}": upscaler.enlarge(net, small),
            }
            rows.append(row(pictures, corner, photo))
    return np.vstack(rows)


def row(pictures: dict[str, np.ndarray], corner: tuple[int, int], truth: np.ndarray) -> np.ndarray:
    """The same window of each, with its name and PSNR below."""
    y, x = (min(at, side - TILE_PX) for at, side in zip(corner, truth.shape[:2], strict=True))
    tiles = []
    for name, picture in pictures.items():
        label = np.full((LABEL_PX, TILE_PX, 3), 255, np.uint8)
        score = "" if picture is truth else f" {photos.psnr(picture, truth):.1f} dB"
        text = name.replace("σ", "sigma").replace("the same as", "camera,") + score  # OpenCV writes ASCII
        cv2.putText(label, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
        tiles.append(np.vstack([picture[y : y + TILE_PX, x : x + TILE_PX], label]))
    return np.hstack(tiles)


def main(folder: Path) -> None:
    for name, sheet in (("denoise", denoising()), ("upscale", upscaling())):
        cv2.imwrite(str(folder / f"{name}.png"), sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
