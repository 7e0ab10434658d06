"""Pictures of a training to look at: what it makes of some pairs beside what it should make, and its loss, drawn."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

CELL_PX = 320  # the longer side of a picture on a sheet
GAP_PX, TITLE_PX = 6, 26
PAPER, INK, FAINT = (255, 255, 255), (40, 40, 40), (222, 222, 222)
LEARNED, JUDGED = (150, 190, 225), (200, 60, 30)
SMOOTH_SHARE = 0.02  # of all steps, that the line of losses is averaged over
PLOT_PX = (960, 540)
MARGIN_PX = (74, 46, 24, 52)  # left, above, right, below

Show = Callable[[np.ndarray], np.ndarray]
"""What the network makes of H×W×3 uint8."""


def compared(pairs: Sequence[tuple[np.ndarray, np.ndarray]], show: Show, title: str) -> bytes:
    """A PNG: in each row the input, what the network makes of it, and what was wanted."""
    rows = []
    for given, wanted in pairs:
        scale = min(1.0, CELL_PX / max(given.shape[:2]))
        size = max(16, round(given.shape[1] * scale)), max(16, round(given.shape[0] * scale))
        small, target = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (given, wanted))
        rows.append((small, show(small), target))
    width = max(row[0].shape[1] for row in rows)
    heights = [row[0].shape[0] for row in rows]
    total = 2 * TITLE_PX + sum(heights) + GAP_PX * (len(rows) + 1)
    sheet = Image.new("RGB", (3 * width + 4 * GAP_PX, total), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    draw.text((GAP_PX, 6), title, INK, font)
    for column, name in enumerate(("input", "ours", "target")):
        draw.text((GAP_PX + column * (width + GAP_PX), TITLE_PX + 4), name, INK, font)
    top = 2 * TITLE_PX + GAP_PX
    for row, height in zip(rows, heights, strict=True):
        for column, picture in enumerate(row):
            sheet.paste(Image.fromarray(picture), (GAP_PX + column * (width + GAP_PX), top))
        top += height + GAP_PX
    return png(sheet)


def plotted(losses: Sequence[float], judged: Sequence[tuple[int, float]], title: str, of_held: str) -> bytes:
    """A PNG: the loss of each step, averaged, on a logarithmic scale, and how far the pictures held back were."""
    sheet = Image.new("RGB", PLOT_PX, PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    smooth = _smoothed(np.asarray(losses, float))
    values = np.concatenate([smooth[np.isfinite(smooth)], [distance for _, distance in judged]])
    values = values[values > 0]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.1, 1.0)
    low, high = math.log(low / 1.08), math.log(high * 1.08)
    left, above, right, below = MARGIN_PX
    width, height = PLOT_PX[0] - left - right, PLOT_PX[1] - above - below
    steps = max(len(losses), 1)

    def at(step: float, value: float) -> tuple[float, float]:
        return left + width * step / steps, above + height * (high - math.log(max(value, 1e-12))) / (high - low)

    draw.text((left, 14), title, INK, font)
    for value in _ticks(math.exp(low), math.exp(high)):
        _, y = at(0, value)
        draw.line([(left, y), (left + width, y)], FAINT)
        draw.text((left - 8, y), f"{value:.3g}", INK, font, anchor="rm")
    for step in range(0, steps + 1, _round_step(steps)):
        x, _ = at(step, 1)
        draw.line([(x, above + height), (x, above + height + 5)], INK)
        draw.text((x, above + height + 8), str(step), INK, font, anchor="mt")
    draw.line([(left, above), (left, above + height), (left + width, above + height)], INK)
    line = [at(index + 1, value) for index, value in enumerate(smooth)]
    if len(line) > 1:
        draw.line(line, LEARNED, 2, joint="curve")
    points = [at(step, distance) for step, distance in judged]
    if len(points) > 1:
        draw.line(points, JUDGED, 2)
    for x, y in points:
        draw.ellipse([x - 3, y - 3, x + 3, y + 3], fill=JUDGED)
    draw.text((left + width, 14), "loss of the steps", LEARNED, font, anchor="ra")
    draw.text((left + width, 30), of_held, JUDGED, font, anchor="ra")
    draw.text((left + width / 2, PLOT_PX[1] - 8), "steps", INK, font, anchor="mb")
    return png(sheet)


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Each the mean of those around it."""
    reach = int(len(values) * SMOOTH_SHARE / 2)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    first, last = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers in between: two of them at least, where that can be."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7), tuple(each / 10 for each in range(10, 100, 2))):
        found = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
        if len(found) >= 3:
            return found[:: math.ceil(len(found) / 8)]
    return [low, high]


def _round_step(steps: int) -> int:
    """A tenth of it, about, as 1, 2 or 5 times a power of ten."""
    power = 10 ** max(0, math.floor(math.log10(max(steps, 1) / 10)))
    return next(step * power for step in (1, 2, 5, 10) if steps / (step * power) <= 10)


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
