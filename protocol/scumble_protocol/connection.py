"""Find the daemon, or start it: folders, the connection file, and what `scumble setup` left beside the plug-in.

Daemon, command line and plug-ins all ask here where the folders are, so they cannot disagree.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .catalogue import Catalogue
from .errors import DaemonUnavailable, Invalid, ScumbleError, Unauthorised

CONNECTION_FILE = "connection.json"
CATALOGUE_FILE = "catalogue.json"
INSTALLED_FILE = "scumble.json"

# What AppImages, Snaps and the editors set for their own libraries; the daemon's Python would load the wrong ones.
_LIBRARIES = ("PYTHON", "LD_", "DYLD_", "GI_", "GTK_", "GDK_", "GIO_", "GSETTINGS_", "QT_", "QML", "GEGL_", "BABL_")
_BUNDLES = ("APPDIR", "APPIMAGE", "ARGV0", "OWD", "SNAP", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Connection:
    """What the connection file says: where the daemon listens, and the token that opens a session."""

    endpoints: Tuple[str, ...]
    token: str
    pid: int
    version: str

    @staticmethod
    def read(folder: Optional[Path] = None) -> Optional["Connection"]:
        """None: there is no file, or a damaged one. Raises: Unauthorised where it is not ours alone."""
        path = (folder or runtime_folder()) / CONNECTION_FILE
        try:
            with open(path, encoding="utf-8") as file:
                _check_ours(os.fstat(file.fileno()), path)
                table = json.load(file)
            endpoints = tuple(str(endpoint) for endpoint in table["endpoints"])
            return Connection(endpoints, str(table["token"]), int(table["pid"]), str(table["version"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Put the file in place, whole or not at all, readable by this user alone."""
        descriptor, draft = tempfile.mkstemp(dir=folder, prefix=CONNECTION_FILE)  # made with mode 0600
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(self), file)
            _replace(draft, folder / CONNECTION_FILE)
        except BaseException:
            os.unlink(draft)
            raise


# --- folders -----------------------------------------------------------------------------------------------------


def runtime_folder() -> Path:
    """Where the connection file, the ipc socket and the sessions' segments are."""
    if os.environ.get("SCUMBLE_HOME"):
        return Path(os.environ["SCUMBLE_HOME"]) / "runtime"
    told = os.environ.get("SCUMBLE_RUNTIME") or installed().get("runtime")
    if told:  # by setup, to an editor in a sandbox: where the daemon puts a copy of the connection file for it
        return Path(told)
    if sys.platform == "win32":
        return _local_app_data() / "Temp" / "scumble"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "TemporaryItems" / "scumble"
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    if given and os.path.isdir(given) and os.access(given, os.W_OK | os.X_OK):
        return Path(given) / "scumble"
    # Not what TMPDIR says: editors set it for themselves, and would then look elsewhere than the daemon.
    temporary = "/tmp" if os.access("/tmp", os.W_OK | os.X_OK) else tempfile.gettempdir()
    return Path(temporary) / f"scumble-{os.getuid()}"


def cache_folder() -> Path:
    """Where the daemon keeps the catalogue and its results from one run to the next."""
    if os.environ.get("SCUMBLE_HOME"):
        return Path(os.environ["SCUMBLE_HOME"]) / "cache"
    if os.environ.get("SCUMBLE_CACHE"):
        return Path(os.environ["SCUMBLE_CACHE"])
    if sys.platform == "win32":
        return _local_app_data() / "scumble" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "scumble"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scumble"


