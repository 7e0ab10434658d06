"""Rebuild the small ×4 upscaler from nothing: `python weights/upscale-x4-small/recipe.py`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from training import evaluate, loop, rebuild, upscaler  # noqa: E402

SCALE = 4
SCHEDULE = loop.Schedule(steps=2000)

if __name__ == "__main__":
    network, batches = partial(upscaler.network, SCALE), partial(upscaler.batches, scale=SCALE)
    rebuild.rebuild(FOLDER, network, [rebuild.Stage(batches, SCHEDULE)], upscaler.glance, evaluate.upscaling)
