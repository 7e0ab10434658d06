"""For each entry of `weights/index.toml`: how to make files like its own. An entry that is not here fails its test."""

from __future__ import annotations

from pathlib import Path

import torch

from . import birefnet, library, migan, own
from . import published as of
from .published import Make, Published, State, Write, files, states, within


def lama_as_torchscript(state: State, file: Path) -> None:
    network = of.lama()
    network.load_state_dict(state)
    of.as_torchscript(network, (torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64)), file)


def migan_as_torchscript(state: State, file: Path) -> None:
    network = migan.Generator()
    network.load_state_dict(state)
    of.as_torchscript(network, (torch.rand(1, 4, 512, 512),), file)


def esrgan(write: Write, blocks: int = 23, unshuffles: int | None = None) -> Make:
    return files(write, lambda: of.esrgan(blocks, unshuffles), rename=of.as_basicsr)


def sam2(size: str, millions: float) -> Published:
    """The published files have 30.1 MB more, for videos; the same at every size."""
    return Published(states(of.as_torch, lambda: library.sam2(size)), millions, input_px=0, more_bytes=30_140_000)


SCUNET = Published(files(of.as_torch, of.scunet), 17.946)
PLKSR = Published(files(of.as_safetensors, lambda: of.real_plksr(1)), 7.364)
HAT = Published(files(within("params_ema"), of.hat), 20.773)
STYLE = Published(files(own.as_onnx, own.StyleNet), 1.679, input_px=32)
BIREFNET = Published(states(of.in_half(of.as_hub_safetensors), lambda: birefnet(width=192)), 220.174, input_px=64)
BIREFNET_FULL = Published(states(of.as_hub_safetensors, lambda: birefnet(width=192)), 220.174, input_px=64)
BIREFNET_LITE = Published(states(of.as_hub_safetensors, birefnet), 44.312, input_px=64)
BIREFNET_LITE_HALF = Published(states(of.in_half(of.as_hub_safetensors), birefnet), 44.312, input_px=64)

# SAM takes no picture but of 1024 × 1024, which takes seconds: test_segmenter.py tries one for smaller pictures.
#
# The millions of parameters are those that the authors' own code comes to. Where the index has a file's size, that says
# the same: 4 bytes each, 2 in half precision.
PUBLISHED: dict[str, Published] = {
    "scunet-real-psnr": SCUNET,
    "scunet-real-gan": SCUNET,
    "drunet-color": Published(files(of.as_torch, of.drunet), 32.641),
    "nafnet-sidd-width32": Published(files(within("params"), lambda: of.nafnet(32)), 29.160),
    "nafnet-sidd-width64": Published(files(within("params"), lambda: of.nafnet(64)), 115.983),
    "denoise-realplksr": PLKSR,
    "dejpeg-realplksr": PLKSR,
    "realesrgan-x4plus": Published(esrgan(within("params_ema")), 16.698),
    "realesrgan-x2plus": Published(esrgan(within("params_ema"), unshuffles=2), 16.703),
    "realesr-general-x4v3": Published(files(within("params"), *[lambda: of.compact(32)] * 2), 1.213),
    "realesrgan-x4plus-anime-6b": Published(esrgan(within("params_ema"), blocks=6), 4.468),
    "realesr-animevideov3": Published(files(within("params"), lambda: of.compact(16)), 0.621),
    "omnisr-x2": Published(files(of.as_safetensors, lambda: of.omnisr(2)), 0.785),
    "omnisr-x3": Published(files(of.as_safetensors, lambda: of.omnisr(3)), 0.793),
    "omnisr-x4": Published(files(of.as_safetensors, lambda: of.omnisr(4)), 0.805),
    "span-x4": Published(files(within("params_ema"), of.span), 2.237),
    "nomos-webphoto-realplksr-x4": Published(files(within("params_ema"), lambda: of.real_plksr(4)), 7.390),
    "nomos-webphoto-esrgan-x4": Published(esrgan(of.in_half(of.as_safetensors)), 16.698),
    "realwebphoto-dat2-x4": Published(files(of.as_safetensors, of.dat2), 11.212),
    "hat-x4": HAT,
    "real-hat-gan-x4": HAT,
    "nmkd-superscale-x4": Published(files(of.as_old_torch, of.esrgan), 16.698),
    "swin2sr-lightweight-x2": Published(files(of.as_torch, of.swin2sr), 1.005),
    "birefnet": BIREFNET,
    "birefnet-lite": BIREFNET_LITE,
    "birefnet-lite-matting": BIREFNET_LITE_HALF,
    "birefnet-hr": BIREFNET,
    "birefnet-hr-matting": BIREFNET,
    "birefnet-dynamic": BIREFNET,
    "birefnet-matting": BIREFNET_FULL,
    "birefnet-portrait": BIREFNET_FULL,
    "birefnet-lite-2k": BIREFNET_LITE,
    "birefnet-512": BIREFNET,
    "vitmatte-small": Published(library.folder_of(library.VITMATTE), 25.815, input_px=64),
    "big-lama": Published(files(lama_as_torchscript, of.lama), 50.976, input_px=64),
    "migan": Published(files(migan_as_torchscript, migan.Generator), 5.973, input_px=512),
    "oneformer-ade20k-tiny": Published(library.oneformer, 50.738, input_px=64),
    "sam2.1-hiera-tiny": Published(library.sam2_tiny, 31.441, input_px=0),
    "sam2.1-hiera-small": sam2("small", 38.539),
    "sam2.1-hiera-base-plus": sam2("base-plus", 73.328),
    "sam2.1-hiera-large": sam2("large", 216.925),
    "sam-vit-b": Published(states(of.as_torch, library.sam), 93.736, input_px=0),
    "style-mosaic": STYLE,
    "style-candy": STYLE,
    "style-rain-princess": STYLE,
    "style-udnie": STYLE,
    "style-pointilism": STYLE,
    "vgg19": Published(files(of.as_torch, own.vgg19), 20.024, input_px=32),  # of 143.667: without the classifier
    "adain": Published(files(of.as_torch, own.adain_encoder, own.adain_decoder), 7.011, input_px=40),
    "animegan2-face-paint": Published(files(of.as_torch, own.animegan2), 2.144),
    "depth-anything-v2-small": Published(library.folder_of(library.DEPTH_ANYTHING), 24.785, input_px=56),
    "gfpgan-v1.4": Published(files(within("params_ema"), of.gfpgan), 86.444, input_px=0),  # one face takes 13 s
    "restoreformer": Published(files(within("params"), of.restoreformer), 72.680, input_px=64),
}
