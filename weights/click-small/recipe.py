"""Rebuild the network for clicks from nothing: `python weights/click-small/recipe.py`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

import torch  # noqa: E402
from scumble_daemon.models.architectures.click_net import ClickNet  # noqa: E402
from training import clicker, rebuild, scenes  # noqa: E402

SCENES, SIDE_PX = 3000, 160
SCHEDULE = clicker.Schedule(steps=8000, rate=2e-3, averaging=0.998, falling=0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    cache = Path(tempfile.gettempdir()) / "scumble-training"
    parser.add_argument("--cache", type=Path, default=cache, help="where scenes and checkpoints are kept")
    parser.add_argument("--longer", type=float, default=1.0, help="times the steps")
    parser.add_argument("--seconds", type=float, help="train for so long, instead of so many steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="the sums depend on it, in the last bit")
    parser.add_argument("--output", type=Path, default=FOLDER / "model.safetensors")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    images, owners = scenes.cached(arguments.cache, SCENES, SIDE_PX)
    schedule = replace(SCHEDULE, steps=round(SCHEDULE.steps * arguments.longer), seed=arguments.seed)
    checkpoint = arguments.cache / f"click-small-{arguments.seed}.checkpoint"
    trained = clicker.train(ClickNet(), images, owners, schedule, checkpoint, arguments.seconds)
    rebuild.round_off(trained)
    digest = rebuild.write(trained, arguments.output)
    print(f"{arguments.output.name}: {arguments.output.stat().st_size} bytes, sha256 {digest}", flush=True)


if __name__ == "__main__":
    main()
