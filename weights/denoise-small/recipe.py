"""Rebuild the small denoiser from nothing: `python weights/denoise-small/recipe.py`."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from training import denoiser, evaluate, loop, rebuild  # noqa: E402

STAGES = (
    rebuild.Stage(denoiser.batches, loop.Schedule(steps=5000)),
    rebuild.Stage(denoiser.smooth_batches, loop.Schedule(steps=600, rate=5e-4, falling=0.8)),
    rebuild.Stage(denoiser.smooth_batches, loop.Schedule(steps=1200, rate=6e-4, falling=0.8, seed=1)),
    rebuild.Stage(denoiser.detailed_batches, loop.Schedule(steps=6000, rate=6e-4, falling=0.75, seed=2), images_seed=1),
)

if __name__ == "__main__":
    rebuild.rebuild(FOLDER, denoiser.network, STAGES, denoiser.glance, evaluate.denoising)
