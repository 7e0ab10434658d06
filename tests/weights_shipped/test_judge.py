"""What a correcting click means: shipped numbers know more than edges, and what they are learned from is in order."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scumble_daemon.imaging import judging
from scumble_daemon.imaging.judging import FEATURES

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "weights"))

from training import judge

UNSEEN = 9_000_000  # a seed far from the recipe's
STORIES = 16


def test_shipped_numbers_take_better_parts_than_edges_alone() -> None:
    """On generated scenes that they have not seen; no part at all gains 0, and a whole mistake 1."""
    examples = [each for number in range(STORIES) for each in judge.told((UNSEEN, number), from_photo=False)]
    assert len(examples) > 3 * STORIES
    edges = FEATURES.index("edges")
    by_edges, _ = judge.gain(lambda features: features[:, edges], examples)
    shipped, best = judge.gain(judging.shipped().scores, examples)
    assert shipped > by_edges + 0.03
    assert shipped > 0.6 * best


def test_a_gain_is_what_was_mistaken_less_what_was_right() -> None:
    """A story knows of each part that is proposed how much of the mistake under the click it mends."""
    mask = np.zeros((40, 40), bool)
    mask[10:20, 10:20] = True
    story = judge.Story(np.random.default_rng(0), mask, np.zeros_like(mask), [judge.Click(15, 15, True)])
    whole, half, wide = mask.copy(), mask.copy(), mask.copy()
    half[:, 15:] = False
    wide[10:20, 20:30] = True
    proposals = judge.Proposals((whole, half, wide), np.zeros((3, len(FEATURES)), np.float32), np.ones(3, np.float32))
    story((slice(0, 40), slice(0, 40)), proposals)
    assert story.examples[0].gains.tolist() == [1.0, 0.5, 0.0]


def test_what_pays_is_learned() -> None:
    """Where one feature alone says which part gains, that part is taken."""
    rng = np.random.default_rng(1)
    examples = []
    for _ in range(200):
        features = rng.normal(size=(6, len(FEATURES))).astype(np.float32)
        examples.append(judge.Example(features, np.where(features[:, 3] == features[:, 3].max(), 1.0, -0.5), 50.0))
    taken, best = judge.gain(judging.Weights.of(judge.fitted(examples[:150])).scores, examples[150:])
    assert taken > 0.8 * best
