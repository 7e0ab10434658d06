"""Clicks until an object is selected, on real photographs: ours, the network alone, GrabCut and random walker."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scumble_daemon.context import Context, NoModels
from scumble_daemon.imaging import masks, segment
from scumble_daemon.imaging.clicks import Advice, Click, click_discs
from scumble_daemon.imaging.image import Image, NewSelection
from scumble_daemon.imaging.prompts import Found, find, view_of
from scumble_daemon.imaging.segment import Scene, View
from scumble_daemon.models import loading
from scumble_daemon.models.clicker import Clicker
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.sources import Installed
from scumble_daemon.operations.select_object import Params, select_object
from scumble_protocol.image import Point

from ..daemon_process import running_daemon, wait_until
from . import clicks, objects
from .objects import Drawn
from .table import Row, median, milliseconds, show

sys.path.insert(0, str(Path(__file__).parents[2] / "weights"))
from training import clicker

WEIGHTS = Path(__file__).parents[2] / "weights" / "click-small" / "model.safetensors"
MOST_CLICKS = 20
WANTED = (0.85, 0.9)
PROBABLE = 0.15  # of the longer side: GrabCut's likely object around a click; the best of 0.15, 0.3 and all, on tuning
OTHERS_PX = 320  # the longest side that GrabCut and the network alone see
WALKER_PX, BETA, SEED_PX = 192, 130, 2
MEGAPIXEL = 1e6

Method = Callable[[Image, Sequence[Point]], np.ndarray]
"""A layer and all clicks so far → bool mask at the layer's size."""


@dataclass
class Story:
    """What came of the clicks on one object."""

    overlaps: list[float] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    mask: np.ndarray = field(default_factory=lambda: np.zeros((1, 1), bool))

    def needed(self, wanted: float) -> int:
        """Clicks to that overlap; MOST_CLICKS where it was not reached, as is usual."""
        return next((count for count, each in enumerate(self.overlaps, 1) if each >= wanted), MOST_CLICKS)


def main() -> str:
    stories = {name: [told(each, make()) for each in objects.drawn("judged")] for name, make in METHODS.items()}
    return table(stories) + "\n" + show("Select Object's own network, 4 megapixels", [*times(), *edges(stories)])


def table(stories: dict[str, list[Story]]) -> str:
    """Clicks to both overlaps for every object and method, and the means."""
    head = " | ".join(stories)
    lines = ["### Clicks to an overlap (IoU) of 0.85 / 0.90, at most 20", "", f"| object | {head} |"]
    lines.append("| --- " * (len(stories) + 1) + "|")
    for index, each in enumerate(objects.drawn("judged")):
        figures = (" / ".join(str(told[index].needed(wanted)) for wanted in WANTED) for told in stories.values())
        lines.append(f"| {each.name} ({each.kind}) | {' | '.join(figures)} |")
    means = (
        " / ".join(f"{np.mean([each.needed(wanted) for each in told]):.2f}" for wanted in WANTED)
        for told in stories.values()
    )
    lines.append(f"| mean | {' | '.join(means)} |")
    firsts = (f"{np.mean([each.overlaps[0] for each in told]):.2f}" for told in stories.values())
    lines.append(f"| overlap after one click | {' | '.join(firsts)} |")
    return "\n".join(lines) + "\n"


def told(drawn: Drawn, method: Method, wanted: float = WANTED[-1]) -> Story:
    """Click on the middle of the largest mistake until the overlap is reached or nobody would go on."""
    image, story = Image.from_array(drawn.picture), Story(mask=np.zeros_like(drawn.mask))
    while len(story.points) < MOST_CLICKS and (not story.overlaps or story.overlaps[-1] < wanted):
        click = clicker.next_click(story.mask, drawn.mask)
        if click is None:
            break
        story.points.append(Point(click.x + 0.5, click.y + 0.5, click.include))
        story.mask = method(image, story.points)
        story.overlaps.append(clicker.iou(story.mask, drawn.mask))
    return story


