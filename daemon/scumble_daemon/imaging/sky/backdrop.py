"""The new sky behind the layer: one of ours or a picture's, with its horizon where the old one ends."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .. import masks
from ..colour import LUMINANCE
from ..icc import SRGB_CURVE
from ..image import Image
from . import field, finding, generated, stars
from .generated import Camera

LEAST_HORIZON = 0.1  # of the layer's height: with less a sky would be squeezed into next to nothing
WIDEST_PX = 8192


@dataclass(frozen=True)
class Backdrop:
    """`sheet`: H×W×3 float32 sRGB, stretched over the layer's width and its first `covers` rows; its last row goes on
    below · `size`: of the layer · `points`: stars, which want the layer's own pixels."""

    sheet: np.ndarray
    size: tuple[int, int]
    covers: int
    points: stars.Stars | None = None

    def rows(self, rows: slice) -> np.ndarray:
        """Rows of it at the layer's size."""
        shown = masks.stretched(self.sheet, (self.covers, self.size[1]), rows)
        if self.points is not None:
            light = SRGB_CURVE.to_linear(shown)
            self.points.add(light, rows.start)
            shown = SRGB_CURVE.from_linear(np.clip(light, 0, 1))
        return shown.astype(np.float32)

    def without_colour(self) -> Backdrop:
        """The same for a photo that has none."""
        light = SRGB_CURVE.to_linear(self.sheet) @ LUMINANCE
        grey = np.repeat(SRGB_CURVE.from_linear(light)[..., None], 3, axis=2).astype(np.float32)
        return replace(self, sheet=grey, points=self.points and self.points.without_colour())

    def reduced(self, size: tuple[int, int]) -> np.ndarray:
        """The whole of it without its stars, at a small size."""
        covered = max(1, round(size[0] * self.covers / self.size[0]))
        small = masks.resize(self.sheet, (covered, size[1]))[: size[0]]
        return np.concatenate([small, np.repeat(small[-1:], size[0] - len(small), axis=0)])


def of_kind(kind: str, seed: int, size: tuple[int, int], horizon: float, turn: float, flip: bool) -> Backdrop:
    """A sky of our own. `horizon`: its row in the layer · `turn`: degrees to the right."""
    horizon = max(horizon, LEAST_HORIZON * size[0])
    scale = max(size) / generated.RENDER_PX
    small = max(1, round(size[0] / scale)), max(1, round(size[1] / scale))
    camera = Camera(small, horizon / scale, float(np.radians(turn)))
    sheet = generated.paint(kind, camera, seed)
    if scale < 1:
        sheet = masks.resize(sheet, size)
    points = None
    if kind == "night":
        random = np.random.default_rng([seed, 1])
        points = stars.scatter(size, horizon, camera.focal_px * scale, random)
    if flip:
        sheet = np.ascontiguousarray(sheet[:, ::-1])
    return Backdrop(sheet, size, size[0], points)


def of_picture(picture: Image, size: tuple[int, int], horizon: float, turn: float, flip: bool) -> Backdrop:
    """The sky in a picture, down to where it ends there, or all of the picture where nothing stands before it.

    It keeps its proportions; `turn` (−180 to 180) shifts it sideways as far as there is more of it.
    """
    height, width = picture.bounds.height, picture.bounds.width
    share = _sky_of(picture)
    bottom = height if share is None else max(1, round(finding.end_of(share > 0.5) / share.shape[0] * height))
    covers = max(round(horizon), round(LEAST_HORIZON * size[0]), 1)
    scale = max(size[1] / width, covers / bottom)
    shown_rows, shown_columns = min(bottom, covers / scale), min(width, size[1] / scale)
    left = (width - shown_columns) * (0.5 + 0.5 * np.clip(turn / 180, -1, 1))
    rows = slice(int(bottom - shown_rows), bottom)
    columns = slice(int(left), max(int(left) + 1, int(left + shown_columns)))
    target = masks.fitted_size((covers, size[1]), WIDEST_PX)
    wanted = min(target[0], rows.stop - rows.start), min(target[1], columns.stop - columns.start)
    sheet = np.clip(picture.reduced(rows, columns, wanted), 0, 1).astype(np.float32)
    if share is not None:
        sheet = _completed(sheet, share, rows, columns, (height, width))
    if flip:
        sheet = np.ascontiguousarray(sheet[:, ::-1])
    return Backdrop(sheet, size, covers)


def _sky_of(picture: Image) -> np.ndarray | None:
    """The sky's share of a reduced copy, None where all of the picture is to be used."""
    size = masks.fitted_size((picture.bounds.height, picture.bounds.width), finding.WORK_PX)
    rgb = picture.reduced(slice(None), slice(None), size)
    view = finding.View.of(rgb, np.ones(size, np.float32))
    found = finding.find(view, finding.Hints.none(size))
    if not finding.seems_sky(view, found) or found.mean() > 0.97:
        return None
    return found.astype(np.float32)


def _completed(sheet: np.ndarray, share: np.ndarray, rows: slice, columns: slice, size: tuple[int, int]) -> np.ndarray:
    """`sheet` with the sky carried on over what stands before it in the picture."""
    y, x = (limit / full for limit, full in zip(share.shape, size, strict=True))
    part = share[int(rows.start * y) : max(1, int(np.ceil(rows.stop * y))), :]
    part = part[:, int(columns.start * x) : max(1, int(np.ceil(columns.stop * x)))]
    solid = cv2.erode(part, masks.disc(3))
    if solid.min() > 0.5 or solid.max() < 0.5:
        return sheet
    small = masks.resize(sheet, part.shape)
    around, near = field.spread_out(small, solid > 0.5, (3.0, 10.0, 30.0, 90.0))
    around += (1 - near)[..., None] * small[solid > 0.5].mean(axis=0)
    weight = masks.resize(cv2.GaussianBlur(solid, (0, 0), 1.5), sheet.shape[:2])[..., None]
    return sheet * weight + masks.resize(around, sheet.shape[:2]) * (1 - weight)
