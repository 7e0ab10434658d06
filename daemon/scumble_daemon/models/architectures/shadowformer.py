"""A photo without its shadow, from the photo and where the shadow is.

Guo, Huang, Liu, Cheng, Wen: ShadowFormer: Global Context Helps Image Shadow Removal (AAAI 2023).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from scumble_protocol.errors import Unsupported
from torch import nn
from torch.nn import functional

from ..networks import Loaded
from ..tensors import read_tensors

if TYPE_CHECKING:
    from ..sources import Installed
    from ..tensors import Report

ARCHITECTURE = "ShadowFormer"
KNOWN_BY = "conv.blocks.0.CAB.body.0.weight"
LEVELS = 3  # so many times the picture is halved
IN_SHADOW = 0.1  # from this value of the mask on
SAME_SIDE = 0.2  # what a pixel on the same side of the shadow's edge counts, beside one on the other
WIDER = 4  # a block's inner layer over its channels
BLOCKED = -100.0


def load(model: Installed, report: Report) -> Loaded:
    """Raises: MissingModel, Invalid, Unsupported."""
    return Loaded(build(state_of(read_tensors(model.file, report))), ARCHITECTURE)


def state_of(table: dict[str, Any]) -> dict[str, Any]:
    """The tensors of a checkpoint as the authors' training writes it, or of a bare state dict."""
    state = table.get("state_dict", table)
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def build(state: dict[str, Any]) -> ShadowFormer:
    """The network of a state dict, in fp32; its sizes are read off that. Raises: Unsupported, RuntimeError."""
    if KNOWN_BY not in state or "input_proj.proj.0.weight" not in state:
        raise Unsupported("This is no ShadowFormer.", "Use the checkpoint that its training wrote.")
    if "conv.blocks.0.mlp.fc1.weight" in state:
        raise Unsupported("This ShadowFormer has plain layers where LeFF is expected.", "Use one with token_mlp=leff.")
    net = ShadowFormer(int(state["input_proj.proj.0.weight"].shape[0]), state)
    net.load_state_dict({name: tensor.float() for name, tensor in state.items() if not name.endswith("position_index")})
    return net.eval().requires_grad_(False)


