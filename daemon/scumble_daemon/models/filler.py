"""Networks that fill holes: shown a picture and what of it is to go, they give that part anew."""

from __future__ import annotations

from typing import Any

import numpy as np

from .computing import checked, computing
from .devices import CPU, Device
from .networks import FixedSize, Loaded

MULTIPLE = 8  # of both sides, which LaMa halves three times
LEAST_PX = 16


class Filler:
    """LaMa or MI-GAN on its device. After Suvorov et al. 2022, and Sargsyan et al. 2023."""

    def __init__(self, loaded: Loaded, device: Device, title: str) -> None:
        self.loaded, self.device, self.title = loaded, device, title
        if device.kind == "mps":  # some versions have no Fourier transforms
            self.device = CPU
        self._module: Any = loaded.module.to(self.device.torch)
        self._size = loaded.size if isinstance(loaded, FixedSize) else None
        self.work_px = min(self._size) if self._size else 1536 if self.device.is_gpu else 768
        """The longest side of what it is shown."""

    @property
    def bytes(self) -> int:
        return self.loaded.bytes

    def fill(self, rgb: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """`rgb` (H×W×3 float32 in [0, 1]) with `hole` (bool) filled; it does not see what is there.

        Raises: OutOfMemory, Invalid.
        """
        import torch

        height, width = hole.shape
        wanted = self._size or [max(LEAST_PX, -(-side // MULTIPLE) * MULTIPLE) for side in (height, width)]
        more = tuple((0, full - side) for full, side in zip(wanted, (height, width), strict=True))
        seen = np.pad(np.where(hole[..., None], 0, rgb).astype(np.float32), (*more, (0, 0)), mode="symmetric")
        gone = np.pad(hole.astype(np.float32), more, mode="symmetric")
        with computing(self.title):
            picture, mask = (torch.from_numpy(each).to(self.device.torch) for each in (seen, gone))
            found = self._module(picture.permute(2, 0, 1)[None], mask[None, None])[0].float().cpu()
        filled = checked(found.permute(1, 2, 0).numpy()[:height, :width], self.title, "picture")
        return np.where(hole[..., None], np.clip(filled, 0, 1), rgb)
