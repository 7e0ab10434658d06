"""Coverage as arrays: resizing, edges that follow a picture, holes, components, feather."""

from __future__ import annotations

import cv2
import numpy as np
from scumble_protocol.image import Bounds


def fitted_size(shape: tuple[int, ...], longest_px: int) -> tuple[int, int]:
    """(height, width) of `shape` scaled down so that its longer side is at most `longest_px`; never scaled up."""
    height, width = shape[:2]
    scale = min(1.0, longest_px / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def extent(coverage: np.ndarray, bounds: Bounds) -> Bounds:
    """The smallest rectangle within `bounds`, which `coverage` lies over, that holds all that is not 0."""
    rows, columns = np.flatnonzero(coverage.any(axis=1)), np.flatnonzero(coverage.any(axis=0))
    if not len(rows):
        return Bounds(bounds.x, bounds.y, 0, 0)
    x, y = int(columns[0]), int(rows[0])
    return Bounds(bounds.x + x, bounds.y + y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1)


def resize(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Float32 H×W(×C) at `size` (height, width): averaged when it shrinks, linear when it grows."""
    height, width = size
    if array.shape[:2] == (height, width):
        return array.astype(np.float32, copy=False)
    if array.dtype == bool:  # a byte a pixel, where floats would be four
        return _resize_bytes(array.view(np.uint8), size)
    shrinks = height * width < array.shape[0] * array.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(array.astype(np.float32, copy=False), (width, height), interpolation=method)


def _resize_bytes(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The same of 0 and 1 as uint8, to a 255th."""
    height, width = size
    method = cv2.INTER_AREA if height * width < mask.shape[0] * mask.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(mask * np.uint8(255), (width, height), interpolation=method) * np.float32(1 / 255)


def stretched(small: np.ndarray, size: tuple[int, int], rows: slice, columns: slice | None = None) -> np.ndarray:
    """Those `rows` and `columns` of `small` at `size` (height, width), linear in between."""
    columns = slice(0, size[1]) if columns is None else columns
    sy, sx = small.shape[0] / size[0], small.shape[1] / size[1]
    place = np.array([[sx, 0, (columns.start + 0.5) * sx - 0.5], [0, sy, (rows.start + 0.5) * sy - 0.5]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shape = (columns.stop - columns.start, rows.stop - rows.start)
    return cv2.warpAffine(small, place, shape, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def disc(radius_px: int) -> np.ndarray:
    """A round structuring element."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))


def grow(mask: np.ndarray, radius_px: int) -> np.ndarray:
    """`mask` (bool) dilated by a disc."""
    return cv2.dilate(mask.astype(np.uint8), disc(radius_px)) > 0 if radius_px > 0 else mask


def erode(mask: np.ndarray, radius_px: int) -> np.ndarray:
    """`mask` (bool) eroded by a disc; the picture's edge does not count as outside."""
    return cv2.erode(mask.astype(np.uint8), disc(radius_px)) > 0 if radius_px > 0 else mask


def distance_to(mask: np.ndarray) -> np.ndarray:
    """Every pixel's distance in pixels to the nearest pixel of `mask` (bool); inf where there is none."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV 5 gives another last bit from time to time, by where the array lies in memory; squares are whole numbers.
    np.rint(np.square(away, out=away), out=away)
    return np.sqrt(away, out=away)


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Distance to the edge of `mask` (bool) in pixels: negative inside, positive outside."""
    return distance_to(mask) - distance_to(~mask)


def components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels (0 is outside `mask`) and the area of every label."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return labels, stats[:count, cv2.CC_STAT_AREA]


def drop_specks(mask: np.ndarray, least_share: float, keep: np.ndarray | None = None) -> np.ndarray:
    """`mask` without the components smaller than `least_share` of its largest; those that touch `keep` stay."""
    labels, areas = components(mask)
    if len(areas) < 2:
        return mask
    stays = areas >= least_share * areas[1:].max()
    if keep is not None:
        stays[np.unique(labels[keep & mask])] = True
    stays[0] = False
    return stays[labels]


def touching(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """The components of `mask` (bool) that have a pixel of `seeds` (bool) in them."""
    labels, areas = components(mask)
    stays = np.zeros(len(areas), bool)
    stays[labels[seeds & mask]] = True
    stays[0] = False
    return stays[labels]


def fill_holes(mask: np.ndarray, largest_px: int, except_at: np.ndarray | None = None) -> np.ndarray:
    """`mask` with the holes of up to `largest_px` pixels filled; holes that touch `except_at` stay open."""
    labels, areas = components(~mask)
    stays_open = areas > largest_px
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    stays_open[np.unique(edge)] = True
    if except_at is not None:
        stays_open[np.unique(labels[except_at])] = True
    return mask | ~stays_open[labels]


def follow_edges(coverage: np.ndarray, guide: np.ndarray, radius_px: int, epsilon: float = 1e-4) -> np.ndarray:
    """`coverage` with its edges moved onto those of `guide` (H×W×3 in [0, 1]), at full resolution.

    After He, Sun & Tang 2010, computed on a subsample where the radius allows it (He & Sun 2015).
    """
    scale = 1.0 if radius_px < 8 else max(0.25, 4 / radius_px)
    guide = np.clip(guide, 0, 1).astype(np.float32)
    # In [0, 255], since OpenCV takes colours of a smaller range for flat ones, and gives back a blur.
    guide *= 255
    return cv2.ximgproc.guidedFilter(guide, coverage.astype(np.float32), radius_px, epsilon * 255**2, scale=scale)


def levels(coverage: np.ndarray, low: float, high: float, out: np.ndarray | None = None) -> np.ndarray:
    """`coverage` stretched so that `low` becomes 0 and `high` 1, float32; into `out`, which may be itself."""
    stretched = np.multiply(coverage, np.float32(1 / (high - low)), out=out, dtype=np.float32)
    stretched -= np.float32(low / (high - low))
    return np.clip(stretched, 0, 1, out=stretched)


def shift_edge(coverage: np.ndarray, by_px: float) -> np.ndarray:
    """`coverage` with its edge moved outwards (positive) or inwards (negative), by fractions of a pixel too."""
    if by_px == 0:
        return coverage
    morph = cv2.dilate if by_px > 0 else cv2.erode
    whole, part = divmod(abs(by_px), 1)
    near = morph(coverage, disc(int(whole))) if whole else coverage
    return near if part == 0 else (1 - part) * near + part * morph(coverage, disc(int(whole) + 1))


def feather(coverage: np.ndarray, radius_px: float) -> np.ndarray:
    """`coverage` blurred, `radius_px` being about the half width of the soft edge."""
    if radius_px <= 0:
        return coverage
    return np.clip(cv2.GaussianBlur(coverage, (0, 0), radius_px / 2, borderType=cv2.BORDER_REPLICATE), 0, 1)
