"""Lighten a shadow with a layer of its own: only the missing light, over the untouched picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from scumble_protocol.image import Bounds

from ..context import Context
from ..imaging import masks, prompts, relight, retinex, sheets
from ..imaging.image import Image, NewLayer
from ..registry import Field, Inputs, ModelField, OperationParams, operation

RIM = 0.008  # of the longer side: how far beyond its mask a shadow's soft edge is looked for
DARKEST = 4 / 255  # below this encoded value the layer is that of this value: black has no ratio to anything
MOST_DODGE = 0.98  # colour dodge divides by 1 − layer
LEAST_PX = 8
NOTICEABLE_PX = 3.0
LEAST_GAIN = 0.05
LEAST_CHANGE = 1e-4  # of a natural logarithm: less is nothing


class Params(OperationParams):
    strength: float = Field(
        1.0,
        ge=0,
        le=2,
        slider=(0, 1.5),
        title="Strength",
        description="1 gives back as much light as was measured at the shadow's edge; 0 changes nothing.",
    )
    softness: float = Field(
        1.0,
        ge=0.1,
        le=10,
        slider=(0.25, 4),
        title="Edge softness",
        description="1 follows the softness measured at the shadow's edge; more is softer, less is crisper.",
    )
    colour: float = Field(
        1.0,
        ge=0,
        le=2,
        slider=(0, 1.5),
        title="Colour correction",
        description="How much of the shadow's tint, often blue, is taken out. 0 only lightens.",
    )
    find_edge: bool = Field(
        True,
        title="Find the edge",
        description="Looks for the shadow inside a generous selection. Off: the whole selection is shadow.",
    )
    model: str = ModelField("remove_shadow", goes_without=True)


@operation("remove_shadow", title="Remove Shadow", menu="Restore", inputs=Inputs(selection="optional"))
def remove_shadow(image: Image, params: Params, context: Context) -> list[NewLayer]:
    context.progress(0.02, "Reading the picture")
    if min(image.bounds.height, image.bounds.width) < LEAST_PX:
        context.note("The layer is too small to hold a shadow's edge: nothing was changed.")
        return [_layer(image, prompts.whole(image), np.zeros((1, 1, 3), np.float32), context)]
    selection = context.selection
    if selection is not None and (selection < 0.5).any():
        window = _around(image, selection)
        log_gain = _selected(image, window, selection[window.slices], params, context)
    else:
        window = prompts.whole(image)
        log_gain = _anywhere(image, params, context)
    context.progress(0.8, "Making the layer")
    if params.colour != 1:
        mean = log_gain.mean(axis=2, keepdims=True)
        log_gain = np.maximum(mean + params.colour * (log_gain - mean), 0)
    return [_layer(image, window, params.strength * log_gain, context)]


# --- measuring it ------------------------------------------------------------------------------------------------


def _anywhere(image: Image, params: Params, context: Context) -> np.ndarray:
    """The log gain, on a small copy of the layer."""
    context.progress(0.1, "Looking for shadows")
    whole = prompts.whole(image)
    size = masks.fitted_size(whole.size, retinex.WORK_PX)
    alpha = image.reduced_alpha(*whole.slices, size)
    found, count = retinex.find_shadows(image.reduced(*whole.slices, size), alpha, params.softness)
    if count == 0:
        context.note("No clear shadow was found: nothing was changed. Select the shadow generously and run again.")
    else:
        shadows = "One shadow was" if count == 1 else f"{count} shadows were"
        context.note(f"{shadows} found and gently lifted. Select a shadow generously to remove it fully.")
    return found.log_gain


def _around(image: Image, selection: np.ndarray) -> prompts.Window:
    """What is looked at: the selection, and as much again around it, where the ground is lit."""
    near = prompts.window_around(selection > 0.02)
    down, across = (length // 2 for length in near.size)
    return prompts.Window(
        max(0, near.top - down),
        max(0, near.left - across),
        min(image.bounds.height, near.bottom + down),
        min(image.bounds.width, near.right + across),
    )


def _selected(
    image: Image, window: prompts.Window, selection: np.ndarray, params: Params, context: Context
) -> np.ndarray:
    """The log gain, on a small copy of the window."""
    with context.models.lend("remove_shadow", params.model, context) as network:
        size = masks.fitted_size(window.size, relight.WORK_PX if network is None else network.work_px)
        rgb, alpha = image.reduced(*window.slices, size), image.reduced_alpha(*window.slices, size)
        selected = masks.resize(selection, size)
        if network is not None:
            return _learned(np.clip(rgb, 0, 1), alpha, selected, params, network, context)
    found = relight.selected_shadow(
        rgb,
        alpha,
        selected,
        params.find_edge,
        params.softness,
        lambda fraction, stage: context.progress(0.1 + 0.65 * fraction, stage),
    )
    overlap_px = found.overlap_px * window.longest_px / max(size)
    if found.log_gain.max() < LEAST_GAIN:
        context.note("Nothing in the selection is darker than what is around it: hardly anything was changed.")
    elif found.is_held_back:
        context.note(
            "The selection holds things too bright to lie in a shadow, so it was lightened less: select the shadow "
            "alone for more."
        )
    elif found.agreement < relight.SURE_ENOUGH:
        context.note(
            "The ground changes along the shadow's edge, so the missing light had to be guessed: select a part of the "
            "shadow that lies on one kind of ground, or adjust Strength."
        )
    elif overlap_px > max(NOTICEABLE_PX, 0.004 * max(image.bounds.width, image.bounds.height)):
        context.note(
            f"The shadow's soft edge reaches beyond the selection: grow the selection by {overlap_px:.0f} pixels "
            "or more and run again."
        )
    return found.log_gain


def _learned(
    rgb: np.ndarray, alpha: np.ndarray, selected: np.ndarray, params: Params, network: Any, context: Context
) -> np.ndarray:
    """What an `Unshadow` gives back, inside the shadow alone."""
    context.progress(0.3, "Finding the shadow's edge")
    mask = relight.shadow_in(rgb, alpha, selected, params.find_edge)
    context.progress(0.5, "Measuring the light")
    gain = np.maximum(network.log_gain(rgb, mask), 0)
    rim_px = max(2, round(RIM * params.softness * max(mask.shape)))
    return gain * masks.feather(masks.grow(mask, rim_px).astype(np.float32), rim_px)[..., None]


# --- the layer ---------------------------------------------------------------------------------------------------


def _layer(image: Image, window: prompts.Window, log_gain: np.ndarray, context: Context) -> NewLayer:
    """Over what changes, in the document's space: with it colour dodge, base / (1 − layer), multiplies light.

    `log_gain`: of a copy of the window.
    """
    log_gain = np.where(log_gain.max(axis=2, keepdims=True) > LEAST_CHANGE, log_gain, 0).astype(np.float32)
    part = _reached(image, window, log_gain)

    def draw(rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
        context.progress(0.8 + 0.18 * (rows.start - part.y) / part.height, "Making the layer")
        inside = slice(rows.start - window.top, rows.stop - window.top)
        gain = masks.stretched(log_gain, window.size, inside)
        gain = gain[:, columns.start - window.left : columns.stop - window.left]
        size = rows.stop - rows.start, columns.stop - columns.start
        return _dodge(image, rows, columns, gain), image.reduced_alpha(rows, columns, size)

    raster = sheets.drawn(image, part, context.new_samples, draw, encoded="native")
    context.progress(0.98, "Done")
    return NewLayer("Light", raster=raster, bounds=raster.bounds, blend_mode="dodge")


def _reached(image: Image, window: prompts.Window, log_gain: np.ndarray) -> Bounds:
    """The part of the layer, in its own pixels, that a copy of the window says is changed; one pixel where none is."""
    changes = log_gain.max(axis=2) > 0
    if not changes.any():
        return Bounds(window.left, window.top, 1, 1)
    small = masks.extent(changes, Bounds(0, 0, changes.shape[1], changes.shape[0]))
    y, x = (full / part for full, part in zip(window.size, changes.shape, strict=True))
    left, top = int((small.x - 1) * x), int((small.y - 1) * y)
    right, bottom = int((small.right + 1) * x) + 1, int((small.bottom + 1) * y) + 1
    reached = Bounds(window.left + left, window.top + top, right - left, bottom - top)
    return reached.intersection(window.bounds)


def _dodge(image: Image, rows: slice, columns: slice, log_gain: np.ndarray) -> np.ndarray:
    """The layer's colours there, H×W×3 or H×W×1."""
    changes = log_gain.max(axis=2) > LEAST_CHANGE
    dodge = np.zeros((*changes.shape, 1 if image.is_grey else 3), np.float32)
    if changes.any():
        base = np.maximum(image.part(rows, columns)[changes], DARKEST)[None]
        target = relight.encoded(relight.linear(base) * np.exp(log_gain[changes])[None])
        native_base = image.to_native(base)
        native_target = np.minimum(image.to_native(target), np.maximum(native_base, 1))
        dodge[changes] = np.clip(1 - native_base / np.maximum(native_target, 1e-6), 0, MOST_DODGE)[0]
    return dodge
