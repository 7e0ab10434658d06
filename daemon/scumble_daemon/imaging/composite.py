"""Flatten result layers over their source: the reference for what an editor shows, and the picture `scumble run` saves.

Blending follows the W3C's Compositing and Blending Level 1, on the values as the document encodes them. Where no layer
covers a pixel the source's own samples are kept, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scumble_protocol.image import CHANNEL_COUNT, SRGB, Bounds, Layer, Raster

from . import samples

STRIP_PIXELS = 1 << 20
LUMA = np.array([0.3, 0.59, 0.11], np.float32)  # W3C Compositing, section 10.2


def flatten(canvas: Bounds, source: Raster, layers: Sequence[Layer]) -> Raster:
    """What is seen within `canvas`, in the source's depth, channels and profile.

    Alpha is added where the source has none and does not cover the canvas. `layers`: bottom first; hidden ones are not
    seen.
    """
    shown = [layer for layer in layers if layer.visible]
    channels = source.channels
    if channels in ("RGB", "GRAY") and not source.bounds.contains(canvas):
        channels += "A"
    pixels = np.zeros((canvas.height, canvas.width, CHANNEL_COUNT[channels]), samples.DTYPES[source.depth])
    _paste(pixels, canvas, source)
    rows = max(1, STRIP_PIXELS // max(1, canvas.width))
    for top in range(0, canvas.height, rows):
        strip = Bounds(canvas.x, canvas.y + top, canvas.width, min(rows, canvas.height - top))
        _blend_strip(pixels[top : top + rows], strip, source.depth, shown)
    if channels == "BGRA":
        pixels = pixels[..., [2, 1, 0, 3]]
    return Raster(canvas, source.depth, channels, np.ascontiguousarray(pixels).data.cast("B"), source.profile)


def bake_mask(layer: Layer) -> Raster:
    """The layer's own pixels with its mask multiplied into their alpha, for files that know no masks."""
    if layer.mask is None:
        return layer.raster
    seen = layer.raster.bounds.intersection(layer.mask.bounds)
    if seen.is_empty:
        seen = Bounds(layer.raster.bounds.x, layer.raster.bounds.y, 1, 1)
    pixels = _part(samples.view(layer.raster), layer.raster.bounds, seen)
    colour, alpha = _split(samples.to_float(pixels))
    alpha = alpha * _coverage(layer.mask, seen)[..., None]
    channels = "GRAYA" if colour.shape[2] == 1 else "RGBA"
    baked = samples.from_float(np.concatenate([colour, alpha], axis=2), layer.raster.depth)
    count = colour.shape[2]
    baked[..., :count] = pixels[..., :count]  # the colours are not to be rounded a second time
    return Raster(seen, layer.raster.depth, channels, baked.data.cast("B"), layer.raster.profile)


