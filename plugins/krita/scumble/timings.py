"""Stage timings of jobs, as JSON lines in the file that $SCUMBLE_TIMINGS names; nothing where it is unset."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict


class Timings:
    """Seconds from the click, by stage: read, submitted, result, safe (to insert), inserted."""

    def __init__(self) -> None:
        self._path = os.environ.get("SCUMBLE_TIMINGS", "")
        self._clicks: Dict[int, float] = {}
        self._lines: Dict[int, Dict[str, Any]] = {}

    def start(self, number: int, operation: str) -> None:
        self._clicks[number] = time.perf_counter()
        self._lines[number] = {"operation": operation}

    def mark(self, number: int, stage: str) -> None:
        if number in self._lines:
            self._lines[number][stage] = round(time.perf_counter() - self._clicks[number], 6)

    def end(self, number: int, state: str) -> None:
        """Write the job's line. `state`: how it ended."""
        self.mark(number, "inserted" if state == "done" else state)
        self._clicks.pop(number, None)
        line = self._lines.pop(number, None)
        if self._path and line is not None:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps({"editor": "krita", **line}) + "\n")
