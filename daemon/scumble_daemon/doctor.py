"""`scumble doctor`: look at everything that can be wrong with an installation, and say what to do about it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from scumble_protocol.connection import Connection
from scumble_protocol.errors import ScumbleError

from . import __version__, config
from .doctor_daemon import daemon_findings
from .doctor_weights import weights_findings
from .editors import Installation, find_editors
from .finding import Finding
from .installer import damaged_files, read_record
from .kritarc import is_enabled
from .plugin_files import digest, plugin_files

__all__ = ["Finding", "examine"]

SUPPORTED = ((3, 10), (3, 14))
LITTLE_BYTES, NEXT_TO_NOTHING_BYTES = 2 << 30, 200 << 20
MAX_IPC_PATH = 107  # sockaddr_un
LOG_LINES = 200
FAULTS = (" ERROR ", " CRITICAL ")


def examine(editors: Iterable[Installation] | None = None) -> Iterator[Finding]:
    """Every finding, as soon as it is known. A check that itself fails becomes a finding."""
    found = list(find_editors() if editors is None else editors)
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python,
        _packages,
        _opencv,
        _environment,
        _folders,
        _configuration,
        _compiled_matting,
        lambda: _editors(found),
        daemon_findings,
        weights_findings,
        _logs,
    )
    for check in checks:
        try:
            yield from check()
        except Exception as error:  # a doctor who faints helps nobody
            yield Finding("bad", f"A check failed: {type(error).__name__}: {error}", "Please report this.")


# --- what Scumble runs on ----------------------------------------------------------------------------------------


def _python() -> Iterator[Finding]:
    version = sys.version_info[:2]
    name = f"Scumble {__version__} on Python {'.'.join(map(str, sys.version_info[:3]))} ({sys.executable})"
    if SUPPORTED[0] <= version <= SUPPORTED[1]:
        yield Finding("good", name)
    else:
        span = " to ".join(".".join(map(str, each)) for each in SUPPORTED)
        yield Finding("bad", name, f"Install Scumble with a Python from {span}.")


def _packages() -> Iterator[Finding]:
    """Every package that Scumble asks for, in a version it can use."""
    from packaging.requirements import Requirement

    wrong = 0
    for line in importlib.metadata.requires("scumble") or ():
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong += 1
            yield Finding("bad", f"The package {requirement.name} is missing.", "Run `sh scripts/setup` again.")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong += 1
            yield Finding("bad", f"{requirement.name} is {version}, not {requirement.specifier}.", "Install it anew.")
    if not wrong:
        yield Finding("good", "every package is there")


def _opencv() -> Iterator[Finding]:
    """Several OpenCV wheels write into the same folder `cv2`; which one wins is chance."""
    names = {each.metadata["Name"].lower() for each in importlib.metadata.distributions() if each.metadata["Name"]}
    wheels = sorted(name for name in names if name.startswith("opencv-"))
    if len(wheels) > 1:
        yield Finding(
            "bad",
            f"Several OpenCV packages overwrite each other: {', '.join(wheels)}.",
            f"pip uninstall -y {' '.join(wheels)} && pip install opencv-contrib-python-headless",
        )
    elif importlib.util.find_spec("cv2") is None:
        yield Finding("bad", "OpenCV (cv2) cannot be found.", "pip install opencv-contrib-python-headless")


def _environment() -> Iterator[Finding]:
    for name in ("PYTHONPATH", "PYTHONHOME"):
        if os.environ.get(name):
            yield Finding("warning", f"{name} is set: it may slip other packages in.", f"Unset {name} if jobs fail.")
    newest = max(file.stat().st_mtime for file in Path(__file__).parent.glob("*.py"))
    if newest > time.time() + 86400:
        yield Finding("warning", "This computer's clock is behind the files.", "Set the clock: GIMP compares times.")


def _folders() -> Iterator[Finding]:
    runtime = config.runtime_folder()
    folders = {
        "runtime": runtime,
        "cache": config.cache_folder(),
        "settings": config.config_folder(),
        "log": config.log_folder(),
        "weights": _weights_folder(),
    }
    wrong = 0
    for finding in (finding for name, folder in folders.items() for finding in _folder(name, folder)):
        wrong += 1
        yield finding
    socket = runtime / "scumble.sock"
    if sys.platform != "win32" and len(os.fsencode(socket)) > MAX_IPC_PATH:
        advice = "Set SCUMBLE_RUNTIME to a folder with a shorter path."
        yield Finding("warning", f"The socket's path is too long ({socket}): local TCP is used instead.", advice)
    if hasattr(os, "getuid") and runtime.is_dir() and runtime.stat().st_mode & 0o077:
        yield Finding("bad", f"Others may look into the runtime folder {runtime}.", f"chmod 700 {runtime}")
    if not wrong:
        yield Finding("good", "every folder can be written: " + ", ".join(map(str, folders.values())))


def _weights_folder() -> Path:
    try:
        return config.weights_folder(config.read())
    except ScumbleError:  # a finding of its own
        return config.weights_folder(config.Config())


def _folder(name: str, folder: Path) -> Iterator[Finding]:
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        yield Finding("bad", f"The {name} folder {folder} cannot be written.", f"Check the owner of {place}.")
        return
    free = shutil.disk_usage(place).free
    if free < LITTLE_BYTES:
        level = "bad" if free < NEXT_TO_NOTHING_BYTES else "warning"
        yield Finding(level, f"Only {free >> 20} MiB are free for the {name} folder {folder}.", "Make room.")


def _configuration() -> Iterator[Finding]:
    try:
        config.read()
    except ScumbleError as error:
        yield Finding("bad", error.message, error.hint)


def _compiled_matting() -> Iterator[Finding]:
    """pymatting compiles itself at the first call, for about a minute, unless its compiled code was kept."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or config.cache_folder() / "numba")
    if next(folder.rglob("*.nbc"), None):
        yield Finding("good", "the background remover is compiled")
    else:
        yield Finding("warning", "The first background removal will take a minute longer.", "Run `sh scripts/setup`.")


