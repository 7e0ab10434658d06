"""Rebuild the network for clicks from nothing: `python weights/click-small/recipe.py`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from scumble_daemon.models.architectures.click_net import ClickNet  # noqa: E402
from training import clicker, rebuild, scenes  # noqa: E402

SCENES, SIDE_PX = 3000, 160
SCHEDULE = clicker.Schedule(steps=8000, rate=2e-3, averaging=0.998, falling=0.5)


def main() -> None:
    parser = rebuild.arguments_of(FOLDER / "model.safetensors", __doc__)
    parser.add_argument("--seconds", type=float, help="train for so long, instead of so many steps")
    arguments = rebuild.begun(parser)
    images, owners = scenes.cached(arguments.cache, SCENES, SIDE_PX)
    schedule = replace(SCHEDULE, steps=round(SCHEDULE.steps * arguments.longer), seed=arguments.seed)
    checkpoint = arguments.cache / f"click-small-{arguments.seed}.checkpoint"
    trained = clicker.train(ClickNet(), images, owners, schedule, checkpoint, arguments.seconds)
    rebuild.round_off(trained)
    rebuild.write(trained, arguments.output)
    rebuild.told(arguments.output.name, arguments.output)


if __name__ == "__main__":
    main()
