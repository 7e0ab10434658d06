"""Compiled code, kept on disk and loaded before it is needed; `python -m scumble_daemon.warm` compiles all of it."""

from __future__ import annotations

import importlib
import logging
import os
import threading
import time
from pathlib import Path

from .config import cache_folder
from .models import memory

MODULES = ("luts", "matting", "completion", "segment")  # of `imaging`, each with a `warm_up()`
IDLE_S = 3.0  # a worker's first seconds belong to the job it was started for


def keep_compiled() -> Path:
    """Have numba keep what it compiles in Scumble's cache folder; beside the packages there may be no place for it.

    To be called before numba is imported. A folder that the environment names is left as it is.
    """
    folder = Path(os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / "numba")))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def warm_up() -> None:
    """Load, and where it was never done compile, everything; about a minute the first time, a second later on."""
    for name in MODULES:
        importlib.import_module(f"{__package__}.imaging.{name}").warm_up()


def warm_up_soon() -> None:
    """The same beside the jobs, a little later."""

    def wait_and_warm() -> None:
        time.sleep(IDLE_S)
        started = time.monotonic()
        try:
            warm_up()
            memory.let_go_of_code()  # of the compiler, which has nothing more to do
            logging.getLogger(__name__).info("warmed up in %.1f s", time.monotonic() - started)
        except Exception:
            logging.getLogger(__name__).exception("warming up failed")

    threading.Thread(target=wait_and_warm, name="warm-up", daemon=True).start()


if __name__ == "__main__":
    keep_compiled()
    warm_up()
