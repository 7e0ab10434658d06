"""A long loop in shares, a thread for each core that this process may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

LEAST = 2048  # turns that are worth a thread


def of(count: int, work: Callable[[int, int], None], least: int | None = None) -> None:
    """`work(first, last)` over all of range(count), `least` turns and more in a thread. It has to let go of the
    interpreter to gain by this."""
    threads = min(cores(), -(-count // (least or LEAST)))
    if threads <= 1:
        work(0, count)
        return
    bounds = [count * each // threads for each in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, bounds[:-1], bounds[1:]))


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
