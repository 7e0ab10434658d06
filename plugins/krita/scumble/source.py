"""Read what a job needs out of Krita: the layer's own pixels, its profile, and the selection. GUI thread only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Optional, Tuple

from scumble_protocol.errors import Invalid, Unsupported
from scumble_protocol.image import Bounds

from .profiles import Profiles

# Krita stores integer RGBA as BGRA and float RGBA as RGBA.
_CHANNELS = {
    ("RGBA", "U8"): "BGRA",
    ("RGBA", "U16"): "BGRA",
    ("RGBA", "F16"): "RGBA",
    ("RGBA", "F32"): "RGBA",
    ("GRAYA", "U8"): "GRAYA",
    ("GRAYA", "U16"): "GRAYA",
    ("GRAYA", "F16"): "GRAYA",
    ("GRAYA", "F32"): "GRAYA",
}
_MODEL_NAMES = {"CMYKA": "CMYK", "LABA": "L*a*b*", "XYZA": "XYZ", "YCbCrA": "YCbCr", "A": "alpha"}
_CONVERT = "Convert it to RGB first: Image ▸ Convert Image Color Space…."
_LAYERS_OF_PIXELS = ("paintlayer", "filelayer", "clonelayer")


@dataclass(frozen=True)
class Pixels:
    """A block of samples as Krita gives them. `data`: a buffer of exactly the block's size."""

    bounds: Bounds
    depth: str
    channels: str
    data: Any
    profile: Optional[bytes] = None


@dataclass(frozen=True)
class ColourSpace:
    """What Krita calls a colour space: `model` RGBA or GRAYA, `depth` U8 to F32, `profile` by its name."""

    model: str
    depth: str
    profile: str


@dataclass(frozen=True)
class Source:
    """A layer as it was when Run was clicked, and where to find it again. `layer_id`: the node's QUuid."""

    document: Any
    layer_id: Any
    layer_name: str
    canvas: Bounds
    pixels_per_inch: Tuple[float, float]
    colours: ColourSpace
    pixels: Pixels
    selection: Optional[Pixels]

    def without_pixels(self) -> Source:
        return replace(self, pixels=replace(self.pixels, data=b""), selection=None)


def read_source(document: Any, profiles: Profiles, with_selection: bool) -> Source:
    """The active layer of `document` and, if wanted, the selection. Raises: Invalid · Unsupported"""
    if document is None:
        raise Invalid("No document is open.", "Open a picture, then run again.")
    layer = _active_layer(document)
    _check_stack(layer)
    colours = colours_of(layer)
    canvas = Bounds(0, 0, document.width(), document.height())
    selection = _read_selection(document) if with_selection else None
    pixels = read_pixels(document, layer, profiles)
    resolution = document.xRes(), document.yRes()
    return Source(document, layer.uniqueId(), layer.name(), canvas, resolution, colours, pixels, selection)


def colours_of(layer: Any) -> ColourSpace:
    return ColourSpace(layer.colorModel(), layer.colorDepth(), layer.colorProfile())


def read_pixels(document: Any, layer: Any, profiles: Profiles) -> Pixels:
    """The layer as it looks. Raises: Invalid where it is empty · Unsupported"""
    colours = colours_of(layer)
    channels = _CHANNELS.get((colours.model, colours.depth))
    if channels is None:
        name = _MODEL_NAMES.get(colours.model, colours.model)
        raise Unsupported(f"The layer «{layer.name()}» is {name}, which Scumble does not read.", _CONVERT)
    area = _area_to_read(layer, Bounds(0, 0, document.width(), document.height()))
    if area.is_empty:
        raise Invalid(f"The layer «{layer.name()}» is empty.", "Choose a layer with pixels on it.")
    if _holds_its_look(layer):
        data = layer.pixelData(area.x, area.y, area.width, area.height)
    else:
        document.waitForDone()  # until what it shows is up to date
        data = layer.projectionPixelData(area.x, area.y, area.width, area.height)
    profile = profiles.read(colours.model, colours.depth, colours.profile)
    return Pixels(area, colours.depth.lower(), channels, data, profile)


def _active_layer(document: Any) -> Any:
    node = document.activeNode()
    while node is not None and node.type().endswith("mask"):  # a mask is active: its layer is meant
        node = node.parentNode()
    if node is None:
        raise Invalid("No layer is active.", "Click a layer in the Layers docker, then run again.")
    return node


def _check_stack(layer: Any) -> None:
    """Raises: Invalid where the layer is out of sight, or where nothing may be put above it."""
    if layer.type() == "grouplayer" and layer.passThroughMode():
        raise Invalid(
            f"The group «{layer.name()}» passes through, so it has no pixels of its own.",
            "Choose a layer in it, or switch pass-through off.",
        )
    if not layer.visible():
        raise Invalid(f"The layer «{layer.name()}» is hidden.", "Show it, then run again.")
    parent = layer.parentNode()
    while parent is not None and parent.parentNode() is not None:
        if not parent.visible():
            raise Invalid(f"The group «{parent.name()}» around the layer is hidden.", "Show it, then run again.")
        if parent.locked():
            raise Invalid(f"The group «{parent.name()}» is locked.", "Unlock it, then run again.")
        parent = parent.parentNode()


def _area_to_read(layer: Any, canvas: Bounds) -> Bounds:
    """The layer's bounds, which may lie partly off the canvas; at most one canvas further on every side."""
    rectangle = layer.bounds()
    bounds = Bounds(rectangle.x(), rectangle.y(), rectangle.width(), rectangle.height())
    reach = Bounds(-canvas.width, -canvas.height, 3 * canvas.width, 3 * canvas.height)
    return bounds if bounds.intersection(canvas).is_empty else bounds.intersection(reach)


def _holds_its_look(layer: Any) -> bool:
    """Whether the layer's own pixels are what it shows; groups, vector and masked layers do not."""
    return layer.type() in _LAYERS_OF_PIXELS and not any(child.visible() for child in layer.childNodes())


def _read_selection(document: Any) -> Optional[Pixels]:
    """The selection with its feather, None where there is none. Raises: Invalid where it is empty."""
    selection = document.selection()
    if selection is None:
        return None
    area = Bounds(selection.x(), selection.y(), selection.width(), selection.height())
    if area.is_empty:
        raise Invalid("The selection is empty.", "Select something, or choose Select ▸ Deselect, then run again.")
    data = selection.pixelData(area.x, area.y, area.width, area.height)
    return Pixels(area, "u8", "GRAY", data)
