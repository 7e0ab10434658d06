"""Rebuild the painter, and from it all `paint-…` models, from nothing: `python weights/paint-oil/recipe.py`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

WEIGHTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(WEIGHTS))

from training import loop, painter, rebuild  # noqa: E402

PAIRS = 400
SCHEDULE = loop.Schedule(steps=3000, rate=2e-3, averaging=0.995)


def main() -> None:
    arguments = rebuild.begun(rebuild.arguments_of(WEIGHTS, __doc__, "the folder of the models' folders"))
    made = painter.pairs(arguments.cache, PAIRS)
    schedule = replace(SCHEDULE, steps=round(SCHEDULE.steps * arguments.longer), seed=arguments.seed)
    checkpoint = arguments.cache / f"painter-{arguments.seed}.checkpoint"
    trained = loop.train(painter.network(), painter.batches(made), schedule, checkpoint, painter.glance)
    assert isinstance(trained, painter.Fed)
    rebuild.round_off(trained)
    for style, name in list(enumerate(painter.STYLES))[1:]:
        file = arguments.output / f"paint-{name}" / "model.safetensors"
        file.parent.mkdir(parents=True, exist_ok=True)
        rebuild.write(painter.of_one_style(trained.painter, style), file)
        rebuild.told(f"paint-{name}", file)
    painter.judge(trained)


if __name__ == "__main__":
    main()
