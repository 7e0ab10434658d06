"""One thing that `scumble doctor` has to say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`level`: "good" | "warning" | "bad" · `what`: what was found · `advice`: what to do, "" where nothing is."""

    level: str
    what: str
    advice: str = ""