def edge_distance_px(found: np.ndarray, mask: np.ndarray) -> float:
    """Mean distance between the outlines, both ways, in pixels of the picture at one megapixel."""
    lines = [each & ~masks.erode(each, 1) for each in (found, mask)]
    away = [masks.distance_to(line) for line in lines]
    both = (away[1][lines[0]].mean() + away[0][lines[1]].mean()) / 2
    return float(both * np.sqrt(MEGAPIXEL / mask.size))


# --- methods ------------------------------------------------------------------------------------------------------


class Only(NoModels):
    """One model for clicks, and no other; `operation`: the one that may have it, or any."""

    def __init__(self, model: Clicker | Silent, operation: str | None = None) -> None:
        self._model, self._operation = model, operation

    @contextmanager
    def lend(self, operation: str, wanted: str, context: Context) -> Iterator[Any]:
        yield self._model if self._operation in (None, operation) else None


class Silent:
    """Has no opinion: what Select Object does without a model, but that it remembers what clicks have led to."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], dict[tuple[Click, ...], np.ndarray]] = {}
        self.look = view_of

    def point(self, image: Image, region: np.ndarray | None, points: Sequence[Point]) -> Found:
        return find(image, region, points, self)

    def advise(self, view: View, region: np.ndarray | None) -> Advice:
        known = self._known.setdefault((view.rgb.shape[0], view.rgb.tobytes()), {})
        return Advice(lambda part, clicks, before: None, known)


def shipped() -> Clicker:
    model = Installed("click-small", "Small, for clicks", (), "shipped", (WEIGHTS,), "own", "ClickNet")
    return Clicker(loading.load(model), CPU, "Small, for clicks")


def ours(is_advised: bool = True) -> Method:
    lender = Only(shipped() if is_advised else Silent())

    def select(image: Image, points: Sequence[Point]) -> np.ndarray:
        if not any(point.include for point in points):
            return np.zeros((image.bounds.height, image.bounds.width), bool)
        found = select_object(image, Params(), Context(points=tuple(points), models=lender))
        assert isinstance(found, NewSelection)
        assert found.bounds is not None
        whole, at = np.zeros((image.bounds.height, image.bounds.width), bool), found.bounds
        whole[at.y : at.bottom, at.x : at.right] = found.coverage > 0.5
        return whole

    return select


def network_alone() -> Method:
    network = shipped()
    before: dict[int, np.ndarray] = {}

    def select(image: Image, points: Sequence[Point]) -> np.ndarray:
        scene = _scene(image)
        chance = network.chance(scene, _clicks(scene, image, points), before.get(len(points) - 1))
        before[len(points)] = chance
        return _whole(chance, image)

    return select


def grab_cut() -> Method:
    def select(image: Image, points: Sequence[Point]) -> np.ndarray:
        scene = _scene(image)
        small = _clicks(scene, image, points)
        meant, other = (click_discs(scene.shape, small, include) for include in (True, False))
        near, opposed = masks.distance_to(meant), masks.distance_to(other)
        likely = (near < PROBABLE * max(scene.shape)) & (near < opposed)
        labels = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        labels[meant], labels[other] = cv2.GC_FGD, cv2.GC_BGD
        return _whole(segment.grab_cut(scene, labels), image)

    return select


def random_walker() -> Method:
    from skimage.segmentation import random_walker as walk

    def select(image: Image, points: Sequence[Point]) -> np.ndarray:
        scene = Scene.part_of(image, *_all(image), WALKER_PX)
        small = _clicks(scene, image, points)
        meant, other = (click_discs(scene.shape, small, include, SEED_PX) for include in (True, False))
        if not other.any():
            other = scene.rim & ~meant
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it recommends a package that is not needed
            seeds = meant + 2 * other.astype(int)
            chances = walk(scene.rgb / 255, seeds, BETA, "cg_j", channel_axis=2, return_full_prob=True)
        return _whole(np.asarray(chances)[0], image)

    return select


METHODS: dict[str, Callable[[], Method]] = {
    "ours": ours,
    "the network alone": network_alone,
    "ours without a model": lambda: ours(False),
    "GrabCut": grab_cut,
    "random walker": random_walker,
}


def _all(image: Image) -> tuple[slice, slice]:
    return slice(0, image.bounds.height), slice(0, image.bounds.width)


def _scene(image: Image) -> Scene:
    return Scene.part_of(image, *_all(image), OTHERS_PX)


def _clicks(scene: Scene, image: Image, points: Sequence[Point]) -> list[Click]:
    down, across = scene.shape[0] / image.bounds.height, scene.shape[1] / image.bounds.width
    return [Click(int(point.x * across), int(point.y * down), point.include) for point in points]


def _whole(mask: np.ndarray, image: Image) -> np.ndarray:
    return masks.resize(mask.astype(np.float32), (image.bounds.height, image.bounds.width)) > 0.5


# --- rows ---------------------------------------------------------------------------------------------------------


def edges(stories: dict[str, list[Story]]) -> list[Row]:
    """Of ours, where the overlap is 0.9 and better: at the click that reaches it, and for who goes on clicking."""
    judged = zip(objects.drawn("judged"), stories["ours"], strict=True)
    reached = [(each, story) for each, story in judged if story.overlaps[-1] >= WANTED[-1]]
    patient = [(each, told(each, ours(), wanted=1.0)) for each, _ in reached]
    rows = []
    for when, those in (("at the click that reaches IoU 0.9", reached), (f"after {MOST_CLICKS} clicks", patient)):
        away = [edge_distance_px(story.mask, each.mask) for each, story in those]
        measured = f"{np.mean(away):.2f} px, median {np.median(away):.2f} px, at worst {np.max(away):.2f} px"
        rows.append(
            Row(f"mean distance of the outlines at 1 megapixel, {len(away)} objects, {when}", measured, "≤ 2 px")
        )
    return rows


def times() -> list[Row]:
    """Through a warm daemon, a layer of 4 megapixels of a photograph."""
    cup = objects.drawn("judged")[0].picture
    large = cv2.resize(cup, (2448, 1632), interpolation=cv2.INTER_CUBIC)
    pixels = np.dstack([large, np.full(large.shape[:2], 255, np.uint8)])
    other = np.ascontiguousarray(pixels[:, ::-1])
    at = [(1170, 450, True), (1300, 1000, True), (400, 900, False), (2000, 500, False), (900, 1150, True)]
    points = [Point(float(x), float(y), include) for x, y, include in at]
    with running_daemon() as daemon, daemon.client() as client:
        clicks.click(client, other, (Point(1200.0, 450.0),))  # PyTorch and the network are loaded by now
        wait_until(lambda: "warmed up" in daemon.log(), "a warm worker")
        taken = [clicks.click(client, pixels, tuple(points[:count])) for count in range(1, len(points) + 1)]
    return [
        Row("first click on a layer, from pixels at hand to the selection at hand", milliseconds(taken[0]), "≤ 700 ms"),
        Row(f"further clicks, median of {len(taken) - 1}", milliseconds(median(taken[1:])), "≤ 150 ms"),
        Row("further clicks, slowest", milliseconds(max(taken[1:])), "≤ 150 ms"),
    ]


# --- pictures -----------------------------------------------------------------------------------------------------


def pictures(stories: Sequence[Story]) -> np.ndarray:
    """Every object with the outline that our clicks led to, and the clicks."""
    tiles = []
    for each, story in zip(objects.drawn("judged"), stories, strict=True):
        marked = each.picture.copy()
        radius = max(2, round(max(marked.shape) / 150))
        for point in story.points:
            place, colour = (int(point.x), int(point.y)), (30, 160, 60) if point.include else (210, 40, 40)
            cv2.circle(marked, place, radius + 1, (255, 255, 255), -1, cv2.LINE_AA)
            cv2.circle(marked, place, radius, colour, -1, cv2.LINE_AA)
        words = f"{each.name}: {len(story.points)} clicks, IoU {story.overlaps[-1]:.2f}"
        tiles.append(objects.outlined(marked, story.mask, words, (255, 255, 0)))
    return objects.sheet(tiles)


if __name__ == "__main__":
    made = pictures([told(each, ours()) for each in objects.drawn("judged")])
    cv2.imwrite(sys.argv[1], made[..., ::-1])
