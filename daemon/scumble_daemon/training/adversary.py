"""PatchGAN: a critic that looks at pieces of 70 pixels of a pair and says whether the second was made by the network.

Isola, Zhu, Zhou, Efros: Image-to-Image Translation with Conditional Adversarial Networks (CVPR 2017), section 3.2.2.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from ..models.architectures.pix2pix import WIDTH

LEVELS = 3  # for pieces of 70 pixels


class PatchGAN(nn.Module):
    def __init__(self, width: int = WIDTH, levels: int = LEVELS) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(6, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        into = width
        for level in range(1, levels + 1):
            out = width * min(8, 2**level)
            layers += [nn.Conv2d(into, out, 4, 2 if level < levels else 1, 1, bias=False)]
            layers += [nn.InstanceNorm2d(out, affine=True), nn.LeakyReLU(0.2)]
            into = out
        self.layers = nn.Sequential(*layers, nn.Conv2d(into, 1, 4, 1, 1))

    def forward(self, given: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
        """N×3×H×W each in [0, 1], sides of 32 or more → N×1×h×w: above 0 where a piece looks like a true one."""
        return self.layers(torch.cat([given, shown], 1) * 2 - 1)


def objective(verdict: torch.Tensor, is_true: bool) -> torch.Tensor:
    """How far the critic is from saying so: cross entropy."""
    return functional.binary_cross_entropy_with_logits(verdict, torch.full_like(verdict, float(is_true)))
