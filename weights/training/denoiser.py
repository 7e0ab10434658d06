"""The denoiser: NAFNet after Chen et al. 2022, with its channel attention held constant so that it may be tiled."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from spandrel.architectures.NAFNet import NAFNet
from spandrel.architectures.NAFNet.__arch.NAFNet_arch import NAFBlock
from torch import Tensor, nn
from torch.nn import functional

from . import crops, degradations, photos
from .loop import Batch

CROP_PX, CROPS = 96, 8


class ChannelNorm(nn.Module):
    """As spandrel's LayerNorm2d, through torch's own kernel, which trains faster."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        normed = functional.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, eps=1e-6)
        return normed.permute(0, 3, 1, 2)


class HeldAttention(nn.ModuleDict):
    """NAFNet's channel attention with weight 0 and bias 1: a factor of 1, whatever the picture's mean is."""

    def __init__(self, attention: nn.Sequential) -> None:
        super().__init__({"1": attention[1].requires_grad_(False)})  # the name that spandrel knows
        for name, parameter in self.named_parameters():
            nn.init.constant_(parameter, 1.0 if name.endswith("bias") else 0.0)

    def forward(self, _x: Tensor) -> Tensor:
        return self.get_parameter("1.bias").view(1, -1, 1, 1)


def network() -> nn.Module:
    """1.7 M parameters for spandrel's own NAFNet, which computes the same.

    NAFNet scales its channels by a linear map of their mean over the whole picture: the same pixels would then look
    different in another tile. That factor is held at 1, for any picture, and not trained.
    """
    net = NAFNet(width=16, enc_blk_nums=[1, 1, 1, 2], middle_blk_num=2, dec_blk_nums=[1, 1, 1, 1])
    for block in [module for module in net.modules() if isinstance(module, NAFBlock)]:
        for norm in ("norm1", "norm2"):
            block.add_module(norm, ChannelNorm(block.conv1.in_channels))
        block.add_module("sca", HeldAttention(block.sca))
    for parameter in net.ending.parameters():  # the first guess is the picture as it came
        nn.init.zeros_(parameter)
    return net


def batches(images: np.ndarray) -> Batch:
    return drawn_from(lambda rng: crops.crop(rng, images, CROP_PX))


def smooth_batches(images: np.ndarray) -> Batch:
    """Half of them hardly structured, half of them vivid: skies and skin came out blotched, reds a little off."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        cut = crops.crop(rng, images, CROP_PX)
        if rng.random() < 0.5:
            cut = crops.vivid(rng, cut)
        if rng.random() < 0.5:
            level = cut[rng.integers(CROP_PX), rng.integers(CROP_PX)]
            cut = level + (cut - level) * np.float32(rng.uniform(0.02, 0.5))
        return cut

    return drawn_from(draw)


def detailed_batches(images: np.ndarray) -> Batch:
    """Leaves of half the size, and sharpened ones: roofs, foliage and cloth have more fine detail than most leaves."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        kind = rng.random()
        if kind < 0.35:
            large = crops.crop(rng, images, 2 * CROP_PX)
            cut = cv2.resize(large, (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA)
        else:
            cut = crops.crop(rng, images, CROP_PX)
        if rng.random() < 0.4:
            cut = crops.sharpened(rng, cut)
        if rng.random() < 0.3:
            cut = crops.vivid(rng, cut)
        if kind > 0.85:
            level = cut[rng.integers(CROP_PX), rng.integers(CROP_PX)]
            cut = level + (cut - level) * np.float32(rng.uniform(0.02, 0.5))
        return cut

    return drawn_from(draw, weak=1.2)


def drawn_from(draw_clean: Callable[[np.random.Generator], np.ndarray], weak: float = 1.0) -> Batch:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        clean = [draw_clean(rng) for _ in range(CROPS)]
        return np.stack([degradations.damaged(rng, crop, weak) for crop in clean]), np.stack(clean)

    return draw


@torch.no_grad()
def restore(net: nn.Module, picture: np.ndarray) -> np.ndarray:
    """H×W×3 uint8 → uint8, whole, in float32."""
    tensor = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]
    device = next(net.parameters()).device
    return degradations.as_bytes(net(tensor.to(device))[0].permute(1, 2, 0).float().cpu().numpy())


def glance(net: nn.Module) -> str:
    """σ 25 on the photographs that may be looked at while tuning."""
    gains = []
    for name in photos.TUNING:
        clean = photos.photo(name)
        noisy = degradations.as_bytes(degradations.gaussian(np.random.default_rng(1), clean / np.float32(255), 25))
        gains.append(f"{name} {photos.psnr(noisy, clean):.2f} → {photos.psnr(restore(net, noisy), clean):.2f}")
    return ", ".join(gains)
