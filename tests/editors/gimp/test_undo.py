"""One Ctrl+Z takes back each shipped operation, on a real photo, whatever the document's depth and profile."""

from __future__ import annotations

import pytest

from .. import chroot
from .session import Gimp
from .test_operations import CANVAS, every_document, make
from .window import Window


@pytest.mark.parametrize(
    "operation", ["apply-lut", "remove-shadow", "remove-background", "select-object", "replace-sky"]
)
@every_document
def test_one_undo_takes_back_an_operation(
    gimp_window: Gimp, desktop: chroot.Desktop, operation: str, precision: str, profile: str
) -> None:
    """Layers, pixels, what shows and the soft selection: all as before, to the bit."""
    document = make(gimp_window, precision, profile)
    gimp_window.call("select", image=document["image"], x=62, y=8, width=130, height=200, feather=12)
    with Window(gimp_window, desktop, document, CANVAS) as window:
        before = window.state()

        done = gimp_window.run(operation, document)

        assert done["status"] == "success", done["error"]
        assert window.state() != before
        if chroot.KEPT_PICTURES:
            desktop.key(window.id, "ctrl+shift+j")  # fit the image in the window
            desktop.picture(f"operations/gimp {operation}, {precision} {profile}")
        window.undo()
        window.wait_for_state(before, "the undo")
