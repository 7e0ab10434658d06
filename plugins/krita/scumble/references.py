"""The reference picture where it is a layer of any open document: which there are, reading one. GUI thread only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, List, Optional, Tuple

from scumble_protocol.errors import Invalid

from .profiles import Profiles
from .qt import QUuid
from .request import LAYER
from .source import Pixels, Source, read_pixels

_NO_PICTURES = ("filterlayer", "selectionmask")  # and masks: what they hold is no picture of its own


@dataclass(frozen=True)
class LayerPixels:
    """What was chosen, for people, and what it looks like."""

    name: str
    document: str
    pixels: Pixels


def list_layers(application: Any) -> List[Tuple[str, str]]:
    """What a form keeps for each layer, and what it shows: the document in front first, from the top down."""
    front = application.activeDocument()
    documents = sorted(application.documents(), key=lambda document: document != front)
    return [
        (LAYER + layer.uniqueId().toString(), f"{name_of(document)}: {path}")
        for document in documents
        for layer, path in _layers_in(document.rootNode(), "")
    ]


def read_reference(application: Any, profiles: Profiles, chosen: str, source: Source) -> Optional[LayerPixels]:
    """`chosen`: as `list_layers` names it; "" for none. A layer whose eye is closed will do.

    Raises: Invalid where it is gone, empty or has no pixels of its own · Unsupported
    """
    if not chosen:
        return None
    number = QUuid(chosen[len(LAYER) :])
    for document in application.documents():
        for layer, path in _layers_in(document.rootNode(), ""):
            if layer.uniqueId() == number:
                is_source = document == source.document and number == source.layer_id
                pixels = source.pixels if is_source else _read(document, layer, profiles)
                return LayerPixels(path, name_of(document), pixels)
    raise Invalid("The reference layer is not there any more.", "Choose another one in the form, then run again.")


def name_of(document: Any) -> str:
    return document.fileName().replace("\\", "/").rsplit("/", 1)[-1] or document.name() or "Untitled"


def _read(document: Any, layer: Any, profiles: Profiles) -> Pixels:
    if layer.type() == "grouplayer" and layer.passThroughMode():
        raise Invalid(
            f"The reference group «{layer.name()}» passes through, so it has no pixels of its own.",
            "Choose a layer in it, or switch pass-through off.",
        )
    try:
        return read_pixels(document, layer, profiles)
    except Invalid as error:
        raise Invalid(f"The reference cannot be used. {error.message}", error.hint) from None


def _layers_in(parent: Any, above: str) -> Iterator[Tuple[Any, str]]:
    for layer in reversed(parent.childNodes()):
        kind = layer.type()
        if kind in _NO_PICTURES or kind.endswith("mask"):
            continue
        path = above + layer.name()
        yield layer, path
        yield from _layers_in(layer, path + " ▸ ")
