"""What lies over the canvas while the artist points: what is found, the clicks, and the box."""

from __future__ import annotations

from typing import Any, Callable, Optional

from scumble_protocol.image import Bounds, Raster
from scumble_protocol.prompts import Prompts

from .masks import coverage_bytes
from .qt import Qt, QtCore, QtGui, QtWidgets

FOUND = "#2f8bff"
INCLUDED, EXCLUDED = "#1fbf4a", "#e5362f"
FOUND_SHARE = 0.4  # of the colour, over the picture
LONGEST_PX = 2048  # of a mask that is shown: finer is not seen
RADIUS_PX = 6


class Marks(QtWidgets.QWidget):
    """Lies over all of the canvas and lets every event through. `transform`: the document's pixels → the canvas'."""

    def __init__(self, canvas: Any, transform: Callable[[], Any]) -> None:
        super().__init__(canvas)
        self.setObjectName("scumble_marks")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._transform = transform
        self._drawn_by: Any = None
        self.prompts = Prompts()
        self.rubber: Optional[Bounds] = None
        self._found: Any = None
        self._found_at = QtCore.QRectF()
        self.cover()
        self.show()

    def cover(self) -> None:
        self.setGeometry(self.parentWidget().rect())
        self.raise_()

    def follow(self) -> None:
        """Draw anew where the canvas was moved, turned or zoomed."""
        if self._transform() != self._drawn_by:
            self.update()

    def show_prompts(self, prompts: Prompts, rubber: Optional[Bounds] = None) -> None:
        self.prompts, self.rubber = prompts, rubber
        self.update()

    def show_found(self, mask: Optional[Raster]) -> None:
        """None: nothing is found."""
        self._found = None if mask is None or mask.bounds.is_empty else _tinted(mask)
        if mask is not None:
            area = mask.bounds
            self._found_at = QtCore.QRectF(area.x, area.y, area.width, area.height)
        self.update()

    def paintEvent(self, _event: Any) -> None:  # noqa: N802 - Qt's name
        transform = self._drawn_by = self._transform()
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        if self._found is not None:
            painter.save()
            painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
            painter.setTransform(transform, True)  # beside what the screen's own density asks for
            painter.drawImage(self._found_at, self._found)
            painter.restore()
        for box, style in ((self.prompts.box, Qt.PenStyle.SolidLine), (self.rubber, Qt.PenStyle.DashLine)):
            if box is not None:
                self._draw_box(painter, transform, box, style)
        for point in self.prompts.points:
            self._draw_click(painter, transform.map(QtCore.QPointF(point.x, point.y)), point.include)
        painter.end()

    def _draw_box(self, painter: Any, transform: Any, box: Bounds, style: Any) -> None:
        corners = transform.map(QtGui.QPolygonF(QtCore.QRectF(box.x, box.y, box.width, box.height)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in (("white", 3), (FOUND, 1.5)):
            painter.setPen(QtGui.QPen(QtGui.QColor(colour), width, style))
            painter.drawPolygon(corners)

    def _draw_click(self, painter: Any, at: Any, is_included: bool) -> None:
        painter.setPen(QtGui.QPen(QtGui.QColor("white"), 1.5))
        painter.setBrush(QtGui.QColor(INCLUDED if is_included else EXCLUDED))
        painter.drawEllipse(at, RADIUS_PX, RADIUS_PX)
        half = RADIUS_PX * 0.55
        painter.drawLine(at - QtCore.QPointF(half, 0), at + QtCore.QPointF(half, 0))
        if is_included:
            painter.drawLine(at - QtCore.QPointF(0, half), at + QtCore.QPointF(0, half))


def _tinted(mask: Raster) -> Any:
    """A QImage with what the mask covers in a colour that the picture shows through, and a bright rim."""
    area = mask.bounds
    coverage = QtGui.QImage(
        bytes(coverage_bytes(mask)), area.width, area.height, area.width, QtGui.QImage.Format.Format_Alpha8
    )
    if max(area.width, area.height) > LONGEST_PX:
        coverage = coverage.scaled(
            LONGEST_PX,
            LONGEST_PX,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    inner = QtGui.QColor(FOUND)
    inner.setAlphaF(FOUND_SHARE)
    tinted = _filled(coverage, inner)
    rim = _filled(coverage, QtGui.QColor("white"))
    core = _filled(coverage, QtGui.QColor("white"))
    for across, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        _draw(core, coverage, QtGui.QPainter.CompositionMode.CompositionMode_DestinationIn, across, down)
    _draw(rim, core, QtGui.QPainter.CompositionMode.CompositionMode_DestinationOut)
    _draw(tinted, rim, QtGui.QPainter.CompositionMode.CompositionMode_SourceOver)
    return tinted


def _filled(coverage: Any, colour: Any) -> Any:
    image = QtGui.QImage(coverage.size(), QtGui.QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(colour)
    _draw(image, coverage, QtGui.QPainter.CompositionMode.CompositionMode_DestinationIn)
    return image


def _draw(onto: Any, image: Any, mode: Any, across: int = 0, down: int = 0) -> None:
    painter = QtGui.QPainter(onto)
    painter.setCompositionMode(mode)
    painter.drawImage(across, down, image)
    painter.end()