# --- the editors -------------------------------------------------------------------------------------------------


def _editors(found: list[Installation]) -> Iterator[Finding]:
    if not found:
        yield Finding("warning", "No GIMP 3 and no Krita 5 was found.", "Install one, then run `scumble setup`.")
        return
    from . import registry

    catalogue = registry.load(config.config_folder() / "operations").catalogue
    expected = {editor: digest(plugin_files(editor, catalogue)) for editor in {each.editor for each in found}}
    for installation in found:
        troubles = list(_editor(installation, expected[installation.editor]))
        yield from troubles or [Finding("good", f"{installation.title}: plug-in in {installation.plugin_folder}")]


def _editor(installation: Installation, expected: str) -> Iterator[Finding]:
    title, again = installation.title, "Run `scumble setup`, then restart the editor."
    record = read_record(installation)
    if record is None:
        if installation.awaits_migration:
            again = "Start it once, so that it takes over your settings, then run `scumble setup`."
        yield Finding("warning", f"{title}: the plug-in is not installed.", again)
        return
    if damaged_files(installation, record):
        yield Finding("bad", f"{title}: files of the plug-in are missing or were changed.", again)
    elif record.digest != expected:
        yield Finding("warning", f"{title}: the plug-in is not of this version ({__version__}).", again)
    if not shutil.which(record.command[0]):
        yield Finding("bad", f"{title}: it would start Scumble with {record.command[0]}, which is gone.", again)
    settings = installation.settings
    if settings and not (settings.is_file() and is_enabled(settings.read_bytes())):
        yield Finding("bad", f"{title}: the plug-in is switched off in {settings}.", again)
    if installation.is_sandboxed and str(installation.plugin_folder) not in config.read().connection_copies:
        yield Finding("bad", f"{title}: it runs in a sandbox and cannot find the daemon.", again)


# --- what went wrong lately --------------------------------------------------------------------------------------


def _logs() -> Iterator[Finding]:
    for file in sorted(config.log_folder().glob("*.log")):
        with file.open(encoding="utf-8", errors="replace") as lines:
            faults = [line.strip() for line in deque(lines, LOG_LINES) if any(word in line for word in FAULTS)]
        if faults:
            what = f"{len(faults)} errors among the last lines of {file}, the newest: {faults[-1]}"
            yield Finding("warning", what, "`scumble logs` shows them.")
    if Connection.read() is None and not config.log_folder().is_dir():
        yield Finding("good", "no logs yet: the daemon has not run")
