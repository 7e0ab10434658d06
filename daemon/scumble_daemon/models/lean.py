"""Networks rearranged for inference: the same function, in fewer and quicker steps that hold less at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class LeanBlock(nn.Module):
    """What a NAFBlock (Chen et al. 2022, figure 3) computes once its weights are final.

    The learned factors of both branches, and a channel attention that is the same for every picture, go into the
    convolutions before and after them; normalisation is torch's own kernel instead of seven steps.
    """

    def __init__(self, block: Any) -> None:
        super().__init__()
        attends = bool(block.sca[1].weight.any())
        self.norm1, self.conv1, self.conv2 = block.norm1, block.conv1, block.conv2
        self.attention = block.sca if attends else None
        self.conv3 = _scaled(block.conv3, block.beta, None if attends else block.sca[1].bias)
        self.norm2, self.conv4 = block.norm2, block.conv4
        self.conv5 = _scaled(block.conv5, block.gamma)

    def forward(self, x: Tensor) -> Tensor:
        """N×C×H×W, channels last."""
        inner = _gate(self.conv2(self.conv1(_normed(x, self.norm1))))
        if self.attention is not None:
            inner = inner * self.attention(inner)
        x = x + self.conv3(inner)
        return x + self.conv5(_gate(self.conv4(_normed(x, self.norm2))))


def make_lean(module: nn.Module) -> None:
    """Put the quicker parts into a network that is used for nothing but inference; others stay as they are."""
    for name, child in list(module.named_children()):
        if type(child).__name__ == "NAFBlock" and isinstance(child.dropout1, nn.Identity):
            module.add_module(name, LeanBlock(child))
        else:
            make_lean(child)


def _normed(x: Tensor, norm: Any) -> Tensor:
    last = functional.layer_norm(x.permute(0, 2, 3, 1), norm.weight.shape, norm.weight, norm.bias, norm.eps)
    return last.permute(0, 3, 1, 2)


def _gate(x: Tensor) -> Tensor:
    one, other = x.chunk(2, dim=1)
    return one * other


@torch.no_grad()
def _scaled(conv: nn.Conv2d, outputs: Tensor, inputs: Tensor | None = None) -> nn.Conv2d:
    """The same 1×1 convolution with its `inputs` and `outputs` multiplied by constants."""
    weight, factor = conv.weight, outputs.reshape(-1)
    if inputs is not None:
        weight = weight * inputs.reshape(1, -1, 1, 1)
    scaled = nn.Conv2d(conv.in_channels, conv.out_channels, 1)
    scaled.weight.copy_(weight * factor.reshape(-1, 1, 1, 1))
    if conv.bias is not None and scaled.bias is not None:
        scaled.bias.copy_(conv.bias * factor)
    return scaled