class ShadowFormer(nn.Module):
    """N×3×H×W in [0, 1] and N×1×H×W, 1 in the shadow → N×3×H×W. H and W have to be multiples of `multiple`.

    `state`: tells how many blocks a level has, how large its windows are, and how many heads look through them.
    """

    def __init__(self, channels: int, state: dict[str, Any]) -> None:
        super().__init__()
        self.multiple = 2**LEVELS * _window(state, "conv")
        self.input_proj = _Projection(4, channels)
        self.output_proj = _Projection(2 * channels, 3)
        for level in range(LEVELS):
            wide = channels * 2**level
            self.add_module(f"encoderlayer_{level}", _Level(wide, f"encoderlayer_{level}", state))
            self.add_module(f"dowsample_{level}", _Named("conv", nn.Conv2d(wide, 2 * wide, 4, 2, 1)))
            deep = channels * 2 ** (LEVELS - level)  # the decoder's levels are numbered from the deepest on
            into = deep if level == 0 else 2 * deep
            self.add_module(f"upsample_{level}", _Named("deconv", nn.ConvTranspose2d(into, deep // 2, 2, 2)))
            self.add_module(f"decoderlayer_{level}", _Level(deep, f"decoderlayer_{level}", state))
        self.conv = _Level(channels * 2**LEVELS, "conv", state)

    def forward(self, picture: torch.Tensor, shadow: torch.Tensor) -> torch.Tensor:
        values = functional.leaky_relu(self.input_proj(torch.cat([picture, shadow], 1)))
        passed, masks = [], [shadow]
        for level in range(LEVELS):
            values = self._part(f"encoderlayer_{level}", values, masks[-1])
            passed.append(values)
            values = self._part(f"dowsample_{level}", values)
            masks.append(functional.max_pool2d(masks[-1], 2))
        values = self.conv(values, masks[-1])
        for level in range(LEVELS):
            joined = torch.cat([self._part(f"upsample_{level}", values), passed[-1 - level]], 1)
            values = self._part(f"decoderlayer_{level}", joined, masks[-2 - level])
        return self.output_proj(values) + picture

    def _part(self, name: str, *values: torch.Tensor) -> torch.Tensor:
        return self.get_submodule(name)(*values)


def _window(state: dict[str, Any], level: str) -> int:
    """The side of the windows of a level's attention."""
    table = state[f"{level}.blocks.0.attn.relative_position_bias_table"]
    return (math.isqrt(int(table.shape[0])) + 1) // 2


class _Named(nn.Module):
    """One layer, in a sequence of its own, under the name that it has in the published files."""

    def __init__(self, name: str, layer: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, nn.Sequential(layer))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.get_submodule(self.name)(values)


class _Projection(_Named):
    def __init__(self, into: int, out: int) -> None:
        super().__init__("proj", nn.Conv2d(into, out, 3, 1, 1))


class _Level(nn.Module):
    """Every other block's windows are shifted by half their side."""

    def __init__(self, channels: int, name: str, state: dict[str, Any]) -> None:
        super().__init__()
        table = state.get(f"{name}.blocks.0.attn.relative_position_bias_table")
        count = len({key.split(".")[2] for key in state if key.startswith(f"{name}.blocks.")})
        self.blocks = nn.ModuleList()
        for index in range(count):
            attention = None
            if table is not None:
                window = _window(state, name)
                attention = _Attention(channels, int(table.shape[1]), window, window // 2 if index % 2 else 0)
            self.blocks.append(_Block(channels, attention))

    def forward(self, values: torch.Tensor, shadow: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            values = block(values, shadow)
        return values


class _Block(nn.Module):
    def __init__(self, channels: int, attention: _Attention | None) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn = attention
        self.CAB = _ChannelAttention(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = _FeedForward(channels)

    def forward(self, values: torch.Tensor, shadow: torch.Tensor) -> torch.Tensor:
        inner = _over_channels(self.norm1, values)
        if self.attn is not None:
            inner = self.attn(inner, shadow)
        values = values + self.CAB(inner)
        return values + self.mlp(_over_channels(self.norm2, values))


def _over_channels(layer: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """A layer that wants channels last."""
    return layer(values.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _ChannelAttention(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.PReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
        )
        squeezed = nn.Sequential(
            nn.Conv2d(channels, channels // 4, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(channels // 4, channels, 1, bias=False),
            nn.Sigmoid(),
        )
        self.CA = nn.ModuleDict({"conv_du": squeezed})

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        found = self.body(values)
        return values + found * self.CA["conv_du"](found.mean((2, 3), keepdim=True))


class _FeedForward(nn.Module):
    """Locally enhanced: between its two layers every channel is convolved by itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = WIDER * channels
        self.linear1 = nn.Sequential(nn.Linear(channels, wide))
        self.dwconv = nn.Sequential(nn.Conv2d(wide, wide, 3, 1, 1, groups=wide))
        self.linear2 = nn.Sequential(nn.Linear(wide, channels))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        wide = functional.gelu(_over_channels(self.linear1, values))
        return _over_channels(self.linear2, functional.gelu(self.dwconv(wide)))


class _Attention(nn.Module):
    """In windows; what lies on the other side of the shadow's edge counts most."""

    def __init__(self, channels: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.qkv = nn.ModuleDict({"to_q": nn.Linear(channels, channels), "to_kv": nn.Linear(channels, 2 * channels)})
        self.proj = nn.Linear(channels, channels)
        rows, columns = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
        down = rows.flatten()[:, None] - rows.flatten()[None] + window - 1
        across = columns.flatten()[:, None] - columns.flatten()[None] + window - 1
        self.register_buffer("place", down * (2 * window - 1) + across, persistent=False)

    def forward(self, values: torch.Tensor, shadow: torch.Tensor) -> torch.Tensor:
        height, width = values.shape[2:]
        seen = self._windows(values)  # N×P×C
        sides = self._windows((shadow >= IN_SHADOW).float())
        shape = (*seen.shape[:2], self.heads, seen.shape[2] // self.heads)
        queries = self.qkv["to_q"](seen).view(shape).transpose(1, 2)
        keys, found = (each.reshape(shape).transpose(1, 2) for each in self.qkv["to_kv"](seen).chunk(2, dim=2))
        across = torch.where(sides != sides.transpose(1, 2), 1.0, SAME_SIDE)[:, None]
        scores = queries @ keys.transpose(2, 3) * (shape[3] ** -0.5) * across
        scores = scores + self.relative_position_bias_table[self.get_buffer("place")].permute(2, 0, 1)
        if self.shift:
            blocked = self._blocked(height, width, values)  # windows of one picture
            scores = scores.view(-1, len(blocked), *scores.shape[1:]) + blocked[:, None]
            scores = scores.flatten(0, 1)
        mixed = (scores.softmax(dim=3) @ found).transpose(1, 2).flatten(2)
        return self._picture(self.proj(mixed), height, width)

    def _windows(self, values: torch.Tensor) -> torch.Tensor:
        moved = values.roll((-self.shift, -self.shift), (2, 3)) if self.shift else values
        count, channels, height, width = moved.shape
        side = self.window
        parts = moved.view(count, channels, height // side, side, width // side, side)
        return parts.permute(0, 2, 4, 3, 5, 1).reshape(-1, side * side, channels)

    def _picture(self, windows: torch.Tensor, height: int, width: int) -> torch.Tensor:
        side = self.window
        parts = windows.view(-1, height // side, width // side, side, side, windows.shape[2])
        values = parts.permute(0, 5, 1, 3, 2, 4).reshape(len(parts), windows.shape[2], height, width)
        return values.roll((self.shift, self.shift), (2, 3)) if self.shift else values

    def _blocked(self, height: int, width: int, like: torch.Tensor) -> torch.Tensor:
        """Rolled pictures have their ends side by side: pixels of different ends do not see each other."""
        bands = [torch.zeros(length, device=like.device) for length in (height, width)]
        for band in bands:
            band[-self.window : -self.shift] = 1
            band[-self.shift :] = 2
        areas = (3 * bands[0][:, None] + bands[1][None])[None, None]
        side = self.window
        parts = areas.view(1, 1, height // side, side, width // side, side).permute(0, 2, 4, 3, 5, 1)
        areas = parts.reshape(-1, side * side)
        return torch.where(areas[:, :, None] != areas[:, None], BLOCKED, 0.0)
