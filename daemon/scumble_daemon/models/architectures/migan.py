"""MI-GAN: fills holes with a network small enough for any computer.

Sargsyan et al.: MI-GAN, A Simple Baseline for Image Inpainting on Mobile Devices (ICCV 2023). The generator of
StyleGAN2 without its styles, made of separable convolutions; an encoder's features are added on every level. Its noise
is a part of what it has learned, so that every picture has the one size that it was trained at.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from scumble_protocol.errors import Invalid
from torch import nn

from ..networks import FixedSize
from ..tensors import read_tensors

if TYPE_CHECKING:
    from ..sources import Installed
    from ..tensors import Report

ARCHITECTURE = "MIGAN"
LEAST_PX, MOST_PX = 4, 1024  # of the coarsest level, and of the picture
WIDTH, MOST_CHANNELS = 32768, 512  # a level has WIDTH / its side channels
SLOPE, GAIN, MOST = 0.2, math.sqrt(2), 256.0  # of the leaky rectifier, as in StyleGAN2
BLUR = (1.0, 3.0, 3.0, 1.0)  # between two levels
ZEROS = (".insert_zeros.weight", ".filter_const")  # how zeros come between pixels; the authors' code has had both


def _channels(side: int) -> int:
    return min(WIDTH // side, MOST_CHANNELS)


def _rectified(values: torch.Tensor) -> torch.Tensor:
    return (F.leaky_relu(values, SLOPE) * GAIN).clamp(-MOST, MOST)


class _Blur(nn.Module):
    """A fixed filter for each channel; the file has it, in the shape of a convolution of its own."""

    def __init__(self, channels: int, gain: float) -> None:
        super().__init__()
        line = torch.tensor(BLUR)
        kernel = line.outer(line) / line.sum() ** 2 * gain
        self.filter = nn.Conv2d(channels, channels, len(BLUR), groups=channels, bias=False)
        self.filter.weight = nn.Parameter(kernel.expand_as(self.filter.weight).clone())


class _Halved(_Blur):
    def __init__(self, channels: int) -> None:
        super().__init__(channels, 1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return F.conv2d(values, self.filter.weight, stride=2, padding=1, groups=values.shape[1])


class _Doubled(_Blur):
    def __init__(self, channels: int) -> None:
        super().__init__(channels, 4)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Zeros put between the pixels, then blurred: the blur's transpose, without what it gives beyond the edge."""
        spread = self.filter.weight.flip(2, 3)
        return F.conv_transpose2d(values, spread, stride=2, groups=values.shape[1])[:, :, 1:-1, 1:-1]


class _Separable(nn.Module):
    """Every channel by itself, then all of them at every pixel. `noise_px`: its side, for one that has noise."""

    def __init__(self, into: int, out: int, noise_px: int = 0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(into, into, 3, padding=1, groups=into)
        self.conv2 = nn.Conv2d(into, out, 1, bias=False)
        if noise_px:
            self.register_buffer("noise_const", torch.zeros(noise_px, noise_px))
            self.noise_strength = nn.Parameter(torch.zeros([]))
        self.noise_px = noise_px

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        values = self.resized(self.conv2(self.reduced(_rectified(self.conv1(values)))))
        if self.noise_px:
            values = values + self.get_buffer("noise_const") * self.noise_strength
        return _rectified(values)

    def reduced(self, values: torch.Tensor) -> torch.Tensor:
        return values

    def resized(self, values: torch.Tensor) -> torch.Tensor:
        return values


class _Shrinking(_Separable):
    def __init__(self, into: int, out: int) -> None:
        super().__init__(into, out)
        self.downsample = _Halved(into)

    def reduced(self, values: torch.Tensor) -> torch.Tensor:
        return self.downsample(values)


class _Growing(_Separable):
    def __init__(self, into: int, out: int, noise_px: int) -> None:
        super().__init__(into, out, noise_px)
        self.upsample = _Doubled(out)

    def resized(self, values: torch.Tensor) -> torch.Tensor:
        return self.upsample(values)


class _Down(nn.Module):
    def __init__(self, side: int, sees_picture: bool) -> None:
        super().__init__()
        count = _channels(side)
        self.fromrgb = nn.Conv2d(4, count, 1) if sees_picture else None
        self.conv1 = _Separable(count, count)
        self.conv2 = _Shrinking(count, _channels(side // 2)) if side > LEAST_PX else _Separable(count, count)

    def forward(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What goes on to the next level, and what the same level of the synthesis is given."""
        seen = values if self.fromrgb is None else _rectified(self.fromrgb(values))
        features = self.conv1(seen)
        return self.conv2(features), features


class _Up(nn.Module):
    def __init__(self, side: int) -> None:
        super().__init__()
        count = _channels(side)
        if side == LEAST_PX:
            self.conv1, self.conv2 = _Separable(count, count), _Separable(count, count)
        else:
            self.conv1, self.conv2 = _Growing(_channels(side // 2), count, side), _Separable(count, count, side)
            self.upsample = _Doubled(3)
        self.torgb = nn.Conv2d(count, 3, 1)

    def forward(
        self, values: torch.Tensor, features: torch.Tensor, picture: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        values = self.conv2(self.conv1(values) + features)
        own = self.torgb(values)
        return values, own if picture is None else own + self.upsample(picture)


class MIGAN(nn.Module):
    def __init__(self, side: int) -> None:
        super().__init__()
        self.sides = [side >> step for step in range(side.bit_length() - LEAST_PX.bit_length() + 1)]
        self.encoder = nn.ModuleDict({f"b{each}": _Down(each, each == side) for each in self.sides})
        self.synthesis = nn.ModuleDict({f"b{each}": _Up(each) for each in self.sides})

    def forward(self, picture: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """N×3×S×S in [0, 1] and N×1×S×S, 1 in the hole → the same picture, filled; what is there it does not see."""
        known = 1 - mask
        values = torch.cat([known - 0.5, (2 * picture - 1) * known], dim=1)
        found = {}
        for side in self.sides:
            values, found[side] = self.encoder[f"b{side}"](values)
        filled: torch.Tensor | None = None
        for side in reversed(self.sides):
            values, filled = self.synthesis[f"b{side}"](values, found[side], filled)
        assert filled is not None
        return picture * known + (filled / 2 + 0.5) * mask


def load(model: Installed, report: Report) -> FixedSize:
    """A state dict, or the program that is published: its tensors are taken, it is not run.

    Raises: MissingModel, Invalid, Unsupported.
    """
    tensors = read_tensors(model.files[0], report, is_program_fine=True)
    levels = (re.match(r"synthesis\.b(\d{1,5})\.", name) for name in tensors)
    side = max((int(level[1]) for level in levels if level), default=0)
    if not LEAST_PX < side <= MOST_PX or side & (side - 1):
        raise Invalid(f"{model.title} has no levels as MI-GAN has them.", "Fetch it again.")
    net = MIGAN(side)
    net.load_state_dict({name: tensor for name, tensor in tensors.items() if not name.endswith(ZEROS)})
    return FixedSize(net.eval(), ARCHITECTURE, size=(side, side))
