"""A dynamic U-Net on its device: one mixture of its styles at one intensity, over a picture of any size.

For each mixture its scales, shifts and normalisations are taken into its convolutions, which lie in memory as the
processor likes them, in bf16 where that is quicker and the document has 8 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np
from scumble_protocol.errors import Invalid

from ..imaging.tiling import Network
from .devices import Device, computes_bf16
from .networks import Call, Domain, ImageNetwork
from .running import Notes, RunningModel
from .traits import Traits

if TYPE_CHECKING:
    import torch

    from .architectures.dynamic_unet import DynamicUNet

# How far a pixel is seen to matter, and bytes of activations for each pixel that goes in: measured.
OVERLAP_PX = {"small": 48, "resnet18": 128, "resnet34": 128}
BYTES_PER_PIXEL = {"small": 700, "resnet18": 3600, "resnet34": 3600}


@dataclass
class Translator:
    """`translate` is all that an operation needs."""

    loaded: Domain
    device: Device
    title: str
    _last: tuple[tuple[object, ...], RunningModel] | None = field(default=None, init=False)

    @property
    def bytes(self) -> int:
        return self.loaded.bytes * 2  # the mixture that was wanted last beside what it is made from

    @property
    def styles(self) -> tuple[str, ...]:
        """Their names, as its file has them; of a network of one style, or of a file that tells none, their numbers."""
        return self.loaded.names

    def translate(
        self, picture: np.ndarray, amounts: Mapping[str, float], intensity: float, notes: Notes, is_precise: bool
    ) -> np.ndarray:
        """`picture`: H×W×3 float32 in [0, 1] → the same in its domain.

        `amounts`: how much there is of each style; they need not make 1 · `is_precise`: the document has more than 8
        bits. Raises: Invalid for a style that it does not have; OutOfMemory, and what `notes.report` raises.
        """
        found = np.empty_like(picture)

        def write(top: int, pixels: np.ndarray) -> None:
            found[top : top + len(pixels)] = pixels

        running = self._running(self._weights(amounts), intensity, is_precise)
        size = picture.shape[0], picture.shape[1]
        running.over(size, lambda rows, columns: picture[rows, columns], write, notes, is_precise)
        return np.clip(found, 0, 1, out=found)

    def _weights(self, amounts: Mapping[str, float]) -> tuple[float, ...]:
        if len(self.styles) == 1:  # there is nothing to choose
            return (1.0,)
        for style, amount in amounts.items():
            if style not in self.styles and amount > 0:
                raise Invalid(
                    f"The model {self.title} has no style «{style}».", f"It has {', '.join(self.styles)}: choose one."
                )
        total = sum(amounts.values())
        return tuple(amounts.get(style, 0.0) / total for style in self.styles)

    def _running(self, weights: tuple[float, ...], intensity: float, is_precise: bool) -> RunningModel:
        import torch

        key = (weights, intensity, is_precise)
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        module = cast("DynamicUNet", self.loaded.module)
        net = module.settled(torch.tensor([weights]), intensity)
        in_bf16 = not is_precise and not self.device.is_gpu and computes_bf16(self.device)
        network = ImageNetwork(net, self.loaded.architecture, call_of(net, in_bf16), traits_of(net))
        running = RunningModel(network, self.device, self.title)
        self._last = key, running
        return running


def call_of(net: DynamicUNet, in_bf16: bool) -> Call:
    """In bf16 all convolutions are; what they give is added to the picture in full."""
    import torch

    if in_bf16:
        net.bfloat16()

    def call(picture: torch.Tensor) -> torch.Tensor:
        given = picture.contiguous(memory_format=torch.channels_last)
        change = net.change(given.bfloat16() if in_bf16 else given, None)
        return picture + change.float()

    return call


def traits_of(net: DynamicUNet) -> Traits:
    """Nothing in it depends on the whole picture: tiles are what the whole would have been."""
    network = Network(
        overlap_px=OVERLAP_PX[net.kind],
        multiple=net.multiple,
        least_px=16,
        bytes_per_pixel=BYTES_PER_PIXEL[net.kind],
    )
    return Traits(network, half=True, bf16=False, is_residual=False, takes_batches=True)
