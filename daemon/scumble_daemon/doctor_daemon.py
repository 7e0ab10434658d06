"""The doctor's look at the daemon: whether it runs, is of this version, answers, and carries pixels there and back."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Iterator

from scumble_protocol.client import Client
from scumble_protocol.connection import Connection
from scumble_protocol.errors import ScumbleError
from scumble_protocol.image import Bounds, Raster

from . import __version__
from .finding import Finding
from .plugin_files import start_command
from .processes import is_alive

SIDE_PX = 256
STARTED_WITHIN_S = 30.0


def daemon_findings() -> Iterator[Finding]:
    """Start the daemon where none runs, ask it, send it a picture; one that was started here is ended again."""
    try:
        client = Client.connect(name="scumble doctor", start=False, transport="pyzmq")
        was_running = True
    except ScumbleError as error:
        was_running = False
        yield from _not_running(error)
        try:
            client = _started()
        except ScumbleError as failure:
            yield Finding("bad", failure.message, "`scumble serve` in a terminal, or `scumble logs`, shows why.")
            return
    with client:
        try:
            if was_running:
                yield from _version(client)
            yield from _round_trip(client)
        except ScumbleError as error:
            yield Finding("bad", f"The daemon does not do its work: {error.message}", error.hint or "`scumble logs`")
        finally:
            if not was_running:
                with contextlib.suppress(ScumbleError):
                    client.stop()


def _not_running(error: ScumbleError) -> Iterator[Finding]:
    try:
        stale = Connection.read()
    except ScumbleError as refused:
        yield Finding("bad", refused.message, refused.hint)
        return
    if stale is None:
        yield Finding("good", "the daemon does not run now; an editor starts it when it needs it")
    elif is_alive(stale.pid, on_windows=True):
        yield Finding("warning", f"The daemon (process {stale.pid}) did not answer: {error.message}", "`scumble stop`")
    else:
        yield Finding("warning", "The last daemon ended without clearing up.", "Nothing: the next one replaces it.")


def _started() -> Client:
    return Client.connect(name="scumble doctor", transport="pyzmq", timeout_s=STARTED_WITHIN_S, command=start_command())


def _version(client: Client) -> Iterator[Finding]:
    running = str(client.status()["version"])
    if running == __version__:
        yield Finding("good", f"the daemon runs, version {running}")
    else:
        advice = "Run `scumble stop`: the next job starts the new one."
        yield Finding("warning", f"The daemon that runs is {running}, installed is {__version__}.", advice)


def _round_trip(client: Client) -> Iterator[Finding]:
    pings = [client.ping() for _ in range(9)]
    pixels = os.urandom(SIDE_PX * SIDE_PX * 4)
    bounds = Bounds(0, 0, SIDE_PX, SIDE_PX)
    started = time.monotonic()
    result = client.run("identity", client.put(pixels, bounds, "u8", "RGBA"), bounds)
    took_ms = (time.monotonic() - started) * 1000
    returned: Raster = result.layers[0].raster
    is_same = bytes(client.pixels(returned)) == pixels
    client.release(result)
    if is_same:
        said = f"a picture went to the worker and back unchanged in {took_ms:.0f} ms, an answer takes"
        yield Finding("good", f"{said} {statistics.median(pings) * 1000:.1f} ms")
    else:
        yield Finding("bad", "A picture came back from the worker changed.", "Please report this.")
