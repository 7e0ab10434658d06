"""A real daemon in a folder of its own, for tests and benchmarks."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scumble_daemon.warm import keep_compiled
from scumble_protocol.client import Client
from scumble_protocol.connection import Connection

TEST_OPERATIONS = Path(__file__).parent / "daemon" / "operations"


class DaemonProcess:
    """`scumble serve` under its own SCUMBLE_HOME; also the way to ask it things."""

    def __init__(self, home: Path, env: Mapping[str, str]) -> None:
        self.home = home
        keep_compiled()  # once for all daemons, not once in each one's own folders
        self.env = {**os.environ, "SCUMBLE_HOME": str(home), **env}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "scumble_daemon", "serve"], env=self.env)
        wait_until(lambda: self.connection is not None or self._has_ended(), "the daemon's connection file")
        assert not self._has_ended(), self.log()

    def _has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    @property
    def connection(self) -> Connection | None:
        return Connection.read(self.home / "runtime")

    def client(self, **options: Any) -> Client:
        with environment(SCUMBLE_HOME=str(self.home)):
            return Client.connect(name="test", start=False, **options)

    def cli(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run `scumble …` against this daemon."""
        argv = [sys.executable, "-m", "scumble_daemon", *map(str, arguments)]
        return subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=240, check=False, **options)

    def worker_pids(self) -> list[int]:
        with self.client() as client:
            return [worker["pid"] for worker in client.status()["workers"] if worker["state"] in ("ready", "running")]

    def wait_for_worker(self) -> int:
        return wait_until(self.worker_pids, "a ready worker")[0]

    def log(self) -> str:
        files = sorted((self.home / "logs").glob("*.log"))
        return "\n".join(f"--- {file.name}\n{file.read_text('utf-8', 'replace')}" for file in files)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


@contextlib.contextmanager
def running_daemon(
    operations: Sequence[Path] = tuple(sorted(TEST_OPERATIONS.glob("*.py"))), **env: str
) -> Iterator[DaemonProcess]:
    """A started daemon with the test operations beside its own; stopped and deleted afterwards."""
    home = Path(tempfile.mkdtemp(prefix="scumble-", dir="/tmp" if os.path.isdir("/tmp") else None))
    extra = home / "config" / "operations"
    extra.mkdir(parents=True)
    for file in operations:
        shutil.copy(file, extra)
    daemon = DaemonProcess(home, env)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set environment variables for the time being."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def suspend(pid: int) -> None:
    """Stop a process; afterwards none of its threads runs."""
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    wait_until(lambda: all(state_of(task) == "T" for task in tasks.iterdir()), f"process {pid} to stop")


def state_of(process: Path) -> str:
    """The letter under which the kernel keeps it, by its folder in /proc: R runs, S sleeps, T stopped, Z is dead."""
    return (process / "stat").read_text().rsplit(")", 1)[1].split()[0]


def wait_until(look: Any, what: str, timeout_s: float = 60) -> Any:
    """Call `look` until it returns something true, and return that."""
    latest = time.monotonic() + timeout_s
    while not (found := look()):
        if time.monotonic() > latest:
            raise TimeoutError(f"waited {timeout_s:g} s for {what}")
        time.sleep(0.02)
    return found
