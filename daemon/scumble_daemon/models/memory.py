"""What this process holds of the machine's memory: keep what is used again and again, give back the rest."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
MADV_DONTNEED = 4  # of Linux' mman.h
KEPT_BYTES = 1 << 30
LARGEST_KEPT_BYTES = 48 << 20  # tensors of a tile; larger arrays are few, and would tear holes
LIBRARY = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \d+ +/.*\.so\b")
MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ ")


def keep_freed() -> None:
    """Have this process use its memory again instead of asking the system for each tensor anew.

    A forward pass makes and frees hundreds of megabytes many times. glibc would map and unmap each, and the system
    fill each with zeros: a third of the time of a small network. `give_back_freed` gives back what is kept so.
    """
    libc = _libc()
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def give_back_freed() -> None:
    """glibc keeps what was freed."""
    libc = _libc()
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def let_go_of_code() -> None:
    """Unmap libraries' code and constants that only their start has used; what is used again comes back by itself.

    PyTorch with its libraries for GPUs runs through hundreds of megabytes once, and computes with a tenth of them. The
    pages stay in the system's cache of files, so that coming back costs a page table's entry, and they count no more as
    this process's. Linux only; elsewhere nothing happens.
    """
    libc = _libc()
    if not hasattr(libc, "madvise"):
        return
    with contextlib.suppress(OSError):
        for start, length in _unchanged_code():
            libc.madvise(start, length, MADV_DONTNEED)


def _unchanged_code() -> Iterator[tuple[int, int]]:
    """Address and bytes of each mapping of a library's code or constants of which this process has changed no page:
    where a loader or a debugger has written into one, it is not in the file."""
    mapping: tuple[int, int] | None = None
    for line in Path("/proc/self/smaps").read_text("ascii", "replace").splitlines():
        if MAPPING.match(line):
            found = LIBRARY.match(line)
            mapping = (int(found[1], 16), int(found[2], 16) - int(found[1], 16)) if found else None
        elif mapping and line.startswith("Anonymous:") and line.split()[1] == "0":
            yield mapping


def _libc() -> Any:
    """glibc, or None where there is another."""
    import ctypes

    with contextlib.suppress(OSError):
        libc = ctypes.CDLL("libc.so.6")
        libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        return libc
    return None
