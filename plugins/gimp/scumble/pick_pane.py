"""The part of a dialog in which the artist points: the preview, its zoom, the marks' history, and what is found."""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Optional, Tuple

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
import layers  # noqa: E402
import pixels  # noqa: E402
import pointing  # noqa: E402
from gi.repository import Gdk, Gimp, GLib, Gtk, Pango  # noqa: E402
from pick_canvas import PickCanvas  # noqa: E402
from pick_looks import Looks, Question  # noqa: E402
from scumble_protocol.errors import Invalid, ScumbleError  # noqa: E402
from scumble_protocol.image import Bounds, Point, Raster  # noqa: E402
from scumble_protocol.prompts import Prompts  # noqa: E402
from sight import Coverage, Sight  # noqa: E402

WATCH_MS = 400  # how often is looked whether the layer was moved or removed
SETTLE_MS = 150  # after a slider moved
MOST_POINTS = 2000
HOW = (
    "Click what is meant; with Ctrl held, or the right button, what is not. Drag a box around it. "
    "Backspace takes the last mark back, Enter applies, Esc leaves everything as it was."
)
LOOKING = "Looking…"
GONE = Invalid("The layer was removed while you pointed at it.", "Run it again on another layer.")

Ask = Callable[[Prompts], Optional[Question]]
"""What is to be asked of the daemon for these marks; None: nothing."""


