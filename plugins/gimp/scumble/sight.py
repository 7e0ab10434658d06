"""A layer as a preview draws it: the part that is shown, read from GIMP at the zoom at which it is shown."""

from __future__ import annotations

import contextlib
import math
from typing import Optional

import gi

gi.require_version("GdkPixbuf", "2.0")
import pixels  # noqa: E402
from gi.repository import GdkPixbuf, Gegl, Gimp, GLib  # noqa: E402
from scumble_protocol.image import Bounds, Raster  # noqa: E402
from viewport import View  # noqa: E402

CHECK_PX, CHECKS = 8, (0x9A9A9A, 0x666666)
AROUND = 0x3C3C3CFF  # what is beside the layer
OPAQUE = 255
BILINEAR, NEAREST = GdkPixbuf.InterpType.BILINEAR, GdkPixbuf.InterpType.NEAREST


class Sight:
    """The layer as it was when this was made, or when `renew` was last called; to be closed."""

    def __init__(self, layer: Gimp.Layer) -> None:
        self._layer = layer
        self._kept = contextlib.ExitStack()
        self.renew()

    def renew(self) -> None:
        self.close()
        seen = self._kept.enter_context(pixels.as_seen(self._layer))
        self._buffer = seen.get_buffer()  # GEGL keeps in it what was read once, at every size

    def close(self) -> None:
        self._kept.close()

    def picture(self, view: View) -> GdkPixbuf.Pixbuf:
        """What the window shows, the layer over a chequerboard, in sRGB."""
        canvas = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, *view.window)
        canvas.fill(AROUND)
        shown = view.shown
        if shown.is_empty:
            return canvas
        part = _Part(view)
        source = _pixbuf(part.read(self._buffer, "R'G'B'A u8"), part.area, has_alpha=True)
        left, top = part.offset(Bounds(0, 0, *view.window))
        place = (shown.x, shown.y, shown.width, shown.height)
        corner = (shown.x + max(view.left, 0), shown.y + max(view.top, 0))  # the squares move with the layer
        source.composite_color(
            canvas, *place, left, top, part.ratio, part.ratio, part.interpolation, OPAQUE, *corner, CHECK_PX, *CHECKS
        )
        return canvas


class Coverage:
    """A mask over the layer, to be drawn in the same way. `raster`: measured from the layer's corner."""

    def __init__(self, raster: Raster) -> None:
        area = raster.bounds
        self.bounds = area
        self._buffer = Gegl.Buffer.new("Y u8", area.x, area.y, max(1, area.width), max(1, area.height))
        if not area.is_empty:
            pixels.fill_coverage(self._buffer, raster)

    def over(self, view: View) -> Optional[bytes]:
        """One byte for each pixel of `view.shown`; None where that is empty."""
        shown = view.shown
        if shown.is_empty:
            return None
        part = _Part(view)
        source = _pixbuf(part.read(self._buffer, "RGB u8"), part.area, has_alpha=False)
        drawn = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, shown.width, shown.height)
        left, top = part.offset(shown)
        source.scale(drawn, 0, 0, shown.width, shown.height, left, top, part.ratio, part.ratio, part.interpolation)
        data, stride = drawn.read_pixel_bytes().get_data(), drawn.get_rowstride()
        if stride == 3 * shown.width:
            return data[: stride * shown.height : 3]
        rows = (data[row * stride : row * stride + 3 * shown.width : 3] for row in range(shown.height))
        return b"".join(rows)


class _Part:
    """The part of the layer that a view shows, as it is read: whole pixels when enlarged; when reduced, those of the
    next larger one of GEGL's halved pictures.

    `area`: in pixels of that picture · `ratio`: screen pixels for one of those.
    """

    def __init__(self, view: View) -> None:
        halvings = max(0, math.floor(-math.log2(view.zoom) + 1e-9))
        self._scale = 0.5**halvings
        self.ratio = view.zoom / self._scale
        self.interpolation = NEAREST if view.zoom >= 1 else BILINEAR
        self._view = view
        shown = view.shown
        left, top = (shown.x + view.left) / self.ratio, (shown.y + view.top) / self.ratio
        right, bottom = left + shown.width / self.ratio, top + shown.height / self.ratio
        x, y = math.floor(left), math.floor(top)
        most_x, most_y = (math.ceil(size * self._scale) for size in view.layer)
        self.area = Bounds(x, y, max(1, min(math.ceil(right), most_x) - x), max(1, min(math.ceil(bottom), most_y) - y))

    def read(self, buffer: Gegl.Buffer, name: str) -> bytes:
        area = self.area
        rectangle = Gegl.Rectangle.new(area.x, area.y, area.width, area.height)
        return bytes(buffer.get(rectangle, self._scale, name, Gegl.AbyssPolicy.NONE))

    def offset(self, place: Bounds) -> tuple:
        """Where the area's corner comes to lie, seen from the corner of a place in the window."""
        x, y = self.area.x * self.ratio - self._view.left, self.area.y * self.ratio - self._view.top
        return x - place.x, y - place.y


def _pixbuf(data: bytes, area: Bounds, has_alpha: bool) -> GdkPixbuf.Pixbuf:
    stride = area.width * (4 if has_alpha else 3)
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(data), GdkPixbuf.Colorspace.RGB, has_alpha, 8, area.width, area.height, stride
    )
