"""Open a result as a document of its own, in every respect like the one it was made from but for its size."""

from __future__ import annotations

from typing import Any

from scumble_protocol.errors import Internal
from scumble_protocol.messages import Result

from .layers import keep_recipes, make_nodes
from .lender import Lender
from .source import Source


def open_document(application: Any, lender: Lender, source: Source, result: Result) -> None:
    """In front, with the layers in it and no undo step. GUI thread only. Raises: Internal"""
    canvas, colours = result.document, source.colours
    assert canvas is not None
    across, down = source.pixels_per_inch
    name = f"{source.layer_name} · {result.layers[0].name}"
    document = application.createDocument(
        canvas.width, canvas.height, name, colours.model, colours.depth, colours.profile, across
    )
    if document is None or document.colorProfile() != colours.profile:
        raise Internal(f"Krita made no document in «{colours.profile}».", "Run it again with a layer as the result.")
    if down != across:
        document.setYRes(down)  # the one thing that Krita cannot be told without an undo step
    layers = [layer.relative_to(canvas) for layer in result.layers]
    nodes = make_nodes(application, lender, document, colours, layers)
    document.rootNode().setChildNodes(nodes)  # in place of the background that Krita makes
    keep_recipes(document, nodes, layers)
    document.refreshProjection()
    document.setActiveNode(nodes[-1])
    document.setModified(True)  # closing it has to ask
    application.activeWindow().addView(document)
