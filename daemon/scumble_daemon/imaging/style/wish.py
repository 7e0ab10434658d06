"""How much of a style an artist wants, and how it is to be computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Report = Callable[[float, Callable[[], np.ndarray]], bool]
"""`report(share, make)`, after each step: whether to end with the picture so far, which `make()` gives as H×W×3 float32
of any size. May raise."""

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
