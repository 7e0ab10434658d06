"""Swin2SR, an upscaler: the library's own network, from its files. After Conde et al. 2022."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scumble_protocol.errors import Unsupported

from ...imaging.tiling import Network
from .. import pretrained
from ..networks import ImageNetwork
from ..tensors import Report
from ..traits import OVERLAP_PX, Traits

if TYPE_CHECKING:
    import torch

    from ..sources import Installed

BYTES_PER_CHANNEL = 96  # of activations, for each pixel: as `traits` guesses


def load(model: Installed, report: Report) -> ImageNetwork:
    """Raises: MissingModel, Invalid, Unsupported."""
    module: Any = pretrained.load(model.folder, report)[1]
    config = module.config
    if config.num_channels not in (1, 3) or config.num_channels != config.num_channels_out:
        raise Unsupported(f"{model.id} takes {config.num_channels} channels, not a picture's 3.")

    def call(pixels: torch.Tensor) -> torch.Tensor:
        return module(pixel_values=pixels).reconstruction.clamp(0, 1)

    network = Network(
        scale=config.upscale,
        channels=config.num_channels,
        overlap_px=OVERLAP_PX["Swin2SR"],
        multiple=2 * config.window_size,
        least_px=2 * config.window_size,
        bytes_per_pixel=config.embed_dim * max(BYTES_PER_CHANNEL, 12 * config.upscale**2),
    )
    traits = Traits(network, half=False, bf16=False, is_residual=False, takes_batches=False)
    return ImageNetwork(module, model.architecture, call, traits)
