"""Rebuild the domain that ships from nothing: `python weights/domain-toon/recipe.py`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from safetensors.torch import save_file  # noqa: E402
from scumble_daemon.models.architectures.dynamic_unet import compact  # noqa: E402
from training import loop, rebuild, translator  # noqa: E402

PICTURES = 360
WIDTH = 32
# Many crops a step at first, then many steps of few: most is learned from where lines have to be.
STAGES = (
    (8, loop.Schedule(steps=1000, rate=2e-3, averaging=0.995, falling=1e-6)),
    (4, loop.Schedule(steps=3000, rate=2e-3, averaging=0.995, falling=1e-6, seed=1)),
    (4, loop.Schedule(steps=2500, rate=2e-3, averaging=0.995, seed=2)),
    (4, loop.Schedule(steps=2000, rate=1e-3, averaging=0.995, falling=0.6, seed=3)),
)
ALIKE = loop.Schedule(
    steps=1000, rate=1e-3, averaging=0.995, falling=0.6, seed=4
)  # after them: to move with the picture


def main() -> None:
    arguments = rebuild.begun(rebuild.arguments_of(FOLDER / "model.safetensors", __doc__))
    made = translator.grounds(arguments.cache, PICTURES)
    trained = translator.network(WIDTH)
    stages = [(planned, translator.batches(made, crops), loop.charbonnier) for crops, planned in STAGES]
    stages.append((ALIKE, translator.moved_batches(made), translator.and_alike))
    for number, (planned, batch, distance) in enumerate(stages, 1):
        steps = round(planned.steps * arguments.longer)
        schedule = replace(planned, steps=steps, seed=planned.seed + len(stages) * arguments.seed)
        checkpoint = arguments.cache / f"domain-toon-{arguments.seed}-{number}.checkpoint"
        trained = loop.train(trained, batch, schedule, checkpoint, translator.glance, distance)
    assert isinstance(trained, translator.Fed)
    rebuild.round_off(trained)
    save_file(compact(trained.net), arguments.output, {"format": "pt", "styles": ",".join(translator.STYLES)})
    rebuild.told(arguments.output.name, arguments.output)
    translator.judge(trained)


if __name__ == "__main__":
    main()
