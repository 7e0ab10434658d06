"""Run the real editors: in the folder `scripts/editors` builds, or the machine's own where only those are there.

With $SCUMBLE_SCREENSHOTS naming a folder, the pictures that tests take are kept there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
import pytest
from PIL import Image

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPT = CHECKOUT / "scripts" / "editors"
KEPT_PICTURES = os.environ.get("SCUMBLE_SCREENSHOTS", "")
NEEDED = ("gimp-console", "gimp", "krita", "Xvfb", "openbox", "dbus-daemon", "xdotool", "import")
MODULES = ("gi", "PyQt5", "PyQt6")
PATH = "/usr/local/bin:/usr/bin:/bin"

Value = TypeVar("Value")


def folder() -> Path:
    """The root of the built folder, whether or not it is there."""
    found = subprocess.run(["sh", str(SCRIPT), "path"], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip())


def is_built() -> bool:
    return os.getuid() == 0 and (folder() / ".scumble-complete").exists()


def missing() -> str:
    """Why the editors cannot be run here, or "" where they can."""
    if is_built():
        return ""
    absent = [name for name in NEEDED if not shutil.which(name)]
    absent += [f"Python's {name}" for name in MODULES if not _has_module(name)]
    if not absent:
        return ""
    return f"no folder made by `scripts/editors build` (needs root), and not on this machine: {', '.join(absent)}"


def _has_module(name: str) -> bool:
    """Whether the editors' Python, which is not ours, has it."""
    python = shutil.which("python3", path=PATH)
    if python is None:
        return False
    return subprocess.run([python, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0


def require() -> None:
    """Leave the running test out where the editors cannot be run; where CI is true, that is a failure."""
    if reason := missing():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"no editors: {reason}")


@contextlib.contextmanager
def home_folder(prefix: str) -> Iterator[Path]:
    """An empty home for an editor, at the same path on both sides; deleted afterwards."""
    home = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def command(argv: Sequence[str], home: Path, env: Mapping[str, str] | None = None) -> list[str]:
    """The command line that runs `argv` where the editors are, with a clean environment and `home` as its home.

    `home` lies under /tmp or in the checkout: those have the same path on both sides.
    """
    runtime = home / "run"
    runtime.mkdir(parents=True, exist_ok=True)
    runtime.chmod(0o700)
    clean = {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "PATH": PATH,
        "LANG": "C.UTF-8",
        **(env or {}),
    }
    prefix = ["sh", str(SCRIPT), "run"] if is_built() else []
    return [*prefix, "env", "-i", *(f"{name}={value}" for name, value in clean.items()), *argv]


def run(
    argv: Sequence[str], home: Path, env: Mapping[str, str] | None = None, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run to the end. Raises: subprocess.TimeoutExpired, after ending everything that was started."""
    process = start(argv, home, env)
    try:
        out, err = process.communicate(timeout=timeout_s)
    finally:
        end(process)
    return subprocess.CompletedProcess(list(argv), process.returncode, out, err)


def start(
    argv: Sequence[str], home: Path, env: Mapping[str, str] | None = None, errors: IO[str] | None = None
) -> subprocess.Popen[str]:
    """Start in a process group of its own, which `end` ends.

    Its output can be read from the pipes, or goes to the file `errors`: a pipe that nobody reads stops the program.
    """
    return subprocess.Popen(
        command(argv, home, env),
        stdin=subprocess.DEVNULL,
        stdout=errors or subprocess.PIPE,
        stderr=errors or subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    """End the process and its children: asked first, killed after two seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


def wait_until(look: Callable[[], Value], what: str, timeout_s: float = 60) -> Value:
    """Call `look` until it returns something true, and return that. Raises: TimeoutError, naming `what`."""
    latest = time.monotonic() + timeout_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > latest:
            raise TimeoutError(f"waited {timeout_s:g} s for {what}")
        time.sleep(0.1)


class Desktop:
    """A screen of its own (Xvfb), a window manager and a session bus: `with Desktop(home) as desktop: …`."""

    def __init__(self, home: Path, width: int = 1440, height: int = 900) -> None:
        self.home = home
        self.size = f"{width}x{height}x24"
        self.env: dict[str, str] = {}
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Desktop:
        try:
            # "-r": a key whose release comes late on a busy machine is not taken for one that is held, and repeated
            options = ["-displayfd", "1", "-screen", "0", self.size, "-nolisten", "tcp", "-r"]
            screen = self._keep(start(["Xvfb", *options], self.home))
            self.env["DISPLAY"] = ":" + _first_line(screen)
            bus = self._keep(start(["dbus-daemon", "--session", "--nofork", "--print-address=1"], self.home, self.env))
            self.env["DBUS_SESSION_BUS_ADDRESS"] = _first_line(bus)
            self._keep(start(["openbox"], self.home, self.env))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        while self._started:
            end(self._started.pop())

    def _keep(self, process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        self._started.append(process)
        return process

    def start(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a program on this desktop; it ends with it at the latest."""
        return self._keep(start(argv, self.home, {**self.env, **(env or {})}))

    def run(self, argv: Sequence[str], timeout_s: float = 30) -> subprocess.CompletedProcess[str]:
        return run(argv, self.home, self.env, timeout_s)

    def xdotool(self, *arguments: str) -> str:
        """What xdotool prints; empty where it found nothing."""
        return self.run(["xdotool", *arguments]).stdout.strip()

    def windows(self, title: str) -> list[str]:
        """Ids of the visible windows whose title matches the regular expression `title`."""
        return self.xdotool("search", "--onlyvisible", "--name", title).split()

    def wait_for_window(self, title: str, timeout_s: float = 60) -> str:
        return wait_until(lambda: self.windows(title), f"a window «{title}»", timeout_s)[0]

    def key(self, window: str, *keys: str) -> None:
        """Type keys into a window, such as "ctrl+z" or "Return"."""
        self.xdotool("windowactivate", "--sync", window)
        self.xdotool("key", "--clearmodifiers", *keys)

    def picture(self, name: str = "") -> np.ndarray:
        """The screen as it is now, H×W×3 uint8; where pictures are kept, one with a name is, in as few colours as the
        eye needs."""
        path = self.home / "screen.png"
        taken = self.run(["import", "-window", "root", str(path)])
        if not path.exists():
            raise RuntimeError(f"no picture of the screen: {taken.stderr}")
        with Image.open(path) as opened:
            screen = opened.convert("RGB")
        path.unlink()
        if name and KEPT_PICTURES:
            kept = Path(KEPT_PICTURES) / f"{name}.png"
            kept.parent.mkdir(parents=True, exist_ok=True)
            screen.quantize(224, dither=Image.Dither.FLOYDSTEINBERG).save(kept, optimize=True)
        return np.asarray(screen)


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise RuntimeError(f"{process.args} did not start: {process.communicate()[1]}")
    return line
