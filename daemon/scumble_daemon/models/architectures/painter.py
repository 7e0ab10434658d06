"""A small feed-forward network that paints in several styles, and in anything between them.

Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer and Super-Resolution (ECCV 2016), with
upsampling before its convolutions, and one scale and shift for each style after instance normalisation (Dumoulin,
Shlens, Kudlur: A Learned Representation for Artistic Style, 2017). It is given grain beside the picture, and says at
each place which direction's strokes come to light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from ...imaging.style.grain import CHANNELS as GRAIN
from ...imaging.style.grain import LINES
from ..networks import Loaded
from ..tensors import read_tensors

if TYPE_CHECKING:
    from ..sources import Installed
    from ..tensors import Report

ARCHITECTURE = "Painter"
WIDTHS = (16, 32, 48)  # of features at the whole, the half and a quarter of the size
BLOCKS = 4
STROKES = 3  # kinds, each steered by itself
STYLES = 2  # of a file: the picture as it is, which a weaker style is mixed with, and the one the file is named after


class Norm(nn.Module):
    """Each style's own scale and shift, after instance normalisation where `is_normed`."""

    def __init__(self, styles: int, channels: int, is_normed: bool) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))
        self.is_normed = is_normed

    def forward(self, values: torch.Tensor, mix: torch.Tensor) -> torch.Tensor:
        """`mix`: N×styles, how much there is of each."""
        scale, shift = mix @ self.scale, mix @ self.shift
        if self.is_normed:
            variance, mean = torch.var_mean(values.float(), dim=(2, 3), correction=0)
            scale = scale * torch.rsqrt(variance + 1e-4)
            shift = shift - mean * scale
        scale, shift = scale.to(values.dtype), shift.to(values.dtype)
        return torch.addcmul(shift[..., None, None], values, scale[..., None, None])


class Convolution(nn.Conv2d):
    def __init__(self, into: int, out: int, stride: int = 1) -> None:
        super().__init__(into, out, 3, stride, padding=1, padding_mode="replicate")


class Block(nn.Module):
    def __init__(self, styles: int, channels: int) -> None:
        super().__init__()
        self.first, self.second = Convolution(channels, channels), Convolution(channels, channels)
        self.first_norm, self.second_norm = Norm(styles, channels, True), Norm(styles, channels, True)

    def forward(self, values: torch.Tensor, mix: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.first_norm(self.first(values), mix))
        return values + self.second_norm(self.second(inner), mix)


class Painter(nn.Module):
    def __init__(self, styles: int) -> None:
        super().__init__()
        full, half, quarter = WIDTHS
        self.stem = Convolution(3 + GRAIN, full)
        self.down = nn.ModuleList([Convolution(full, half, 2), Convolution(half, quarter, 2)])
        self.blocks = nn.ModuleList([Block(styles, quarter) for _ in range(BLOCKS)])
        self.up = nn.ModuleList([Convolution(quarter, half), Convolution(half, full)])
        self.up_norms = nn.ModuleList([Norm(styles, half, False), Norm(styles, full, False)])
        self.steer = Convolution(half, STROKES * LINES)
        self.join = Convolution(full + full + STROKES + GRAIN, full)
        self.join_norm = Norm(styles, full, False)
        self.last = Convolution(full, 3)

    def forward(self, picture: torch.Tensor, grain: torch.Tensor, mix: torch.Tensor) -> torch.Tensor:
        """N×3×H×W in [0, 1], N×(GRAIN + LINES)×H×W, N×styles; sides multiples of 4 → N×3×H×W, about in [0, 1]."""
        return self.decode(picture, grain, self.middle(self.encode(picture, grain), mix), mix)

    def encode(self, picture: torch.Tensor, grain: torch.Tensor) -> torch.Tensor:
        """→ features at a quarter of the size. What lies `brush.SEEN_PX` beyond a border changes nothing."""
        return functional.relu(self.down[1](self._half(self._stem(picture, grain))))

    def middle(self, values: torch.Tensor, mix: torch.Tensor) -> torch.Tensor:
        """The only part that normalises by all that it sees: for a whole picture."""
        for block in self.blocks:
            values = block(values, mix)
        return values

    def decode(
        self, picture: torch.Tensor, grain: torch.Tensor, values: torch.Tensor, mix: torch.Tensor
    ) -> torch.Tensor:
        """`values`: of `middle`, for the same place. What lies `brush.SEEN_PX` beyond a border changes nothing."""
        ground, lines = grain[:, :GRAIN], grain[:, GRAIN:]
        first = self._stem(picture, grain)
        values = functional.interpolate(values, scale_factor=2.0, mode="nearest")
        half = self._half(first) + functional.relu(self.up_norms[0](self.up[0](values), mix))
        steering = functional.interpolate(self.steer(half), scale_factor=2.0, mode="bilinear")
        strokes = torch.cat([(part * lines).sum(1, keepdim=True) for part in steering.chunk(STROKES, 1)], 1)
        values = functional.interpolate(half, scale_factor=2.0, mode="nearest")
        values = functional.relu(self.up_norms[1](self.up[1](values), mix))
        values = self.join_norm(self.join(torch.cat([values, first, strokes, ground], 1)), mix)
        return picture + self.last(functional.relu(values))

    def _stem(self, picture: torch.Tensor, grain: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.stem(torch.cat([picture * 2 - 1, grain[:, :GRAIN]], 1)))

    def _half(self, first: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.down[0](first))


def load(model: Installed, report: Report) -> Loaded:
    """Raises: MissingModel, Invalid, Unsupported."""
    state = {name: value.float() for name, value in read_tensors(model.file, report).items()}
    net = Painter(STYLES)
    net.load_state_dict(state)
    return Loaded(net.eval(), ARCHITECTURE)
