"""The two generators that pix2pix learns with: a U-Net of one fixed depth, and a chain of residual blocks.

Isola, Zhu, Zhou, Efros: Image-to-Image Translation with Conditional Adversarial Networks (CVPR 2017); the residual one
is Johnson's, as Zhu et al. (CycleGAN, ICCV 2017) have it. The layers are called as in the authors' PyTorch code, so
that files of its training load. Its batch normalisation, which that runs over one picture at a time by that picture's
own statistics, is instance normalisation here: the same numbers, in training and afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from scumble_protocol.errors import Invalid
from torch import nn

from ...imaging.tiling import Network
from ..networks import ImageNetwork
from ..tensors import read_tensors
from ..traits import Traits
from .johnson import Norm, held_norms

if TYPE_CHECKING:
    from ..sources import Installed
    from ..tensors import Report

UNET, RESNET = "Pix2PixUNet", "Pix2PixResNet"
WIDTH = 64  # channels of the first layer; times 8 at most
DEPTH = 8  # "unet_256"
BLOCKS = 6  # "resnet_6blocks"
OVERLAP_PX = 64
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # which the authors do not use either
UNET_NAME, RESNET_NAME = "model.model.0.weight", "model.1.weight"  # of each one's first layer


class _Level(nn.Module):
    """One level of the U-Net: half the size, what lies below, and back; beside what came in."""

    def __init__(
        self, outer: int, inner: int, below: nn.Module | None, kind: str, affine: bool, biased: bool, drops: bool
    ) -> None:
        super().__init__()
        down = nn.Conv2d(outer if kind != "outermost" else 3, inner, 4, 2, 1, bias=biased)
        into = inner if below is None else 2 * inner
        if kind == "outermost":
            up = nn.ConvTranspose2d(into, 3, 4, 2, 1)
            layers = [down, below, nn.ReLU(), up, nn.Tanh()]
        else:
            up = nn.ConvTranspose2d(into, outer, 4, 2, 1, bias=biased)
            inside = [] if below is None else [Norm(inner, affine=affine), below]
            layers = [nn.LeakyReLU(0.2), down, *inside, nn.ReLU(), up, Norm(outer, affine=affine)]
            layers += [nn.Dropout(0.5)] if drops else []
        self.is_outermost = kind == "outermost"
        self.model = nn.Sequential(*(layer for layer in layers if layer is not None))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if self.is_outermost:
            return self.model(values)
        values = self.model[0](values)  # in the authors' code in place: what goes on beside is rectified as well
        return torch.cat([values, self.model[1:](values)], 1)


class UNet(nn.Module):
    """Sides have to be multiples of 2 to the power of `depth`."""

    def __init__(
        self, depth: int = DEPTH, width: int = WIDTH, affine: bool = True, biased: bool = False, drops: bool = True
    ) -> None:
        super().__init__()
        level: nn.Module | None = None
        for step in range(depth - 1, 0, -1):
            outer, inner = (width * min(8, 2**at) for at in (step - 1, step))
            may_drop = drops and 4 <= step < depth - 1
            level = _Level(outer, inner, level, "innermost" if level is None else "", affine, biased, may_drop)
        self.model = _Level(3, width, level, "outermost", affine, biased, False)
        self.depth = depth

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """N×3×H×W in [-1, 1] → the same."""
        return self.model(picture)


class _Block(nn.Module):
    def __init__(self, channels: int, affine: bool, biased: bool, drops: bool) -> None:
        super().__init__()

        def convolved() -> list[nn.Module]:
            convolution = nn.Conv2d(channels, channels, 3, bias=biased)
            return [nn.ReflectionPad2d(1), convolution, Norm(channels, affine=affine)]

        between: list[nn.Module] = [nn.ReLU(), nn.Dropout(0.5)] if drops else [nn.ReLU()]
        self.conv_block = nn.Sequential(*convolved(), *between, *convolved())

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values + self.conv_block(values)


class ResNet(nn.Module):
    """Sides have to be multiples of 4."""

    def __init__(
        self, blocks: int = BLOCKS, width: int = WIDTH, affine: bool = True, biased: bool = False, drops: bool = True
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7, bias=biased)]
        layers += [Norm(width, affine=affine), nn.ReLU()]
        for into in (width, 2 * width):
            layers += [nn.Conv2d(into, 2 * into, 3, 2, 1, bias=biased), Norm(2 * into, affine=affine), nn.ReLU()]
        layers += [_Block(4 * width, affine, biased, drops) for _ in range(blocks)]
        for into in (4 * width, 2 * width):
            layers += [nn.ConvTranspose2d(into, into // 2, 3, 2, 1, output_padding=1, bias=biased)]
            layers += [Norm(into // 2, affine=affine), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """N×3×H×W in [-1, 1] → the same."""
        return self.model(picture)


def begin(net: nn.Module) -> None:
    """Random weights as the authors begin: normal, with a deviation of 0.02."""
    for part in net.modules():
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(part.weight, 0.0, 0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.InstanceNorm2d) and part.affine:
            nn.init.normal_(part.weight, 1.0, 0.02)
            nn.init.zeros_(part.bias)


def load(model: Installed, report: Report) -> ImageNetwork:
    """Raises: MissingModel, Invalid, Unsupported."""
    state = {name.removeprefix("module."): value.float() for name, value in read_tensors(model.file, report).items()}
    net = built(state)
    multiple = 2**net.depth if isinstance(net, UNet) else 4
    shape = Network(
        multiple=multiple,
        least_px=max(32, multiple),
        overlap_px=OVERLAP_PX,
        statistics="global",
        bytes_per_pixel=WIDTH * 48,
    )
    traits = Traits(shape, half=False, bf16=False, is_residual=False, takes_batches=False)

    def call(picture: torch.Tensor) -> torch.Tensor:
        return (net(picture * 2 - 1) + 1) / 2

    architecture = UNET if isinstance(net, UNet) else RESNET
    return ImageNetwork(net.eval(), architecture, call, traits, holding=held_norms(net, call))


def built(state: dict[str, torch.Tensor]) -> UNet | ResNet:
    """The network that such tensors are for, with them in it. Raises: Invalid."""
    learned = {name: value for name, value in state.items() if not name.endswith(STATISTICS)}
    if UNET_NAME in learned:
        first = learned[UNET_NAME]
        depth = sum(1 for name, value in learned.items() if value.ndim == 4 and name.endswith("weight")) // 2
        affine = "model.model.1.model.2.weight" in learned
        net: UNet | ResNet = UNet(depth, first.shape[0], affine, "model.model.0.bias" in learned)
    elif RESNET_NAME in learned:
        blocks = {name.split(".")[1] for name in learned if ".conv_block." in name}
        second = learned.get(f"model.{min(blocks, key=int, default='0')}.conv_block.6.weight")
        affine = "model.2.weight" in learned
        drops = second is not None and second.ndim == 4
        net = ResNet(len(blocks), learned[RESNET_NAME].shape[0], affine, "model.1.bias" in learned, drops)
    else:
        raise Invalid("These tensors are of no generator of pix2pix.", "Choose another file.")
    net.load_state_dict(learned)
    return net
