"""What is known of each architecture beyond what spandrel says: how far it looks, what it averages, which precision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..imaging.tiling import Network, Statistics

if TYPE_CHECKING:
    import torch

WINDOW_PX = 16  # attention windows are 4 to 16 wide: tiles that begin at multiples see the same windows
BATCHED = ("NAFNet", "Compact", "ESRGAN", "SPAN", "DnCNN", "PLKSR", "OmniSR")  # take several tiles at a time

# After MODELS.md, section (e), and the networks' own code.
OVERLAP_PX = {"SCUNet": 64, "DAT": 32, "HAT": 32, "SwinIR": 32, "Swin2SR": 32, "NAFNet": 64, "ESRGAN": 24, "DRUNet": 48}
CHAINS = ("Compact", "DnCNN")  # one convolution after the other: what they see can be counted
MULTIPLES = {"SCUNet": 64, "Uformer": 128}
GLOBAL = ("DDColor", "RetinexFormer", "HVICIDNet", "MixDehazeNet", "MMRealSR", "KBNet", "FFTformer")
POOLED = ("NAFNet",)
# Their last step adds the input: half precision then rounds a small correction, not the picture.
RESIDUAL = ("NAFNet",)


@dataclass(frozen=True)
class Traits:
    """`network`: for the tiler · `half`, `bf16`: whether it may compute so · `is_residual`: see RESIDUAL."""

    network: Network
    half: bool
    bf16: bool
    is_residual: bool
    takes_batches: bool


def of_spandrel(descriptor: Any) -> Traits:
    """What holds for an image → image network that spandrel has read."""
    architecture = str(descriptor.architecture.id)
    module: torch.nn.Module = descriptor.model
    needs = descriptor.size_requirements
    width = _width(module)
    activations = _activations(architecture, width, descriptor.scale)
    network = Network(
        scale=descriptor.scale,
        channels=descriptor.input_channels,
        overlap_px=_overlap(architecture, module),
        multiple=math.lcm(needs.multiple_of, MULTIPLES.get(architecture, getattr(module, "padder_size", WINDOW_PX))),
        least_px=max(needs.minimum, 1),
        statistics=statistics_of(architecture, module),
        bytes_per_pixel=activations,
    )
    return Traits(
        network,
        descriptor.supports_half,
        descriptor.supports_bfloat16,
        architecture in RESIDUAL,
        architecture in BATCHED,
    )


def statistics_of(architecture: str, module: torch.nn.Module) -> Statistics:
    """Whether what a pixel becomes depends on pixels anywhere else in the picture."""
    from torch import nn

    if architecture in GLOBAL:
        return "global"
    kinds = (nn.InstanceNorm2d, nn.GroupNorm)
    if any(isinstance(part, kinds) for part in module.modules()):
        return "global"
    if architecture == "NAFNet":
        # Its channel attention is a linear map of an average: with weights of 0 it is the same for every picture.
        gates = [value for name, value in module.state_dict().items() if ".sca." in name and name.endswith("weight")]
        return "pooled" if any(bool(gate.any()) for gate in gates) else "none"
    pools = [part for part in module.modules() if isinstance(part, (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d))]
    return "pooled" if architecture in POOLED or any(_is_whole(pool) for pool in pools) else "none"


def _is_whole(pool: Any) -> bool:
    return pool.output_size in (1, (1, 1))


def _overlap(architecture: str, module: torch.nn.Module) -> int:
    from torch import nn

    if architecture in CHAINS:
        return sum(max(part.kernel_size) // 2 for part in module.modules() if isinstance(part, nn.Conv2d))
    return OVERLAP_PX.get(architecture, 32)


def _width(module: torch.nn.Module) -> int:
    """Channels of the first convolution: those that all of the picture's pixels have at once."""
    from torch import nn

    first = next((part for part in module.modules() if isinstance(part, nn.Conv2d)), None)
    return first.out_channels if first is not None else 64


def _activations(architecture: str, width: int, scale: int) -> int:
    """Bytes for each pixel that goes in: measured for NAFNet, with what its convolutions need beside; else guessed."""
    inside = 50 if architecture == "NAFNet" else 96
    return width * max(inside, 12 * scale * scale)
