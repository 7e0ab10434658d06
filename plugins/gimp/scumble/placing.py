"""What a found mask becomes: the selection, the layer's mask, or a new layer. One undo step, or nothing."""

from __future__ import annotations

import array
from dataclasses import replace
from typing import Any, Dict, Optional

import blending
import layers
import pixels
from gi.repository import Gegl, Gimp
from placement import MASK, REPLACE, SELECTION, Placement
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds, Raster

_VERBS = {"subtract": "subtracted from", "intersect": "intersected with"}


def check(how: Placement, image: Gimp.Image, layer: Gimp.Layer) -> None:
    """Raises: Invalid where a mask cannot be placed so."""
    name = layer.get_name()
    if how.result == MASK and layer.get_mask() is not None:
        raise Invalid(f"The layer «{name}» has a mask already.", "Apply or delete it, or take a new layer.")
    if how.result == MASK and layer.get_lock_content():
        raise Invalid(f"The layer «{name}» is locked.", "Unlock it in the Layers dialogue, or take a new layer.")
    is_empty = not Gimp.Selection.bounds(image).non_empty
    if how.result == SELECTION and how.combination in _VERBS and is_empty:
        raise Invalid(
            f"Nothing is selected that the object could be {_VERBS[how.combination]}.",
            "Choose to replace the selection.",
        )


def place(
    found: Raster, how: Placement, image: Gimp.Image, source: Gimp.Layer, recipe: Dict[str, Any]
) -> Optional[Gimp.Layer]:
    """The new layer, where there is one. `found`: in pixels of the image, with bytes of its own.

    Raises: Invalid where that cannot be, or the layer has gone; Internal where GIMP refuses.
    """
    layers.insist_on(image, source)
    check(how, image, source)
    if how.result == SELECTION:
        combined = found if how.combination == REPLACE else _combined(image, found, how.combination)
        with layers.one_undo_step(image):
            keeps_others = how.combination in ("add", "subtract")
            layers.replace_selection(image, combined, memoryview(combined.data), keeps_others)
        return None
    if how.result == MASK:
        with layers.one_undo_step(image):
            _add_mask(source, found)
        return None
    return _insert_cutout(image, source, found, recipe)


def at_hand(client: Client, selection: Raster) -> Raster:
    """The same with bytes of its own, that stay when the daemon takes its memory back."""
    return replace(selection, data=bytes(client.pixels(selection)))


def _combined(image: Gimp.Image, found: Raster, combination: str) -> Raster:
    """Where the object was looked for: what GIMP's own tools make of it and the selection."""
    area = found.bounds.intersection(Bounds(0, 0, image.get_width(), image.get_height()))
    if area.is_empty:
        return replace(found, bounds=Bounds(0, 0, 0, 0), data=b"")
    object_ = Gegl.Buffer.new("Y float", found.bounds.x, found.bounds.y, found.bounds.width, found.bounds.height)
    pixels.fill_coverage(object_, found)
    selection = image.get_selection()
    is_small = found.depth == "u8" and pixels.coverage_depth(selection) == "u8"
    name, kind = ("Y u8", "B") if is_small else ("Y float", "f")
    rectangle = Gegl.Rectangle.new(area.x, area.y, area.width, area.height)
    before, other = (
        array.array(kind, bytes(buffer.get(rectangle, 1.0, name, Gegl.AbyssPolicy.NONE)))
        for buffer in (selection.get_buffer(), object_)
    )
    if combination == "subtract":
        values = array.array(kind, (old - new if old > new else 0 for old, new in zip(before, other)))
    else:
        values = array.array(kind, map(max if combination == "add" else min, before, other))
    return Raster(area, "u8" if is_small else "f32", "GRAY", values.tobytes())


def _add_mask(layer: Gimp.Layer, found: Raster) -> None:
    mask = layer.create_mask(Gimp.AddMaskType.BLACK)
    layers.insist(layer.add_mask(mask))
    bounds = pixels.bounds_of(layer)
    pixels.write_coverage(mask.get_buffer(), bounds, found, memoryview(found.data))
    mask.update(0, 0, bounds.width, bounds.height)
    layer.set_edit_mask(False)  # the artist goes on with the picture


def _insert_cutout(image: Gimp.Image, source: Gimp.Layer, found: Raster, recipe: Dict[str, Any]) -> Gimp.Layer:
    """What the mask covers, as far as it does, above the source: by its alpha, and as large as that."""
    bounds = pixels.bounds_of(source)
    area = found.bounds.intersection(bounds)
    if area.is_empty:
        raise Invalid("The object lies outside the layer.", "Click on it once more.")
    with pixels.as_seen(source) as seen:
        layout = pixels.Format.of(seen)
        layout = replace(layout, channels="GRAYA" if layout.channels[:4] == "GRAY" else "RGBA")
        samples = pixels.read_area(seen, area.relative_to(bounds), layout)
    new = Gimp.Layer.new(
        image,
        f"{source.get_name()}: object",
        area.width,
        area.height,
        layers.TYPES[layout.channels],
        100,
        Gimp.LayerMode.NORMAL,
    )
    new.set_offsets(area.x, area.y)
    pixels.write(new, Raster(area, layout.depth, layout.channels, samples), memoryview(samples), layout.encoding)
    blending.Spaces.above(image, source, layout).apply_to(new)
    layers.attach_recipe(new, recipe)
    new.set_visible(False)  # GIMP renders it once, at the end
    with layers.one_undo_step(image):
        selected = image.get_selected_layers()
        layers.insist(image.insert_layer(new, source.get_parent(), image.get_item_position(source)))
        mask = new.create_mask(Gimp.AddMaskType.BLACK)
        layers.insist(new.add_mask(mask))
        pixels.write_coverage(mask.get_buffer(), area, found, memoryview(found.data))
        layers.insist(new.remove_mask(Gimp.MaskApplyMode.APPLY))
        if pixels.has_mask_on(source):
            own = new.create_mask(Gimp.AddMaskType.BLACK)
            layers.insist(new.add_mask(own))
            pixels.copy_coverage(source.get_mask(), bounds, own, area)
            layers.insist(new.remove_mask(Gimp.MaskApplyMode.APPLY))
        image.set_selected_layers(selected)
        new.set_visible(True)
    return new
