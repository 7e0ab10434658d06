"""Which part of a picture a correcting click means, learned from stories of clicks: `python weights/training/judge.py`.

Each story is told on a generated scene (`scenes.py`), or on one of the outlines in astronaut, chelsea and china that
`tests/bench/objects.py` has for tuning, cut out and scaled at random. A click goes to the middle of the largest
mistake; of the parts that are proposed half of the time one is taken by chance, the better the likelier, so that
later clicks meet all sorts of masks. What is learned is the expected gain of the part that would be taken.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch
from scumble_daemon.imaging import judging, masks
from scumble_daemon.imaging.clicks import Advice, Click, from_clicks
from scumble_daemon.imaging.judging import FEATURES, Proposals
from scumble_daemon.imaging.segment import View
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "weights")]

from tests.bench import noc, objects  # noqa: E402
from training import clicker, scenes  # noqa: E402

OUTPUT = Path(judging.__file__).with_name("judge.json")
SIDES_PX, SMALLEST, LARGEST = (200, 300, 420), 120, 0.6  # of scenes, and of an object in one
SCALES, LONGEST_PX = (0.6, 1.6), 700  # of photographs
MOST_CLICKS, SOLVED_IOU = 12, 0.985
CHANCE, KEENNESS = 0.5, 3.0  # that a part is taken by chance, and how much likelier the better ones are
ASKED = 0.75  # of the stories, in which the network for clicks is asked
WORST, BEST = -5.0, 1.5  # gains, in mistakes of the click's own size: what is further off counts the same
HIDDEN, STEPS, BATCH, RATE, DECAY = 16, 1500, 256, 1e-2, 3e-2
HEAVIEST = 6.0  # times the mean: a mistake counts by the root of its size


@dataclass
class Example:
    """Features of what was proposed for one click, and what each part would have gained; `size`: of the mistake."""

    features: np.ndarray
    gains: np.ndarray
    size: float


@dataclass
class Story:
    """One object, clicked until it is whole. Is asked as a `judging.Judge` which part a click means."""

    rng: np.random.Generator
    mask: np.ndarray
    found: np.ndarray
    clicks: list[Click] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)

    def __call__(self, window: tuple[slice, slice], proposals: Proposals) -> int:
        click = self.clicks[-1]
        wrong = (self.mask == click.include) & (self.found != click.include)
        labels, sizes = masks.components(wrong)
        small = masks.resize(wrong[window], proposals.parts[0].shape) >= 0.5
        size = float(sizes[labels[click.y, click.x]]) * small.size / max(1, wrong[window].size)
        right = np.array([np.count_nonzero(part & small) for part in proposals.parts])
        gains = (2 * right - np.array([np.count_nonzero(part) for part in proposals.parts])) / max(1.0, size)
        self.examples.append(Example(proposals.features, gains.astype(np.float32), size))
        if self.rng.random() < CHANCE:
            chances = np.exp(KEENNESS * np.clip(gains, -2, 2))
            return int(self.rng.choice(len(gains), p=chances / chances.sum()))
        seen = dict(zip(FEATURES, proposals.features.T, strict=True))
        return int(np.argmax(seen["edges"] + seen["middle"] + seen["agreement"] / 2))


def told(seed: tuple[int, ...], from_photo: bool) -> list[Example]:
    """What one story teaches."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    rgb, mask = photographed(rng) if from_photo else generated(rng)
    if rng.random() < 0.5:
        rgb, mask = np.ascontiguousarray(rgb[:, ::-1]), np.ascontiguousarray(mask[:, ::-1])
    view, story = View(rgb, np.ones(mask.shape, bool)), Story(rng, mask, np.zeros_like(mask))
    advice = noc.shipped().advise(view, None) if rng.random() < ASKED else Advice(lambda *_: None)
    for _ in range(MOST_CLICKS):
        click = clicker.next_click(story.found, mask)
        if not story.clicks and rng.random() < 0.5:
            click = clicker.well_inside(rng, clicker.depth_in(mask))
        if click is None or any((click.x, click.y) == (each.x, each.y) for each in story.clicks):
            break
        story.clicks.append(click)
        story.found = from_clicks(view, story.clicks, None, advice, story)
        if clicker.iou(story.found, mask) > SOLVED_IOU:
            break
    return [each for each in story.examples if each.gains.max() > 0.05]


