"""One thing done in the weights folder, in a process of its own: told by a line of JSON, reported by lines of JSON.

The daemon starts one for each list, fetch and removal, so that its own loop never hashes, waits for a server or for a
disk. The order comes on standard input, whose end says that the daemon is gone: a fetch then ends too, and what has
come is kept. The last line on standard output is the outcome.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from scumble_protocol.errors import Internal, Invalid, ScumbleError

from .. import config
from ..models import sources
from ..models.dropped import listed
from . import fetch, index
from .index import Index, Model
from .store import Store

DROPPED_STATES = {"recognised": "own", "waiting": "waiting", "broken": "broken"}


def main() -> None:
    """Exit status: 0 whenever an outcome was said."""
    order = json.loads(sys.stdin.buffer.readline() or b"null")
    if order is None:
        return
    try:
        outcome = _run(order)
    except ScumbleError as error:
        outcome = {"kind": "failure", "code": error.code, "message": error.message, "hint": error.hint}
    except Exception as fault:
        outcome = _fault(fault)
    _say(outcome)


def _run(order: dict[str, Any]) -> dict[str, Any]:
    if order["kind"] != "remove":  # half a removal would be worse than one that outlives the daemon
        threading.Thread(target=_end_with_the_daemon, daemon=True).start()
    settings = config.read()
    store, known = Store.open(settings), index.read()
    if order["kind"] == "list":
        return {"kind": "models", "folder": str(store.folder), "models": tables(known, store)}
    model = known.find(order["model"])
    if order["kind"] == "remove":
        return {"kind": "removed", "bytes": store.remove(model)}
    return _fetch(settings, store, model, order["agreed"])


def _fetch(settings: config.Config, store: Store, model: Model, agreed: bool) -> dict[str, Any]:
    if store.condition(model).state != "installed" and not agreed and (asked := fetch.questions(store, model)):
        raise Invalid(f"{model.id}: {' '.join(asked)}", "Agree to it, then fetch it again.")
    patience = fetch.Patience(stall_s=settings.weights_stall_s)
    fetch.Fetcher(store, fetch.mirrors(settings), patience).fetch(model, _report, agreed=True)
    return {"kind": "fetched"}


def _report(now: fetch.Progress) -> None:
    whole = -1 if now.whole_bytes is None else now.whole_bytes
    _say({"kind": "fetching", "stage": now.stage, "done_bytes": now.done_bytes, "whole_bytes": whole})


# --- the list ----------------------------------------------------------------------------------------------------


def tables(known: Index, store: Store) -> list[dict[str, Any]]:
    """What a `models` message says of each model, but for the titles of operations: shipped, of the index, dropped."""
    shelf = sources.look(known, store)
    usable = {model.id for model in shelf.known}
    shipped = [_shipped(installed) for installed in shelf.installed if installed.role == "shipped"]
    return [*shipped, *(_of_index(model, store, model.id in usable) for model in known.models), *_dropped(store)]


def _of_index(model: Model, store: Store, is_usable: bool) -> dict[str, Any]:
    condition = store.condition(model)
    return {
        "id": model.id,
        "title": model.title,
        "operations": list(model.operations),
        "role": model.role,
        "state": condition.state,
        "bytes": model.expected_bytes,
        "is_exact": model.has_exact_size,
        "here_bytes": condition.here_bytes,
        "licence": model.licence,
        "licence_note": model.licence_note,
        "data_note": model.data_note,
        "note": model.note,
        "problem": "; ".join(condition.damage),
        "questions": list(fetch.questions(store, model)),
        "is_usable": is_usable,
    }


def _shipped(installed: sources.Installed) -> dict[str, Any]:
    card = config.tomllib.loads(installed.file.with_name(sources.CARD).read_text("utf-8"))
    return {
        "id": installed.id,
        "title": installed.title,
        "operations": [each for each in installed.operations if each != sources.ENHANCE],
        "role": "shipped",
        "state": "shipped",
        "bytes": installed.bytes,
        "here_bytes": installed.bytes,
        "licence": str(card.get("licence", "")),
        "data_note": str(card.get("data_note", "")),
    }


def _dropped(store: Store) -> list[dict[str, Any]]:
    found = []
    for record in listed(store.folder):
        enlarges = f", enlarges {record.scale} times" if record.scale > 1 else ""
        found.append(
            {
                "id": record.name,
                "title": record.name,
                "operations": list(sources.operations_of(record)),
                "role": "own",
                "state": DROPPED_STATES[record.state],
                "bytes": record.bytes,
                "here_bytes": record.bytes,
                "note": f"{record.architecture}{enlarges}." if record.architecture else "",
                "problem": record.problem,
            }
        )
    return found


# --- the other side ----------------------------------------------------------------------------------------------


def _say(table: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(table) + "\n")
    sys.stdout.flush()


def _end_with_the_daemon() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os._exit(1)


def _fault(fault: Exception) -> dict[str, Any]:
    import traceback

    traceback.print_exception(fault)
    error = Internal("The models' folder could not be worked on.", "`scumble doctor` looks at it; the log has details.")
    return {"kind": "failure", "code": error.code, "message": error.message, "hint": error.hint}


if __name__ == "__main__":
    main()
