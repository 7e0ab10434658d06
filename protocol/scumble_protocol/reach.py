"""Reach the daemon: try the endpoints it names, start it where nobody answers, wait until it does."""

from __future__ import annotations

import time
from typing import Callable, List, Optional, TypeVar

from . import transport
from .connection import Connection, start_daemon
from .errors import DaemonUnavailable, Unauthorised

POLL_S = 0.05
TRY_S = 2.0  # one attempt; the next may find a daemon that has come up meanwhile
RESTART_S = 1.0  # a daemon that ends at once has met another one, which may just be ending itself

_Opened = TypeVar("_Opened")


def reach(
    open_session: Callable[[transport.Transport, str], _Opened],
    *,
    kind: str,
    start: bool,
    on_wait: Callable[[str], None],
    timeout_s: float,
    command: Optional[List[str]] = None,
) -> _Opened:
    """What `open_session(carrier, token)` gives, once somebody answers. `on_wait` is called about every 50 ms.

    Raises: DaemonUnavailable, with a hint that says what to do · Unauthorised · Unsupported
    """
    deadline = time.monotonic() + timeout_s
    process, started_at = None, 0.0
    while True:
        trouble: Exception = DaemonUnavailable("Scumble's daemon is not running.", "Start it with `scumble serve`.")
        found = Connection.read()
        if found is not None:
            try:
                return _open(found, open_session, kind, max(0.1, min(TRY_S, deadline - time.monotonic())))
            except DaemonUnavailable as error:  # a stale file: its daemon has died, or is about to be replaced
                trouble = error
            except Unauthorised:
                if Connection.read() == found:
                    raise
                continue  # the file was replaced while we knocked
        if not start:
            raise trouble
        now = time.monotonic()
        if now >= deadline:
            raise DaemonUnavailable(f"Scumble did not start in {timeout_s:.0f} s.", "`scumble doctor` says why.")
        status = process.poll() if process is not None else 0
        if status:
            raise DaemonUnavailable(f"Scumble did not start (exit status {status}).", "`scumble doctor` says why.")
        if status == 0 and (process is None or now - started_at > RESTART_S):
            process, started_at = start_daemon(command), now
        on_wait("Starting Scumble…")
        time.sleep(POLL_S)


def _open(
    found: Connection, open_session: Callable[[transport.Transport, str], _Opened], kind: str, timeout_s: float
) -> _Opened:
    # The pid is not asked whether it lives: from inside a sandbox it means another process or none.
    trouble = DaemonUnavailable("The connection file names no endpoint.", "`scumble stop`, then try again.")
    for endpoint in found.endpoints:
        try:
            carrier = transport.connect(endpoint, kind, timeout_s)
        except DaemonUnavailable as error:
            trouble = error
            continue
        try:
            return open_session(carrier, found.token)
        except BaseException:
            carrier.close()
            raise
    raise trouble
