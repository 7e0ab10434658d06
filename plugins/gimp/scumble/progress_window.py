"""The window of a job that gets better step by step: the picture so far, how far it is, Finish Now and Cancel.

It lives in the calls that a waiting job makes anyhow, twenty times a second: GIMP itself stays free all the time.
"""

from __future__ import annotations

import time
from typing import Any

import gi

gi.require_version("GdkPixbuf", "2.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GdkPixbuf, GimpUi, GLib, Gtk  # noqa: E402
from scumble_protocol.errors import Cancelled  # noqa: E402
from scumble_protocol.image import Bounds  # noqa: E402
from scumble_protocol.messages import Preview  # noqa: E402

LONGEST_PX = 400
LEAST_WIDTH_PX = 320
PULSE_S = 0.1
CHECK_PX, CHECKS = 8, (0x9A9A9A, 0x666666)
OPAQUE = 255
FINISHING = "Finishing…"


def can_be_shown() -> bool:
    """Whether there is a screen."""
    return bool(Gtk.init_check(None)[0])


class ProgressWindow:
    """Up until `end`. `layer`: what is worked on, whose shape the picture will have unless a part is selected."""

    previews = LONGEST_PX

    def __init__(self, title: str, layer: Bounds) -> None:
        GimpUi.init("scumble")
        self._is_cancelled = self._is_enough = False
        self._pulsed_at = 0.0
        self._dialog = GimpUi.Dialog(title=f"{title}: Progress", role="scumble-progress", resizable=False)
        self._dialog.add_button("_Cancel", Gtk.ResponseType.CANCEL)
        self._dialog.add_button("_Finish Now", Gtk.ResponseType.APPLY)
        self._dialog.get_widget_for_response(Gtk.ResponseType.APPLY).set_tooltip_text(
            "Stop here, and insert what there is so far"
        )
        self._dialog.set_response_sensitive(Gtk.ResponseType.APPLY, False)  # until there is something to keep
        self._dialog.connect("response", self._answer)
        scale = min(1.0, LONGEST_PX / max(layer.width, layer.height))
        self._picture = Gtk.Image()
        self._picture.set_size_request(round(layer.width * scale), round(layer.height * scale))
        self._bar = Gtk.ProgressBar()
        self._bar.set_size_request(LEAST_WIDTH_PX, -1)
        self._stage = Gtk.Label(xalign=0)
        content = self._dialog.get_content_area()
        content.set_border_width(12)
        content.set_spacing(8)
        for part in (self._picture, self._stage, self._bar):
            content.pack_start(part, False, False, 0)
        GimpUi.window_set_transient(self._dialog)
        self._dialog.show_all()
        self._dialog.set_focus(None)  # Return, pressed once too often in the form, must not cancel
        self._live()

    def wait(self, stage: str) -> None:
        """The daemon is not there yet. Raises: Cancelled."""
        self.show(-1, stage)
        if self._is_cancelled:
            raise Cancelled("The job was cancelled.")

    def tick(self) -> bool:
        """Whether the artist wants it cancelled."""
        self._live()
        return self._is_cancelled

    def is_enough(self) -> bool:
        """Whether the artist wants what there is so far."""
        return self._is_enough

    def show(self, fraction: float, stage: str) -> None:
        self._stage.set_text(FINISHING if self._is_enough else stage)
        if fraction >= 0:
            self._bar.set_fraction(fraction)
        elif time.monotonic() - self._pulsed_at > PULSE_S:
            self._pulsed_at = time.monotonic()
            self._bar.pulse()
        self._live()

    def show_preview(self, preview: Preview, pixels: Any) -> None:
        """`pixels`: of the preview's picture, RGBA in sRGB."""
        assert preview.picture is not None
        width, height = preview.picture.bounds.width, preview.picture.bounds.height
        data = GLib.Bytes.new(bytes(pixels))
        picture = GdkPixbuf.Pixbuf.new_from_bytes(data, GdkPixbuf.Colorspace.RGB, True, 8, width, height, 4 * width)
        nearest = GdkPixbuf.InterpType.NEAREST
        self._picture.set_from_pixbuf(
            picture.composite_color_simple(width, height, nearest, OPAQUE, CHECK_PX, *CHECKS)  # on a chequerboard
        )
        self._picture.set_size_request(width, height)
        self._dialog.set_response_sensitive(Gtk.ResponseType.APPLY, not self._is_enough)
        self._live()

    def end(self) -> None:
        self._dialog.destroy()
        self._live()

    def _answer(self, _dialog: Gtk.Dialog, response: int) -> None:
        """Finish Now, Cancel, or Escape and a closed window, which mean the same."""
        if response == Gtk.ResponseType.APPLY:
            self._is_enough = True
            self._stage.set_text(FINISHING)
            self._dialog.set_response_sensitive(Gtk.ResponseType.APPLY, False)
        else:
            self._is_cancelled = True

    def _live(self) -> None:
        while Gtk.events_pending():
            Gtk.main_iteration_do(False)
