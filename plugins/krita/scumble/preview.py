"""The picture of a running job in its row: as large as the docker lets it be, never distorted, never enlarged."""

from __future__ import annotations

from typing import Any, Optional

from scumble_protocol.messages import Preview

from .qt import QtCore, QtGui, QtWidgets

LONGEST_PX = 400  # of a docker that has been drawn wide
LEAST_HIGH_PX = 100  # however little room there is
CHECK_PX = 8
CHECKS = ("#9a9a9a", "#666666")  # Krita's own for transparency are of this kind


def longest_px() -> int:
    """How large a preview should come, in pixels of the screen."""
    return int(LONGEST_PX * QtWidgets.QApplication.primaryScreen().devicePixelRatio())


def image_of(preview: Preview, pixels: Any) -> Any:
    """A QImage with its own copy of the `pixels`; in sRGB, which is what Qt shows."""
    assert preview.picture is not None
    bounds = preview.picture.bounds
    form = QtGui.QImage.Format.Format_RGBA8888
    return QtGui.QImage(bytes(pixels), bounds.width, bounds.height, 4 * bounds.width, form).copy()


class PreviewPicture(QtWidgets.QWidget):
    """Asks for as much height as its picture needs at the width that the docker has, and no more than it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("scumble_preview")
        policy = QtWidgets.QSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._image = QtGui.QImage()
        self._room = LEAST_HIGH_PX

    def fit(self, height: int) -> None:
        self._room = max(LEAST_HIGH_PX, height)
        self.updateGeometry()
        self.update()

    def show_image(self, image: Optional[Any]) -> None:
        """None: there is none."""
        image = QtGui.QImage() if image is None else image
        is_resized = image.size() != self._image.size()
        self._image = image
        self.setVisible(not image.isNull())
        if is_resized:
            self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        return self._fitted(width).height()

    def sizeHint(self) -> Any:  # noqa: N802 - Qt's name
        return self._fitted(self.width())

    def _fitted(self, width: int) -> Any:
        """In units of the layout, of which a pixel of the screen may be half."""
        if self._image.isNull():
            return QtCore.QSize(0, 0)
        ratio = self.devicePixelRatioF()
        full = QtCore.QSize(round(self._image.width() / ratio), round(self._image.height() / ratio))
        scale = min(1.0, max(1, width) / full.width(), self._room / full.height())
        return QtCore.QSize(max(1, round(full.width() * scale)), max(1, round(full.height() * scale)))

    def paintEvent(self, _event: Any) -> None:  # noqa: N802 - Qt's name
        if self._image.isNull():
            return
        fitted = self._fitted(self.width())
        area = QtCore.QRect((self.width() - fitted.width()) // 2, 0, fitted.width(), fitted.height())
        painter = QtGui.QPainter(self)
        if self._image.hasAlphaChannel():
            _draw_checks(painter, area)
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(area, self._image)
        painter.end()


def _draw_checks(painter: Any, area: Any) -> None:
    painter.save()
    painter.setClipRect(area)
    for row in range(0, area.height(), CHECK_PX):
        for column in range(0, area.width(), CHECK_PX):
            colour = CHECKS[(row // CHECK_PX + column // CHECK_PX) % 2]
            square = QtCore.QRect(area.x() + column, area.y() + row, CHECK_PX, CHECK_PX)
            painter.fillRect(square, QtGui.QColor(colour))
    painter.restore()
