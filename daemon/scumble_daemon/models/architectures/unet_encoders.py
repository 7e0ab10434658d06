"""What a dynamic U-Net sees with: ResNet-18 and 34 (He et al. 2016), and a small encoder for a student."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn
from torch.nn import functional

SMALL_WIDTH = 32  # of the small encoder's first level
BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}  # He et al. 2016, table 1
RESNET_WIDTHS = (64, 128, 256, 512)


class Residual(nn.Module):
    """`conv1`, `bn1`, `conv2`, `bn2`, `downsample`: called as in torchvision, whose published weights fit."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2: nn.Module = nn.BatchNorm2d(out)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or into != out:
            self.downsample = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        found = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(values)), inplace=True)))
        kept = values if self.downsample is None else self.downsample(values)
        return functional.relu(found.add_(kept), inplace=True)


class ResNet(nn.Module):
    """18 or 34 layers, without what only classifies. `widths`: of what `forward` gives, at a half to a 32nd."""

    widths = (64, *RESNET_WIDTHS)

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        into = 64
        for index, (width, count) in enumerate(zip(RESNET_WIDTHS, BLOCKS[kind], strict=True)):
            blocks = [
                Residual(into if number == 0 else width, width, 2 if index and number == 0 else 1)
                for number in range(count)
            ]
            self.add_module(f"layer{index + 1}", nn.Sequential(*blocks))
            into = width
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, values: torch.Tensor) -> list[torch.Tensor]:
        values = functional.relu(self.bn1(self.conv1(values)))
        found = [values]
        values = self.maxpool(values)
        for index in range(len(RESNET_WIDTHS)):
            values = self.get_submodule(f"layer{index + 1}")(values)
            found.append(values)
        return found

    def settle(self) -> None:
        """Take the batch normalisations, as they are in use, into the convolutions before them."""
        self.conv1, self.bn1 = _merged(self.conv1, self.bn1), nn.Identity()
        for part in self.modules():
            if isinstance(part, Residual):
                part.conv1, part.bn1 = _merged(part.conv1, part.bn1), nn.Identity()
                part.conv2, part.bn2 = _merged(part.conv2, part.bn2), nn.Identity()
                if part.downsample is not None:
                    conv = cast(nn.Conv2d, part.downsample[0])
                    part.downsample = nn.Sequential(_merged(conv, part.downsample[1]))


class Plain(nn.Module):
    """Two convolutions that begin as nothing; nothing in it depends on what else is in the picture or the batch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1), nn.Conv2d(channels, channels, 3, 1, 1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values + self.conv2(functional.relu(self.conv1(values), inplace=True))


class Small(nn.Module):
    """For a student. `widths`: of what `forward` gives, at a half, a quarter and an eighth of the size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.widths = (width, 2 * width, 3 * width)
        self.stem = nn.Conv2d(12, width, 3, 1, 1)  # of four pixels at a time
        self.level1 = nn.Sequential(Plain(self.widths[0]))
        self.down2 = nn.Conv2d(self.widths[0], self.widths[1], 2, 2)
        self.level2 = nn.Sequential(Plain(self.widths[1]))
        self.down3 = nn.Conv2d(self.widths[1], self.widths[2], 2, 2)
        self.level3 = nn.Sequential(Plain(self.widths[2]), Plain(self.widths[2]))

    def forward(self, values: torch.Tensor) -> list[torch.Tensor]:
        half = self.level1(functional.relu(self.stem(functional.pixel_unshuffle(values, 2))))
        quarter = self.level2(self.down2(half))
        return [half, quarter, self.level3(self.down3(quarter))]


def _merged(conv: nn.Conv2d, norm: nn.Module) -> nn.Conv2d:
    assert isinstance(norm, nn.BatchNorm2d)
    return torch.nn.utils.fusion.fuse_conv_bn_eval(conv.eval(), norm.eval())
