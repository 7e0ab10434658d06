"""Networks for cutting out: one finds a picture's foreground, one how much of each pixel at an edge belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..imaging import tiling
from ..imaging.image import Image
from ..imaging.prompts import Window
from ..imaging.tiling import Network
from .computing import checked, computing
from .devices import CPU, Device
from .networks import FixedSize, Loaded
from .segmenter import MEAN, SPREAD

EDGE_TILE_PX = {True: 1024, False: 512}  # on a GPU, on a processor: some of its layers see everything at once
EDGE_BYTES_PER_PIXEL = 2000  # of ViTMatte-S, measured at 512²
UNKNOWN = 0.5


class Foreground:
    """BiRefNet on its device."""

    def __init__(self, loaded: Loaded, device: Device, title: str) -> None:
        assert isinstance(loaded, FixedSize)
        self.loaded, self.device, self.title = loaded, device, title
        self._size = loaded.size
        if device.kind == "mps":  # has no deformable convolutions
            self.device = CPU
        self._module: Any = loaded.module.to(self.device.torch)

    @property
    def bytes(self) -> int:
        return self.loaded.bytes

    def find(self, image: Image, window: Window) -> np.ndarray:
        """A soft mask (float32 in [0, 1]) of the foreground of a part of the layer, at the network's own size.

        Raises: OutOfMemory, Invalid.
        """
        import torch

        rgb = np.clip(image.reduced(*window.slices, self._size), 0, 1)
        with computing(self.title):
            pixels = torch.from_numpy((rgb - MEAN) / SPREAD).permute(2, 0, 1)[None].to(self.device.torch)
            found = self._module(pixels).sigmoid()[0, 0].float().cpu().numpy()
        return checked(found, self.title)


class Edge:
    """ViTMatte on its device. After Yao et al. 2024."""

    def __init__(self, loaded: Loaded, device: Device, title: str) -> None:
        self.loaded, self.device, self.title = loaded, device, title
        self._module: Any = loaded.module.to(device.torch)
        self.work_px = 3072 if device.is_gpu else 1536  # the longest side of what is looked at; beyond, it is enlarged

    @property
    def bytes(self) -> int:
        return self.loaded.bytes

    def solve(self, rgb: np.ndarray, known: np.ndarray, report: Callable[[float], None]) -> np.ndarray:
        """Alpha (H×W float32) where `known` is 0.5, from `rgb` (H×W×3 in [0, 1]); elsewhere `known`, which is 0 or 1.

        Only tiles in which something is unknown are computed. Raises: OutOfMemory, Invalid, and what `report` raises.
        """
        network = Network(
            channels=4,
            overlap_px=32,
            multiple=32,
            least_px=64,
            bytes_per_pixel=EDGE_BYTES_PER_PIXEL,
            largest_px=EDGE_TILE_PX[self.device.is_gpu],
        )
        both = np.dstack([rgb, known]).astype(np.float32)
        with computing(self.title):
            found = tiling.apply(network, self._tiles, both, 1 << 30, report)[..., 0]
        return np.where(known == UNKNOWN, np.clip(found, 0, 1), known).astype(np.float32)

    def _tiles(self, tiles: np.ndarray) -> np.ndarray:
        return np.stack([self._tile(tile) for tile in tiles])

    def _tile(self, tile: np.ndarray) -> np.ndarray:
        """H×W×4, colours and trimap → H×W×1."""
        import torch

        if not (tile[..., 3] == UNKNOWN).any():
            return tile[..., 3:]
        normal = np.dstack([(tile[..., :3] - 0.5) / 0.5, tile[..., 3:]])
        pixels = torch.from_numpy(np.ascontiguousarray(normal)).permute(2, 0, 1)[None].to(self.device.torch)
        found = self._module(pixel_values=pixels).alphas[0, 0].float().cpu().numpy()
        return checked(found, self.title)[..., None]
