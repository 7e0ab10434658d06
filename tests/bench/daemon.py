"""The daemon itself: how soon it answers after its start, how much memory its server takes, ping and cancel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scumble_protocol import messages
from scumble_protocol.client import Client
from scumble_protocol.image import Bounds

from ..daemon_process import DaemonProcess, environment, running_daemon, wait_until
from .table import Row, median, milliseconds, percentile, show

AREA = Bounds(0, 0, 64, 64)
PIXELS = bytes([255]) * (64 * 64 * 4)
STARTS = 7
PINGS = 2000
CANCELS = 5


def resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError(pid)


def start_to_catalogue(daemon: DaemonProcess) -> float:
    """Seconds from the start of `scumble serve` to the catalogue in a client's hands."""
    daemon.stop()
    scumble = Path(sys.executable).with_name("scumble")
    started = time.perf_counter()
    daemon.process = subprocess.Popen([scumble, "serve"], env=daemon.env)
    with environment(SCUMBLE_HOME=str(daemon.home)):
        while True:
            try:
                with Client.connect(name="bench", start=False) as client:
                    client.catalogue()
                    return time.perf_counter() - started
            except Exception:
                time.sleep(0.005)


def submit(client: Client, operation: str, **parameters: object) -> str:
    image = client.put(PIXELS, AREA, "u8", "RGBA")
    return client.submit(operation, image, AREA, parameters=parameters)


def wait_for_end(client: Client, job: str) -> None:
    while True:
        message = client.poll(10)
        if isinstance(message, (messages.Result, messages.Failure)) and message.id == job:
            return


def cancel_time(client: Client, job: str) -> float:
    started = time.perf_counter()
    client.cancel(job)
    wait_for_end(client, job)
    return time.perf_counter() - started


def running(daemon: DaemonProcess, client: Client, operation: str, **parameters: object) -> str:
    daemon.wait_for_worker()
    job = submit(client, operation, **parameters)
    while not isinstance(client.poll(10), messages.Progress):
        pass
    time.sleep(1.2)  # until `stuck` really is
    return job


def cancels(daemon: DaemonProcess, client: Client) -> list[Row]:
    def queued() -> float:
        first = running(daemon, client, "slow", seconds=300)
        taken = cancel_time(client, submit(client, "slow", seconds=0))
        cancel_time(client, first)
        return taken

    def loading() -> float:
        os.kill(daemon.wait_for_worker(), signal.SIGKILL)
        time.sleep(0.2)  # until the server has seen it
        return cancel_time(client, submit(client, "slow", seconds=300))

    states: dict[str, Callable[[], float]] = {
        "waiting in the queue": queued,
        "running": lambda: cancel_time(client, running(daemon, client, "slow", seconds=300)),
        "worker starting": loading,
        "worker stuck in C code": lambda: cancel_time(client, running(daemon, client, "stuck")),
    }
    rows = []
    for state, act in states.items():
        worst = max(act() for _ in range(CANCELS))
        rows.append(Row(f"Cancel, {state}: slowest of {CANCELS}", milliseconds(worst), "≤ 1 s"))
    return rows


def main() -> str:
    with running_daemon() as daemon:
        daemon.wait_for_worker()
        starts = [start_to_catalogue(daemon) for _ in range(STARTS)]
        assert daemon.process is not None
        daemon.wait_for_worker()
        memory = resident_mib(daemon.process.pid)
        with daemon.client() as client, daemon.client() as artist:
            job = running(daemon, artist, "slow", seconds=300)
            pings = [client.ping() for _ in range(PINGS)]
            artist.cancel(job)
            wait_for_end(artist, job)
            wait_until(lambda: not client.status()["workers"][0]["operation"], "an idle worker")
            rows = cancels(daemon, artist)
    return show(
        "The daemon",
        [
            Row(
                f"`scumble serve` to its catalogue, warm disk: median of {STARTS} (slowest)",
                f"{milliseconds(median(starts))} ({milliseconds(max(starts))})",
                "≤ 700 ms",
            ),
            Row("server process, resident memory", f"{memory:.0f} MiB", "≤ 80 MB"),
            Row(
                f"Ping while a job runs, {PINGS} times: median, p99",
                f"{milliseconds(median(pings))}, {milliseconds(percentile(pings, 0.99))}",
                "p99 ≤ 5 ms",
            ),
            *rows,
        ],
    )
