"""What is drawn over the preview while the artist points: what is found, the clicks, and the box."""

from __future__ import annotations

import functools
import math
from typing import Optional

import gi

gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, GLib  # noqa: E402
from scumble_protocol.image import Bounds, Point  # noqa: E402
from scumble_protocol.prompts import Prompts  # noqa: E402
from viewport import View  # noqa: E402

FOUND = (0x2F, 0x8B, 0xFF)
INCLUDED, EXCLUDED = (0x1F, 0xBF, 0x4A), (0xE5, 0x36, 0x2F)
WHITE = (0xFF, 0xFF, 0xFF)
FOUND_SHARE = 0.4  # of the colour, over the picture
RADIUS_PX = 6.5
FINER = 4  # a mark is drawn so many times as fine, then averaged
DASH_PX = 6
OPAQUE = 255
_TINT = bytes(round(value * FOUND_SHARE) for value in range(256))
_INSIDE = bytes(0xFF if value > 127 else 0 for value in range(256))


def draw_found(onto: GdkPixbuf.Pixbuf, coverage: bytes, place: Bounds) -> None:
    """Tint what is covered, as far as it is, and draw a bright line where that is half. One byte a pixel of `place`."""
    rim = _rim(coverage, place.width, place.height)
    tinted = bytearray(4 * len(coverage))
    for channel, value in enumerate(FOUND):
        tinted[channel::4] = _either(bytes([value]) * len(coverage), rim)
    tinted[3::4] = _either(coverage.translate(_TINT), rim)
    over = _rgba(bytes(tinted), place.width, place.height)
    _lay(over, onto, place.x, place.y)


def draw_prompts(onto: GdkPixbuf.Pixbuf, view: View, prompts: Prompts, rubber: Optional[Bounds]) -> None:
    """`rubber`: a box that is being drawn."""
    for box, dash_px in ((prompts.box, 0), (rubber, DASH_PX)):
        if box is not None:
            _draw_box(onto, view, box, dash_px)
    for point in prompts.points:
        _draw_click(onto, view, point)


def _draw_click(onto: GdkPixbuf.Pixbuf, view: View, point: Point) -> None:
    x, y = view.to_window(point.x, point.y)
    mark = _click_mark(point.include)
    half = mark.get_width() // 2
    _lay(mark, onto, math.floor(x) - half, math.floor(y) - half)


def _draw_box(onto: GdkPixbuf.Pixbuf, view: View, box: Bounds, dash_px: int) -> None:
    left, top = (math.floor(value) for value in view.to_window(box.x, box.y))
    right, bottom = (math.floor(value) for value in view.to_window(box.right, box.bottom))
    for grown, colour in ((1, WHITE), (0, FOUND)):
        across, down = right - left + 2 * grown, bottom - top + 2 * grown
        thick = 1 + 2 * grown
        for side in (
            Bounds(left - grown, top - grown, across, thick),
            Bounds(left - grown, bottom - grown, across + 1, thick),
            Bounds(left - grown, top - grown, thick, down),
            Bounds(right - grown, top - grown, thick, down),
        ):
            _draw_line(onto, side, colour, dash_px)


def _draw_line(onto: GdkPixbuf.Pixbuf, line: Bounds, colour: tuple, dash_px: int) -> None:
    window = Bounds(0, 0, onto.get_width(), onto.get_height())
    pieces = [line]
    if dash_px:
        pieces = [
            Bounds(x, y, min(dash_px, line.right - x), min(dash_px, line.bottom - y))
            for x in range(line.x, line.right, 2 * dash_px)
            for y in range(line.y, line.bottom, 2 * dash_px)
        ]
    for piece in pieces:
        seen = piece.intersection(window)
        if not seen.is_empty:
            part = onto.new_subpixbuf(seen.x, seen.y, seen.width, seen.height)
            part.fill(int.from_bytes(bytes([*colour, OPAQUE]), "big"))


@functools.lru_cache(maxsize=None)
def _click_mark(is_included: bool) -> GdkPixbuf.Pixbuf:
    """A disc with a white rim and a plus or a minus."""
    half = math.ceil(RADIUS_PX) + 1
    side = 2 * half + 1
    fill = INCLUDED if is_included else EXCLUDED
    data = bytearray()
    for row in range(side):
        for column in range(side):
            seen = [_colour_at(x, y, is_included, fill) for x in _within(column - half) for y in _within(row - half)]
            drawn = [colour for colour in seen if colour is not None]
            mixed = [sum(each[channel] for each in drawn) // max(1, len(drawn)) for channel in range(3)]
            data += bytes([*mixed, round(OPAQUE * len(drawn) / len(seen))])
    return _rgba(bytes(data), side, side)


def _within(pixel: int) -> list:
    return [pixel + (each + 0.5) / FINER - 0.5 for each in range(FINER)]


def _colour_at(x: float, y: float, is_included: bool, fill: tuple) -> Optional[tuple]:
    away = math.hypot(x, y)
    if away > RADIUS_PX:
        return None
    long, thick = 0.55 * RADIUS_PX, 0.9
    is_sign = (abs(x) < long and abs(y) < thick) or (is_included and abs(y) < long and abs(x) < thick)
    return WHITE if is_sign or away > RADIUS_PX - 1.4 else fill


def _lay(picture: GdkPixbuf.Pixbuf, onto: GdkPixbuf.Pixbuf, x: int, y: int) -> None:
    """As much of it as there is room for."""
    place = Bounds(x, y, picture.get_width(), picture.get_height())
    seen = place.intersection(Bounds(0, 0, onto.get_width(), onto.get_height()))
    if not seen.is_empty:
        nearest = GdkPixbuf.InterpType.NEAREST
        picture.composite(onto, seen.x, seen.y, seen.width, seen.height, x, y, 1, 1, nearest, OPAQUE)


def _rim(coverage: bytes, width: int, height: int) -> bytes:
    """255 where a pixel and the one before it, in its row or its column, lie on different sides of a half.

    As whole numbers, of which Python compares millions of bytes at once; numpy is in no GIMP's Python.
    """
    inside = int.from_bytes(coverage.translate(_INSIDE), "big")
    first_column = int.from_bytes((b"\0" + b"\xff" * (width - 1)) * height, "big")
    first_row = int.from_bytes(b"\0" * width + b"\xff" * (width * (height - 1)), "big")
    rim = ((inside ^ (inside >> 8)) & first_column) | ((inside ^ (inside >> (8 * width))) & first_row)
    return rim.to_bytes(width * height, "big")


def _either(first: bytes, second: bytes) -> bytes:
    return (int.from_bytes(first, "big") | int.from_bytes(second, "big")).to_bytes(len(first), "big")


def _rgba(data: bytes, width: int, height: int) -> GdkPixbuf.Pixbuf:
    return GdkPixbuf.Pixbuf.new_from_bytes(
        GLib.Bytes.new(data), GdkPixbuf.Colorspace.RGB, True, 8, width, height, 4 * width
    )
