"""The preview that is clicked on: it zooms, scrolls, shows what is found, and tells where was clicked.

Drawn as pictures, without cairo, whose Python part many GIMPs come without.
"""

from __future__ import annotations

import math
from typing import Callable, Optional, Tuple

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
import marks  # noqa: E402
from gi.repository import Gdk, GLib, Gtk  # noqa: E402
from scumble_protocol.image import Bounds, Point  # noqa: E402
from scumble_protocol.prompts import Prompts  # noqa: E402
from sight import Coverage, Sight  # noqa: E402
from viewport import View  # noqa: E402

LEAST_PX = (480, 360)
DRAG_PX = 5  # a shorter way is a click
WHEEL_PX = 60
LEFT, MIDDLE, RIGHT = 1, 2, 3
_EXCLUDING = Gdk.ModifierType.MOD1_MASK | Gdk.ModifierType.CONTROL_MASK
_EVENTS = (
    Gdk.EventMask.BUTTON_PRESS_MASK
    | Gdk.EventMask.BUTTON_RELEASE_MASK
    | Gdk.EventMask.POINTER_MOTION_MASK
    | Gdk.EventMask.SCROLL_MASK
    | Gdk.EventMask.SMOOTH_SCROLL_MASK
    | Gdk.EventMask.KEY_PRESS_MASK
    | Gdk.EventMask.KEY_RELEASE_MASK
)


