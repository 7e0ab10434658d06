"""See models come into the weights folder and leave it, while the daemon runs."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from ..weights.store import PART
from . import dropped

log = logging.getLogger(__name__)

SETTLE_S = 0.3  # a model is several files: look once, when all have come
LOOK_AGAIN_S = 1.0  # while a file is growing
UNWATCHED_S = 20.0  # where the system does not tell (some network disks), and where the folder does not exist yet


class Watch:
    """A thread that calls `on_change` whenever other files lie there; recognising new ones is its work."""

    def __init__(self, folder: Path, on_change: Callable[[], None], may_create: bool = False) -> None:
        self._folder = folder
        self._may_create = may_create
        self._on_change = on_change
        self._stirred = threading.Event()
        self._observed = False

    def start(self) -> None:
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def _run(self) -> None:
        before: object = None
        while True:
            self._stirred.clear()
            try:
                self._observe()
                found, pending = dropped.rescan(self._folder)
                now = (found, self._models())
                if now != before:
                    self._on_change()
                before = now
            except Exception:
                log.exception("the weights folder could not be looked at")
                pending = False
            wait_s = LOOK_AGAIN_S if pending else None if self._observed else UNWATCHED_S
            if self._stirred.wait(wait_s):
                threading.Event().wait(SETTLE_S)

    def _models(self) -> list[tuple[str, int]]:
        """The folders that fetched models lie in; each appears and is replaced in one step."""
        found = []
        with contextlib.suppress(OSError):
            for entry in sorted(self._folder.iterdir()):
                if entry.is_dir() and not entry.name.startswith(".") and not entry.name.endswith(".part"):
                    found.append((entry.name, entry.stat().st_mtime_ns))
        return found

    def _observe(self) -> None:
        if self._observed:
            return
        if self._may_create:  # a folder of the artist's own choice may be on a disk that is not there now
            self._folder.mkdir(parents=True, exist_ok=True)
        if not self._folder.is_dir():
            return
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        stirred, ours = self._stirred, (dropped.RECORDS, dropped.LOCK, "/.locks/", f"{PART}/")

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                if event.event_type in ("opened", "closed_no_write") or any(
                    name in Path(os.fsdecode(event.src_path)).as_posix() for name in ours
                ):
                    return
                stirred.set()

        observer = Observer()
        observer.daemon = True
        try:
            observer.schedule(Handler(), str(self._folder), recursive=True)
            observer.start()
            self._observed = True
        except OSError as error:  # no more watches, or a disk that has none
            log.warning("the weights folder cannot be watched (%s): it is looked at now and then", error)
