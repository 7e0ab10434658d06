"""Answer what clients ask of the models: which there are, how far a fetch is, and that one shall come or go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scumble_protocol import messages
from scumble_protocol.errors import Busy, Cancelled, Internal, ScumbleError, from_code

from .errands import Errands
from .sessions import Session

log = logging.getLogger(__name__)

KEPT = "What has come is kept: fetching it again goes on there."

Asker = tuple[bytes, str]  # a client, and the id of its request
Send = Callable[[bytes, messages.Message], None]


@dataclass
class _Fetch:
    """One for each model, however many want it; it belongs to the daemon, and not to who asked first."""

    errand: int
    askers: list[Asker]
    latest: dict[str, Any] = field(default_factory=lambda: {"stage": "fetching", "done_bytes": 0, "whole_bytes": -1})


class ModelService:
    """`title_of`: an operation's title by its id, None where there is no such operation · `on_change`: called when a
    model has come or gone, before anybody is told so."""

    def __init__(
        self,
        errands: Errands,
        send: Send,
        title_of: Callable[[str], str | None],
        on_change: Callable[[], None],
    ) -> None:
        self._errands = errands
        self._send = send
        self._title_of = title_of
        self._on_change = on_change
        self._watchers: dict[bytes, str] = {}  # client → the id that it asked under
        self._waiting: list[Asker] = []  # for the list that is being made
        self._listing: int | None = None
        self._is_stale = False  # since the list that is being made was begun
        self._fetches: dict[str, _Fetch] = {}
        self._troubles: dict[str, str] = {}  # by model: why its last fetch failed

    # --- requests ------------------------------------------------------------------------------------------------

    def get(self, session: Session, request: messages.GetModels) -> None:
        if request.watch:
            self._watchers[session.client] = request.id
        self._waiting.append((session.client, request.id))
        self.look_again()

    def fetch(self, session: Session, request: messages.FetchModel) -> None:
        asker = (session.client, request.id)
        running = self._fetches.get(request.model)
        if running is not None:
            running.askers.append(asker)
            self._send(session.client, _fetching(request.id, request.model, running.latest))
            return
        model = request.model
        order = {"kind": "fetch", "model": model, "agreed": request.agreed}
        self._fetches[model] = _Fetch(self._start(order, lambda news: self._hear(model, news)), [asker])
        self._troubles.pop(model, None)
        log.info("%s has %s fetched", session.name or "a client", model)

    def cancel(self, session: Session, request: messages.CancelFetch) -> None:
        running = self._fetches.get(request.model)
        if running is not None:
            self._errands.end(running.errand)
            self._end(request.model, Cancelled(f"The fetch of {request.model} was cancelled.", KEPT))
            self.look_again()

    def remove(self, session: Session, request: messages.RemoveModel) -> None:
        if request.model in self._fetches:
            raise Busy(f"{request.model} is being fetched just now.", "Cancel that first.")
        client, model = session.client, request.model

        def hear(news: dict[str, Any]) -> None:
            if news["kind"] == "removed":
                log.info("%s was removed", model)
                self._troubles.pop(model, None)
                self._on_change()
                self._send(client, messages.Removed(request.id, model, news["bytes"]))
            else:
                self._send(client, messages.Failure.of(request.id, _error(news)))
            self.look_again()

        self._start({"kind": "remove", "model": model}, hear)

    @property
    def fetching(self) -> list[str]:
        """The models that are being fetched."""
        return list(self._fetches)

    # --- what happens meanwhile ----------------------------------------------------------------------------------

    def look_again(self) -> None:
        """Make a new list, if anybody wants one: something has changed."""
        if self._listing is not None:
            self._is_stale = True
        elif self._waiting or self._watchers:
            self._is_stale = False
            self._listing = self._start({"kind": "list"}, self._hear_list)

    def forget(self, client: bytes) -> None:
        """Its session has ended; what it has had fetched goes on."""
        self._watchers.pop(client, None)
        self._waiting = [asker for asker in self._waiting if asker[0] != client]
        for fetch in self._fetches.values():
            fetch.askers = [asker for asker in fetch.askers if asker[0] != client]

    def close(self) -> None:
        """Tell who waits that the daemon ends, before its errands do."""
        for model in list(self._fetches):
            self._end(model, Cancelled(f"Scumble's daemon was stopped while it fetched {model}.", KEPT))

    # --- news ----------------------------------------------------------------------------------------------------

    def _hear(self, model: str, news: dict[str, Any]) -> None:
        running = self._fetches[model]
        if news["kind"] == "fetching":
            running.latest = {name: news[name] for name in ("stage", "done_bytes", "whole_bytes")}
            for client, id in (*running.askers, *self._watchers.items()):
                self._send(client, _fetching(id, model, running.latest))
            return
        self._end(model, None if news["kind"] == "fetched" else _error(news))
        self.look_again()

    def _hear_list(self, news: dict[str, Any]) -> None:
        self._listing = None
        if self._is_stale:
            self.look_again()
            return
        told = dict.fromkeys((*self._waiting, *self._watchers.items()))
        self._waiting = []
        for client, id in told:
            if news["kind"] == "models":
                models = tuple(self._completed(table) for table in news["models"])
                self._send(client, messages.Models(id, news["folder"], models))
            else:
                self._send(client, messages.Failure.of(id, _error(news)))

    def _completed(self, table: dict[str, Any]) -> dict[str, Any]:
        """With what only the daemon knows: titles, whether anything runs it, a fetch that is under way or failed."""
        titled = [(id, self._title_of(id)) for id in table["operations"]]
        running = self._fetches.get(table["id"])
        return {
            **table,
            "operations": [{"id": id, "title": title} for id, title in titled if title],
            "is_usable": table.get("is_usable", True) and any(title for _, title in titled),
            "fetching": running.latest if running else None,
            "trouble": self._troubles.get(table["id"], ""),
        }

    def _end(self, model: str, error: ScumbleError | None) -> None:
        running = self._fetches.pop(model)
        if error is None:
            log.info("%s was fetched", model)
            self._on_change()
        elif not isinstance(error, Cancelled):
            log.warning("%s was not fetched: %s", model, error)
            self._troubles[model] = str(error)
        for client, id in running.askers:
            self._send(client, messages.Failure.of(id, error) if error else messages.Fetched(id, model))

    def _start(self, order: dict[str, Any], on_news: Callable[[dict[str, Any]], None]) -> int:
        try:
            return self._errands.start(order, on_news)
        except OSError as error:
            raise Internal(f"No process could be started for this: {error}.", "Close some programs.") from None


def _fetching(id: str, model: str, news: dict[str, Any]) -> messages.Fetching:
    return messages.Fetching(id, model, **news)


def _error(news: dict[str, Any]) -> ScumbleError:
    return from_code(news["code"], news["message"], news["hint"])