class PickPane(Gtk.Box):
    """`prompts`: what it begins with, in pixels of the image · `on_gone()`: the layer, or its image, is not there any
    more. To be closed."""

    def __init__(
        self, image: Gimp.Image, layer: Gimp.Layer, prompts: Prompts, ask: Ask, on_gone: Callable[[], None]
    ) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._image, self._layer = image, layer
        self._ask, self._on_gone = ask, on_gone
        self._bounds = pixels.bounds_of(layer)
        self.prompts = prompts.moved(-self._bounds.x, -self._bounds.y)
        self._before: List[Prompts] = []
        self._after: List[Prompts] = []
        self.found: Optional[Raster] = None
        self._sight = Sight(layer)
        self._looks = Looks(image, layer, self._answered, self._tell_waiting)
        self._canvas = PickCanvas(
            self._sight, (self._bounds.width, self._bounds.height), self._click, self._box, self._show_zoom
        )
        self._settling = 0
        self._found_by = Prompts()
        self.has_trouble = False
        self._timer = GLib.timeout_add(WATCH_MS, self._watch)
        self._said = Gtk.Label(xalign=0, wrap=True, max_width_chars=70, ellipsize=Pango.EllipsizeMode.NONE)
        self._said.set_size_request(-1, 36)  # two lines: what is said moves nothing
        self.pack_start(self._make_bar(), False, False, 0)
        self.pack_start(self._canvas, True, True, 0)
        self.pack_start(self._said, False, False, 0)
        self._point(self.prompts, keeps_history=False)

    def close(self) -> None:
        for source in (self._timer, self._settling):
            if source:
                GLib.source_remove(source)
        self._timer = self._settling = 0
        self._looks.close()
        self._sight.close()

    def _make_bar(self) -> Gtk.Widget:
        bar = Gtk.Box(orientation=Gtk.Orientation.HORIZONTAL, spacing=4)
        self._zoom = Gtk.Label(width_chars=6, xalign=1)
        for words, hint, answer in (
            ("−", "Smaller (−, or Ctrl and the wheel)", lambda _: self._canvas.step(-1)),
            ("+", "Larger (+, or Ctrl and the wheel)", lambda _: self._canvas.step(1)),
            ("Fit", "All of the layer (0)", lambda _: self._canvas.fit()),
            ("100 %", "A pixel of the layer for each of the screen (1)", lambda _: self._canvas.zoom_to(1)),
        ):
            button = Gtk.Button(label=words, tooltip_text=hint, focus_on_click=False)
            button.connect("clicked", answer)
            bar.pack_start(button, False, False, 0)
        bar.pack_start(self._zoom, False, False, 4)
        self._busy = Gtk.Spinner()
        bar.pack_start(self._busy, False, False, 4)
        others = list(self._others())
        if others:
            bar.pack_end(_menu_button("Marks from", others), False, False, 0)
        back = Gtk.Button(label="Take Back", tooltip_text="The last mark goes (Backspace)", focus_on_click=False)
        back.connect("clicked", lambda _: self.take_back())
        bar.pack_end(back, False, False, 0)
        self._show_zoom(self._canvas.view.zoom)
        return bar

    # --- what the dialog does with it ----------------------------------------------------------------------------

    @property
    def in_image(self) -> Prompts:
        """The marks as they lie in the image now."""
        now = pixels.bounds_of(self._layer)
        return self.prompts.moved(now.x, now.y)

    @property
    def found_in_image(self) -> Optional[Raster]:
        """What is found, where the layer lies now."""
        now = pixels.bounds_of(self._layer)
        return self.found and self.found.relative_to(Bounds(-now.x, -now.y, 0, 0))

    @property
    def is_looking(self) -> bool:
        return bool(self._settling) or self._looks.is_busy

    def grab(self) -> None:
        self._canvas.grab()

    def ask_again(self, *_: Any) -> None:
        """Something else than a mark has changed."""
        self._say(HOW)
        if self._settling:
            GLib.source_remove(self._settling)
        self._settling = GLib.timeout_add(SETTLE_MS, self._settled)

    def renew(self, *_: Any) -> None:
        """The artist comes back to the window, perhaps from painting on the layer."""
        if self._has_layer():
            self._show_layer()
            self.ask_again()

    def tell(self, error: ScumbleError) -> None:
        self._say(str(error), is_trouble=True)

    def take_key(self, event: Gdk.EventKey) -> bool:
        """Keys that count wherever the focus is, unless something is typed."""
        has_control = bool(event.state & Gdk.ModifierType.CONTROL_MASK)
        answers = {
            Gdk.KEY_plus: lambda: self._canvas.step(1),
            Gdk.KEY_equal: lambda: self._canvas.step(1),
            Gdk.KEY_KP_Add: lambda: self._canvas.step(1),
            Gdk.KEY_minus: lambda: self._canvas.step(-1),
            Gdk.KEY_KP_Subtract: lambda: self._canvas.step(-1),
            Gdk.KEY_0: self._canvas.fit,
            Gdk.KEY_1: lambda: self._canvas.zoom_to(1),
            Gdk.KEY_BackSpace: self.take_back,
        }
        if has_control:
            answers.update({Gdk.KEY_z: self.take_back, Gdk.KEY_y: self._bring_back})
        answer = answers.get(event.keyval)
        if answer is None:
            return False
        answer()
        return True

    # --- marks ---------------------------------------------------------------------------------------------------

    def take_back(self) -> None:
        if self._before:
            self._after.append(self.prompts)
            self._point(self._before.pop(), keeps_history=False)

    def _bring_back(self) -> None:
        if self._after:
            self._before.append(self.prompts)
            self._point(self._after.pop(), keeps_history=False)

    def _click(self, point: Point) -> None:
        if not self._holds(point):
            self._say("That is outside the layer: click on the object itself.", is_trouble=True)
        else:
            self._add([point])

    def _holds(self, point: Point) -> bool:
        return 0 <= point.x < self._bounds.width and 0 <= point.y < self._bounds.height

    def _box(self, box: Bounds) -> None:
        self._point(Prompts(self.prompts.points, box))

    def _add(self, points: List[Point]) -> None:
        prompts = self.prompts
        for point in points:
            prompts = prompts.with_point(point)
        if len(prompts.points) > MOST_POINTS:
            self._say(f"More than {MOST_POINTS} clicks are not taken.", is_trouble=True)
        elif prompts != self.prompts:
            self._point(prompts)

    def _point(self, prompts: Prompts, keeps_history: bool = True) -> None:
        if keeps_history:
            self._before.append(self.prompts)
            self._after.clear()
        self.prompts = prompts
        self._canvas.show_prompts(prompts)
        self._say(HOW)
        self._look()

    def _others(self) -> Iterator[Tuple[str, Callable[[], None]]]:
        """What else in the image can be pointed with."""
        for path in self._image.get_paths():
            for words, include in (("this", True), ("not this", False)):
                yield (
                    f"Path «{path.get_name()}»: {words}",
                    lambda p=path, i=include: self._take(lambda: pointing.anchors(p, i)),
                )
        for layer in self._image.get_layers():
            if not layer.is_group() and layer.has_alpha() and layer.get_id() != self._layer.get_id():
                yield (
                    f"Scribbles on «{layer.get_name()}»",
                    lambda s=layer: self._take(lambda: pointing.scribbled(s, self._layer)),
                )

    def _take(self, read: Callable[[], Tuple[Point, ...]]) -> None:
        if not self._has_layer():
            return
        try:
            points = Prompts(read()).moved(-self._bounds.x, -self._bounds.y).points
        except Invalid as error:
            self.tell(error)
            return
        self._add(
            [point for point in points if 0 <= point.x < self._bounds.width and 0 <= point.y < self._bounds.height]
        )

    # --- what they find ------------------------------------------------------------------------------------------

    def _settled(self) -> bool:
        self._settling = 0
        self._look()
        return False

    def _look(self) -> None:
        question = self._ask(self.prompts)
        if question is None:
            self._looks.stop()
            self._show_busy(False)
            self._show(None)
        else:
            self._show_busy(True)
            self._looks.ask(question)

    def _answered(self, found: Optional[Raster], error: Optional[ScumbleError]) -> None:
        self._show_busy(False)
        if error is None:
            self._show(found)
            return
        self.tell(error)
        if isinstance(error, Invalid) and self._before:  # the mark that was too much goes; what was found stays
            self.prompts = self._before.pop()
            self._canvas.show_prompts(self.prompts)
            if self._found_by != self.prompts:
                self._look()

    def _show(self, found: Optional[Raster]) -> None:
        self.found, self._found_by = found, self.prompts
        self._canvas.show_found(None if found is None or found.bounds.is_empty else Coverage(found))

    # --- the layer, which may change meanwhile -------------------------------------------------------------------

    def _has_layer(self) -> bool:
        try:
            layers.insist_on(self._image, self._layer)
        except Invalid:
            return False
        return True

    def _watch(self) -> bool:
        """Whether to go on being called."""
        if not self._has_layer():
            self._timer = 0
            self._looks.stop()
            self._on_gone()
            return False
        now = pixels.bounds_of(self._layer)
        if now != self._bounds:
            is_resized = (now.width, now.height) != (self._bounds.width, self._bounds.height)
            self._bounds = now
            self._show_layer()
            if is_resized:
                self._before.clear()
                self._after.clear()
                self._point(Prompts(), keeps_history=False)
                self._say("The layer has another size now: the marks on it are gone.", is_trouble=True)
        return True

    def _show_layer(self) -> None:
        self._sight.renew()
        self._canvas.show_layer((self._layer.get_width(), self._layer.get_height()))

    # --- what is said --------------------------------------------------------------------------------------------

    def _show_zoom(self, zoom: float) -> None:
        self._zoom.set_text(f"{zoom * 100:.0f} %" if zoom >= 0.1 else f"{zoom * 100:.1f} %")

    def _show_busy(self, is_busy: bool) -> None:
        (self._busy.start if is_busy else self._busy.stop)()

    def _tell_waiting(self, words: str) -> None:
        self._say(words or HOW)

    def _say(self, words: str, is_trouble: bool = False) -> None:
        self.has_trouble = is_trouble
        escaped = GLib.markup_escape_text(words)
        self._said.set_markup(f"<b>{escaped}</b>" if is_trouble else escaped)


def _menu_button(label: str, entries: List[Tuple[str, Callable[[], None]]]) -> Gtk.Widget:
    menu = Gtk.Menu()
    for words, answer in entries:
        item = Gtk.MenuItem(label=words)
        item.connect("activate", lambda _, answer=answer: answer())
        menu.append(item)
    menu.show_all()
    return Gtk.MenuButton(label=label, popup=menu, focus_on_click=False)
