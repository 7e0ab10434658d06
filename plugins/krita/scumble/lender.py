"""Prepare new nodes without leaving undo steps in the artist's document."""

from __future__ import annotations

from typing import Any

from krita import Selection

from .source import ColourSpace


class Lender:
    """A document of one pixel that nobody sees, into whose undo history the preparation goes.

    Krita makes an undo step when a blending mode or a colour space is set, even on a node that lies nowhere yet: in
    the document through which the node was reached. The document is kept, as Krita 5.2 may crash when one is closed
    just after it was made; Krita's own limit bounds its history.
    """

    def __init__(self, application: Any) -> None:
        self._application = application
        self._document: Any = None
        self._blank: Any = None

    def prepare(self, node: Any, mode: str, colours: ColourSpace) -> Any:
        """An empty node like `node`, which lies nowhere, with that blending mode and those colours."""
        has_colours = ColourSpace(node.colorModel(), node.colorDepth(), node.colorProfile()) == colours
        if has_colours and node.blendingMode() == mode:
            return node
        document = self._open()
        holder = document.createGroupLayer("scumble")
        holder.setChildNodes([node])
        lent = holder.childNodes()[0]  # the same node, reached through our document
        if not has_colours:
            lent.setColorSpace(colours.model, colours.depth, colours.profile)
        lent.setBlendingMode(mode)
        document.waitForDone()
        holder.setChildNodes([])
        document.setModified(False)  # or Krita would save it for safety
        return node.duplicate()  # our history holds on to the one it has changed

    def blank_selection(self) -> Any:
        """An empty selection whose outline Krita will look for in its pixels.

        A new Selection claims to know its outline, which stays the empty one after setPixelData: the ants would not be
        drawn. A filter run on a selection, here on one pixel of a mask of ours, is what makes Krita forget the outline.
        """
        if self._blank is None:
            document = self._open()
            mask = document.createSelectionMask("scumble")
            pixel = Selection()
            pixel.select(0, 0, 1, 1, 255)
            mask.setSelection(pixel)
            self._application.filter("invert").startFilter(mask, 0, 0, 1, 1)
            document.waitForDone()
            document.setModified(False)
            self._blank = mask.selection().duplicate()
        return self._blank.duplicate()

    def _open(self) -> Any:
        if self._document is None or self._document not in self._application.documents():
            self._document = self._application.createDocument(1, 1, "scumble", "RGBA", "U8", "", 72.0)
        return self._document
