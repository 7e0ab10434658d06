"""Put a job's result into the image: all of it in one undo step, or nothing."""

from __future__ import annotations

import contextlib
import json
from typing import Any, Dict, Iterator, List, Optional

import blending
import pixels
from gi.repository import Gegl, Gimp
from scumble_protocol.client import Client
from scumble_protocol.errors import Internal, Invalid
from scumble_protocol.image import Bounds, Layer, Raster
from scumble_protocol.messages import Result

RECIPE = "scumble-recipe"

MODES = {
    "normal": Gimp.LayerMode.NORMAL,
    "dodge": Gimp.LayerMode.DODGE,
    "screen": Gimp.LayerMode.SCREEN,
    "addition": Gimp.LayerMode.ADDITION,
    "multiply": Gimp.LayerMode.MULTIPLY,
    "overlay": Gimp.LayerMode.OVERLAY,
    "soft-light": Gimp.LayerMode.SOFTLIGHT,
    "color": Gimp.LayerMode.HSL_COLOR,
    "luminosity": Gimp.LayerMode.LUMINANCE,
}
TYPES = {
    "RGBA": Gimp.ImageType.RGBA_IMAGE,
    "RGB": Gimp.ImageType.RGB_IMAGE,
    "GRAYA": Gimp.ImageType.GRAYA_IMAGE,
    "GRAY": Gimp.ImageType.GRAY_IMAGE,
}


def insert(client: Client, result: Result, image: Gimp.Image, source: Gimp.Layer) -> Optional[Gimp.GroupLayer]:
    """Insert the result above `source` and give back the new group, None where the result is a selection alone.

    Layers are finished outside the image, where nothing can be undone yet; the undo group holds only their insertion.
    Raises: Invalid where the source has gone meanwhile, Internal where GIMP refuses.
    """
    insist_on(image, source)
    layout = pixels.Format.of(source)
    space = blending.Spaces.above(image, source, layout)
    finished = [finish(client, layer, image, layout.encoding, space) for layer in result.layers]
    group = _new_group(image, result.group or "Scumble", space) if finished else None
    with one_undo_step(image):
        try:
            if group is not None:
                _insert_group(image, source, group, finished)
            if result.selection is not None:
                replace_selection(image, result.selection, client.pixels(result.selection))
        except Internal:
            if group is not None:
                image.remove_layer(group)
            raise
        if group is not None:
            group.set_visible(True)  # last: from now on GIMP renders, and lets a call wait for up to 70 ms
    return group


def insist_on(image: Gimp.Image, source: Gimp.Layer) -> None:
    """Raises: Invalid where the layer is not in the image any more, or that is closed."""
    if not (image.is_valid() and source.is_valid() and source in blending.siblings(image, source)):
        raise Invalid("The layer was removed while the job ran.", "Run it again on another layer.")


def finish(client: Client, layer: Layer, image: Gimp.Image, encoding: str, space: blending.Spaces) -> Gimp.Layer:
    """A layer with everything on it, not in the image yet."""
    bounds = layer.raster.bounds
    kind = TYPES[layer.raster.channels]
    new = Gimp.Layer.new(
        image, layer.name, bounds.width, bounds.height, kind, layer.opacity * 100, MODES[layer.blend_mode]
    )
    new.set_offsets(bounds.x, bounds.y)
    new.set_visible(layer.visible)
    pixels.write(new, layer.raster, client.pixels(layer.raster), encoding)
    space.apply_to(new)
    if layer.mask is not None:
        mask = new.create_mask(Gimp.AddMaskType.BLACK)
        new.add_mask(mask)
        pixels.write_coverage(mask.get_buffer(), bounds, layer.mask, client.pixels(layer.mask))
        mask.update(0, 0, bounds.width, bounds.height)
    attach_recipe(new, layer.recipe)
    return new


def attach_recipe(layer: Gimp.Layer, recipe: Dict[str, Any]) -> None:
    written = json.dumps(recipe).encode("ascii")  # a parasite takes signed bytes: none beyond 127
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    layer.attach_parasite(Gimp.Parasite.new(RECIPE, flags, written))


def _new_group(image: Gimp.Image, name: str, space: blending.Spaces) -> Gimp.GroupLayer:
    group = Gimp.GroupLayer.new(image, name)
    group.set_mode(Gimp.LayerMode.PASS_THROUGH)  # so that a dodge layer meets the photo below the group
    space.apply_to(group)
    group.set_visible(False)
    return group


def _insert_group(image: Gimp.Image, source: Gimp.Layer, group: Gimp.GroupLayer, finished: List[Gimp.Layer]) -> None:
    selected = image.get_selected_layers()
    insist(image.insert_layer(group, source.get_parent(), image.get_item_position(source)))
    for layer in finished:
        insist(image.insert_layer(layer, group, 0))
    if pixels.has_mask_on(source):
        insist(_show_where_it_did(group, source))
    image.set_selected_layers(selected)  # the artist goes on where they were


def _show_where_it_did(group: Gimp.GroupLayer, source: Gimp.Layer) -> bool:
    """Give the group a copy of the source's own mask: what the artist masked away stays away."""
    mask = group.create_mask(Gimp.AddMaskType.BLACK)
    is_added = group.add_mask(mask)
    pixels.copy_coverage(source.get_mask(), pixels.bounds_of(source), mask, pixels.bounds_of(group))
    return is_added


def replace_selection(image: Gimp.Image, raster: Raster, coverage: memoryview, keeps_others: bool = False) -> None:
    """`keeps_others`: what is selected outside the raster stays so."""
    canvas = Bounds(0, 0, image.get_width(), image.get_height())
    whole = Gegl.Rectangle.new(0, 0, canvas.width, canvas.height)
    selection = image.get_selection()
    fresh = selection.get_shadow_buffer()  # merged below, which is the way that leaves an undo step
    if keeps_others:
        selection.get_buffer().copy(whole, Gegl.AbyssPolicy.NONE, fresh, whole)
    else:
        fresh.clear(whole)
    pixels.write_coverage(fresh, canvas, raster, coverage)
    fresh.flush()
    insist(selection.merge_shadow(True))
    selection.update(0, 0, canvas.width, canvas.height)


@contextlib.contextmanager
def one_undo_step(image: Gimp.Image) -> Iterator[None]:
    image.undo_group_start()
    try:
        yield
    finally:
        image.undo_group_end()


def insist(is_done: Any) -> None:
    if not is_done:
        raise Internal(f"GIMP did not insert the result: {Gimp.get_pdb().get_last_error()}")
