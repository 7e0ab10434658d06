"""Rebuild the painter, and from it all `paint-…` models, from nothing: `python weights/paint-oil/recipe.py`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

WEIGHTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(WEIGHTS))

import torch  # noqa: E402
from training import loop, painter, rebuild  # noqa: E402

PAIRS = 400
SCHEDULE = loop.Schedule(steps=3000, rate=2e-3, averaging=0.995)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    cache = Path(tempfile.gettempdir()) / "scumble-training"
    parser.add_argument("--cache", type=Path, default=cache, help="where pairs and checkpoints are kept")
    parser.add_argument("--longer", type=float, default=1.0, help="times the steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="the sums depend on it, in the last bit")
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="the folder of the models' folders")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    made = painter.pairs(arguments.cache, PAIRS)
    schedule = replace(SCHEDULE, steps=round(SCHEDULE.steps * arguments.longer), seed=arguments.seed)
    checkpoint = arguments.cache / f"painter-{arguments.seed}.checkpoint"
    trained = loop.train(painter.network(), painter.batches(made), schedule, checkpoint, painter.glance)
    assert isinstance(trained, painter.Fed)
    rebuild.round_off(trained)
    for style, name in list(enumerate(painter.STYLES))[1:]:
        file = arguments.output / f"paint-{name}" / "model.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        digest = rebuild.write(painter.of_one_style(trained.painter, style), file)
        print(f"paint-{name}: {file.stat().st_size} bytes, sha256 {digest}", flush=True)
    painter.judge(trained)


if __name__ == "__main__":
    main()
