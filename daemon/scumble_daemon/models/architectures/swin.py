"""Swin Transformer as a backbone: four maps, each half as large as the one before. After Liu et al. 2021."""

from __future__ import annotations

import functools

import torch
from torch import nn
from torch.nn import functional

# The names of the parts are those of the published state dicts.


class SwinTransformer(nn.Module):
    """N×3×H×W → four maps of N×(width·2^i)×(H / 2^(i+2))×(W / 2^(i+2))."""

    def __init__(self, width: int, depths: tuple[int, ...], heads: tuple[int, ...], window: int) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(width)
        self.layers = nn.ModuleList(
            Stage(width * 2**stage, depth, heads[stage], window, stage < len(depths) - 1)
            for stage, depth in enumerate(depths)
        )
        for stage in range(len(depths)):
            self.add_module(f"norm{stage}", nn.LayerNorm(width * 2**stage))

    def forward(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        tokens = self.patch_embed(pixels)
        maps = []
        for stage, layer in enumerate(self.layers):
            seen, tokens = layer(tokens)
            maps.append(self.get_submodule(f"norm{stage}")(seen).permute(0, 3, 1, 2).contiguous())
        return maps


class PatchEmbed(nn.Module):
    """N×3×H×W → N×H/4×W/4×width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, 4, 4)
        self.norm = nn.LayerNorm(width)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.norm(self.proj(pixels).permute(0, 2, 3, 1))


class Stage(nn.Module):
    """Blocks at one resolution; N×H×W×C → what they saw, and that at half the size for the next stage."""

    def __init__(self, width: int, depth: int, heads: int, window: int, shrinks: bool) -> None:
        super().__init__()
        self.window = window
        self.blocks = nn.ModuleList(
            Block(width, heads, window, shift=window // 2 if index % 2 else 0) for index in range(depth)
        )
        self.downsample = PatchMerging(width) if shrinks else None

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mask = self._between_regions(tokens)
        for block in self.blocks:
            tokens = block(tokens, mask)
        return tokens, self.downsample(tokens) if self.downsample is not None else tokens

    def _between_regions(self, tokens: torch.Tensor) -> torch.Tensor:
        """windows×1×n×n: −∞ between places that are neighbours only because the shift wraps around."""
        window, shift = self.window, self.window // 2
        height, width = (-(-length // window) * window for length in tokens.shape[1:3])
        bounds = [
            torch.bucketize(
                torch.arange(length, device=tokens.device),
                torch.tensor([length - window, length - shift], device=tokens.device),
                right=True,
            )
            for length in (height, width)
        ]
        regions = (3 * bounds[0][:, None] + bounds[1][None, :])[None, :, :, None]
        flat = to_windows(regions, window)[..., 0]
        apart = flat[:, None, :] != flat[:, :, None]
        return torch.zeros_like(apart, dtype=tokens.dtype).masked_fill(apart, float("-inf"))[:, None]


class Block(nn.Module):
    def __init__(self, width: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self._attend(self.norm1(tokens), mask)
        return tokens + self.mlp(self.norm2(tokens))

    def _attend(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        count, height, width, _ = tokens.shape
        below, right = -height % self.window, -width % self.window
        padded = functional.pad(tokens, (0, 0, 0, right, 0, below))
        if self.shift:
            padded = torch.roll(padded, (-self.shift, -self.shift), (1, 2))
        seen = self.attn(to_windows(padded, self.window), mask.repeat(count, 1, 1, 1) if self.shift else None)
        back = from_windows(seen, self.window, height + below, width + right)
        if self.shift:
            back = torch.roll(back, (self.shift, self.shift), (1, 2))
        return back[:, :height, :width]


class WindowAttention(nn.Module):
    """windows×n×C → the same, with a learned bias for every way two places of a window can lie to each other."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))

    def forward(self, windows: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        count, places, width = windows.shape
        parts = self.qkv(windows).reshape(count, places, 3, self.heads, width // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        index = ways_to_lie(self.window, windows.device)
        bias = self.relative_position_bias_table[index].permute(2, 0, 1)[None].to(queries.dtype)
        seen = functional.scaled_dot_product_attention(
            queries, keys, values, bias if mask is None else bias + mask.to(queries.dtype)
        )
        return self.proj(seen.transpose(1, 2).reshape(count, places, width))


class Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.fc2(functional.gelu(self.fc1(tokens)))


class PatchMerging(nn.Module):
    """N×H×W×C → N×⌈H/2⌉×⌈W/2⌉×2C."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        height, width = tokens.shape[1:3]
        even = functional.pad(tokens, (0, 0, 0, width % 2, 0, height % 2))
        corners = [even[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduction(self.norm(torch.cat(corners, -1)))


@functools.cache
def ways_to_lie(window: int, device: torch.device) -> torch.Tensor:
    """window²×window²: which of the (2·window−1)² ways two places of a window lie to each other."""
    places = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
    down, across = (places[:, :, None] - places[:, None, :]) + window - 1
    return (down * (2 * window - 1) + across).to(device)


def to_windows(tokens: torch.Tensor, window: int) -> torch.Tensor:
    """N×H×W×C → (N·windows)×window²×C."""
    count, height, width, channels = tokens.shape
    split = tokens.view(count, height // window, window, width // window, window, channels)
    return split.transpose(2, 3).reshape(-1, window * window, channels)


def from_windows(windows: torch.Tensor, window: int, height: int, width: int) -> torch.Tensor:
    split = windows.view(-1, height // window, width // window, window, window, windows.shape[-1])
    return split.transpose(2, 3).reshape(-1, height, width, windows.shape[-1])
