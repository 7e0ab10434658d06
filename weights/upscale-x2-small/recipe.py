"""Rebuild the small ×2 upscaler from nothing: `python weights/upscale-x2-small/recipe.py`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from training import evaluate, loop, rebuild, upscaler  # noqa: E402

SCALE = 2
SHARP = loop.Schedule(steps=3000)
SOFT = loop.Schedule(steps=2000, rate=4e-4, falling=0.8, seed=1, exact=True)

if __name__ == "__main__":
    network, batches = partial(upscaler.network, SCALE), partial(upscaler.batches, scale=SCALE)
    stages = (
        rebuild.Stage(batches, SHARP),
        rebuild.Stage(partial(batches, soft=0.4), SOFT, images_seed=1),
    )
    rebuild.rebuild(FOLDER, network, stages, upscaler.glance, evaluate.upscaling)
