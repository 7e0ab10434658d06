"""The style of any picture for another one, in one pass.

Huang, Belongie: Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization (ICCV 2017), in the form of
the PyTorch weights by Naoto Inoue: a normalised VGG-19 up to relu4_1, and a decoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from scumble_protocol.errors import Invalid
from torch import nn

from ..networks import Loaded
from ..tensors import read_tensors

if TYPE_CHECKING:
    from ..sources import Installed
    from ..tensors import Report

ARCHITECTURE = "AdaIN"
LEAST_DEVIATION = 1e-5  # added to a variance, so that what is flat can be divided by


def _encoder() -> nn.Sequential:
    """Up to relu4_1. Its first convolution turns RGB in [0, 1] into what the network was trained on."""
    layers: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
    for into, out, pools in (
        (3, 64, False),
        (64, 64, True),
        (64, 128, False),
        (128, 128, True),
        (128, 256, False),
        (256, 256, False),
        (256, 256, False),
        (256, 256, True),
        (256, 512, False),
    ):
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(into, out, 3), nn.ReLU()]
        layers += [nn.MaxPool2d(2, ceil_mode=True)] if pools else []
    return nn.Sequential(*layers)


def _decoder() -> nn.Sequential:
    layers: list[nn.Module] = []
    for into, out, grows in (
        (512, 256, True),
        (256, 256, False),
        (256, 256, False),
        (256, 256, False),
        (256, 128, True),
        (128, 128, False),
        (128, 64, True),
        (64, 64, False),
    ):
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(into, out, 3), nn.ReLU()]
        layers += [nn.Upsample(scale_factor=2, mode="nearest")] if grows else []
    return nn.Sequential(*layers, nn.ReflectionPad2d(1), nn.Conv2d(64, 3, 3))


class AdaIN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = _encoder()
        self.decoder = _decoder()

    def forward(self, content: torch.Tensor, style: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
        """Both N×3×H×W in [0, 1], of any two sizes; sides of `content` that are multiples of 8 come back as they are.

        `strength`: 0 keeps the content's own statistics, 1 takes over the style's. What comes back may leave [0, 1].
        """
        own = self.encoder(content)
        return self.decoder(own + strength * (_renormalised(own, self.encoder(style)) - own))


def _renormalised(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Each channel with the mean and the deviation that it has in `like`."""
    mean, deviation = _statistics(values)
    wanted_mean, wanted_deviation = _statistics(like)
    return (values - mean) / deviation * wanted_deviation + wanted_mean


def _statistics(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    variance, mean = torch.var_mean(values, dim=(2, 3), keepdim=True)
    return mean, (variance + LEAST_DEVIATION).sqrt()


def load(model: Installed, report: Report) -> Loaded:
    """The encoder's file, then the decoder's. Raises: MissingModel, Invalid, Unsupported."""
    if len(model.files) != 2:
        raise Invalid(f"{model.id} has {len(model.files)} files, not an encoder and a decoder.", "Correct its entry.")
    encoder = read_tensors(model.files[0], lambda share: report(0.8 * share))
    decoder = read_tensors(model.files[1], lambda share: report(0.8 + 0.2 * share))
    net = AdaIN()
    used = {name: encoder[name] for name in net.encoder.state_dict()}  # the file goes on to relu5_4
    net.encoder.load_state_dict(used)
    net.decoder.load_state_dict(decoder)
    return Loaded(net.eval(), ARCHITECTURE)