def make_private(folder: Path) -> Path:
    """Make `folder` (mode 0700) unless it is there. Raises: Unauthorised where it is not this user's alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = os.lstat(folder)
    _check_ours(status, folder)
    if hasattr(os, "getuid") and stat.S_IMODE(status.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder


def _local_app_data() -> Path:
    return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")


def _check_ours(status: os.stat_result, path: Path) -> None:
    if not hasattr(os, "getuid"):  # Windows: the folders lie inside the user's own profile, whose rights they inherit
        return
    if stat.S_ISLNK(status.st_mode) or status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o022:
        raise Unauthorised(
            f"{path} is a link, or belongs to another user, or others may write to it.",
            "Delete it, then start Scumble again.",
        )


def _replace(draft: str, path: Path) -> None:
    for _ in range(20):
        try:
            os.replace(draft, path)
            return
        except PermissionError:  # Windows: somebody is just reading it
            if sys.platform != "win32":
                raise
            time.sleep(0.05)
    os.replace(draft, path)


# --- starting it -------------------------------------------------------------------------------------------------


def installed() -> Mapping[str, Any]:
    """What `scumble setup` wrote beside this package: `command` starts the daemon, `runtime` is where to look for it.

    Empty where nothing was written, as in the daemon's own environment.
    """
    try:
        table = json.loads((Path(__file__).parent.parent / INSTALLED_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def start_command() -> List[str]:
    """Raises: DaemonUnavailable where nobody said how the daemon is started."""
    given = os.environ.get("SCUMBLE_COMMAND")
    if given:
        if sys.platform == "win32":  # where a backslash is part of a path
            return [part.strip('"') for part in shlex.split(given, posix=False)]
        return shlex.split(given)
    command = installed().get("command")
    if not isinstance(command, list) or not command:
        raise DaemonUnavailable("This plug-in does not know where Scumble is installed.", "Run `scumble setup`.")
    return [str(part) for part in command]


def start_daemon(command: Optional[List[str]] = None) -> "subprocess.Popen[Any]":
    """Start the daemon so that it outlives this process, by `command` or as setup said. Raises: DaemonUnavailable"""
    command, environment = command or start_command(), clean_environment(os.environ)
    detached: Dict[str, Any] = {}
    if sys.platform == "win32":
        # Not DETACHED_PROCESS: without a console of its own, each worker it starts would open a window.
        detached["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        detached["start_new_session"] = True  # GIMP ends a cancelled plug-in's whole process group
    if is_flatpak() and shutil.which("flatpak-spawn"):
        kept = [f"--env={name}={value}" for name, value in environment.items() if name.startswith("SCUMBLE_")]
        command = ["flatpak-spawn", "--host", *kept, *command]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=Path.home(),  # not in an AppImage's mount, which goes away with the editor
            env=environment,
            **detached,
        )
    except OSError as error:
        raise DaemonUnavailable(
            f"Scumble could not be started: {command[0]} ({error.strerror or error}).", "Run `scumble setup` again."
        ) from None


def clean_environment(environment: Mapping[str, str]) -> Dict[str, str]:
    """`environment` without what an editor set for its own libraries."""
    mounted = environment.get("APPDIR") or "\0"  # an AppImage's own files, which go away with the editor
    return {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(_LIBRARIES) and name.upper() not in _BUNDLES
        if name == "PATH" or mounted not in value
    }


def is_flatpak() -> bool:
    return os.path.exists("/.flatpak-info")


def is_sandboxed() -> bool:
    """Whether this process may see another file system than the daemon does."""
    return is_flatpak() or "SNAP" in os.environ


# --- the catalogue, before the daemon runs -----------------------------------------------------------------------


def load_catalogue() -> Catalogue:
    """The newer readable one of the daemon's cached catalogue and the one beside this package; else an empty one."""
    found = []
    for path in (cache_folder() / CATALOGUE_FILE, Path(__file__).parent / CATALOGUE_FILE):
        try:
            found.append((path.stat().st_mtime, path))
        except OSError:
            continue
    for _, path in sorted(found, reverse=True):
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(table, dict):
                raise Invalid("The catalogue is not a table.")
            return Catalogue.from_json(table)
        except (OSError, ValueError, ScumbleError):
            continue
    return Catalogue(())
