"""The models as this Krita knows them, and the artist's wishes about them on their way to the daemon."""

from __future__ import annotations

from typing import Any

from scumble_protocol.errors import ScumbleError
from scumble_protocol.model_board import ModelBoard

from .qt import QObject, Signal
from .session import Session


class Models(QObject):
    """Shared by every docker. Everything here happens in Krita's own thread; nothing waits."""

    changed = Signal(bool)  # whether the whole list is a new one

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._is_watching = False
        self.board = ModelBoard()
        session.models_came.connect(self._take)
        session.models_lost.connect(self._lose)

    def watch(self) -> None:
        """Have a new list made, and kept up to date from then on."""
        if not self._is_watching:
            self._is_watching = True
            self.board.problem = "" if self.board.entries else "Starting Scumble…"
            self.changed.emit(False)
        self._session.watch_models()

    def fetch(self, model: str, agreed: bool) -> None:
        self._session.ask_models(lambda models: models.fetch(model, agreed))

    def cancel(self, model: str) -> None:
        self._session.ask_models(lambda models: models.cancel(model))

    def remove(self, model: str) -> None:
        self._session.ask_models(lambda models: models.remove(model))

    @property
    def can_retry(self) -> bool:
        return not self._is_watching

    def _take(self, message: Any, model: str) -> None:
        self.changed.emit(self.board.take(message, model))

    def _lose(self, error: ScumbleError) -> None:
        self._is_watching = False
        self.board.lose(str(error))
        self.changed.emit(False)
