"""Put a result into a document as one undo step, leaving everything the artist had as it is. GUI thread only."""

from __future__ import annotations

import json
from typing import Any, List, Optional, Sequence

from krita import Selection
from scumble_protocol.image import Layer, Raster

from .lender import Lender
from .masks import coverage_bytes
from .qt import QByteArray, QTimer, byte_array
from .source import ColourSpace, Source
from .versions import has_hdr_modes

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
HDR_MODES = {"dodge": "dodge_hdr"}  # those that Krita 5.3 ends at white, and how float documents go beyond it
ACTIVATION_MS = (0, 50)  # when Krita may have gone to a node that was just added
RECIPE = "scumble-recipe-"  # + the layer's id: annotations belong to the document, layers have none


def insert_layers(application: Any, lender: Lender, source: Source, group_name: str, layers: Sequence[Layer]) -> bool:
    """A new group with `layers` directly above the source, and their recipes.

    False: the source is no longer there, and the group lies on top of the stack.
    """
    document, colours = source.document, source.colours
    nodes = make_nodes(application, lender, document, colours, layers)
    group = document.createGroupLayer(group_name)
    # Other modes have to reach the layers below the group, not only those inside it.
    group.setPassThroughMode(any(layer.blend_mode != "normal" for layer in layers))
    group.setChildNodes(nodes)  # bottom first; unlike addChildNode, this makes no undo step
    active = document.activeNode()
    below = find_layer(document, source.layer_id)
    parent = document.rootNode() if below is None else below.parentNode()
    parent.addChildNode(group, below)  # the one undo step
    document.refreshProjection()
    if active is not None:
        _keep_active(document, active.uniqueId(), group.uniqueId())
    keep_recipes(document, nodes, layers)
    return below is not None


def make_nodes(
    application: Any, lender: Lender, document: Any, colours: ColourSpace, layers: Sequence[Layer]
) -> List[Any]:
    """Finished nodes, which lie nowhere yet; bottom first."""
    is_hdr = colours.depth.startswith("F") and has_hdr_modes(application)
    return [_node(lender, document, layer, colours, is_hdr) for layer in layers]


def keep_recipes(document: Any, nodes: Sequence[Any], layers: Sequence[Layer]) -> None:
    for node, layer in zip(nodes, layers):
        recipe = json.dumps(layer.recipe, ensure_ascii=False, sort_keys=True).encode()
        name = RECIPE + node.uniqueId().toString().strip("{}")
        document.setAnnotation(name, f"How Scumble made «{layer.name}»", QByteArray(recipe))


def _keep_active(document: Any, active_id: Any, group_id: Any) -> None:
    """Leave the artist on the layer they were on: Krita goes to a new node, a little after it was added."""

    def go_back() -> None:
        now = document.activeNode()
        before = find_layer(document, active_id)
        if now is not None and now.uniqueId() == group_id and before is not None:
            document.setActiveNode(before)

    for delay_ms in ACTIVATION_MS:
        QTimer.singleShot(delay_ms, go_back)


def find_layer(document: Any, layer_id: Any) -> Optional[Any]:
    """The node with that id, None where it was deleted."""
    node = document.nodeByUniqueID(layer_id)
    return node if node is not None and node.parentNode() is not None else None


def _node(lender: Lender, document: Any, layer: Layer, colours: ColourSpace, is_hdr: bool) -> Any:
    empty = document.createNode(layer.name, "paintlayer")
    mode = BLEND_MODES[layer.blend_mode]
    node = lender.prepare(empty, HDR_MODES.get(mode, mode) if is_hdr else mode, colours)
    area = layer.raster.bounds
    node.setOpacity(round(layer.opacity * 255))
    node.setVisible(layer.visible)
    node.setPixelData(byte_array(layer.raster.data), area.x, area.y, area.width, area.height)
    if layer.mask is not None:
        mask = document.createTransparencyMask("Mask")
        mask.setSelection(
            selection_from(Selection(), layer.mask)
        )  # before attaching: afterwards Krita reports a failed assertion
        node.setChildNodes([mask])
    return node


def selection_from(selection: Any, mask: Raster) -> Any:
    """The empty `selection` with the mask's coverage; outside the mask's bounds nothing is selected."""
    area = mask.bounds
    selection.setPixelData(byte_array(coverage_bytes(mask)), area.x, area.y, area.width, area.height)
    return selection