class PickCanvas(Gtk.Grid):
    """Everything is in pixels of the layer. `on_point(point)`, `on_box(box)`: what the artist has just pointed with ·
    `on_view(zoom)`: it shows another part now, or another size."""

    def __init__(
        self,
        sight: Sight,
        size: Tuple[int, int],
        on_point: Callable[[Point], None],
        on_box: Callable[[Bounds], None],
        on_view: Callable[[float], None],
    ) -> None:
        super().__init__()
        self._sight = sight
        self._on_point, self._on_box, self._on_view = on_point, on_box, on_view
        self.view = View(size, LEAST_PX).fitted()
        self.prompts = Prompts()
        self._found: Optional[Coverage] = None
        self._rubber: Optional[Bounds] = None
        self._pressed: Optional[Tuple[float, float, bool]] = None  # where, and whether it excludes
        self._grabbed: Optional[Tuple[float, float]] = None  # where the pointer holds the picture that it moves
        self._is_space_held = False
        self._base = None
        self._drawing = 0
        self._picture = Gtk.Image()
        self._area = Gtk.Layout(can_focus=True, hexpand=True, vexpand=True)
        self._area.set_size_request(*LEAST_PX)
        self._area.put(self._picture, 0, 0)
        self._area.add_events(_EVENTS)
        for signal, answer in (
            ("size-allocate", self._resized),
            ("button-press-event", self._press),
            ("motion-notify-event", self._move),
            ("button-release-event", self._release),
            ("scroll-event", self._scroll),
            ("key-press-event", self._key),
            ("key-release-event", self._key_up),
        ):
            self._area.connect(signal, answer)
        self._area.connect("realize", lambda area: area.get_window().set_cursor(_cross(area)))
        self._across, self._down = Gtk.Adjustment(), Gtk.Adjustment()
        self._across.connect("value-changed", self._scrolled)
        self._down.connect("value-changed", self._scrolled)
        self.attach(self._area, 0, 0, 1, 1)
        self.attach(Gtk.Scrollbar(orientation=Gtk.Orientation.VERTICAL, adjustment=self._down), 1, 0, 1, 1)
        self.attach(Gtk.Scrollbar(orientation=Gtk.Orientation.HORIZONTAL, adjustment=self._across), 0, 1, 1, 1)

    def grab(self) -> None:
        self._area.grab_focus()

    # --- what is shown -------------------------------------------------------------------------------------------

    def show_prompts(self, prompts: Prompts) -> None:
        self.prompts = prompts
        self._draw_soon()

    def show_found(self, found: Optional[Coverage]) -> None:
        self._found = found
        self._renew()

    def show_layer(self, size: Tuple[int, int]) -> None:
        """The layer has changed, and is of that size now."""
        if size != self.view.layer:
            self._see(View(size, self.view.window).fitted())
        self._renew()

    def fit(self) -> None:
        self._see(self.view.fitted())

    def zoom_to(self, zoom: float) -> None:
        self._see(self.view.zoomed_to(zoom, *self._middle()))

    def step(self, steps: int) -> None:
        self._see(self.view.stepped(steps, *self._middle()))

    def _middle(self) -> Tuple[float, float]:
        return self.view.window[0] / 2, self.view.window[1] / 2

    def _see(self, view: View) -> None:
        if view == self.view:
            return
        self.view = view
        self._set_scrollbars()
        self._on_view(view.zoom)
        self._renew()

    def _renew(self) -> None:
        self._base = None
        self._draw_soon()

    def _draw_soon(self) -> None:
        if not self._drawing:
            self._drawing = GLib.idle_add(self._draw, priority=GLib.PRIORITY_HIGH_IDLE)

    def _draw(self) -> bool:
        self._drawing = 0
        if self._base is None:
            self._base = self._sight.picture(self.view)
            coverage = self._found.over(self.view) if self._found is not None else None
            if coverage is not None:
                marks.draw_found(self._base, coverage, self.view.shown)
        drawn = self._base.copy()
        marks.draw_prompts(drawn, self.view, self.prompts, self._rubber)
        self._picture.set_from_pixbuf(drawn)
        return False

    def _resized(self, _area: Gtk.Layout, room: Gdk.Rectangle) -> None:
        self._see(self.view.in_window(max(1, room.width), max(1, room.height)))

    def _set_scrollbars(self) -> None:
        view = self.view
        for adjustment, start, drawn, room in (
            (self._across, view.left, view.drawn[0], view.window[0]),
            (self._down, view.top, view.drawn[1], view.window[1]),
        ):
            adjustment.configure(max(0, start), 0, max(drawn, room), WHEEL_PX, room * 0.9, room)

    def _scrolled(self, _adjustment: Gtk.Adjustment) -> None:
        view = self.view
        across = self._across.get_value() - view.left if view.drawn[0] > view.window[0] else 0
        down = self._down.get_value() - view.top if view.drawn[1] > view.window[1] else 0
        self._see(view.moved(across, down))

    # --- what the artist does ------------------------------------------------------------------------------------

    def _press(self, _area: Gtk.Layout, event: Gdk.EventButton) -> bool:
        if event.type != Gdk.EventType.BUTTON_PRESS:
            return True  # of a double click, which is two clicks
        self.grab()
        if event.button == MIDDLE or (event.button == LEFT and self._is_space_held):
            self._grabbed = event.x, event.y
        elif event.button in (LEFT, RIGHT):
            excludes = event.button == RIGHT or bool(event.state & _EXCLUDING)
            self._pressed = event.x, event.y, excludes
        return True

    def _move(self, _area: Gtk.Layout, event: Gdk.EventMotion) -> bool:
        if self._grabbed is not None:
            x, y = self._grabbed
            self._grabbed = event.x, event.y
            self._see(self.view.moved(x - event.x, y - event.y))
        elif self._pressed is not None and self._is_dragged(event):
            self._rubber = self._box_to(event)
            self._draw_soon()
        return True

    def _release(self, _area: Gtk.Layout, event: Gdk.EventButton) -> bool:
        self._grabbed = None
        if self._pressed is None:
            return True
        x, y, excludes = self._pressed
        box = self._box_to(event) if self._is_dragged(event) else None
        self._pressed = self._rubber = None
        self._draw_soon()
        if box is None:
            at_x, at_y = self.view.to_layer(x, y)
            self._on_point(Point(math.floor(at_x) + 0.5, math.floor(at_y) + 0.5, not excludes))
        elif not box.is_empty:
            self._on_box(box)
        return True

    def _is_dragged(self, event: Gdk.EventButton) -> bool:
        assert self._pressed is not None
        x, y, excludes = self._pressed
        return not excludes and abs(event.x - x) + abs(event.y - y) > DRAG_PX

    def _box_to(self, event: Gdk.EventButton) -> Bounds:
        """As much of it as is on the layer."""
        assert self._pressed is not None
        first, second = self.view.to_layer(*self._pressed[:2]), self.view.to_layer(event.x, event.y)
        left, right = sorted((round(first[0]), round(second[0])))
        top, bottom = sorted((round(first[1]), round(second[1])))
        drawn = Bounds(left, top, right - left, bottom - top)
        return drawn.intersection(Bounds(0, 0, *self.view.layer))

    def _scroll(self, _area: Gtk.Layout, event: Gdk.EventScroll) -> bool:
        across, down = _wheel(event)
        if event.state & Gdk.ModifierType.CONTROL_MASK:
            steps = -1 if down > 0 else 1 if down < 0 else 0
            if steps:
                self._see(self.view.stepped(steps, event.x, event.y))
        elif event.state & Gdk.ModifierType.SHIFT_MASK:
            self._see(self.view.moved((down or across) * WHEEL_PX, 0))
        else:
            self._see(self.view.moved(across * WHEEL_PX, down * WHEEL_PX))
        return True

    def _key(self, _area: Gtk.Layout, event: Gdk.EventKey) -> bool:
        if event.keyval == Gdk.KEY_space:
            self._is_space_held = True
            return True
        steps = {Gdk.KEY_Left: (-1, 0), Gdk.KEY_Right: (1, 0), Gdk.KEY_Up: (0, -1), Gdk.KEY_Down: (0, 1)}
        if event.keyval in steps:
            across, down = steps[event.keyval]
            self._see(self.view.moved(across * WHEEL_PX, down * WHEEL_PX))
            return True
        return False

    def _key_up(self, _area: Gtk.Layout, event: Gdk.EventKey) -> bool:
        if event.keyval == Gdk.KEY_space:
            self._is_space_held = False
        return False


def _wheel(event: Gdk.EventScroll) -> Tuple[float, float]:
    """Steps to the right and down."""
    is_smooth, across, down = event.get_scroll_deltas()
    if is_smooth:
        return across, down
    ways = Gdk.ScrollDirection
    return {ways.UP: (0, -1), ways.DOWN: (0, 1), ways.LEFT: (-1, 0), ways.RIGHT: (1, 0)}.get(event.direction, (0, 0))


def _cross(widget: Gtk.Widget) -> Gdk.Cursor:
    return Gdk.Cursor.new_for_display(widget.get_display(), Gdk.CursorType.CROSSHAIR)
