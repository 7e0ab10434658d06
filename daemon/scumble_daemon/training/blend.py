"""Pairs from two generators: the same random numbers through one, and through the blend of it with another.

One has learned pictures as they are, the other went on from it with pictures as they shall become. Layer by layer, by
resolution, the blend takes the form from the one and the texture from the other (Pinkney, Adler: Resolution
Dependent GAN Interpolation for Controllable Image Synthesis Between Domains, 2020).
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scumble_protocol.errors import Invalid

from ..weights.storage import write_whole
from .pairs import FOLDERS
from .stylegan2 import Generator

# How much of the second there is at each resolution: pose and shape from the first, what lies between mixed, texture
# from the second.
SHARES = {4: 0.0, 8: 0.0, 16: 0.5, 32: 0.5, 64: 1.0, 128: 1.0, 256: 1.0, 512: 1.0, 1024: 1.0}

Report = Callable[[int], None]
"""`report(pairs that are there)`; may raise to end it."""


@dataclass(frozen=True)
class Series:
    """`truncation`: how far towards the mean picture each is drawn, 1 not at all."""

    count: int
    seed: int = 0
    truncation: float = 0.7


def blended(first: Generator, second: Generator, shares: Mapping[int, float] = SHARES) -> Generator:
    """`shares`: of the second, by resolution. The mapping from random numbers is the first's. Raises: Invalid."""
    if (first.channels, first.latent) != (second.channels, second.latent):
        ours, theirs = (f"{each.side_px} pixels and {each.channels} channels" for each in (first, second))
        raise Invalid(
            f"The two generators are of different sizes: {ours}; {theirs}.",
            "Take two of one size, of which one went on from the other.",
        )
    blend = copy.deepcopy(first)
    with torch.no_grad():
        for side, part in blend.at.items():
            others = second.at[side].state_dict()
            for name, value in part.state_dict().items():
                value.lerp_(others[name], shares.get(int(side), 0.0))
    return blend


def write_pairs(
    first: Generator, second: Generator, series: Series, folder: Path, device: torch.device, report: Report
) -> None:
    """`second`: the blend. Pairs that lie there stay. Raises: OSError, and what `report` raises."""
    given, wanted = (folder / name for name in FOLDERS[0])
    for each in (given, wanted):
        each.mkdir(parents=True, exist_ok=True)
    for index in range(series.count):
        name = f"{index:06d}.png"
        if not ((given / name).exists() and (wanted / name).exists()):
            pictures = pair(first, second, series, index, device)
            for file, picture in zip((given / name, wanted / name), pictures, strict=True):
                write_whole(file, _png(picture))
        report(index + 1)


def pair(
    first: Generator, second: Generator, series: Series, index: int, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """S×S×3 uint8 each; the same for the same seed and index."""
    random = torch.Generator().manual_seed(series.seed * 1_000_003 + index)
    with torch.inference_mode():
        z = torch.randn(1, first.latent, generator=random).to(device)
        noises = [each.to(device) for each in first.noises_of(1, random)]
        latent = first.mapped(z, series.truncation)
        made = [_as_bytes(each(latent, noises)) for each in (first, second)]
    return made[0], made[1]


def parsed(text: str) -> dict[int, float]:
    """`16=0.5,32=0.5`: resolutions that differ from SHARES. Raises: Invalid."""
    shares = dict(SHARES)
    for each in filter(None, (part.strip() for part in text.split(","))):
        side, _, share = each.partition("=")
        try:
            resolution, value = int(side), float(share)
        except ValueError:
            resolution, value = 0, -1.0
        if resolution not in SHARES or not 0 <= value <= 1:
            known = ", ".join(map(str, SHARES))
            raise Invalid(f"«{each}» is no share of a resolution.", f"Write 16=0.5,32=0.7; there are {known}.")
        shares[resolution] = value
    return shares


def _as_bytes(picture: torch.Tensor) -> np.ndarray:
    shown = (picture[0].permute(1, 2, 0) + 1).mul(127.5).add(0.5).clamp(0, 255)
    return shown.to(torch.uint8).cpu().numpy()


def _png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()
