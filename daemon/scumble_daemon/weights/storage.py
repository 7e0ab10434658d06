"""Bytes on the disk that are there when we say so: whole or not at all, and digests of what is really written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

CHUNK_BYTES = 1 << 20


def digest_of(path: Path, on_bytes: Callable[[int], None] = lambda count: None) -> str:
    """sha256 of the file, in hexadecimal; `on_bytes` hears how many have been read. Raises: OSError."""
    digest = hashlib.sha256()
    seen = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            seen += len(chunk)
            on_bytes(seen)
    return digest.hexdigest()


def write_whole(path: Path, data: bytes) -> None:
    """Put a small file in place, whole or not at all. Raises: OSError."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def flush_folder(folder: Path) -> None:
    """Have the disk really hold the names in it. Not every system lets one open a folder."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def size_of(path: Path) -> int:
    """0 where there is no such file."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
