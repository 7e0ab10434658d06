"""The size that a layer is worked on at: reduced where it is large, and brought back to its own strip by strip."""

from __future__ import annotations

import cv2
import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds

from .image import Image

LEAST_PX = 16  # of what is painted, or painted from: less holds no stroke
LEAST_WORK_PX, MOST_WORK_PX = 64, 3072


def check_size(what: str, part: Bounds, hint: str = "Select more of the layer.") -> None:
    """Raises: Invalid."""
    if min(part.width, part.height) < LEAST_PX:
        raise Invalid(f"{what} is only {part.width} × {part.height} pixels, too small for a style.", hint)


def content_of(image: Image, part: Bounds, longest_px: int, broader: float) -> np.ndarray:
    """H×W×3 float32 in [0, 1]: a part of the layer at `work_size`."""
    rows, columns = slice(part.y, part.bottom), slice(part.x, part.right)
    size = work_size(part, longest_px, broader)
    content = image.reduced(rows, columns, (min(size[0], part.height), min(size[1], part.width)))
    return resized(np.clip(content, 0, 1), size)


def work_size(part: Bounds, longest_px: int, broader: float) -> tuple[int, int]:
    """(height, width) at which what is drawn there becomes `broader` times as broad: `longest_px`, or less, for 1."""
    longest = max(part.width, part.height)
    wanted = min(max(min(longest, longest_px) / broader, LEAST_WORK_PX), MOST_WORK_PX)
    scale = wanted / longest
    return max(4, round(part.height * scale)), max(4, round(part.width * scale))


def resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """H×W×3 in [0, 1] → the same at `size` (height, width)."""
    if picture.shape[:2] == size:
        return picture
    shrinks = size[0] < picture.shape[0]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.clip(cv2.resize(picture, (size[1], size[0]), interpolation=way), 0, 1)


def enlarged(picture: np.ndarray, size: tuple[int, int], rows: slice) -> np.ndarray:
    """Some rows of the picture at `size` (height, width): a large layer is never whole in memory as floats."""
    if picture.shape[:2] == size:
        return picture[rows]
    down, across = picture.shape[0] / size[0], picture.shape[1] / size[1]
    back = np.array([[across, 0, across / 2 - 0.5], [0, down, (rows.start + 0.5) * down - 0.5]], np.float64)
    way = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(picture, back, (size[1], rows.stop - rows.start), flags=way, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(found, 0, 1)
