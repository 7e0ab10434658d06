"""StyleGAN2's generator, in PyTorch alone, for checkpoints of two layouts: rosinality's, and NVIDIA's ADA in PyTorch.

Karras et al.: Analyzing and Improving the Image Quality of StyleGAN (CVPR 2020). It makes pictures from random numbers;
here, pairs of them. The layers are grouped by resolution, so that two generators can be blended by it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from scumble_protocol.errors import Invalid
from torch import nn
from torch.nn import functional

SMEARED = (1.0, 3.0, 3.0, 1.0)  # the filter that goes with each change of size
SLOPE, GAIN = 0.2, math.sqrt(2)
MAPPED_SLOWER = 0.01  # learning rate of the mapping, which its weights are stored for
LARGEST_PX = 1024
HINT = "Ask for a generator's g_ema as safetensors, in rosinality's or NVIDIA's names."


class Linear(nn.Module):
    def __init__(self, into: int, out: int, slower: float = 1.0, active: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into) / slower)
        self.bias = nn.Parameter(torch.zeros(out))
        self.gain, self.slower, self.active = slower / math.sqrt(into), slower, active

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        found = functional.linear(values, self.weight * self.gain, self.bias * self.slower)
        return functional.leaky_relu(found, SLOPE) * GAIN if self.active else found


class Modulated(nn.Module):
    """A convolution whose weights each picture's style scales, and, if `demodulates`, brings back to unit length."""

    def __init__(self, into: int, out: int, kernel: int, latent: int, enlarges: bool, demodulates: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into, kernel, kernel))
        self.style = Linear(latent, into)
        nn.init.ones_(self.style.bias)
        self.enlarges, self.demodulates = enlarges, demodulates
        self.gain = 1 / math.sqrt(into * kernel**2)

    def forward(self, values: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
        """`values`: N×C×H×W · `latent`: N×L."""
        count, into, height, width = values.shape
        out, _, kernel, _ = self.weight.shape
        weight = self.gain * self.weight * self.style(latent)[:, None, :, None, None]
        if self.demodulates:
            weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + 1e-8)
        grouped = values.reshape(1, count * into, height, width)
        if not self.enlarges:
            filters = weight.reshape(count * out, into, kernel, kernel)
            found = functional.conv2d(grouped, filters, padding=kernel // 2, groups=count)
            return found.reshape(count, out, height, width)
        filters = weight.transpose(1, 2).reshape(count * into, out, kernel, kernel)
        found = functional.conv_transpose2d(grouped, filters, stride=2, groups=count)
        return smeared(found.reshape(count, out, *found.shape[2:]), 4.0, (1, 1))


class Layer(nn.Module):
    """Convolve, add noise, activate."""

    def __init__(self, into: int, out: int, latent: int, enlarges: bool) -> None:
        super().__init__()
        self.conv = Modulated(into, out, 3, latent, enlarges, True)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, values: torch.Tensor, latent: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        found = self.conv(values, latent) + self.noise_strength * noise
        return functional.leaky_relu(found + self.bias[:, None, None], SLOPE) * GAIN


class Resolution(nn.Module):
    """All that works at one size. `first`: but at the smallest, it enlarges what came from below."""

    def __init__(self, into: int, out: int, latent: int) -> None:
        super().__init__()
        self.first = Layer(into, out, latent, True) if into else None
        self.second = Layer(out, out, latent, False)
        self.colour = Modulated(out, 3, 1, latent, False, False)
        self.colour_bias = nn.Parameter(torch.zeros(3))
        if not into:
            self.constant = nn.Parameter(torch.randn(out, 4, 4))


class Generator(nn.Module):
    """`channels`: of each resolution, from 4 pixels on, each twice as large."""

    def __init__(self, channels: list[int], latent: int = 512, mapping: int = 8) -> None:
        super().__init__()
        self.channels, self.latent = list(channels), latent
        self.mapping = nn.Sequential(*(Linear(latent, latent, MAPPED_SLOWER, True) for _ in range(mapping)))
        self.register_buffer("mean_latent", torch.zeros(latent))
        self.mean_latent: torch.Tensor
        self.at = nn.ModuleDict()
        for index, out in enumerate(channels):
            self.at[str(4 * 2**index)] = Resolution(channels[index - 1] if index else 0, out, latent)

    @property
    def side_px(self) -> int:
        return 4 * 2 ** (len(self.channels) - 1)

    def mapped(self, z: torch.Tensor, truncation: float = 1.0) -> torch.Tensor:
        """N×L random numbers → N×L latents, drawn towards the mean of all."""
        values = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        return self.mean_latent.lerp(self.mapping(values), truncation)

    def forward(self, latent: torch.Tensor, noises: list[torch.Tensor]) -> torch.Tensor:
        """`latent`: N×L · `noises`: as `noises_of` gives them → N×3×S×S, about in [-1, 1]."""
        left = iter(noises)
        values = picture = None
        for part in self.at.values():
            assert isinstance(part, Resolution)
            if part.first is None:
                values = part.constant.expand(len(latent), -1, -1, -1)
            else:
                assert values is not None
                values = part.first(values, latent, next(left))
            values = part.second(values, latent, next(left))
            colour = part.colour(values, latent) + part.colour_bias[:, None, None]
            picture = colour if picture is None else colour + enlarged(picture)
        assert picture is not None
        return picture

    def noises_of(self, count: int, random: torch.Generator) -> list[torch.Tensor]:
        """For each layer N×1×S×S."""
        sides = [int(side) for side in self.at for _ in range(1 if side == "4" else 2)]
        return [torch.randn(count, 1, side, side, generator=random) for side in sides]


def smeared(values: torch.Tensor, gain: float, pad: tuple[int, int]) -> torch.Tensor:
    """Filtered by SMEARED in both directions. `pad`: zeros before and after."""
    line = values.new_tensor(SMEARED) / sum(SMEARED)
    kernel = (torch.outer(line, line) * gain).expand(values.shape[1], 1, -1, -1)
    padded = functional.pad(values, (*pad, *pad))
    return functional.conv2d(padded, kernel, groups=values.shape[1])


def enlarged(picture: torch.Tensor) -> torch.Tensor:
    """Twice the size: zeros in between, then filtered."""
    count, channels, height, width = picture.shape
    wide = picture.new_zeros(count, channels, height, 2, width, 2)
    wide[:, :, :, 0, :, 0] = picture
    return smeared(wide.reshape(count, channels, 2 * height, 2 * width), 4.0, (2, 1))


def of_checkpoint(table: Mapping[str, Any], name: str) -> Generator:
    """`table`: what `read_tensors` gives, with the state dict itself or under g_ema. Raises: Invalid."""
    inner = table.get("g_ema", table.get("G_ema", table))
    state = {str(key): value for key, value in inner.items() if isinstance(value, torch.Tensor)}
    if isinstance(table.get("latent_avg"), torch.Tensor):
        state["latent_avg"] = table["latent_avg"]
    if "input.input" in state:
        ours = dict(_from_rosinality(state))
    elif "synthesis.b4.const" in state:
        strange = [key for key in state if ".skip." in key]
        if strange:
            raise Invalid(f"{name} adds up its features, not its pictures: {strange[0]} is not known here.", HINT)
        if any(key.startswith("mapping.embed.") for key in state):
            raise Invalid(f"{name} wants a class for each picture, which is not known here.", HINT)
        ours = dict(_from_nvidia(state))
    else:
        raise Invalid(f"{name} is no generator of StyleGAN2 that is known here.", HINT)
    ours = {key: value.float() for key, value in ours.items()}
    try:
        sides = sorted(int(key.split(".")[1]) for key in ours if key.endswith("colour_bias"))
        channels = [ours[f"at.{side}.colour.weight"].shape[1] for side in sides]
        if sides != [4 * 2**index for index in range(len(sides))] or sides[-1] > LARGEST_PX:
            raise ValueError(f"its resolutions are {sides}")
        depth = sum(1 for key in ours if re.fullmatch(r"mapping\.\d+\.weight", key))
        net = Generator(channels, ours["at.4.second.conv.style.weight"].shape[1], depth)
        ours.setdefault("mean_latent", _mean_of(net, ours))
        net.load_state_dict(ours)
    except (KeyError, ValueError, IndexError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [""])[-1].strip()[:200]
        raise Invalid(f"The layers of {name} are not those of StyleGAN2: {reason}", HINT) from None
    return net.eval()


def _mean_of(net: Generator, state: dict[str, torch.Tensor], count: int = 4096) -> torch.Tensor:
    """The mean latent, for a file that has none."""
    mapping = {key.removeprefix("mapping."): value for key, value in state.items() if key.startswith("mapping.")}
    net.mapping.load_state_dict(mapping)
    with torch.inference_mode():
        return net.mapped(torch.randn(count, net.latent, generator=torch.Generator().manual_seed(0))).mean(0)


def _from_rosinality(state: dict[str, torch.Tensor]) -> Any:
    """rosinality/stylegan2-pytorch, and NVIDIA's TensorFlow files as its converter leaves them."""
    if "latent_avg" in state:
        yield "mean_latent", state["latent_avg"].flatten()
    for key, value in state.items():
        part, _, rest = key.partition(".")
        number, _, inner = rest.partition(".")
        if part == "style":  # 0 is the normalisation
            yield f"mapping.{int(number) - 1}.{inner}", value
        elif key == "input.input":
            yield "at.4.constant", value[0]
        elif part == "conv1":
            yield from _layer_of_rosinality("at.4.second", rest, value)
        elif part == "convs":
            which = "second" if int(number) % 2 else "first"
            yield from _layer_of_rosinality(f"at.{8 * 2 ** (int(number) // 2)}.{which}", inner, value)
        elif part == "to_rgb1":
            yield from _colour_of_rosinality("at.4", rest, value)
        elif part == "to_rgbs":
            yield from _colour_of_rosinality(f"at.{8 * 2 ** int(number)}", inner, value)


def _layer_of_rosinality(place: str, name: str, value: torch.Tensor) -> Any:
    names = {"noise.weight": "noise_strength", "activate.bias": "bias"}
    names |= {"conv.modulation.weight": "conv.style.weight", "conv.modulation.bias": "conv.style.bias"}
    if name == "conv.weight":
        yield f"{place}.conv.weight", value[0]
    elif name in names:
        yield f"{place}.{names[name]}", value.reshape(()) if name == "noise.weight" else value


def _colour_of_rosinality(place: str, name: str, value: torch.Tensor) -> Any:
    if name == "conv.weight":
        yield f"{place}.colour.weight", value[0]
    elif name.startswith("conv.modulation."):
        yield f"{place}.colour.style.{name.rpartition('.')[2]}", value
    elif name == "bias":
        yield f"{place}.colour_bias", value.flatten()


def _from_nvidia(state: dict[str, torch.Tensor]) -> Any:
    """NVlabs/stylegan2-ada-pytorch: the state dict of G_ema."""
    names = {"weight": "conv.weight", "affine.weight": "conv.style.weight", "affine.bias": "conv.style.bias"}
    names |= {"bias": "bias", "noise_strength": "noise_strength"}
    colours = {"weight": "colour.weight", "bias": "colour_bias"}
    colours |= {"affine.weight": "colour.style.weight", "affine.bias": "colour.style.bias"}
    for key, value in state.items():
        if key == "mapping.w_avg":
            yield "mean_latent", value
        elif found := re.fullmatch(r"mapping\.fc(\d+)\.(weight|bias)", key):
            yield f"mapping.{found[1]}.{found[2]}", value
        elif key == "synthesis.b4.const":
            yield "at.4.constant", value
        elif found := re.fullmatch(r"synthesis\.b(\d+)\.(conv0|conv1|torgb)\.(.+)", key):
            side, layer, name = found.groups()
            if layer == "torgb" and name in colours:
                yield f"at.{side}.{colours[name]}", value
            elif layer != "torgb" and name in names:
                yield f"at.{side}.{'first' if layer == 'conv0' else 'second'}.{names[name]}", value
