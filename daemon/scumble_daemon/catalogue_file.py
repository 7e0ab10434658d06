"""The catalogue on disk: menus exist before the daemon's worker has imported a single operation."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from scumble_protocol.catalogue import Catalogue
from scumble_protocol.errors import ScumbleError

from . import __version__

NAME = "catalogue.json"


def sources_key(extra: Path) -> str:
    """Changes whenever an operation file, here or in the user's folder `extra`, is added, removed or edited."""
    here = Path(__file__).parent
    files = [here / "registry.py", *sorted((here / "operations").glob("*.py")), *sorted(extra.glob("*.py"))]
    stats = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    return hashlib.sha256(repr((__version__, stats)).encode()).hexdigest()


def read(folder: Path, key: str) -> dict[str, Any] | None:
    """The catalogue as JSON, if the one in `folder` was made from the very sources that `key` stands for."""
    try:
        table = json.loads((folder / NAME).read_text("utf-8"))
        if table.pop("key", None) != key:
            return None
        Catalogue.from_json(table)
    except (OSError, ValueError, ScumbleError):
        return None
    return table


def write(folder: Path, table: dict[str, Any], key: str) -> None:
    """Replace the file in one step: an editor may be reading it."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{NAME}.{os.getpid()}"
    fresh.write_text(json.dumps({**table, "key": key}, ensure_ascii=False, indent=1), "utf-8")
    fresh.replace(folder / NAME)
