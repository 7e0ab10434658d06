"""A network that tells what each pixel of a scene shows, asked for one of those things: the sky."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..imaging.image import Image
from ..imaging.prompts import Window
from .computing import checked, computing
from .devices import Device
from .networks import Loaded, Tasked
from .segmenter import MEAN, SPREAD

SKY = 2  # of ADE20K's 150 classes


class Scenery:
    """OneFormer on its device."""

    def __init__(self, loaded: Loaded, device: Device, title: str) -> None:
        assert isinstance(loaded, Tasked)
        self.loaded, self.device, self.title = loaded, device, title
        self._task = loaded.task
        self._module: Any = loaded.module.to(device.torch)

    @property
    def bytes(self) -> int:
        return self.loaded.bytes

    def find(self, image: Image, window: Window) -> np.ndarray:
        """How likely each pixel of a part of the layer is sky (float32 in [0, 1]), at the network's own size.

        Raises: OutOfMemory, Invalid.
        """
        import torch

        from .architectures.oneformer import fitted

        size = fitted(window.size)
        rgb = np.clip(image.reduced(*window.slices, size), 0, 1)
        with computing(self.title):
            pixels = torch.from_numpy(np.ascontiguousarray((rgb - MEAN) / SPREAD, np.float32))
            pixels = pixels.permute(2, 0, 1)[None].to(self.device.torch)
            seen = self._module(pixels, torch.tensor([self._task], device=self.device.torch))
            classes = seen.class_queries_logits[0].softmax(dim=-1)[:, :-1]
            shares = torch.einsum("qc,qhw->chw", classes, seen.masks_queries_logits[0].sigmoid())
            found = (shares[SKY] / shares.sum(dim=0).clamp_min(1e-6)).float().cpu().numpy()
        return checked(found, self.title)
