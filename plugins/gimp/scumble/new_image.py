"""Open a job's result as an image of its own, in every respect like the one it was made from but for its size."""

from __future__ import annotations

import blending
import pixels
from gi.repository import Gimp
from layers import finish, insist
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid
from scumble_protocol.messages import Result


def open_image(client: Client, result: Result, image: Gimp.Image, source: Gimp.Layer) -> Gimp.Image:
    """A new image without a window, of the size `result.document`, with the layers in it.

    Raises: Invalid where the source has gone meanwhile, Internal where GIMP refuses; then there is no new image.
    """
    canvas = result.document
    assert canvas is not None
    if not (image.is_valid() and source.is_valid()):
        raise Invalid("The layer was removed while the job ran.", "Run it again on another layer.")
    layout = pixels.Format.of(source)
    native = blending.NATIVE[layout.encoding]
    spaces = blending.Spaces(native, native)
    new = Gimp.Image.new_with_precision(canvas.width, canvas.height, image.get_base_type(), image.get_precision())
    try:
        profile = image.get_color_profile()
        if profile is not None:
            new.set_color_profile(profile)
        _, across, down = image.get_resolution()
        new.set_resolution(across, down)
        new.set_unit(image.get_unit())
        new.undo_disable()  # its first state is the result: there is nothing before to go back to
        for layer in result.layers:
            made = finish(client, layer.relative_to(canvas), new, layout.encoding, spaces)
            insist(new.insert_layer(made, None, 0))
        new.undo_enable()
    except BaseException:
        new.delete()
        raise
    return new
