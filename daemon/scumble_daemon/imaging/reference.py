"""The picture an artist chose beside the layer: a file's, or another layer of an open document."""

from __future__ import annotations

from scumble_protocol.errors import Invalid
from scumble_protocol.image import Reference

from . import picture
from .image import Image

CHOOSE = "Choose another layer or file."


def open_picture(file: Reference | None, layer: Image | None) -> Image:
    """The layer where there is one, else the file's picture.

    Raises: Invalid where there is neither, where the file is no picture, broken or too large, where its colours cannot
    be told, or where all of it is transparent.
    """
    if layer is None:
        if file is None:
            raise Invalid("No reference picture was chosen.", "Choose a layer or a file.")
        raster, profile = picture.decode(file.data, file.name)
        layer = Image(raster, {raster.profile: profile} if profile else None)
    name = "The reference layer" if file is None else f"The picture «{file.name}»"
    if not layer.has_visible_pixels:
        raise Invalid(f"{name} is fully transparent.", CHOOSE)
    try:
        layer.part(slice(0, 1), slice(0, 1))
    except Invalid as error:  # it speaks of the layer that is worked on
        raise Invalid(f"{name} has a colour profile that cannot be used. {error.message}", CHOOSE) from error
    return layer
