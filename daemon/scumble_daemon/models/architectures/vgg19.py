"""What VGG-19 sees in a picture, layer by layer: for transferring a style by optimisation.

Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition (ICLR 2015), configuration E, as
torchvision publishes it. Only the convolutions are kept, which are an eighth of the file.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..networks import Loaded
from ..tensors import read_tensors

if TYPE_CHECKING:
    from ..sources import Installed
    from ..tensors import Report

ARCHITECTURE = "VGG19"
BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels, convolutions
PREFIX = "features."  # in the published file, beside the classifier
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, in [0, 1]


class VGG19(nn.Module):
    """Its layers are called conv1_1, relu1_1, … relu5_4, and pool1 … pool5 in between."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        names: list[str] = []
        into = 3
        for block, (out, count) in enumerate(BLOCKS, 1):
            for step in range(1, count + 1):
                layers += [nn.Conv2d(into, out, 3, padding=1), nn.ReLU()]
                names += [f"conv{block}_{step}", f"relu{block}_{step}"]
                into = out
            layers.append(nn.MaxPool2d(2))
            names.append(f"pool{block}")
        self.features = nn.Sequential(*layers)
        self.names = tuple(names)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(self, picture: torch.Tensor, wanted: Collection[str]) -> dict[str, torch.Tensor]:
        """N×3×H×W in [0, 1] → what the `wanted` layers give; none beyond the last of them is computed.

        A side of conv5 is a sixteenth of the picture's.
        """
        missing = set(wanted)
        values = (picture - self.mean) / self.deviation  # pyright: ignore[reportOperatorIssue]
        found = {}
        is_free = False  # whether nobody needs the last layer's values any more
        for name, layer in zip(self.names, self.features, strict=True):
            if not missing:
                break
            if name == self.names[0]:
                # Autocast would round pixels to eight bits of mantissa, which is as coarse as a step of the optimiser.
                with torch.autocast(values.device.type, enabled=False):
                    values = layer(values)
            elif is_free and isinstance(layer, nn.ReLU):
                values = torch.relu_(values)
            else:
                values = layer(values)
            is_free = isinstance(layer, nn.Conv2d) and name not in missing
            if name in missing:
                found[name] = values
                missing.remove(name)
        return found


def load(model: Installed, report: Report) -> Loaded:
    """Raises: MissingModel, Invalid, Unsupported."""
    state = read_tensors(model.file, report)
    net = VGG19()
    net.load_state_dict({name: value for name, value in state.items() if name.startswith(PREFIX)})
    return Loaded(net.eval(), ARCHITECTURE)
