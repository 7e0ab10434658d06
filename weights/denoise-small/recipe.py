"""Rebuild the small denoiser from nothing: `python weights/denoise-small/recipe.py`."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from training import denoiser, evaluate, loop, rebuild  # noqa: E402

SCHEDULE = loop.Schedule(steps=12000)

if __name__ == "__main__":
    rebuild.rebuild(FOLDER, denoiser.network, denoiser.batches, SCHEDULE, denoiser.glance, evaluate.denoising)
