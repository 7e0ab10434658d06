"""The daemon's log files: small, rotated, and never on a terminal."""

from __future__ import annotations

import logging
import logging.handlers
from pathlib import Path

MAX_BYTES = 1 << 20
KEPT = 3


def open_log(folder: Path, name: str, level: str) -> Path:
    """Send this process's log records to `folder/name.log`; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.log"
    handler = logging.handlers.RotatingFileHandler(file, maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    return file
