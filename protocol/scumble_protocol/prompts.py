"""What the artist points with: clicks and a box, as a form holds them in writing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, Optional, Tuple

from .catalogue import parse_box, parse_points
from .errors import Invalid
from .image import Bounds, Point


@dataclass(frozen=True)
class Prompts:
    """In pixels of the document, or of what is pointed at."""

    points: Tuple[Point, ...] = ()
    box: Optional[Bounds] = None

    @staticmethod
    def read(values: Dict[str, Any]) -> Prompts:
        """What is written wrongly is no prompt: Run will say so."""
        try:
            return Prompts(parse_points(str(values.get("points", ""))), parse_box(str(values.get("box", ""))))
        except Invalid:
            return Prompts()

    def written(self) -> Dict[str, str]:
        points = "; ".join(f"{each.x:.1f},{each.y:.1f}" + ("" if each.include else ",-") for each in self.points)
        box = self.box
        return {"points": points, "box": "" if box is None else f"{box.x},{box.y},{box.right},{box.bottom}"}

    @property
    def is_empty(self) -> bool:
        return not self.points and self.box is None

    def with_point(self, point: Point) -> Prompts:
        """A click where one was already takes its place: it cannot mean both."""
        kept = (each for each in self.points if (round(each.x, 1), round(each.y, 1)) != (point.x, point.y))
        return replace(self, points=(*kept, point))

    def moved(self, right: int, down: int) -> Prompts:
        """The same, measured from another corner."""
        points = tuple(Point(each.x + right, each.y + down, each.include) for each in self.points)
        box = self.box
        return Prompts(points, box and Bounds(box.x + right, box.y + down, box.width, box.height))

    def without_last(self) -> Prompts:
        if self.points:
            return replace(self, points=self.points[:-1])
        return Prompts()
