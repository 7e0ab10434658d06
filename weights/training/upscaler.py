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
LEAST_CONTRAST = 0.05  # smooth regions have to stay exact


def network(scale: int, features: int = 48, depth: int = 10) -> nn.Module:
    """0.2 M parameters in spandrel's own Compact, which begins as bicubic interpolation.

    Its base is the nearest pixel, whose half-pixel shifts take long to unlearn. So the first convolution begins as
    copies of the picture, one for each neighbour, which the next ones hand on unchanged (what is positive passes a
    PReLU), and the last adds up what bicubic interpolation differs by. The other features begin as noise beside the
    identity, and train like the residual blocks that such convolutions have absorbed (Ding et al. 2021).
    """
    net = Compact(num_feat=features, num_conv=depth, upscale=scale)
    first, *inner, last = (layer for layer in net.body if isinstance(layer, nn.Conv2d))
    copies = {(y, x, c): 9 * c + 3 * y + x for c in range(3) for y in range(3) for x in range(3)}
    with torch.no_grad():
        first.weight[: len(copies)] = 0
        for (y, x, c), copy in copies.items():
            first.weight[copy, c, y, x] = 1
        for convolution in inner:
            nn.init.kaiming_normal_(convolution.weight, a=0.25)
            convolution.weight *= 0.3
            convolution.weight[: len(copies)] = 0
            convolution.weight[range(features), range(features), 1, 1] += 1
        last.weight.zero_()
        for bias in (each for name, each in net.named_parameters() if name.endswith("bias")):
            bias.zero_()
        kernels = bicubic_kernels(scale)
        for y, x in np.ndindex(5, 5):
            copy_y, copy_x = min(max(y - 1, 0), 2), min(max(x - 1, 0), 2)
            for c in range(3):
                phases = last.weight[c * scale**2 : (c + 1) * scale**2, copies[copy_y, copy_x, c]]
                phases[:, y - copy_y, x - copy_x] = kernels[:, y, x]  # a neighbour's neighbour
    return net


def bicubic_kernels(scale: int) -> Tensor:
    """scale²×5×5: for each pixel that a pixel becomes, bicubic interpolation less the pixel itself."""
    centre = 4
    impulse = torch.zeros(1, 1, 9, 9)
    impulse[..., centre, centre] = 1
    answer = functional.interpolate(impulse, scale_factor=scale, mode="bicubic")[0, 0]
    answer = answer.reshape(9, scale, 9, scale).permute(1, 3, 0, 2).reshape(scale**2, 9, 9)
    kernels = answer[:, 2:7, 2:7].flip(1, 2).clone()  # a pixel sees the impulse from the opposite side
    kernels[:, 2, 2] -= 1
    return kernels


def batches(images: np.ndarray, scale: int, soft: float = 0.0) -> Batch:
    """`soft`: the share of crops that are out of focus, where interpolation is all but right already."""

    def cut(rng: np.random.Generator) -> np.ndarray:
        sharp = crops.crop(rng, images, SOURCE_PX * scale, LEAST_CONTRAST)
        return cv2.GaussianBlur(sharp, (0, 0), scale * rng.uniform(0.4, 2)) if rng.random() < soft else sharp

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        large = np.stack([cut(rng) for _ in range(CROPS)])
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


def scale_of(net: nn.Module) -> int:
    assert isinstance(net, Compact)
    return net.upscale


@torch.no_grad()
def enlarge(net: nn.Module, picture: np.ndarray) -> np.ndarray:
    """H×W×3 uint8 → uint8, whole, in float32."""
    tensor = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]
    device = next(net.parameters()).device
    return degradations.as_bytes(net(tensor.to(device))[0].permute(1, 2, 0).float().cpu().numpy())


def glance(net: nn.Module) -> str:
    """Bicubic and ours on the photographs that may be looked at while tuning."""
    gains, scale = [], scale_of(net)
    for name in photos.TUNING:
        photo = photos.photo(name)
        small = small_photo(photo, scale)
        before, after = (photos.luma_psnr(it, photo, 4 * scale) for it in (bicubic(small, scale), enlarge(net, small)))
        gains.append(f"{name} {before:.2f} → {after:.2f}")
    return ", ".join(gains)
