"""For each entry of `weights/index.toml`: how to make files like its own. An entry that is not here fails its test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from . import own
from . import published as of
from .learned import LEARNED
from .published import Published, State, as_basicsr, as_safetensors, as_torch, within


def lama_as_torchscript(state: State, file: Path) -> None:
    network = of.lama()
    network.load_state_dict(state)
    of.as_torchscript(network, (torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64)), file)


def one(make: Callable[..., nn.Module], *arguments: Any, **named: Any) -> Callable[[], list[nn.Module]]:
    return lambda: [make(*arguments, **named)]


STYLE = Published(one(own.StyleNet), 1.679, own.as_onnx)
REAL_ESRGAN = within("params_ema")

# The millions of parameters are those that the authors' own code comes to. Where the index has a file's size, that says
# the same: 4 bytes each, 2 in half precision.
PUBLISHED: dict[str, Published] = {
    "scunet-real-psnr": Published(one(of.scunet), 17.946, as_torch),
    "scunet-real-gan": Published(one(of.scunet), 17.946, as_torch),
    "drunet-color": Published(one(of.drunet), 32.641, as_torch),
    "nafnet-sidd-width32": Published(one(of.nafnet, 32), 29.160, within("params")),
    "nafnet-sidd-width64": Published(one(of.nafnet, 64), 115.983, within("params")),
    "denoise-realplksr": Published(one(of.real_plksr, 1), 7.364, as_safetensors),
    "dejpeg-realplksr": Published(one(of.real_plksr, 1), 7.364, as_safetensors),
    "realesrgan-x4plus": Published(one(of.esrgan), 16.698, REAL_ESRGAN, as_basicsr),
    "realesrgan-x2plus": Published(one(of.esrgan, unshuffles=2), 16.703, REAL_ESRGAN, as_basicsr),
    "realesr-general-x4v3": Published(lambda: [of.compact(32), of.compact(32)], 1.213, within("params")),
    "realesrgan-x4plus-anime-6b": Published(one(of.esrgan, 6), 4.468, REAL_ESRGAN, as_basicsr),
    "realesr-animevideov3": Published(one(of.compact, 16), 0.621, within("params")),
    "omnisr-x2": Published(one(of.omnisr, 2), 0.785, as_safetensors),
    "omnisr-x3": Published(one(of.omnisr, 3), 0.793, as_safetensors),
    "omnisr-x4": Published(one(of.omnisr, 4), 0.805, as_safetensors),
    "span-x4": Published(one(of.span), 2.237, within("params_ema")),
    "nomos-webphoto-realplksr-x4": Published(one(of.real_plksr, 4), 7.390, within("params_ema")),
    "nomos-webphoto-esrgan-x4": Published(one(of.esrgan), 16.698, of.as_half_safetensors, as_basicsr),
    "realwebphoto-dat2-x4": Published(one(of.dat2), 11.212, as_safetensors),
    "hat-x4": Published(one(of.hat), 20.773, within("params_ema")),
    "real-hat-gan-x4": Published(one(of.hat), 20.773, within("params_ema")),
    "nmkd-superscale-x4": Published(one(of.esrgan), 16.698, of.as_old_torch),
    "swin2sr-lightweight-x2": Published(one(of.swin2sr), 1.005, as_torch),
    "big-lama": Published(one(of.lama), 50.976, lama_as_torchscript, input_px=64),
    "gfpgan-v1.4": Published(one(of.gfpgan), 86.444, within("params_ema"), input_px=0),  # one face takes 13 s
    "restoreformer": Published(one(of.restoreformer), 72.680, within("params"), input_px=64),
    "style-mosaic": STYLE,
    "style-candy": STYLE,
    "style-rain-princess": STYLE,
    "style-udnie": STYLE,
    "style-pointilism": STYLE,
    "vgg19": Published(one(own.vgg19), 20.024, as_torch, input_px=32),  # of 143.667: the classifier is left out
    "adain": Published(own.adain, 7.011, as_torch, input_px=40),
    **LEARNED,
    "animegan2-face-paint": Published(one(own.animegan2), 2.144, as_torch),
}
