"""Pointing on the canvas: clicks and boxes become an operation's prompts, and what it finds is shown at once."""

from __future__ import annotations

import logging
from typing import Any, Optional, Tuple

from scumble_protocol.catalogue import Operation
from scumble_protocol.errors import Invalid, ScumbleError
from scumble_protocol.image import Bounds, Point
from scumble_protocol.prompts import Prompts

from .canvas import Canvas, find_canvas
from .jobs import Jobs
from .looks import Found
from .marks import Marks
from .qt import QObject, Qt, QtCore, QTimer, QtWidgets, Signal
from .request import make_request

FOLLOW_MS = 30  # how often is looked whether the canvas was moved
SETTLE_MS = 150  # after a slider moved
DRAG_PX = 5  # a shorter way is a click

_log = logging.getLogger("scumble")
_Type = QtCore.QEvent.Type
_PRESSES = (_Type.MouseButtonPress, _Type.MouseButtonDblClick, _Type.TabletPress)
_MOVES = (_Type.MouseMove, _Type.TabletMove)
_RELEASES = (_Type.MouseButtonRelease, _Type.TabletRelease)
_KEYS = (_Type.KeyPress, _Type.KeyRelease, _Type.ShortcutOverride)
_EXCLUDING = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier


class Picking(QObject):
    """One stay in the mode. The form's own text is what is pointed with; nothing in the document changes.

    `ended`: it is over; True where the artist pressed Enter. `found` is then what was shown.
    """

    ended = Signal(bool)
    troubled = Signal(object)  # ScumbleError
    found_something = Signal()

    def __init__(self, application: Any, jobs: Jobs, operation: Operation, form: Any) -> None:
        """Raises: Invalid where no document is in front."""
        super().__init__()
        canvas = find_canvas(application)
        if canvas is None:
            raise Invalid("No document is open.", "Open a picture, then pick on its canvas.")
        self._application = application
        self._jobs = jobs
        self._form = form
        self._operation = operation
        self._canvas: Canvas = canvas
        self._before = Prompts.read(form.values())
        self._prompts = self._before
        self._pressed: Optional[Tuple[Any, bool]] = None  # where, and whether it excludes
        self._is_space_held = False
        self._looking: Optional[int] = None
        self._applies = False  # Enter came before the answer
        self.found: Optional[Found] = None
        self._looks = operation.gives == "selection"
        self._handlers = {
            **dict.fromkeys(_PRESSES, self._press),
            **dict.fromkeys(_MOVES, self._move),
            **dict.fromkeys(_RELEASES, self._release),
        }
        self._marks = Marks(canvas.widget, canvas.transform)
        self._marks.show_prompts(self._prompts)
        self._cursor = canvas.widget.cursor()
        canvas.widget.setCursor(Qt.CursorShape.CrossCursor)
        # Krita's own filter on the canvas is put there again whenever the pointer comes: only the application's is
        # always before it.
        QtWidgets.QApplication.instance().installEventFilter(self)
        canvas.widget.setFocus()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._follow)
        self._timer.start(FOLLOW_MS)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.timeout.connect(self._take_form)
        form.changed.connect(self._form_changed)
        if not self._prompts.is_empty:
            self._look()

    def apply(self) -> None:
        """Enter: what is shown is meant, or what the last click is going to find."""
        if self._looks and self._looking is not None:
            self._applies = True
        elif not self._looks or self.found is not None:
            self._end(True)

    def leave(self) -> None:
        """Esc: as if nothing had been."""
        self._form.set_values(self._before.written())
        self._end(False)

    def _end(self, is_applied: bool) -> None:
        if not self._timer.isActive():
            return
        self._timer.stop()
        self._settle.stop()
        QtWidgets.QApplication.instance().removeEventFilter(self)
        self._stop_looking()
        self._form.changed.disconnect(self._form_changed)
        try:
            self._canvas.widget.setCursor(self._cursor)
            self._marks.setParent(None)
            self._marks.deleteLater()
        except RuntimeError:
            pass  # the canvas is gone, and what lay on it
        self.ended.emit(is_applied)

    def _follow(self) -> None:
        if not self._canvas.is_shown_by(self._application):
            self.leave()
            return
        self._marks.follow()

    # --- what is pointed with ------------------------------------------------------------------------------------

    def _point(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._form.set_values(prompts.written())
        self._settle.stop()
        self._marks.show_prompts(prompts)
        self._look()

    def _form_changed(self) -> None:
        self._settle.start(SETTLE_MS)

    def _take_form(self) -> None:
        """Something was typed, or a slider moved."""
        self._prompts = Prompts.read(self._form.values())
        self._marks.show_prompts(self._prompts)
        self._look()

    def _look(self) -> None:
        """Ask what that finds; only the last question is of interest."""
        self._stop_looking()
        if not self._looks:
            return
        if self._prompts.is_empty:
            self._show(None)
            return
        try:
            self._looking = self._jobs.looks.start(make_request(self._operation, self._form.values()), self._answered)
        except ScumbleError as error:  # the layer cannot be read: the clicks are not to blame
            self._applies = False
            self.troubled.emit(error)

    def _stop_looking(self) -> None:
        if self._looking is not None:
            self._jobs.looks.stop(self._looking)
            self._looking = None

    def _answered(self, found: Optional[Found], error: Optional[ScumbleError]) -> None:
        self._looking = None
        if error is not None:
            self._refused(error)
            return
        self._show(found)
        if self._applies:
            self.apply()

    def _show(self, found: Optional[Found]) -> None:
        self.found = found
        self._marks.show_found(found and found.selection)
        if found is not None:
            self.found_something.emit()

    def _refused(self, error: ScumbleError) -> None:
        """The click that was too much goes; what was found before it stays."""
        self._applies = False
        if isinstance(error, Invalid):
            self._prompts = self._prompts.without_last()
            self._form.set_values(self._prompts.written())
            self._settle.stop()
            self._marks.show_prompts(self._prompts)
        self.troubled.emit(error)

    # --- the canvas' events --------------------------------------------------------------------------------------

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 - Qt's name
        try:
            return watched is self._canvas.widget and self._takes(event)
        except Exception:  # an exception that leaves here would end Krita
            _log.exception("scumble: picking failed")
            return False

    def _takes(self, event: Any) -> bool:
        """Whether the event is for us; moving, turning and zooming the canvas stays Krita's."""
        kind = event.type()
        if kind in _KEYS:
            return self._takes_key(event, kind)
        if kind == _Type.Resize:
            self._marks.cover()
        handle = None if self._is_space_held else self._handlers.get(kind)
        return handle is not None and handle(event)

    def _takes_key(self, event: Any, kind: Any) -> bool:
        key = event.key()
        if key == Qt.Key.Key_Space and not event.isAutoRepeat() and kind != _Type.ShortcutOverride:
            self._is_space_held = kind == _Type.KeyPress
        is_undo = key == Qt.Key.Key_Z and event.modifiers() == Qt.KeyboardModifier.ControlModifier
        ours = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Backspace)
        if key not in ours and not is_undo:
            return False
        if kind == _Type.ShortcutOverride:
            event.accept()  # it comes as a key, and not to the menu
        elif kind == _Type.KeyPress and not event.isAutoRepeat():
            if key == Qt.Key.Key_Escape:
                QTimer.singleShot(0, self.leave)  # not while the event is under way
            elif is_undo or key == Qt.Key.Key_Backspace:
                self._point(self._prompts.without_last())
            else:
                QTimer.singleShot(0, self.apply)
        return True

    def _press(self, event: Any) -> bool:
        button = event.button()
        if button not in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            return False
        excludes = button == Qt.MouseButton.RightButton or bool(event.modifiers() & _EXCLUDING)
        self._pressed = _place(event), excludes
        event.accept()
        return True

    def _move(self, event: Any) -> bool:
        if self._pressed is None:
            return not event.buttons()  # no brush is shown; what was begun before is Krita's to end
        if self._is_dragged(event):
            self._marks.show_prompts(self._prompts, self._box_to(event))
        event.accept()
        return True

    def _release(self, event: Any) -> bool:
        if self._pressed is None:
            return False
        place, excludes = self._pressed
        box = self._box_to(event) if self._is_dragged(event) else None
        self._pressed = None
        event.accept()
        if box is not None and not box.is_empty:
            self._point(Prompts(self._prompts.points, box))
        elif box is None:
            at = self._in_document(place)
            self._point(self._prompts.with_point(Point(round(at.x(), 1), round(at.y(), 1), not excludes)))
        return True

    def _is_dragged(self, event: Any) -> bool:
        assert self._pressed is not None
        place, excludes = self._pressed
        return not excludes and (_place(event) - place).manhattanLength() > DRAG_PX

    def _box_to(self, event: Any) -> Bounds:
        assert self._pressed is not None
        first, second = self._in_document(self._pressed[0]), self._in_document(_place(event))
        left, right = sorted((round(first.x()), round(second.x())))
        top, bottom = sorted((round(first.y()), round(second.y())))
        return Bounds(left, top, right - left, bottom - top)

    def _in_document(self, place: Any) -> Any:
        return self._canvas.transform().inverted()[0].map(place)


def _place(event: Any) -> Any:
    """Where on the widget: Qt 5 calls that differently for a mouse and for a pen, Qt 6 alike."""
    for name in ("position", "localPos", "posF"):
        if hasattr(event, name):
            return getattr(event, name)()
    raise TypeError(f"{event} has no place")
