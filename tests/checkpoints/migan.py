"""MI-GAN as it is published: the names in its file, and its steps in their order, one after the other."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as f

SIDES = (512, 256, 128, 64, 32, 16, 8, 4)


def width(side: int) -> int:
    return min(32768 // side, 512)


def active(values: torch.Tensor) -> torch.Tensor:
    return torch.clamp(f.leaky_relu(values, 0.2) * 2**0.5, -256, 256)


def kernel(gain: float) -> torch.Tensor:
    return torch.tensor([[1, 3, 3, 1], [3, 9, 9, 3], [3, 9, 9, 3], [1, 3, 3, 1]]) * (gain / 64)


def blur(channels: int, doubles: bool = False) -> Any:
    part: Any = nn.Module()
    part.filter = nn.Conv2d(channels, channels, 4, groups=channels, bias=False)
    part.filter.weight = nn.Parameter(kernel(4 if doubles else 1).repeat(channels, 1, 1, 1))
    if doubles:
        part.insert_zeros = nn.ConvTranspose2d(channels, channels, 2, stride=2, groups=channels, bias=False)
        part.insert_zeros.weight = nn.Parameter(torch.tensor([[1.0, 0.0], [0.0, 0.0]]).repeat(channels, 1, 1, 1))
    return part


def separable(into: int, out: int, noise: int = 0, down: bool = False, up: bool = False) -> Any:
    part: Any = nn.Module()
    part.conv1 = nn.Conv2d(into, into, 3, padding=1, groups=into)
    part.conv2 = nn.Conv2d(into, out, 1, bias=False)
    if down:
        part.downsample = blur(into)
    if up:
        part.upsample = blur(out, doubles=True)
    if noise:
        part.register_buffer("noise_const", torch.randn(noise, noise))
        part.noise_strength = nn.Parameter(torch.rand([]) * 0.2)
    return part


def enlarged(part: Any, values: torch.Tensor) -> torch.Tensor:
    """Zeros come between the pixels, then it is blurred."""
    return part.filter(f.pad(part.insert_zeros(values), (2, 1, 2, 1)))


def run(part: Any, values: torch.Tensor) -> torch.Tensor:
    parts = dict(part.named_children())
    values = active(part.conv1(values))
    if "downsample" in parts:
        count = values.shape[1]
        values = f.conv2d(f.pad(values, (1, 1, 1, 1)), kernel(1).repeat(count, 1, 1, 1), stride=2, groups=count)
    values = part.conv2(values)
    if "upsample" in parts:
        values = enlarged(part.upsample, values)
    if "noise_strength" in dict(part.named_parameters(recurse=False)):
        values = values + part.noise_const * part.noise_strength
    return active(values)


class Generator(nn.Module):
    """N×4×512×512, known − 0.5 and the known colours in [-1, 1] → N×3×512×512 in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.synthesis = nn.Module(), nn.Module()
        for side in SIDES:
            count, below = width(side), width(side // 2)
            down: Any = nn.Module()
            up: Any = nn.Module()
            if side == SIDES[0]:
                down.fromrgb = nn.Conv2d(4, count, 1)
            down.conv1 = separable(count, count)
            down.conv2 = separable(count, below if side > 4 else count, down=side > 4)
            up.conv1 = separable(below if side > 4 else count, count, side if side > 4 else 0, up=side > 4)
            up.conv2 = separable(count, count, side if side > 4 else 0)
            up.torgb = nn.Conv2d(count, 3, 1)
            if side > 4:
                up.upsample = blur(3, doubles=True)
            self.encoder.add_module(f"b{side}", down)
            self.synthesis.add_module(f"b{side}", up)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        down: dict[str, Any] = dict(self.encoder.named_children())
        up: dict[str, Any] = dict(self.synthesis.named_children())
        values = active(down["b512"].fromrgb(values))
        kept = {}
        for side in SIDES:
            kept[side] = run(down[f"b{side}"].conv1, values)
            values = run(down[f"b{side}"].conv2, kept[side])
        picture = torch.zeros(1)
        for side in SIDES[::-1]:
            level = up[f"b{side}"]
            values = run(level.conv2, run(level.conv1, values) + kept[side])
            picture = level.torgb(values) + (enlarged(level.upsample, picture) if side > 4 else 0)
        return picture
