"""Which of several proposed parts a click means: what is seen of each, and how it was learned to weigh that up."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import cv2
import numpy as np

from . import masks, segment
from .segment import Scene

FEATURES = ("edges", "inner", "middle", "share", "island", "advised", "agreement", "rim", "alike", "breadth")
LOSS = 10.0  # what the logarithm counts of how much remains: of 0, 3.7, 10, 20 and 40 the best on tuning objects
LARGER = 2.2  # likewise, of its share of what it could be, else leftovers go in crumbs; 2.2 and 3 were the best of six
ISLAND_EDGE = 2.5  # moving a whole island over counts as an edge of so many times the mean strength


@dataclass(frozen=True)
class Proposals:
    """`parts`: bool masks at the size of one scene, one at least · `features`: parts × FEATURES, float32 · `remains`:
    float32, of what should rather stay as it is the share that would, for each part."""

    parts: tuple[np.ndarray, ...]
    features: np.ndarray
    remains: np.ndarray


Judge = Callable[[tuple[slice, slice], Proposals], int]
"""Rows and columns of the view that are looked at, and what is proposed there → the index of the part that is meant."""


@dataclass(frozen=True)
class Seen:
    """What the parts of one scene are told apart by. `edges`: float32, logarithm of how many times as strong as usual
    each pixel's edge is, and one · `depth`: how far the click is from what is on its side already."""

    domain: np.ndarray
    at: np.ndarray
    adjoining: np.ndarray
    edges: np.ndarray
    alike: np.ndarray
    likely: np.ndarray | None
    depth: float

    @staticmethod
    def of(
        scene: Scene,
        domain: np.ndarray,
        at: np.ndarray,
        beyond: np.ndarray,
        alike: np.ndarray,
        likely: np.ndarray | None,
    ) -> Seen:
        """Of a click (`at`, bool) that means a part of `domain` (bool), see `parts.around_click`. `alike`: float32,
        how much each pixel's colour is like that which is on the click's side already."""
        change = segment.edge_strength(scene)
        usual = float(change.mean()) + 1e-3
        depth = float(masks.distance_to(beyond)[at].min()) if beyond.any() else float(max(scene.shape))
        edges = np.log((change + usual) / usual)
        return Seen(domain, at, masks.grow(beyond, 2), edges, alike, likely, depth)

    @cached_property
    def _size(self) -> float:
        return float(np.count_nonzero(self.domain))

    @cached_property
    def _alike_in_all(self) -> float:
        return float(self.alike[self.domain].sum())

    @cached_property
    def _likely_in_all(self) -> float:
        return 0.0 if self.likely is None else float(self.likely[self.domain].sum())

    def features(self, part: np.ndarray) -> tuple[float, ...]:
        """Of a bool part of the domain, in the order of FEATURES: how strong the edges are between it and the rest, and
        those within it; how near the click is to its middle; its share of the domain; whether it is an island; whether
        a network was asked, and agrees; how much of its outline is the scene's own rim; whether its colours are more
        like those on the click's side than the rest's are; and its breadth, beside how far the click is from there."""
        size = float(np.count_nonzero(part))
        rim = part & masks.grow(self.domain & ~part, 1)
        on_rim, along = float(np.count_nonzero(rim)), float(self.edges[rim].sum())
        strength = math.exp(along / on_rim) - 1 if on_rim else ISLAND_EDGE
        alike = float(self.alike[part].sum())
        unlike = (self._alike_in_all - alike) / max(1.0, self._size - size)
        border = sum(np.count_nonzero(line) for line in (part[0], part[-1], part[:, 0], part[:, -1]))
        return (
            math.log(strength + 0.01),
            (float(self.edges[part].sum()) - along) / max(1.0, size - on_rim),
            math.log(centrality(part, self.at) + 1e-3),
            math.log(size / self._size),
            float(not (part & self.adjoining).any()),
            float(self.likely is not None),
            0.0 if self.likely is None else math.log(self._agreement(part, self.likely)),
            border / (4 * math.sqrt(size) + 1),
            math.log((alike / size + 0.02) / (max(0.0, unlike) + 0.02)),
            math.log(math.sqrt(size) / (self.depth + 1)),
        )

    def _agreement(self, part: np.ndarray, likely: np.ndarray) -> float:
        """From 0 to 1, how much of one is the other too: Dice's coefficient of `part` and what is `likely`."""
        return (2 * float(likely[part].sum()) + 1) / (self._likely_in_all + float(part.sum()) + 1)


@dataclass(frozen=True)
class Weights:
    """A network of one hidden layer, with a way past it: `means` and `deviations` of the features, what each counts by
    itself (`straight`), and the layer's own (`hidden`: units × features)."""

    means: np.ndarray
    deviations: np.ndarray
    straight: np.ndarray
    hidden: np.ndarray
    biases: np.ndarray
    output: np.ndarray

    @staticmethod
    def of(numbers: dict[str, list[float]]) -> Weights:
        return Weights(**{name: np.array(values, np.float32) for name, values in numbers.items()})

    def scores(self, features: np.ndarray) -> np.ndarray:
        """One for each row of features, the higher the likelier."""
        known = (features - self.means) / self.deviations
        return known @ self.straight + np.tanh(known @ self.hidden.T + self.biases) @ self.output


@cache
def shipped() -> Weights:
    """What `weights/training/judge.py` has learned."""
    return Weights.of(json.loads(Path(__file__).with_name("judge.json").read_text("utf-8")))


def likeliest(_window: tuple[slice, slice], proposals: Proposals) -> int:
    """By what was learned, rather more than less; but who excludes something from what a selection meant takes the
    lesser part of it."""
    share = proposals.features[:, FEATURES.index("share")]
    return int(np.argmax(shipped().scores(proposals.features) + LARGER * share + LOSS * np.log(proposals.remains)))


def centrality(part: np.ndarray, at: np.ndarray) -> float:
    """From 0 to 1: how far inside `part` the click is, to how far inside one can be."""
    inside = cv2.distanceTransform(np.pad(part, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    return float(inside[at].max() / inside.max())
