"""The upscalers: Real-ESRGAN's compact network after Wang et al. 2021, which computes at the small size only."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from spandrel.architectures.Compact import Compact
from torch import Tensor, nn
from torch.nn import functional

from . import crops, degradations, photos
from .loop import Batch

SOURCE_PX, CROPS = 40, 8


def network(scale: int, features: int = 48, depth: int = 10) -> nn.Module:
    """0.2 M parameters in spandrel's own Compact.

    Its base is the nearest pixel. Every 3×3 convolution begins as the identity and a little noise, so that it trains
    like the residual block that it has absorbed (Ding et al. 2021), and the last one begins at zero.
    """
    net = Compact(num_feat=features, num_conv=depth, upscale=scale)
    convolutions = [layer for layer in net.body if isinstance(layer, nn.Conv2d)]
    for convolution in convolutions[1:-1]:
        nn.init.kaiming_normal_(convolution.weight, a=0.25)
        convolution.weight.data *= 0.3
        convolution.weight.data[range(features), range(features), 1, 1] += 1
        nn.init.zeros_(convolution.bias)
    nn.init.zeros_(convolutions[-1].weight)
    nn.init.zeros_(convolutions[-1].bias)
    return net


def batches(images: np.ndarray, scale: int) -> Batch:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        large = np.stack([crops.crop(rng, images, SOURCE_PX * scale) for _ in range(CROPS)])
        small = smaller(torch.from_numpy(large).permute(0, 3, 1, 2), scale)
        return small.permute(0, 2, 3, 1).contiguous().numpy(), large

    return draw


def smaller(large: Tensor, scale: int) -> Tensor:
    """N×3×H×W in [0, 1] → the same by an antialiased bicubic filter, rounded to 8 bits."""
    small = functional.interpolate(large, scale_factor=1 / scale, mode="bicubic", antialias=True)
    return (small.clamp(0, 1) * 255).round() / 255


def small_photo(photo: np.ndarray, scale: int) -> np.ndarray:
    """H×W×3 uint8 → H/scale×W/scale×3 uint8."""
    tensor = torch.from_numpy(photo.astype(np.float32) / 255).permute(2, 0, 1)[None]
    return degradations.as_bytes(smaller(tensor, scale)[0].permute(1, 2, 0).numpy())


def bicubic(picture: np.ndarray, scale: int) -> np.ndarray:
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def lanczos(picture: np.ndarray, scale: int) -> np.ndarray:
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_LANCZOS4)


@torch.no_grad()
def enlarge(net: nn.Module, picture: np.ndarray) -> np.ndarray:
    """H×W×3 uint8 → uint8, whole, in float32."""
    tensor = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]
    device = next(net.parameters()).device
    return degradations.as_bytes(net(tensor.to(device))[0].permute(1, 2, 0).float().cpu().numpy())


def glance(net: nn.Module) -> str:
    """Bicubic and ours on the photographs that may be looked at while tuning."""
    gains, scale = [], net.upscale
    for name in photos.TUNING:
        photo = photos.photo(name)
        small = small_photo(photo, scale)
        before, after = (photos.luma_psnr(it, photo, 4 * scale) for it in (bicubic(small, scale), enlarge(net, small)))
        gains.append(f"{name} {before:.2f} → {after:.2f}")
    return ", ".join(gains)
