"""A network that is shown a photo and its shadow, and gives the photo without it: run for the light that is missing."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from scumble_protocol.errors import Invalid

from ..imaging import relight
from .computing import computing
from .devices import Device
from .networks import Loaded

WORK_PX = {True: 1280, False: 640}  # on a GPU, on a processor; it was trained on pictures of 640 × 480
DARKEST = relight.DARKEST


class Unshadow:
    """ShadowFormer on its device."""

    def __init__(self, loaded: Loaded, device: Device, title: str) -> None:
        self.loaded, self.device, self.title = loaded, device, title
        self._module: Any = loaded.module.to(device.torch)
        self.work_px = WORK_PX[device.is_gpu]

    @property
    def bytes(self) -> int:
        return self.loaded.bytes

    def log_gain(self, rgb: np.ndarray, shadow: np.ndarray) -> np.ndarray:
        """The natural logarithm of the factor of light, H×W×3 float32, from `rgb` (H×W×3 in [0, 1]) and `shadow` (H×W,
        1 in it). Any size; it is shown as it is. Raises: OutOfMemory, Invalid."""
        lit = self._lit(rgb, (shadow > 0.5).astype(np.float32))
        if not np.isfinite(lit).all():
            raise Invalid(f"The model {self.title} gives no picture.", "Its file may be damaged: get it again.")
        before, after = (np.log(relight.linear(np.clip(each, 0, 1)) + DARKEST) for each in (rgb, lit))
        return after - before

    def _lit(self, rgb: np.ndarray, shadow: np.ndarray) -> np.ndarray:
        import torch

        height, width = shadow.shape
        down, across = (-length % self._module.multiple for length in (height, width))
        both = np.dstack([rgb, shadow]).astype(np.float32)
        padded = cv2.copyMakeBorder(both, 0, down, 0, across, cv2.BORDER_REFLECT_101)
        with computing(self.title):
            values = torch.from_numpy(padded).permute(2, 0, 1)[None].to(self.device.torch)
            found = self._module(values[:, :3], values[:, 3:])[0].float().cpu().permute(1, 2, 0).numpy()
        return found[:height, :width]
