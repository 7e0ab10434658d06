"""Which part of a layer a preview shows, and how large: the arithmetic between its pixels and those of the screen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Tuple

from scumble_protocol.image import Bounds

STEP = math.sqrt(2)
MOST = 32.0  # screen pixels for one of the layer
LEAST_PX = 32  # so wide a layer stays on the screen


@dataclass(frozen=True)
class View:
    """`layer`, `window`: width and height · `zoom`: screen pixels for one of the layer · `left`, `top`: how far, in
    screen pixels, the window's corner lies inside the layer drawn at that zoom; negative where the layer is centred."""

    layer: Tuple[int, int]
    window: Tuple[int, int]
    zoom: float = 1.0
    left: int = 0
    top: int = 0

    @property
    def fitting(self) -> float:
        """The zoom that shows all of the layer, and no more than its own pixels."""
        return min(1.0, *(max(1, room) / size for room, size in zip(self.window, self.layer)))

    @property
    def drawn(self) -> Tuple[int, int]:
        """Width and height of the whole layer on the screen."""
        return max(1, round(self.layer[0] * self.zoom)), max(1, round(self.layer[1] * self.zoom))

    @property
    def shown(self) -> Bounds:
        """Where in the window the layer is."""
        width, height = self.drawn
        return Bounds(-self.left, -self.top, width, height).intersection(Bounds(0, 0, *self.window))

    def to_layer(self, x: float, y: float) -> Tuple[float, float]:
        return (x + self.left) / self.zoom, (y + self.top) / self.zoom

    def to_window(self, x: float, y: float) -> Tuple[float, float]:
        return x * self.zoom - self.left, y * self.zoom - self.top

    # --- other views ---------------------------------------------------------------------------------------------

    def fitted(self) -> View:
        return replace(self, zoom=self.fitting).settled()

    def zoomed_to(self, zoom: float, x: float, y: float) -> View:
        """What lies at (x, y) of the window stays there."""
        least = min(self.fitting, LEAST_PX / max(self.layer))
        zoom = min(max(zoom, least), MOST)
        at_x, at_y = self.to_layer(x, y)
        return replace(self, zoom=zoom, left=round(at_x * zoom - x), top=round(at_y * zoom - y)).settled()

    def stepped(self, steps: int, x: float, y: float) -> View:
        """In or out by whole steps, of which 100 % is one."""
        now = math.log(self.zoom, STEP)
        goal = math.floor(now + 1e-6) + steps if steps > 0 else math.ceil(now - 1e-6) + steps
        return self.zoomed_to(STEP**goal if goal else 1.0, x, y)

    def moved(self, right: float, down: float) -> View:
        """The window further right and down, in screen pixels."""
        return replace(self, left=round(self.left + right), top=round(self.top + down)).settled()

    def in_window(self, width: int, height: int) -> View:
        """As large as before, in a window of another size; what was fitted stays fitted."""
        resized = replace(self, window=(width, height))
        return resized.fitted() if self.zoom == self.fitting else resized.settled()

    def settled(self) -> View:
        """No room beside a layer that is larger than the window; a smaller one in the middle."""
        width, height = self.drawn
        return replace(
            self, left=_settle(self.left, width, self.window[0]), top=_settle(self.top, height, self.window[1])
        )


def _settle(start: int, drawn: int, room: int) -> int:
    return -((room - drawn) // 2) if drawn <= room else min(max(start, 0), drawn - room)