def generated(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A scene, and an object in it (bool)."""
    while True:
        image, owner = scenes.scene(int(rng.integers(1 << 30)), int(rng.choice(SIDES_PX)))
        sizes = np.bincount(owner.ravel())
        sizes[0] = 0
        numbers = np.flatnonzero((sizes >= SMALLEST) & (sizes <= LARGEST * owner.size))
        if len(numbers):
            return image, owner == rng.choice(numbers)


def photographed(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A part of a photograph, scaled, and the object that it shows (bool)."""
    drawn = objects.drawn("tuning")
    each = drawn[rng.integers(len(drawn))]
    rows, columns = (np.flatnonzero(each.mask.any(axis=axis)) for axis in (1, 0))
    room = int(max(np.ptp(rows), np.ptp(columns)) * rng.uniform(0.3, 1.5)) + 20
    up, down, left, right = rng.integers(8, room, 4)
    part = (
        slice(max(0, rows[0] - up), min(each.mask.shape[0], rows[-1] + down)),
        slice(max(0, columns[0] - left), min(each.mask.shape[1], columns[-1] + right)),
    )
    rgb, mask = each.picture[part], each.mask[part]
    scale = min(float(np.exp(rng.uniform(*np.log(SCALES)))), LONGEST_PX / max(mask.shape))
    size = round(mask.shape[0] * scale), round(mask.shape[1] * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(np.ascontiguousarray(rgb), size[::-1], interpolation=method)
    return scaled, masks.resize(mask, size) >= 0.5


def fitted(examples: list[Example]) -> dict[str, list[float]]:
    """`judging.Weights` that expect the most of what they would take."""
    most = max(len(each.gains) for each in examples)
    features, gains = np.zeros((len(examples), most, len(FEATURES)), np.float32), np.zeros((len(examples), most))
    there = np.zeros(gains.shape, bool)
    for index, each in enumerate(examples):
        count = len(each.gains)
        features[index, :count], gains[index, :count], there[index, :count] = each.features, each.gains, True
    means, deviations = features[there].mean(axis=0), features[there].std(axis=0) + 1e-3
    known = torch.tensor((features - means) / deviations)
    worth, missing = (
        torch.tensor(np.clip(gains, WORST, BEST) * _counts(examples)[:, None]).float(),
        torch.tensor(~there),
    )
    straight, hidden, output = (
        nn.Linear(len(FEATURES), 1, False),
        nn.Linear(len(FEATURES), HIDDEN),
        nn.Linear(HIDDEN, 1, False),
    )
    network = nn.ModuleList([straight, hidden, output])
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        batch = torch.randint(len(examples), (BATCH,))
        scores = (straight(known[batch]) + output(torch.tanh(hidden(known[batch]))))[..., 0]
        chances = torch.softmax(scores.masked_fill(missing[batch], -1e9), 1)
        loss = -(chances * worth[batch]).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    numbers = {
        "means": means,
        "deviations": deviations,
        "straight": straight.weight[0],
        "hidden": hidden.weight,
        "biases": hidden.bias,
        "output": output.weight[0],
    }
    return {
        name: np.round(torch.as_tensor(each).detach().numpy().astype(float), 4).tolist()
        for name, each in numbers.items()
    }


def gain(scores: Callable[[np.ndarray], np.ndarray], examples: list[Example]) -> tuple[float, float]:
    """Mean gain of the parts that `scores` of features would take, and of the best ones, as `fitted` counts them."""
    counts = _counts(examples)
    taken = np.array([each.gains[np.argmax(scores(each.features))] for each in examples])
    best = np.array([each.gains.max() for each in examples])
    return float((np.clip(taken, WORST, BEST) * counts).mean()), float((np.clip(best, WORST, BEST) * counts).mean())


def _counts(examples: list[Example]) -> np.ndarray:
    """How much each counts, 1 on average but for the heaviest."""
    roots = np.sqrt([each.size for each in examples])
    return np.minimum(roots / roots.mean(), HEAVIEST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--stories", type=int, default=500, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    orders = [((arguments.seed, kind, number), kind == 1) for number in range(arguments.stories) for kind in (0, 1)]
    with ProcessPoolExecutor(arguments.workers, get_context("spawn")) as pool:
        stories = list(pool.map(told, *zip(*orders, strict=True)))
    held = len(stories) // 5
    kept, others = ([each for story in part for each in story] for part in (stories[:held], stories[held:]))
    print(
        f"{len(kept) + len(others)} clicks; of those held back the gain is {{:.3f}} of {{:.3f}}".format(
            *gain(judging.Weights.of(fitted(others)).scores, kept)
        )
    )
    arguments.output.write_text(json.dumps(fitted(kept + others)) + "\n", "utf-8")


if __name__ == "__main__":
    main()
