"""Translate a picture into another domain: a U-Net around any of several encoders, for any size, in one style or many.

After fastai's DynamicUnet: ResNet (He et al. 2016) as its encoder, and a decoder that enlarges by PixelShuffle (Shi et
al. 2016), which begins as nearest neighbour does and so without a checkerboard (ICNR, Aitken et al. 2017). To that come
one scale and shift for each style after the decoder's convolutions (Dumoulin, Shlens, Kudlur 2017), between which, and
those of the picture as it is, an intensity moves: so in feature space, and not by laying the picture over the result.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, cast

import torch
from scumble_protocol.errors import Invalid
from torch import nn
from torch.nn import functional

from ..networks import Domain
from ..tensors import read_facts, read_tensors
from .unet_encoders import BLOCKS, SMALL_WIDTH, ResNet, Small

if TYPE_CHECKING:
    from ..sources import Installed
    from ..tensors import Report

ARCHITECTURE = "DynamicUNet"
Encoder = Literal["resnet18", "resnet34", "small"]
LEAST_PX = 16
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet
LARGEST_STYLES = 64
STRIP_BYTES = 8 << 20  # of what a level begins with
REACH_PX = 2  # of a level, in pixels before it enlarges: its blur and its convolutions see 3 after


class Styled(nn.Conv2d):
    """A convolution, then each style's own scale and shift.

    `fades`: at no intensity nothing comes of it; else that has a scale and a shift of its own, in the first row.
    """

    scale: nn.Parameter | None
    shift: nn.Parameter | None

    def __init__(self, into: int, out: int, kernel: int, styles: int, fades: bool = False) -> None:
        super().__init__(into, out, kernel, padding=kernel // 2)
        self.fades = fades
        rows = styles if fades else 1 + styles
        self.scale, self.shift = nn.Parameter(torch.ones(rows, out)), nn.Parameter(torch.zeros(rows, out))

    def forward(self, values: torch.Tensor, mix: torch.Tensor | None = None) -> torch.Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """`mix`: N×(1 + styles), how much there is of the picture as it is, and of each style."""
        found = super().forward(values)
        if mix is None or self.scale is None or self.shift is None:
            return found
        scale, shift = self._of(mix)
        return torch.addcmul(shift.to(found.dtype), found, scale.to(found.dtype))

    def settle(self, mix: torch.Tensor) -> None:
        """Take scale and shift of one mixture into the convolution itself."""
        scale, shift = (each[0] for each in self._of(mix))
        self.weight = nn.Parameter(self.weight * scale[:, None])
        bias = torch.zeros(self.out_channels) if self.bias is None else self.bias
        self.bias = nn.Parameter(bias * scale[:, 0, 0] + shift[:, 0, 0])
        self.scale = self.shift = None

    def _of(self, mix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        assert self.scale is not None
        assert self.shift is not None
        parts = (mix[:, 1:] if self.fades else mix).to(self.scale.dtype)
        return (parts @ self.scale)[..., None, None], (parts @ self.shift)[..., None, None]


class Blur(nn.Module):
    """The mean of neighbours across and down, by `weights`; at the border of those that are there.

    (1, 1), two by two from above and left, is what fastai has there, with padding, in half the time.
    """

    def __init__(self, weights: tuple[float, ...]) -> None:
        super().__init__()
        self._weights = tuple(weight / sum(weights) for weight in weights)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        channels, height, width = values.shape[1:]
        line = values.new_tensor(self._weights)
        kernel = (line[:, None] * line).expand(channels, 1, -1, -1)
        found = functional.conv2d(values, kernel, padding=1, groups=channels)[:, :, :height, :width]
        for at in (0, -1)[: len(line) - 1]:  # where zeros lie beside it
            found[:, :, at] /= 1 - self._weights[at]
            found[:, :, :, at] /= 1 - self._weights[at]
        return found


class Shuffle(nn.Sequential):
    """Twice as large: a convolution for each of a pixel's four quarters, which all begin alike.

    What differs between them later is a pattern of two pixels, and each mean of two by two is free of it (Sugawara et
    al. 2018, fastai's `blur`). Where the pattern comes and goes, as along edges, something is left of it, and next to
    nothing after a second mean. `is_last`: has both, 1 2 1 in all; no level follows that could smooth what is left.
    """

    def __init__(self, into: int, out: int, is_last: bool = False) -> None:
        conv = nn.Conv2d(into, 4 * out, 1)
        with torch.no_grad():
            first = nn.init.kaiming_normal_(torch.empty(out, into, 1, 1))
            conv.weight.copy_(first.repeat_interleave(4, 0))
            nn.init.zeros_(cast(torch.Tensor, conv.bias))
        super().__init__(conv, nn.ReLU(inplace=True), nn.PixelShuffle(2), Blur((1, 2, 1) if is_last else (1, 1)))


class Up(nn.Module):
    """A level of the decoder: enlarged, joined by the encoder's features of that size."""

    def __init__(self, into: int, skip: int, out: int, styles: int, normed: bool) -> None:
        super().__init__()
        self.shuffle = Shuffle(into, into // 2)
        self.norm = nn.BatchNorm2d(skip) if normed else nn.Identity()
        joined = into // 2 + skip
        self.conv1, self.conv2 = Styled(joined, out, 3, styles), Styled(out, out, 3, styles)

    def forward(self, values: torch.Tensor, skip: torch.Tensor, mix: torch.Tensor | None = None) -> torch.Tensor:
        joined = torch.cat([self.shuffle(values), functional.relu(self.norm(skip))], 1)
        inner = functional.relu(self.conv1(joined, mix), inplace=True)
        return functional.relu(self.conv2(inner, mix), inplace=True)


class DynamicUNet(nn.Module):
    """`encoder`: "resnet18", "resnet34" or "small" · `styles`: how many it knows · `width`: of the small encoder.

    `multiple`: sides it computes on; `forward` takes any from LEAST_PX on.
    """

    def __init__(self, encoder: str = "resnet18", styles: int = 1, width: int = SMALL_WIDTH) -> None:
        super().__init__()
        if encoder not in (*BLOCKS, "small"):
            raise ValueError(f"no encoder is called {encoder}")
        is_small = encoder == "small"
        self.kind, self.styles = encoder, styles
        self.encoder: ResNet | Small = Small(width) if is_small else ResNet(encoder)
        widths = self.encoder.widths
        self.multiple = 2 ** len(widths)
        self.margin_px = 8 if is_small else 0  # as much is added around a picture, so that no zero is seen beyond it
        deepest = widths[-1]
        if is_small:
            self.middle = nn.Sequential(nn.ReLU(), nn.Conv2d(deepest, deepest, 3, 1, 1), nn.ReLU())
        else:
            self.middle = nn.Sequential(
                nn.BatchNorm2d(deepest),
                nn.ReLU(),
                nn.Conv2d(deepest, 2 * deepest, 3, 1, 1),
                nn.ReLU(),
                nn.Conv2d(2 * deepest, deepest, 3, 1, 1),
                nn.ReLU(),
            )
        ups, into = [], deepest
        for index in range(len(widths) - 2, -1, -1):
            joined = into // 2 + widths[index]
            out = widths[index] if is_small else (joined if index else joined // 2)
            ups.append(Up(into, widths[index], out, styles, not is_small))
            into = out
        self.ups = nn.ModuleList(ups)
        full = 13 if is_small else into
        self.shuffle = Shuffle(into, full, is_last=True)
        full += 3  # with the picture itself
        self.last1, self.last2 = Styled(full, full, 3, styles), Styled(full, full, 3, styles)
        self.head = Styled(full, 3, 1, styles, fades=True)
        for part in self.modules():
            if isinstance(part, Styled):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
                nn.init.zeros_(cast(torch.Tensor, part.bias))
        with torch.no_grad():
            self.last2.weight.mul_(0.1)
            self.head.weight.mul_(0.1)

    def forward(
        self, x: torch.Tensor, weights: torch.Tensor | None = None, intensity: float | torch.Tensor = 1
    ) -> torch.Tensor:
        """N×3×H×W in [0, 1], H and W from LEAST_PX on → the same, about in [0, 1]; at intensity 0 it is `x` itself.

        `weights`: N×styles or 1×styles, how much there is of each, 1 in all; left out, all of the first ·
        `intensity`: from 0 to 1, one number or N.
        """
        return x + self.change(x, None if self.is_settled else self.mixture(len(x), weights, intensity, x.device))

    def change(self, x: torch.Tensor, mix: torch.Tensor | None) -> torch.Tensor:
        """What is added to `x`."""
        height, width = x.shape[-2:]
        mean, deviation = (x.new_tensor(each)[:, None, None] for each in (MEAN, DEVIATION))
        edge = self.margin_px
        more = (edge, edge + (-(width + 2 * edge)) % self.multiple, edge, edge + (-(height + 2 * edge)) % self.multiple)
        seen = functional.pad((x - mean) / deviation, more, mode="replicate") if any(more) else (x - mean) / deviation
        features = self.encoder(seen)
        values = self.middle(features[-1])
        for level, skip in zip((*self.ups, self._last), (*features[-2::-1], seen), strict=True):
            values = in_strips(level, values, skip) if self.is_settled else level(values, skip, mix)
        return values[:, :, edge : edge + height, edge : edge + width]

    def _last(self, values: torch.Tensor, seen: torch.Tensor, mix: torch.Tensor | None = None) -> torch.Tensor:
        """To the full size, beside the picture itself."""
        joined = torch.cat([self.shuffle(values), seen], 1)
        inner = functional.relu(self.last1(joined, mix), inplace=True)
        return self.head(functional.relu(self.last2(inner, mix).add_(joined), inplace=True), mix)

    def mixture(
        self, count: int, weights: torch.Tensor | None, intensity: float | torch.Tensor, device: torch.device
    ) -> torch.Tensor:
        """→ N×(1 + styles): how much there is of the picture as it is, and of each style."""
        if weights is None:
            weights = torch.zeros(1, self.styles, device=device)
            weights[:, 0] = 1
        amount = torch.as_tensor(intensity, dtype=weights.dtype, device=device).reshape(-1, 1).expand(count, 1)
        return torch.cat([1 - amount, amount * weights.to(device)], 1)

    @property
    def is_settled(self) -> bool:
        return self.head.scale is None

    def settled(self, weights: torch.Tensor | None = None, intensity: float = 1) -> DynamicUNet:
        """A network for one mixture and one intensity that gives the same, in eval mode, with nothing beside its
        convolutions: for use, not for training."""
        net = copy.deepcopy(self).eval()
        mix = self.mixture(1, weights, intensity, self.head.weight.device)
        with torch.no_grad():
            for part in net.modules():
                if isinstance(part, Styled):
                    part.settle(mix)
            if isinstance(net.encoder, ResNet):
                net.encoder.settle()
        return net.requires_grad_(False)

    def take_encoder(self, published: Mapping[str, torch.Tensor]) -> None:
        """Begin with an encoder that has learned on ImageNet: a state dict of torchvision's ResNet. Raises: Invalid."""
        wanted = self.encoder.state_dict()
        fitting = {name: value for name, value in published.items() if name in wanted}
        missing = [name for name in wanted if name not in fitting and not name.endswith("num_batches_tracked")]
        if self.kind == "small" or missing or any(value.shape != wanted[name].shape for name, value in fitting.items()):
            raise Invalid(f"These weights are not those of {self.kind}.", "Take torchvision's for that encoder.")
        self.encoder.load_state_dict(fitting, strict=False)


def in_strips(
    level: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], values: torch.Tensor, skip: torch.Tensor
) -> torch.Tensor:
    """What a level of the decoder makes of all of it, on a processor a few rows at a time, which its caches hold."""
    height = values.shape[2]
    rows = math.ceil(height / math.ceil((values.nbytes + skip.nbytes) / STRIP_BYTES))
    if values.device.type != "cpu" or rows >= height:
        return level(values, skip)
    found = []
    for top in range(0, height, rows):
        first, end = max(0, top - REACH_PX), min(height, top + rows)
        seen = slice(first, end + REACH_PX)
        made = level(values[:, :, seen], skip[:, :, 2 * seen.start : 2 * seen.stop])
        found.append(made[:, :, 2 * (top - first) : 2 * (end - first)])
    return torch.cat(found, 2)


def of_state(state: Mapping[str, torch.Tensor]) -> DynamicUNet:
    """The network that a state dict belongs to, filled; the tensors themselves tell which. Raises: Invalid."""
    head = state.get("head.scale")
    kind = kind_of(state)
    if kind is None or head is None or head.ndim != 2 or not 1 <= head.shape[0] <= LARGEST_STYLES:
        raise Invalid("These weights are not those of a DynamicUNet.", "Take a file that `scumble train domain` wrote.")
    width = state["encoder.stem.weight"].shape[0] if kind == "small" else SMALL_WIDTH
    net = DynamicUNet(kind, head.shape[0], width)
    wanted = net.state_dict()
    wrong = sorted(
        name
        for name in wanted.keys() | state.keys()
        if name not in state or name not in wanted or state[name].shape != wanted[name].shape
    )
    if wrong:
        raise Invalid(
            f"The layers of this file are not those of a DynamicUNet around {kind}: {wrong[0]} is the first of"
            f" {len(wrong)} that differ.",
            "Fetch it again, or train it again.",
        )
    net.load_state_dict({name: value.to(wanted[name].dtype) for name, value in state.items()})
    return net.eval()


def kind_of(state: Mapping[str, torch.Tensor]) -> Encoder | None:
    """Which encoder these tensors are of."""
    if "encoder.stem.weight" in state:
        return "small"
    if "encoder.layer1.0.conv1.weight" not in state:
        return None
    return "resnet34" if "encoder.layer1.2.conv1.weight" in state else "resnet18"


def compact(net: DynamicUNet) -> dict[str, torch.Tensor]:
    """What goes into a file: half precision, and nothing that is not needed to use it."""
    state = {name: value.detach().cpu() for name, value in net.state_dict().items()}
    return {name: (value.half() if value.is_floating_point() else value).contiguous() for name, value in state.items()}


def load(model: Installed, report: Report) -> Domain:
    """The styles' names are its file's, «styles» with commas, else their numbers. Raises: MissingModel, Invalid."""
    net = of_state(read_tensors(model.file, report))
    told = tuple(name for name in read_facts(model.file).get("styles", "").split(",") if name)
    names = told if len(set(told)) == net.styles else tuple(str(number + 1) for number in range(net.styles))
    return Domain(net, ARCHITECTURE, names)
