"""The models as an editor's window shows them, kept up to date by what the daemon says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List, Optional, Set, Tuple

from .messages import CancelFetch, Failure, Fetched, Fetching, FetchModel, GetModels, Models, Removed, RemoveModel
from .models import ModelEntry, grouped, with_progress
from .session import Session


class ModelRequests:
    """Asks for the models and has them fetched and removed; the answers come by `Client.poll`.

    Every answer belongs to a model, or to the list itself: `model_of` says to which.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._models: dict = {}
        self._open: Set[str] = set()

    @property
    def is_waiting(self) -> bool:
        """Whether the daemon owes an answer."""
        return bool(self._open)

    def watch(self) -> str:
        """Ask for the list, now and whenever something in it changes: `Models`, and `Fetching` between."""
        return self._ask(GetModels(self._session.next_id("models"), watch=True), "")

    def fetch(self, model: str, agreed: bool = False) -> str:
        """`Fetching` comes until `Fetched` or a `Failure` ends it; closing the session does not."""
        return self._ask(FetchModel(self._session.next_id("fetch"), model, agreed), model)

    def cancel(self, model: str) -> None:
        """End the fetch, whoever asked for it; their `Failure` is all the answer."""
        self._session.send(CancelFetch(self._session.next_id("cancel"), model))

    def remove(self, model: str) -> str:
        """Answered by `Removed` or a `Failure`."""
        return self._ask(RemoveModel(self._session.next_id("remove"), model), model)

    def model_of(self, message: Any) -> Optional[str]:
        """ "" for the list itself; None: the message answers none of these requests."""
        return self._models.get(message.id)

    def take(self, message: Any) -> bool:
        """Whether the message is an answer to one of these requests."""
        if message.id not in self._models:
            return False
        if not isinstance(message, Fetching):
            self._open.discard(message.id)
        return True

    def _ask(self, request: Any, model: str) -> str:
        self._session.send(request)
        self._models[request.id] = model
        self._open.add(request.id)
        return request.id


class ModelBoard:
    """`entries`: the models · `folder`: where they lie, "" before the daemon has said it · `problem`: why there is no
    list."""

    def __init__(self) -> None:
        self.entries: Tuple[ModelEntry, ...] = ()
        self.folder = ""
        self.problem = ""

    def groups(self) -> List[Tuple[str, List[ModelEntry]]]:
        return grouped(self.entries)

    def find(self, model: str) -> Optional[ModelEntry]:
        return next((entry for entry in self.entries if entry.id == model), None)

    def take(self, message: Any, model: str) -> bool:
        """Learn from an answer; `model`: what `ModelRequests.model_of` says of it. Whether the whole list is new."""
        if isinstance(message, Models):
            self.entries = tuple(ModelEntry.from_table(table) for table in message.models)
            self.folder, self.problem = message.folder, ""
            return True
        if isinstance(message, Fetching):
            self._change(message.model, lambda entry: with_progress(entry, message))
        elif isinstance(message, Failure) and model:
            trouble = "" if message.code == "cancelled" else f"{message.message} {message.hint}".strip()
            self._change(model, lambda entry: replace(entry, fetching=None, trouble=trouble))
        elif isinstance(message, Failure):
            self.problem = f"{message.message} {message.hint}".strip()
            return True
        elif isinstance(message, (Fetched, Removed)):
            self._change(model, lambda entry: replace(entry, fetching=None, trouble=""))
        return False

    def lose(self, problem: str) -> None:
        """The daemon is gone; what it fetched has ended with it."""
        self.problem = problem
        self.entries = tuple(replace(entry, fetching=None) for entry in self.entries)

    def _change(self, model: str, change: Any) -> None:
        self.entries = tuple(change(entry) if entry.id == model else entry for entry in self.entries)
