"""Files like those that the index names, with random weights: the real architecture at its real size, in its real form.

How the published ones are built is known from their authors' code and from their sizes, which the test compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from scumble_daemon.weights.index import Model
from torch import nn

State = dict[str, Any]
Write = Callable[[State, Path], None]
Rename = Callable[[str], str]
Make = Callable[[Model, Path], None]


@dataclass(frozen=True)
class Published:
    """`make`: all files of the entry in a folder · `millions`: of parameters that `loading.load` has to come to ·
    `input_px`: of the picture it is tried on; 0 where one pass takes too long, and loading is all that is proved ·
    `more_bytes`: that the published file has of what is not loaded, and not made.
    """

    make: Make
    millions: float
    input_px: int = 12
    more_bytes: int = 0


def files(write: Write, *networks: Callable[[], nn.Module], rename: Rename = lambda name: name) -> Make:
    """One network in each file. `rename`: from a name in the network to that in the file."""

    def make(model: Model, folder: Path) -> None:
        torch.manual_seed(len(model.id))
        for file, network in zip(model.files, networks, strict=True):
            state = {rename(name): value for name, value in network().state_dict().items()}
            write(state, folder / file.name)

    return make


def states(write: Write, state: Callable[[], State]) -> Make:
    """One file, of a state dict."""
    return lambda model, folder: write(state(), folder / model.files[0].name)


# --- forms -------------------------------------------------------------------------------------------------------


def as_torch(state: State, file: Path) -> None:
    torch.save(state, file)


def as_old_torch(state: State, file: Path) -> None:
    """As torch wrote before 1.6."""
    torch.save(state, file, _use_new_zipfile_serialization=False)


def within(key: str) -> Write:
    """As BasicSR does: beside the weights that are averaged while training, or without them."""
    return lambda state, file: torch.save({key: state}, file)


def as_safetensors(state: State, file: Path) -> None:
    from safetensors.torch import save_file

    save_file({name: value.contiguous() for name, value in state.items()}, file)


def as_hub_safetensors(state: State, file: Path) -> None:
    """With the note of what wrote it that files on the hub have."""
    from safetensors.torch import save_file

    save_file(state, file, {"format": "pt"})


def in_half(write: Write) -> Write:
    return lambda state, file: write(
        {name: value.half() if value.is_floating_point() else value for name, value in state.items()}, file
    )


def as_torchscript(network: nn.Module, example: tuple[torch.Tensor, ...], file: Path) -> None:
    """A program with its weights, as tracing gives it.

    In a thread of its own: the file holds the stack of each call, which is a part of its size.
    """
    import warnings
    from concurrent.futures import ThreadPoolExecutor

    def trace() -> None:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # torch.jit is to go; the published file stays
            torch.jit.save(torch.jit.trace(network.eval(), example, check_trace=False), str(file))

    with ThreadPoolExecutor(1) as thread:
        thread.submit(trace).result()


# --- what spandrel reads -----------------------------------------------------------------------------------------


def scunet() -> nn.Module:
    from spandrel.architectures.SCUNet import SCUNet

    return SCUNet(in_nc=3, config=[4] * 7, dim=64)


def drunet() -> nn.Module:
    from spandrel.architectures.DRUNet import DRUNet

    return DRUNet(in_nc=4, out_nc=3, nc=[64, 128, 256, 512], nb=4)


def nafnet(width: int) -> nn.Module:
    from spandrel.architectures.NAFNet import NAFNet

    return NAFNet(width=width, middle_blk_num=12, enc_blk_nums=[2, 2, 4, 8], dec_blk_nums=[2, 2, 2, 2])


def real_plksr(scale: int) -> nn.Module:
    from spandrel.architectures.PLKSR import RealPLKSR

    return RealPLKSR(dim=64, n_blocks=28, upscaling_factor=scale, kernel_size=17, split_ratio=0.25, dysample=False)


def esrgan(blocks: int = 23, unshuffles: int | None = None) -> nn.Module:
    from spandrel.architectures.ESRGAN import ESRGAN

    channels = 3 * (unshuffles or 1) ** 2
    return ESRGAN(in_nc=channels, out_nc=3, num_filters=64, num_blocks=blocks, scale=4, shuffle_factor=unshuffles)


def as_basicsr(name: str) -> str:
    """The names that Real-ESRGAN gives to what the first ESRGAN numbered."""
    named = re.sub(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0", r"body.\1.rdb\2.conv\3", name)
    named = re.sub(r"model\.1\.sub\.\d+\.", "conv_body.", named)
    for number, new in (("0", "first"), ("3", "up1"), ("6", "up2"), ("8", "hr"), ("10", "last")):
        named = named.replace(f"model.{number}.", f"conv_{new}.")
    return named


def compact(convolutions: int) -> nn.Module:
    from spandrel.architectures.Compact import Compact

    return Compact(num_feat=64, num_conv=convolutions, upscale=4)


def omnisr(scale: int) -> nn.Module:
    from spandrel.architectures.OmniSR import OmniSR

    return OmniSR(num_feat=64, block_num=1, res_num=5, window_size=8, up_scale=scale, pe=True, bias=True)


def span() -> nn.Module:
    from spandrel.architectures.SPAN import SPAN

    return SPAN(num_in_ch=3, num_out_ch=3, feature_channels=48, upscale=4)


def dat2() -> nn.Module:
    from spandrel.architectures.DAT import DAT

    return DAT(
        img_size=64,
        embed_dim=180,
        split_size=[8, 32],
        depth=[6] * 6,
        num_heads=[6] * 6,
        expansion_factor=2,
        upscale=4,
        resi_connection="1conv",
        upsampler="pixelshuffle",
    )


def hat() -> nn.Module:
    from spandrel.architectures.HAT import HAT

    return HAT(
        img_size=64,
        embed_dim=180,
        depths=(6,) * 6,
        num_heads=(6,) * 6,
        window_size=16,
        compress_ratio=3,
        squeeze_factor=30,
        conv_scale=0.01,
        overlap_ratio=0.5,
        mlp_ratio=2,
        upscale=4,
        upsampler="pixelshuffle",
        resi_connection="1conv",
    )


def swin2sr() -> nn.Module:
    from spandrel.architectures.Swin2SR import Swin2SR

    return Swin2SR(
        img_size=64,
        embed_dim=60,
        depths=[6] * 4,
        num_heads=[6] * 4,
        window_size=8,
        mlp_ratio=2,
        upscale=2,
        upsampler="pixelshuffledirect",
    )


def lama() -> nn.Module:
    from spandrel.architectures.LaMa import LaMa

    return LaMa(in_nc=4, out_nc=3)


def gfpgan() -> nn.Module:
    from spandrel.architectures.GFPGAN import GFPGAN

    return GFPGAN(
        out_size=512, channel_multiplier=2, num_mlp=8, input_is_latent=True, different_w=True, narrow=1, sft_half=True
    )


def restoreformer() -> nn.Module:
    from spandrel.architectures.RestoreFormer import RestoreFormer

    return RestoreFormer(
        n_embed=1024,
        embed_dim=256,
        ch=64,
        out_ch=3,
        ch_mult=(1, 2, 2, 4, 4, 8),
        num_res_blocks=2,
        attn_resolutions=(16,),
        dropout=0.0,
        in_channels=3,
        resolution=512,
        z_channels=256,
        double_z=False,
        enable_mid=True,
        head_size=8,
    )
