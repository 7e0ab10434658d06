"""Pictures to practise on: dead leaves from formulas, so that nobody's photographs are needed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from ..carried import carried_folder

SOFT_SHARE, PALE_SHARE = 0.6, 0.5  # of them: photographs have skies and skin, and less to see in the small


def pictures(count: int, side_px: int, seed: int) -> Iterator[np.ndarray]:
    """side×side×3 float32 in [0, 1]; the same for the same seed. A third of a second each. Raises: Invalid."""
    dead_leaves = recipes("generator").dead_leaves
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        picture = dead_leaves(seed * 1_000_000 + index, side_px).astype(np.float32) / 255
        if rng.random() < SOFT_SHARE:
            picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 3.5))
        if rng.random() < PALE_SHARE:
            level = np.float32(rng.uniform(0, 1))
            picture = level + (picture - level) * np.float32(rng.uniform(0.3, 1))
        yield np.clip(picture, 0, 1)


def recipes(module: str) -> Any:
    """A module of what the recipes of the shipped models share; it travels with them. Raises: Invalid."""
    file = carried_folder("weights", "index.toml") / "training" / f"{module}.py"
    spec = importlib.util.spec_from_file_location(f"scumble_{module}", file)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded  # where its dataclasses look themselves up
    spec.loader.exec_module(loaded)
    return loaded
