"""Figures as a Markdown table, and the few statistics they need."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`limit`: what the figure must reach, in words, or "" where it stands for comparison only."""

    what: str
    figure: str
    limit: str = ""


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds * 1000:,.0f} ms"


def measured(act: Callable[[], object], times: int) -> list[float]:
    """Seconds of each of `times` calls, after one that does not count."""
    act()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        taken.append(time.perf_counter() - started)
    return taken


def median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def show(title: str, rows: Sequence[Row]) -> str:
    lines = [f"### {title}", "", "| what | measured | at least |", "| --- | --- | --- |"]
    lines += [f"| {row.what} | {row.figure} | {row.limit} |" for row in rows]
    return "\n".join(lines) + "\n"
