"""Numbers in words for people."""

from __future__ import annotations


def in_words(count: int) -> str:
    """A size in bytes: «156 MB»."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.{1 if count < 10 * size else 0}f} {unit}"
    return f"{count} bytes"


def share_in_words(done: int, whole: int) -> str:
    """How much of a size is there: «34 of 156 MB», in the unit of the whole; -1: nobody knows the whole."""
    if whole < 0:
        return in_words(done)
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if whole >= size:
            digits = 1 if whole < 10 * size else 0
            return f"{min(done, whole) / size:.{digits}f} of {whole / size:.{digits}f} {unit}"
    return f"{min(done, whole)} of {whole} bytes"
