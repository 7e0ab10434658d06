"""In which colour spaces GIMP has to blend and composite our layers, so that what they do not touch stays exact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List

import pixels
from gi.repository import Gimp
from scumble_protocol.image import Bounds

NATIVE = {
    pixels.SELF: Gimp.LayerColorSpace.RGB_NON_LINEAR,
    pixels.LINEAR: Gimp.LayerColorSpace.RGB_LINEAR,
    pixels.PERCEPTUAL: Gimp.LayerColorSpace.RGB_PERCEPTUAL,
}


@dataclass(frozen=True)
class Spaces:
    """`blend`: where a mode's formula is computed · `composite`: where mask and opacity mix its outcome in."""

    blend: Gimp.LayerColorSpace
    composite: Gimp.LayerColorSpace

    @staticmethod
    def above(image: Gimp.Image, source: Gimp.Layer, layout: pixels.Format) -> "Spaces":
        """Formulas in the document's own encoding, and pixels under a black mask kept to the last bit.

        GIMP hands our layers the composite so far as it has it: in the document's encoding where the source lies over
        nothing, in linear light where GIMP mixed it into something. Going back and forth between the two costs the
        last bits, and with curves other than sRGB's, near black, more than those.
        """
        native = NATIVE[layout.encoding]
        if _is_mixed(image, source):
            own = source.get_composite_space()
            return Spaces(native, Gimp.LayerColorSpace.RGB_LINEAR if own == Gimp.LayerColorSpace.AUTO else own)
        return Spaces(native, native)

    def apply_to(self, layer: Gimp.Layer) -> None:
        layer.set_blend_space(self.blend)
        layer.set_composite_space(self.composite)


def siblings(image: Gimp.Image, layer: Gimp.Layer) -> List[Gimp.Layer]:
    """The layer and those beside it, top first."""
    parent = layer.get_parent()
    return list(parent.get_children() if parent else image.get_layers())


def _is_mixed(image: Gimp.Image, source: Gimp.Layer) -> bool:
    """Whether something shows below all of the source."""
    canvas = Bounds(0, 0, image.get_width(), image.get_height())
    shown = pixels.bounds_of(source).intersection(canvas)
    return around([each.intersection(shown) for each in _below(image, source)]) == shown


def _below(image: Gimp.Image, source: Gimp.Layer) -> List[Bounds]:
    """Where the visible layers below the source are, as far as it is blended with them."""
    beside = siblings(image, source)
    found = [pixels.bounds_of(layer) for layer in beside[beside.index(source) + 1 :] if layer.get_visible()]
    parent = source.get_parent()
    if parent is not None and parent.get_mode() == Gimp.LayerMode.PASS_THROUGH:
        found += _below(image, parent)
    return found


def around(rectangles: List[Bounds]) -> Bounds:
    """The smallest rectangle around those that are not empty."""
    filled = [each for each in rectangles if not each.is_empty]
    if not filled:
        return Bounds(0, 0, 0, 0)
    x, y = min(each.x for each in filled), min(each.y for each in filled)
    return Bounds(x, y, max(each.right for each in filled) - x, max(each.bottom for each in filled) - y)
