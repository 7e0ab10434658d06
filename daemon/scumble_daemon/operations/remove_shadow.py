"""Lighten a shadow with a layer of its own: only the missing light, over the untouched picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..context import Context
from ..imaging import masks, prompts, relight, retinex
from ..imaging.image import Image, NewLayer
from ..registry import Field, Inputs, ModelField, OperationParams, operation

RIM = 0.008  # of the longer side: how far beyond its mask a shadow's soft edge is looked for
DARKEST = 4 / 255  # below this encoded value the layer is that of this value: black has no ratio to anything
MOST_DODGE = 0.98  # colour dodge divides by 1 − layer
LEAST_PX = 8
NOTICEABLE_PX = 3.0
LEAST_GAIN = 0.05
CHUNK_ROWS = 512


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
    found = _find(image, params, context)
    context.progress(0.8, "Making the layer")
    log_gain = found.log_gain
    if params.colour != 1:
        mean = log_gain.mean(axis=2, keepdims=True)
        log_gain = np.maximum(mean + params.colour * (log_gain - mean), 0)
    log_gain = params.strength * log_gain
    dodge = _dodge_layer(image, log_gain)
    context.progress(0.98, "Done")
    return [NewLayer("Light", dodge, alpha=image.alpha, blend_mode="dodge", encoded="native")]


def _find(image: Image, params: Params, context: Context) -> relight.Relight:
    if min(image.alpha.shape) < LEAST_PX:
        context.note("The layer is too small to hold a shadow's edge: nothing was changed.")
        return relight.Relight(np.zeros((*image.alpha.shape, 3), np.float32), 1.0, 0.0)
    selection = context.selection
    if selection is None or not (selection < 0.5).any():
        context.progress(0.1, "Looking for shadows")
        found, count = retinex.find_shadows(image.rgb, image.alpha, params.softness)
        if count == 0:
            context.note("No clear shadow was found: nothing was changed. Select the shadow generously and run again.")
        else:
            shadows = "One shadow was" if count == 1 else f"{count} shadows were"
            context.note(f"{shadows} found and gently lifted. Select a shadow generously to remove it fully.")
        return found
    with context.models.lend("remove_shadow", params.model, context) as network:
        if network is not None:
            return _learned(image, selection, params, network, context)
    found = relight.selected_shadow(
        image.rgb,
        image.alpha,
        selection,
        params.find_edge,
        params.softness,
        lambda fraction, stage: context.progress(0.1 + 0.65 * fraction, stage),
    )
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
    elif found.overlap_px > max(NOTICEABLE_PX, 0.004 * max(image.alpha.shape)):
        context.note(
            f"The shadow's soft edge reaches beyond the selection: grow the selection by {found.overlap_px:.0f} pixels "
            "or more and run again."
        )
    return found


def _learned(image: Image, selection: np.ndarray, params: Params, network: Any, context: Context) -> relight.Relight:
    """The light that an `Unshadow` gives back, on a copy of what is around the selection, and inside that alone."""
    context.progress(0.3, "Finding the shadow's edge")
    around = prompts.window_around(selection > 0.02)
    height, width = image.bounds.height, image.bounds.width
    window = prompts.Window(
        max(0, around.top - around.size[0] // 2),
        max(0, around.left - around.size[1] // 2),
        min(height, around.bottom + around.size[0] // 2),
        min(width, around.right + around.size[1] // 2),
    )
    size = masks.fitted_size(window.size, network.work_px)
    rgb = np.clip(image.reduced(*window.slices, size), 0, 1)
    selected = masks.resize(selection[window.slices], size)
    mask = relight.shadow_in(rgb, image.reduced_alpha(*window.slices, size), selected, params.find_edge)
    context.progress(0.5, "Measuring the light")
    gain = np.maximum(network.log_gain(rgb, mask), 0)
    rim_px = max(2, round(RIM * params.softness * max(size)))
    gain *= masks.feather(masks.grow(mask, rim_px).astype(np.float32), rim_px)[..., None]
    whole = np.zeros((height, width, 3), np.float32)
    whole[window.slices] = masks.resize(gain, window.size)
    return relight.Relight(whole, 1.0, 0.0)


def _dodge_layer(image: Image, log_gain: np.ndarray) -> np.ndarray:
    """The layer, in the document's space, with which colour dodge, base / (1 − layer), multiplies light by the gain."""
    dodge = np.zeros(image.native_colour.shape, np.float32)
    changes = log_gain.max(axis=2) > 1e-4
    if not changes.any():
        return dodge
    rows = np.flatnonzero(changes.max(axis=1))
    for top in range(rows[0], rows[-1] + 1, CHUNK_ROWS):
        strip = slice(top, min(top + CHUNK_ROWS, rows[-1] + 1))
        here = changes[strip]
        base = np.maximum(image.rgb[strip][here], DARKEST)[None]
        target = relight.encoded(relight.linear(base) * np.exp(log_gain[strip][here])[None])
        native_base = image.to_native(base)
        native_target = np.minimum(image.to_native(target), np.maximum(native_base, 1))
        dodge[strip][here] = np.clip(1 - native_base / np.maximum(native_target, 1e-6), 0, MOST_DODGE)[0]
    return dodge
