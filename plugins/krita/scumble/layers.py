"""Put a result into a document as one undo step, leaving everything the artist had as it is. GUI thread only."""

from __future__ import annotations

import json
from typing import Any, Optional, Sequence

from scumble_protocol.image import Layer, Raster

from .masks import coverage_bytes
from .qt import QByteArray
from .source import ColourSpace

BLEND_MODES = {
    "normal": "normal",
    "dodge": "dodge",  # color dodge: base / (1 - layer)
    "screen": "screen",
    "addition": "add",
    "multiply": "multiply",
    "overlay": "overlay",
    "soft-light": "soft_light_svg",
    "color": "color",
    "luminosity": "luminize",
}
RECIPE = "scumble-recipe-"  # + the layer's id: annotations belong to the document, layers have none


def insert_layers(document: Any, layer_id: Any, group_name: str, layers: Sequence[Layer], colours: ColourSpace) -> bool:
    """A new group with `layers` directly above the source, and their recipes.

    False: the source is no longer there, and the group lies on top of the stack.
    """
    group = document.createGroupLayer(group_name)
    # Other modes have to reach the layers below the group, not only those inside it.
    group.setPassThroughMode(any(layer.blend_mode != "normal" for layer in layers))
    nodes = [_node(document, layer, colours) for layer in layers]
    for node in nodes:
        group.addChildNode(node, None)  # None: on top of those before
    source = find_layer(document, layer_id)
    parent = document.rootNode() if source is None else source.parentNode()
    # The one undo step: everything was set before, because a change to an attached node would be a step of its own.
    parent.addChildNode(group, source)
    document.refreshProjection()
    for node, layer in zip(nodes, layers):
        recipe = json.dumps(layer.recipe, ensure_ascii=False, sort_keys=True).encode()
        name = RECIPE + node.uniqueId().toString().strip("{}")
        document.setAnnotation(name, f"How Scumble made «{layer.name}»", QByteArray(recipe))
    return source is not None


def find_layer(document: Any, layer_id: Any) -> Optional[Any]:
    """The node with that id, None where it was deleted."""
    node = document.nodeByUniqueID(layer_id)
    return node if node is not None and node.parentNode() is not None else None


def _node(document: Any, layer: Layer, colours: ColourSpace) -> Any:
    node = document.createNode(layer.name, "paintlayer")
    if (node.colorModel(), node.colorDepth(), node.colorProfile()) != (colours.model, colours.depth, colours.profile):
        node.setColorSpace(colours.model, colours.depth, colours.profile)
    area = layer.raster.bounds
    node.setPixelData(QByteArray.fromRawData(layer.raster.data), area.x, area.y, area.width, area.height)
    node.setOpacity(round(layer.opacity * 255))
    node.setBlendingMode(BLEND_MODES[layer.blend_mode])
    if layer.mask is not None:
        mask = document.createTransparencyMask("Mask")
        mask.setSelection(selection_from(layer.mask))  # before attaching: afterwards Krita reports a failed assertion
        node.addChildNode(mask, None)
    return node


def selection_from(mask: Raster) -> Any:
    """A Krita selection with the mask's coverage; outside the mask's bounds nothing is selected."""
    from krita import Selection

    area = mask.bounds
    selection = Selection()
    selection.setPixelData(QByteArray(coverage_bytes(mask)), area.x, area.y, area.width, area.height)
    return selection
