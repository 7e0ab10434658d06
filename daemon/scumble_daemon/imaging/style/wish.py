"""How much of a style an artist wants, and how it is to be computed."""

from __future__ import annotations

from dataclasses import dataclass

WIDTH = 100.0  # between the least and the most of a style, as factors of what its loss counts


@dataclass(frozen=True)
class Wish:
    """`amount`: 0 keeps to the content, 1 gives the style free rein · `steps`, `optimiser` ("adam" | "lbfgs"): for what
    is optimised."""

    amount: float
    steps: int = 100
    optimiser: str = "adam"

    @property
    def style_factor(self) -> float:
        """Half of the amount is what the published weights mean."""
        return WIDTH ** (self.amount - 0.5)
