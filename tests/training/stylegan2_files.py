"""StyleGAN2 for tests: checkpoints as rosinality and NVIDIA name them, and the generator written out plainly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from scipy.signal import convolve2d

State = dict[str, torch.Tensor]
FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64.0


def rosinality(channels: tuple[int, ...] = (12, 10, 8), latent: int = 16, mapping: int = 3, seed: int = 0) -> State:
    """The state dict of a generator with random weights, noise and biases: of 4 · 2^(n−1) pixels."""
    random = torch.Generator().manual_seed(seed)

    def any_of(*shape: int, scale: float = 1.0) -> torch.Tensor:
        return torch.randn(*shape, generator=random) * scale

    state: State = {"input.input": any_of(1, channels[0], 4, 4)}
    for index in range(1, mapping + 1):
        state[f"style.{index}.weight"] = any_of(latent, latent, scale=100)
        state[f"style.{index}.bias"] = any_of(latent, scale=10)

    def convolution(place: str, into: int, out: int, kernel: int) -> None:
        state[f"{place}.conv.weight"] = any_of(1, out, into, kernel, kernel)
        state[f"{place}.conv.modulation.weight"] = any_of(into, latent)
        state[f"{place}.conv.modulation.bias"] = 1 + any_of(into, scale=0.1)

    def layer(place: str, into: int, out: int) -> None:
        convolution(place, into, out, 3)
        state[f"{place}.noise.weight"] = any_of(1, scale=0.3)
        state[f"{place}.activate.bias"] = any_of(out, scale=0.3)

    def colour(place: str, into: int) -> None:
        convolution(place, into, 3, 1)
        state[f"{place}.bias"] = any_of(1, 3, 1, 1, scale=0.1)

    layer("conv1", channels[0], channels[0])
    colour("to_rgb1", channels[0])
    for index, (into, out) in enumerate(pairwise(channels)):
        layer(f"convs.{2 * index}", into, out)
        state[f"convs.{2 * index}.conv.blur.kernel"] = torch.tensor(FILTER * 4, dtype=torch.float32)
        layer(f"convs.{2 * index + 1}", out, out)
        colour(f"to_rgbs.{index}", out)
        state[f"to_rgbs.{index}.upsample.kernel"] = torch.tensor(FILTER * 4, dtype=torch.float32)
        state[f"noises.noise_{2 * index + 1}"] = any_of(1, 1, 8 * 2**index, 8 * 2**index)
    return state


def as_nvidia(state: State, mean: torch.Tensor) -> State:
    """The same weights under the names of NVlabs/stylegan2-ada-pytorch."""
    found: State = {"mapping.w_avg": mean, "synthesis.b4.resample_filter": torch.tensor(FILTER)}
    for name, value in state.items():
        parts = name.split(".")
        if parts[0] == "style":
            found[f"mapping.fc{int(parts[1]) - 1}.{parts[2]}"] = value
        elif name == "input.input":
            found["synthesis.b4.const"] = value[0]
        elif parts[0] in ("conv1", "to_rgb1", "convs", "to_rgbs"):
            number = int(parts[1]) if parts[0] in ("convs", "to_rgbs") else -1
            rest = ".".join(parts[2 if number >= 0 else 1 :])
            is_colour = "rgb" in parts[0]
            side = 4 if number < 0 else 8 * 2 ** (number if is_colour else number // 2)
            layer = "torgb" if is_colour else ("conv0" if number >= 0 and number % 2 == 0 else "conv1")
            theirs = {
                "conv.weight": "weight",
                "conv.modulation.weight": "affine.weight",
                "conv.modulation.bias": "affine.bias",
                "noise.weight": "noise_strength",
                "activate.bias": "bias",
                "bias": "bias",
            }.get(rest)
            if theirs:
                value = value[0] if rest == "conv.weight" else value  # noqa: PLW2901
                value = value.reshape(()) if theirs == "noise_strength" else value  # noqa: PLW2901
                found[f"synthesis.b{side}.{layer}.{theirs}"] = (
                    value.flatten() if is_colour and rest == "bias" else value
                )
    return found


def plainly(state: State, z: np.ndarray, noises: list[np.ndarray], mean: np.ndarray, truncation: float) -> np.ndarray:
    """One picture (3×S×S) as the paper's formulas say, value by value in float64, for rosinality's names."""
    table = {name: value.double().numpy() for name, value in state.items()}
    w = z / np.sqrt((z**2).mean() + 1e-8)
    for index in range(1, sum(name.startswith("style.") for name in table) // 2 + 1):
        weight, bias = table[f"style.{index}.weight"], table[f"style.{index}.bias"]
        w = active(weight @ w * 0.01 / np.sqrt(len(w)) + bias * 0.01)
    w = mean + truncation * (w - mean)
    noise = iter(noises)
    values = layer(table, "conv1", table["input.input"][0], w, False, next(noise))
    picture = modulated(table, "to_rgb1", values, w, False, False) + table["to_rgb1.bias"][0]
    for index in range(sum(name.startswith("to_rgbs.") and name.endswith(".bias") for name in table) // 2):
        values = layer(table, f"convs.{2 * index}", values, w, True, next(noise))
        values = layer(table, f"convs.{2 * index + 1}", values, w, False, next(noise))
        place = f"to_rgbs.{index}"
        colour = modulated(table, place, values, w, False, False) + table[f"{place}.bias"][0]
        picture = colour + np.stack([twice(plane) for plane in picture])
    return picture


def layer(
    table: dict[str, np.ndarray], place: str, values: np.ndarray, w: np.ndarray, enlarges: bool, noise: np.ndarray
) -> np.ndarray:
    found = modulated(table, place, values, w, enlarges, True) + table[f"{place}.noise.weight"] * noise
    return active(found + table[f"{place}.activate.bias"][:, None, None])


def modulated(
    table: dict[str, np.ndarray], place: str, values: np.ndarray, w: np.ndarray, enlarges: bool, demodulates: bool
) -> np.ndarray:
    """Section 2.2 of the paper: scale the weights, bring them to unit length, convolve."""
    weight = table[f"{place}.conv.weight"][0]
    _, into, kernel, _ = weight.shape
    style = table[f"{place}.conv.modulation.weight"] @ w / np.sqrt(len(w)) + table[f"{place}.conv.modulation.bias"]
    scaled = weight * style[None, :, None, None] / np.sqrt(into * kernel**2)
    if demodulates:
        scaled = scaled / np.sqrt((scaled**2).sum((1, 2, 3), keepdims=True) + 1e-8)
    found = []
    for each in scaled:
        if enlarges:  # every second value a zero, the kernel laid at each, and the filter over it
            spread = [apart(plane) for plane in values]
            total = np.sum([convolve2d(plane, k, "full") for plane, k in zip(spread, each, strict=True)], axis=0)
            side = 2 * values.shape[1] + 1
            found.append(convolve2d(np.pad(total[:side, :side], 1), FILTER * 4, "valid"))
        else:
            pairs = zip(values, each, strict=True)
            found.append(np.sum([convolve2d(plane, k[::-1, ::-1], "same") for plane, k in pairs], axis=0))
    return np.stack(found)


def apart(plane: np.ndarray) -> np.ndarray:
    wide = np.zeros((2 * plane.shape[0], 2 * plane.shape[1]))
    wide[::2, ::2] = plane
    return wide


def twice(plane: np.ndarray) -> np.ndarray:
    return convolve2d(np.pad(apart(plane), ((2, 1), (2, 1))), FILTER * 4, "valid")


def active(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, 0.2 * values) * np.sqrt(2)
