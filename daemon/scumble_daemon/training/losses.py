"""How far a picture that was made is from the one that was wanted: pixel by pixel, and as VGG-19 sees them.

L1 and the perceptual loss of Johnson, Alahi, Fei-Fei 2016, with the layers and weights of pix2pixHD (Wang et al. 2018),
which measures by VGG-19 as well. Where that has not been fetched: L1 at four scales, and of the pictures' gradients,
which also asks for sharp edges but knows nothing of what they are of.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

from ..models.architectures.vgg19 import VGG19

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""`loss(made, wanted)`: N×3×H×W each in [0, 1] → one number."""

LAYERS = (("relu1_1", 1 / 32), ("relu2_1", 1 / 16), ("relu3_1", 1 / 8), ("relu4_1", 1 / 4), ("relu5_1", 1.0))
PERCEIVED = 0.2  # how much the layers count beside the pixels: then both are of one size when half of it is learned
SCALES = 4
EDGES = 1.0
LEAST_PX = 16  # of the smallest scale


class Perceptual:
    """L1, and how differently VGG-19 sees the two."""

    def __init__(self, eyes: VGG19) -> None:
        self._eyes = eyes.requires_grad_(False)

    def __call__(self, made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        layers = [name for name, _ in LAYERS]
        with torch.no_grad():
            theirs = self._eyes(wanted, layers)
        ours = self._eyes(made, layers)
        seen = [share * functional.l1_loss(ours[name].float(), theirs[name].float()) for name, share in LAYERS]
        return functional.l1_loss(made, wanted) + PERCEIVED * torch.stack(seen).sum()


def edges_and_scales(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    total = made.new_zeros(())
    count = 0
    for _ in range(SCALES):
        total = total + functional.l1_loss(made, wanted) + EDGES * _edges(made, wanted)
        count += 1
        if min(made.shape[2:]) < 2 * LEAST_PX:
            break
        made, wanted = functional.avg_pool2d(made, 2), functional.avg_pool2d(wanted, 2)
    return total / count


def _edges(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    difference = made - wanted  # its gradient is that of the gradients
    down, across = difference.diff(dim=2).abs().mean(), difference.diff(dim=3).abs().mean()
    return down + across
