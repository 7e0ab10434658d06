"""A photo as a drawing.

Chen, Liu, Chen: AnimeGAN: A Novel Lightweight GAN for Photo Animation (ISICA 2019), in its second version, in the form
of the PyTorch weights by Bryan Lee.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from ...imaging.tiling import Network
from ..networks import ImageNetwork
from ..tensors import read_tensors
from ..traits import Traits

if TYPE_CHECKING:
    from ..sources import Installed
    from ..tensors import Report

ARCHITECTURE = "AnimeGANv2"
# Its normalisations average over the whole picture.
TRAITS = Traits(
    Network(multiple=4, least_px=32, statistics="global", bytes_per_pixel=64 * 96),
    half=False,
    bf16=False,
    is_residual=False,
    takes_batches=False,
)


def _norm(channels: int) -> nn.Module:
    return nn.GroupNorm(1, channels)


def _step(into: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Pad by mirroring, convolve, normalise. Where it halves the size, only the right and the lower end are padded."""
    pad = (0, 1, 0, 1) if stride == 2 else kernel // 2
    return nn.Sequential(
        nn.ReflectionPad2d(pad),
        nn.Conv2d(into, out, kernel, stride, groups=groups, bias=groups > 1),
        _norm(out),
        nn.LeakyReLU(0.2),
    )


class _Inverted(nn.Module):
    """Wide in its middle, where each channel is convolved by itself."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        wide = 2 * into
        self.layers = nn.Sequential(
            _step(into, wide, 1), _step(wide, wide, groups=wide), nn.Conv2d(wide, out, 1, bias=False), _norm(out)
        )
        self.adds = into == out

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values + self.layers(values) if self.adds else self.layers(values)


class Generator(nn.Module):
    """The blocks are called as in the published file."""

    def __init__(self) -> None:
        super().__init__()
        self.block_a = nn.Sequential(_step(3, 32, 7), _step(32, 64, stride=2), _step(64, 64))
        self.block_b = nn.Sequential(_step(64, 128, stride=2), _step(128, 128))
        middle = [_Inverted(128, 256), *(_Inverted(256, 256) for _ in range(3))]
        self.block_c = nn.Sequential(_step(128, 128), *middle, _step(256, 128))
        self.block_d = nn.Sequential(_step(128, 128), _step(128, 128))
        self.block_e = nn.Sequential(_step(128, 64), _step(64, 64), _step(64, 32, 7))
        self.out_layer = nn.Sequential(nn.Conv2d(32, 3, 1, bias=False), nn.Tanh())

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """N×3×H×W in [-1, 1] → the same."""
        halved = self.block_a(picture)
        values = self.block_c(self.block_b(halved))
        values = self.block_d(_grown(values, halved))
        return self.out_layer(self.block_e(_grown(values, picture)))


def _grown(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(values, like.shape[-2:], mode="bilinear", align_corners=True)


def load(model: Installed, report: Report) -> ImageNetwork:
    """Raises: MissingModel, Invalid, Unsupported."""
    net = Generator()
    net.load_state_dict(read_tensors(model.file, report))

    def call(picture: torch.Tensor) -> torch.Tensor:
        return (net(picture * 2 - 1) + 1) / 2

    return ImageNetwork(net.eval(), ARCHITECTURE, call, TRAITS)
