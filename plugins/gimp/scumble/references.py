"""The reference picture where it is a layer: of the image that is worked on, or of another open one."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pixels
from gi.repository import Gimp
from layers import insist
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Raster, ReferenceLayer


def read(
    client: Client, layer: Optional[Gimp.Layer], source: Gimp.Layer, source_raster: Raster
) -> Optional[ReferenceLayer]:
    """The layer as it looks, mask and filters included, whether or not its eye is open; None for none.

    Raises: Invalid where it is gone, or of an indexed image.
    """
    if layer is None:
        return None
    if not layer.is_valid():
        raise Invalid("The reference layer is not there any more.", "Choose another one, then run again.")
    image = layer.get_image()
    try:
        if pixels.has_mask_on(layer):
            raster = _read_masked(client, image, layer)
        elif layer.get_id() == source.get_id():
            raster = source_raster
        else:
            raster = pixels.read_layer(client, image, layer)
    except Invalid as error:
        raise Invalid(f"The reference layer «{layer.get_name()}»: {error.message}", error.hint) from error
    return ReferenceLayer(path_of(layer), image.get_name(), raster)


def _read_masked(client: Client, image: Gimp.Image, layer: Gimp.Layer) -> Raster:
    """The layer with its mask in its alpha: what an image shows that holds nothing else.

    GIMP applies the mask of no group, and that of a layer only within an image.
    """
    size = (layer.get_width(), layer.get_height())
    scratch = Gimp.Image.new_with_precision(*size, image.get_base_type(), image.get_precision())
    try:
        profile = image.get_color_profile()
        if profile is not None:
            scratch.set_color_profile(profile)
        scratch.undo_disable()
        copy = Gimp.Layer.new_from_drawable(layer, scratch)
        insist(scratch.insert_layer(copy, None, 0))
        copy.set_offsets(0, 0)
        copy.set_visible(True)
        copy.set_opacity(100)
        copy.set_mode(Gimp.LayerMode.NORMAL)
        raster = pixels.read_layer(client, scratch, Gimp.Layer.new_from_visible(scratch, scratch, layer.get_name()))
        return replace(raster, bounds=pixels.bounds_of(layer))
    finally:
        scratch.delete()


def path_of(layer: Gimp.Layer) -> str:
    """Its name after those of the groups around it."""
    parent = layer.get_parent()
    return layer.get_name() if parent is None else f"{path_of(parent)} ▸ {layer.get_name()}"
