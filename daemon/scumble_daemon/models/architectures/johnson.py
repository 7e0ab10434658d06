"""A feed-forward network with one style learned into it.

Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer and Super-Resolution (ECCV 2016), with instance
normalisation (Ulyanov, Vedaldi, Lempitsky 2016), and resize-convolutions in place of transposed ones (Odena, Dumoulin,
Olah 2016). Published as ONNX: its convolutions and normalisations, in the order in which they run, are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from scumble_protocol.errors import Invalid
from torch import nn
from torch.nn import functional

from ...imaging.tiling import Network
from .. import onnx_graph
from ..networks import Call, Holding, ImageNetwork
from ..traits import Traits

if TYPE_CHECKING:
    from ..sources import Installed
    from ..tensors import Report

ARCHITECTURE = "TransformerNet"
BLOCKS = 5
OVERLAP_PX = 64  # beyond which a pixel changes no other: ten convolutions at a quarter of the size, and the rest
# It normalises by the whole picture. 24 bytes for each pixel and channel of its first layer: six copies, in fp32.
TRAITS = Traits(
    Network(multiple=4, least_px=16, overlap_px=OVERLAP_PX, statistics="global", bytes_per_pixel=32 * 24),
    half=False,
    bf16=False,
    is_residual=False,
    takes_batches=False,
)


class Norm(nn.InstanceNorm2d):
    """Normalises by `held`, variance and mean of each channel, where there is that; and says what it saw last."""

    held: tuple[torch.Tensor, torch.Tensor] | None = None
    listens = False

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if self.listens:
            variance, mean = torch.var_mean(input[:1], dim=(0, 2, 3), correction=0)
            self.held = variance, mean
        if self.held is None:
            return super().forward(input)
        variance, mean = (each.to(input.device) for each in self.held)
        return functional.batch_norm(input, mean, variance, self.weight, self.bias, eps=self.eps)


class Step(nn.Module):
    """Pad by mirroring, convolve, normalise."""

    def __init__(self, into: int, out: int, kernel: int, stride: int = 1, grow: int = 1, normed: bool = True) -> None:
        super().__init__()
        self.grow = grow
        self.conv = nn.Conv2d(into, out, kernel, stride, padding=kernel // 2, padding_mode="reflect")
        self.norm = Norm(out, affine=True) if normed else nn.Identity()

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if self.grow > 1:
            values = functional.interpolate(values, scale_factor=float(self.grow), mode="nearest")
        return self.norm(self.conv(values))


class TransformerNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([Step(3, 32, 9), Step(32, 64, 3, 2), Step(64, 128, 3, 2)])
        self.blocks = nn.ModuleList([Step(128, 128, 3) for _ in range(2 * BLOCKS)])
        self.up = nn.ModuleList([Step(128, 64, 3, grow=2), Step(64, 32, 3, grow=2)])
        self.last = Step(32, 3, 9, normed=False)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """N×3×H×W in [0, 255], sides multiples of 4 → the same."""
        for step in self.down:
            values = functional.relu(step(values))
        for first, second in zip(self.blocks[::2], self.blocks[1::2], strict=True):
            values = values + second(functional.relu(first(values)))
        for step in self.up:
            values = functional.relu(step(values))
        return self.last(values)

    @property
    def layers(self) -> list[nn.Conv2d | nn.InstanceNorm2d]:
        """Those that have learned something, as they run."""
        parts = [part for step in (*self.down, *self.blocks, *self.up, self.last) for part in step.children()]
        return [part for part in parts if isinstance(part, (nn.Conv2d, nn.InstanceNorm2d))]


def load(model: Installed, report: Report) -> ImageNetwork:
    """Raises: MissingModel, Invalid."""
    graph = onnx_graph.read(model.file)
    report(0.5)
    net = TransformerNet()
    fill(net, graph, model.file.name)
    report(1.0)

    def call(picture: torch.Tensor) -> torch.Tensor:
        return net(picture * 255).clamp(0, 255) / 255

    return ImageNetwork(net.eval(), ARCHITECTURE, call, TRAITS, holding=held_norms(net, call))


def held_norms(net: nn.Module, call: Call) -> Holding:
    """For any network whose only normalisations are `Norm`."""

    @contextmanager
    def holding(picture: torch.Tensor) -> Iterator[None]:
        norms = [part for part in net.modules() if isinstance(part, Norm)]
        try:
            for norm in norms:
                norm.listens = True
            call(picture)
            for norm in norms:
                norm.listens = False
            yield
        finally:
            for norm in norms:
                norm.listens, norm.held = False, None

    return holding


def fill(net: TransformerNet, graph: onnx_graph.Graph, name: str) -> None:
    """Take over what the graph's nodes take, whatever that is called there. Raises: Invalid."""
    kinds = {"Conv": nn.Conv2d, "InstanceNormalization": nn.InstanceNorm2d}
    layers = net.layers
    nodes = [node for node in graph.nodes if node.operation in kinds]
    is_alike = len(layers) == len(nodes)
    with torch.no_grad():
        for layer, node in zip(layers, nodes, strict=False):
            values = [graph.tensors.get(given) for given in node.inputs[1:]]
            wanted = [parameter for parameter in (layer.weight, layer.bias) if parameter is not None]
            shapes = [None if value is None else value.shape for value in values]
            is_alike &= isinstance(layer, kinds[node.operation]) and shapes == [each.shape for each in wanted]
            if is_alike:
                for parameter, value in zip(wanted, values, strict=True):
                    parameter.copy_(value)  # pyright: ignore[reportArgumentType]
    if not is_alike:
        raise Invalid(f"The layers of {name} are not those of {ARCHITECTURE}.", "Fetch it again.")
