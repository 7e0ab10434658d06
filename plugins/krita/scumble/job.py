"""One job as the queue shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional, Tuple

from scumble_protocol.errors import ScumbleError
from scumble_protocol.messages import Result

from .source import Source

RUNNING, INSERTING, PLACING = "running", "inserting", "placing"  # inserting: it waits until that is safe
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"


@dataclass
class Job:
    """One row of the queue. `fraction`: 0 to 1, -1 where unknown · `notes`: what to tell the artist at the end ·
    `preview`: a QImage of what there is so far · `is_finishing`: the artist wants no more than that."""

    number: int
    title: str
    where: str = ""
    state: str = RUNNING
    stage: str = "Reading the layer…"
    fraction: float = -1.0
    notes: Tuple[str, ...] = ()
    error: Optional[ScumbleError] = None
    source: Optional[Source] = None
    result: Optional[Result] = None
    is_progressive: bool = False
    preview: Optional[Any] = None
    is_finishing: bool = False

    @property
    def is_over(self) -> bool:
        return self.state in (DONE, FAILED, CANCELLED)

    @property
    def can_finish(self) -> bool:
        """Whether there is something to keep that the artist has seen."""
        return self.is_progressive and self.state == RUNNING and self.preview is not None and not self.is_finishing