def from_array(pixels: np.ndarray, x: int = 0, y: int = 0, profile: str = SRGB) -> Raster:
    """A raster over H×W×C samples in the order R, G, B, A or grey, A."""
    depth = next(name for name, dtype in samples.DTYPES.items() if dtype == pixels.dtype)
    channels = {1: "GRAY", 2: "GRAYA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
    data = np.ascontiguousarray(pixels).data.cast("B")
    return Raster(Bounds(x, y, pixels.shape[1], pixels.shape[0]), depth, channels, data, profile)


# --- blending ----------------------------------------------------------------------------------------------------


def _blend_strip(pixels: np.ndarray, strip: Bounds, depth: str, layers: Sequence[Layer]) -> None:
    """Write into `pixels` where a layer covers them; several layers are rounded once."""
    backdrop = touched = None
    for layer in layers:
        seen = layer.raster.bounds.intersection(strip)
        if layer.mask is not None:
            seen = seen.intersection(layer.mask.bounds)
        if seen.is_empty:
            continue
        if backdrop is None or touched is None:
            backdrop, touched = samples.to_float(pixels), np.zeros(pixels.shape[:2], bool)
        place = _place(seen.relative_to(strip))
        colour, alpha = _split(samples.to_float(_part(samples.view(layer.raster), layer.raster.bounds, seen)))
        coverage = alpha * np.float32(layer.opacity)
        if layer.mask is not None:
            coverage = coverage * _coverage(layer.mask, seen)[..., None]
        backdrop[place] = _over(backdrop[place], colour, coverage, layer.blend_mode, clips=depth in ("u8", "u16"))
        touched[place] |= coverage[..., 0] > 0
    if backdrop is not None and touched is not None:
        pixels[touched] = samples.from_float(backdrop[touched], depth)


def _over(backdrop: np.ndarray, colour: np.ndarray, coverage: np.ndarray, mode: str, clips: bool) -> np.ndarray:
    below, below_alpha = _split(backdrop)
    if colour.shape[2] != below.shape[2]:
        colour = np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else (colour @ LUMA)[..., None]
    blended = BLENDS[mode](below, colour)
    if clips:
        blended = np.clip(blended, 0, 1)
    mixed = (1 - below_alpha) * colour + below_alpha * blended  # the backdrop's part in the source's new colour
    alpha = coverage + below_alpha * (1 - coverage)
    out = coverage * mixed + (1 - coverage) * below_alpha * below
    out = np.divide(out, alpha, out=below.copy(), where=alpha > 0)
    out = np.where(coverage > 0, out, below)
    has_alpha = backdrop.shape[2] in (2, 4)
    return np.concatenate([out, alpha], axis=2) if has_alpha else out


def _dodge(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    room = 1 - above
    lit = np.divide(below, room, out=np.ones_like(below), where=room > 1e-6)
    return np.where(below <= 0, below, lit)


def _overlay(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    return np.where(below <= 0.5, 2 * below * above, 1 - 2 * (1 - below) * (1 - above))


def _soft_light(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    root = np.sqrt(np.maximum(below, 0))
    lighter = np.where(below <= 0.25, ((16 * below - 12) * below + 4) * below, root)
    darkened = below - (1 - 2 * above) * below * (1 - below)
    return np.where(above <= 0.5, darkened, below + (2 * above - 1) * (lighter - below))


def _with_luma(colour: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """The W3C's SetLum and ClipColor. A grey has its luma only."""
    if colour.shape[2] == 1:
        return luma
    moved = colour + (luma - _luma(colour))
    lowest, highest = moved.min(axis=2, keepdims=True), moved.max(axis=2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        raised = luma + (moved - luma) * luma / (luma - lowest)
        moved = np.where((lowest < 0) & (luma >= 0), raised, moved)
        lowered = luma + (moved - luma) * (1 - luma) / (highest - luma)
    return np.where((highest > 1) & (luma <= 1), lowered, moved)


def _luma(colour: np.ndarray) -> np.ndarray:
    return colour if colour.shape[2] == 1 else (colour @ LUMA)[..., None]


BLENDS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "normal": lambda below, above: above,
    "dodge": _dodge,
    "screen": lambda below, above: below + above - below * above,
    "addition": lambda below, above: below + above,
    "multiply": lambda below, above: below * above,
    "overlay": _overlay,
    "soft-light": _soft_light,
    "color": lambda below, above: _with_luma(above, _luma(below)),
    "luminosity": lambda below, above: _with_luma(below, _luma(above)),
}


# --- rectangles --------------------------------------------------------------------------------------------------


def _place(part: Bounds) -> tuple[slice, slice]:
    return slice(part.y, part.bottom), slice(part.x, part.right)


def _part(pixels: np.ndarray, bounds: Bounds, part: Bounds) -> np.ndarray:
    return pixels[_place(part.relative_to(bounds))]


def _coverage(mask: Raster, part: Bounds) -> np.ndarray:
    view = _part(samples.view(mask), mask.bounds, part)
    return np.clip(samples.to_float(view)[..., 0], 0, 1)


def _split(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour and H×W×1 alpha, all ones where there is none."""
    if pixels.shape[2] in (2, 4):
        return pixels[..., :-1], np.clip(pixels[..., -1:], 0, 1)
    return pixels, np.ones((*pixels.shape[:2], 1), np.float32)


def _paste(pixels: np.ndarray, canvas: Bounds, source: Raster) -> None:
    seen = source.bounds.intersection(canvas)
    if seen.is_empty:
        return
    part = _part(samples.view(source), source.bounds, seen)
    target = pixels[_place(seen.relative_to(canvas))]
    target[..., : part.shape[2]] = part
    if target.shape[2] > part.shape[2]:
        target[..., -1] = samples.FULL_SCALE[source.depth]
