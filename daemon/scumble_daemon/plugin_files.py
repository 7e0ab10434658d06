"""What goes into an editor's profile: the plug-in, the protocol package, pure-Python msgpack, the catalogue."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import scumble_protocol
from scumble_protocol.catalogue import Catalogue

from .carried import carried_folder

__all__ = ["PluginFile", "digest", "plugin_files", "start_command"]

_LEFT_OUT = ("__pycache__", "_vendor")


@dataclass(frozen=True)
class PluginFile:
    data: bytes
    executable: bool = False


def plugin_files(editor: str, catalogue: Catalogue) -> dict[str, PluginFile]:
    """Every file of the plug-in for `editor`, by its path (with `/`) inside the editor's profile.

    Raises: Invalid where Scumble's own installation lacks something.
    """
    sources = carried_folder("plugins", "krita") / editor
    if editor == "gimp":
        inside, outside = "plug-ins/scumble", {}
    else:
        inside = "pykrita/scumble"
        outside = {f"pykrita/{path}": file for path, file in _tree(sources, "*.desktop")}
        outside |= {f"actions/{PurePosixPath(path).name}": file for path, file in _tree(sources, "**/*.action")}
    files = {
        f"{inside}/{path}": file for path, file in _tree(sources / "scumble", "**/*") if not path.endswith(".action")
    }
    files |= {f"{inside}/scumble_protocol/{path}": file for path, file in _protocol(catalogue)}
    return dict(sorted((files | outside).items()))


def digest(files: Mapping[str, PluginFile]) -> str:
    """One digest for all files, so that an older or damaged copy shows."""
    total = hashlib.sha256()
    for path, file in sorted(files.items()):
        total.update(f"{path}\0{file.executable}\0{hashlib.sha256(file.data).hexdigest()}\n".encode())
    return total.hexdigest()


def start_command() -> list[str]:
    """How a plug-in starts the daemon: with this very Python, wherever it lies."""
    return [sys.executable, "-m", "scumble_daemon", "serve"]


def _protocol(catalogue: Catalogue) -> Iterator[tuple[str, PluginFile]]:
    yield from _tree(Path(scumble_protocol.__path__[0]), "**/*")
    yield "catalogue.json", PluginFile(json.dumps(catalogue.to_json(), ensure_ascii=False, indent=1).encode())
    yield "_vendor/__init__.py", PluginFile(b'"""Libraries the editors\' own Pythons lack."""\n')
    yield from ((f"_vendor/msgpack/{path}", file) for path, file in _pure_msgpack())


def _pure_msgpack() -> Iterator[tuple[str, PluginFile]]:
    """The .py files of the installed msgpack: without its compiled module it uses its own pure-Python one."""
    distribution = importlib.metadata.distribution("msgpack")
    for entry in distribution.files or ():
        is_source = entry.parts[0] == "msgpack" and len(entry.parts) == 2 and entry.suffix == ".py"
        if is_source or entry.name == "COPYING":  # Apache-2.0 asks that the licence travels along
            yield entry.name, PluginFile(Path(str(entry.locate())).read_bytes())


def _tree(folder: Path, pattern: str) -> Iterator[tuple[str, PluginFile]]:
    for path in sorted(folder.glob(pattern)):
        relative = path.relative_to(folder)
        if path.is_file() and not set(relative.parts) & set(_LEFT_OUT):
            # GIMP runs a plug-in's entry file as a program; a wheel does not keep the executable bit
            yield relative.as_posix(), PluginFile(path.read_bytes(), path.name == "scumble.py")
