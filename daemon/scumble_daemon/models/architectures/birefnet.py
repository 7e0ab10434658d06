"""BiRefNet, which finds a picture's foreground; takes the weights that its authors publish. After Zheng et al. 2024."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch
from scumble_protocol.errors import Unsupported
from torch import nn
from torch.nn import functional
from torchvision.ops import deform_conv2d

from ..networks import FixedSize, Loaded
from ..tensors import Report, read_tensors
from .swin import SwinTransformer

if TYPE_CHECKING:
    from ..sources import Installed

# Of the two backbones that are published, by width: depths, heads, window.
BACKBONES = {192: ((2, 2, 18, 2), (6, 12, 24, 48), 12), 96: ((2, 2, 6, 2), (3, 6, 12, 24), 7)}
# Height and width at which the variants were trained, where it is not 1024 × 1024.
SIZES = {
    "birefnet-hr": (2048, 2048),
    "birefnet-hr-matting": (2048, 2048),
    "birefnet-lite-2k": (1440, 2560),
    "birefnet-512": (512, 512),
}
INNER = 64  # channels inside a decoder block
DILATED = 256  # channels of each branch of the deformable pyramid
GRADIENT = 16  # channels that find where the picture changes
# What only training looks at, and what follows from the window's size.
LEFT_OUT = re.compile(r"conv_ms_spvn_|gdt_convs_pred_|cls_head|num_batches_tracked$|relative_position_index$")


def load(model: Installed, report: Report) -> Loaded:
    """Raises: MissingModel, Invalid, Unsupported."""
    size = SIZES.get(model.id, (1024, 1024))
    return FixedSize(build(read_tensors(model.file, report)), model.architecture, size)


def build(state: dict[str, Any]) -> nn.Module:
    """The network of a published state dict, in fp32. Raises: Unsupported, or RuntimeError where they do not fit."""
    first = state.get("bb.patch_embed.proj.weight")
    width = 0 if first is None else int(first.shape[0])
    if width not in BACKBONES:
        raise Unsupported("This is no BiRefNet with a Swin-L or Swin-T backbone.", "Fetch it again, or use another.")
    with torch.device("meta"):
        network = BiRefNet(width, *BACKBONES[width])
    needed = {name: tensor.float() for name, tensor in state.items() if not LEFT_OUT.search(name)}
    counters = [name for name in network.state_dict() if name.endswith("num_batches_tracked")]
    network.load_state_dict({**needed, **{name: torch.tensor(0) for name in counters}}, assign=True)
    return network.eval().requires_grad_(False)


class BiRefNet(nn.Module):
    """N×3×H×W, normalised, sides multiples of 32 → N×1×H×W logits of the foreground."""

    def __init__(self, width: int, depths: tuple[int, ...], heads: tuple[int, ...], window: int) -> None:
        super().__init__()
        channels = [2 * width * 2**stage for stage in (3, 2, 1, 0)]  # seen at two sizes, deepest first
        self.bb = SwinTransformer(width, depths, heads, window)
        self.squeeze_module = nn.Sequential(DecoderBlock(sum(channels), channels[0]))
        self.decoder = Decoder(channels)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        half = resized(pixels, (pixels.shape[2] // 2, pixels.shape[3] // 2))
        maps = [
            torch.cat([large, resized(small, large.shape[2:])], 1)
            for large, small in zip(self.bb(pixels), self.bb(half), strict=True)
        ]
        deepest = torch.cat([*(resized(each, maps[-1].shape[2:]) for each in maps[:-1]), maps[-1]], 1)
        return self.decoder(pixels, [*maps[:-1], self.squeeze_module(deepest)])


class Decoder(nn.Module):
    """From the deepest map back to the picture's size; at every step the picture itself is shown again, and what lies
    where it changes counts more."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        shown = [channels[0] // 8, channels[0] // 8, channels[1] // 8, channels[2] // 8, channels[3] // 8]
        for index, (level, exponent) in enumerate(zip((5, 4, 3, 2, 1), (10, 8, 6, 4, 0), strict=True)):
            self.add_module(f"ipt_blk{level}", Shown(3 * 2**exponent, shown[index]))
        outs = [*channels[1:], channels[3] // 2]
        for index, level in enumerate((4, 3, 2, 1)):
            self.add_module(f"decoder_block{level}", DecoderBlock(channels[index] + shown[index], outs[index]))
            if level == 1:
                break
            self.add_module(f"lateral_block{level}", Lateral(channels[index + 1], outs[index]))
            changes = nn.Sequential(nn.Conv2d(outs[index], GRADIENT, 3, 1, 1), nn.BatchNorm2d(GRADIENT), nn.ReLU())
            self.add_module(f"gdt_convs_{level}", changes)
            self.add_module(f"gdt_convs_attn_{level}", nn.Sequential(nn.Conv2d(GRADIENT, 1, 1)))
        self.conv_out1 = nn.Sequential(nn.Conv2d(outs[3] + shown[4], 1, 1))

    def forward(self, pixels: torch.Tensor, maps: list[torch.Tensor]) -> torch.Tensor:
        """`maps`: finest first."""
        found = maps[3]
        for level in (4, 3, 2):
            found = self._part(f"decoder_block{level}", self._with_picture(level + 1, found, pixels))
            changes = self._part(f"gdt_convs_{level}", found)
            found = found * self._part(f"gdt_convs_attn_{level}", changes).sigmoid()
            finer = maps[level - 2]
            found = resized(found, finer.shape[2:]) + self._part(f"lateral_block{level}", finer)
        found = self._part("decoder_block1", self._with_picture(2, found, pixels))
        return self.conv_out1(self._with_picture(1, resized(found, pixels.shape[2:]), pixels))

    def _with_picture(self, level: int, found: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
        """The picture as patches of the map's size, side by side as channels."""
        height, width = found.shape[2:]
        count, _, rows, columns = pixels.shape
        patches = pixels.reshape(count, 3, rows // height, height, columns // width, width)
        patches = patches.permute(0, 1, 2, 4, 3, 5).reshape(count, -1, height, width)
        return torch.cat([found, self._part(f"ipt_blk{level}", patches)], 1)

    def _part(self, name: str, inputs: torch.Tensor) -> torch.Tensor:
        return self.get_submodule(name)(inputs)


class Shown(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, INNER, 3, 1, 1)
        self.conv_out = nn.Conv2d(INNER, outputs, 3, 1, 1)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        return self.conv_out(self.conv1(patches))


class Lateral(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return self.conv(seen)


class DecoderBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(inputs, INNER, 3, 1, 1)
        self.bn_in = nn.BatchNorm2d(INNER)
        self.dec_att = Pyramid(INNER)
        self.conv_out = nn.Conv2d(INNER, outputs, 3, 1, 1)
        self.bn_out = nn.BatchNorm2d(outputs)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.bn_in(self.conv_in(seen)))
        return self.bn_out(self.conv_out(self.dec_att(inner)))


class Pyramid(nn.Module):
    """Looks at several reaches at once, each bent to what is there, and at the average of everything."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.aspp1 = Branch(channels, 1)
        self.aspp_deforms = nn.ModuleList(Branch(channels, size) for size in (1, 3, 7))
        self.global_avg_pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, DILATED, 1, bias=False), nn.BatchNorm2d(DILATED), nn.ReLU()
        )
        self.conv1 = nn.Conv2d(5 * DILATED, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        branches = [self.aspp1(seen), *(branch(seen) for branch in self.aspp_deforms)]
        average = self.global_avg_pool(seen).expand(-1, -1, *seen.shape[2:])
        return functional.relu(self.bn1(self.conv1(torch.cat([*branches, average], 1))))


class Branch(nn.Module):
    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.atrous_conv = DeformableConv(channels, DILATED, size)
        self.bn = nn.BatchNorm2d(DILATED)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.bn(self.atrous_conv(seen)))


class DeformableConv(nn.Module):
    """A convolution whose taps are moved and weighed by what is there. After Zhu et al. 2019."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.padding = (size // 2, size // 2)
        self.offset_conv = nn.Conv2d(inputs, 2 * size * size, size, 1, self.padding)
        self.modulator_conv = nn.Conv2d(inputs, size * size, size, 1, self.padding)
        self.regular_conv = nn.Conv2d(inputs, outputs, size, 1, self.padding, bias=False)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        moved, weight = self.offset_conv(seen), 2 * torch.sigmoid(self.modulator_conv(seen))
        return deform_conv2d(seen, moved, self.regular_conv.weight, padding=self.padding, mask=weight)


def resized(seen: torch.Tensor, size: torch.Size | tuple[int, int]) -> torch.Tensor:
    return functional.interpolate(seen, size=tuple(size), mode="bilinear", align_corners=True)
