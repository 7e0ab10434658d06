"""Small checkpoints of real architectures, whose result is known, and their places in a weights folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scumble_daemon.weights.storage import digest_of

KNOWN_BY = {"Compact": "body.0.weight", "DRUNet": "m_head.weight", "NAFNet": "intro.weight"}
SHIFT = 0.125  # what `brighter` adds to every sample; exact in every precision


def nafnet(seed: int | None = None, width: int = 8) -> dict[str, Any]:
    """Without a seed: a denoiser that adds SHIFT to everything; with one: random, and looking around a little."""
    import torch
    from spandrel.architectures.NAFNet import NAFNet

    torch.manual_seed(seed or 0)
    net = NAFNet(width=width, middle_blk_num=1, enc_blk_nums=[1], dec_blk_nums=[1])
    state = {name: value.detach().clone() for name, value in net.state_dict().items()}
    for name, value in state.items():
        if ".sca." in name:
            value.fill_(float(name.endswith("bias")))
    if seed is None:
        state["ending.weight"].zero_()
        state["ending.bias"].fill_(SHIFT)
    return state


def small_denoiser() -> dict[str, Any]:
    """The size of `denoise-small`, which ships, with random weights: 1.7 M parameters. For benchmarks."""
    import torch
    from spandrel.architectures.NAFNet import NAFNet

    torch.manual_seed(0)
    state = NAFNet(width=16, middle_blk_num=2, enc_blk_nums=[1, 1, 1, 2], dec_blk_nums=[1, 1, 1, 1]).state_dict()
    for name, value in state.items():
        if ".sca." in name:
            value.fill_(float(name.endswith("bias")))
    return state


def compact(scale: int, brighter_by: float = 0.0) -> dict[str, Any]:
    """An upscaler that gives every pixel's colour to the pixels that come from it, or that and a little more."""
    import torch
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    net = Compact(num_feat=8, num_conv=2, upscale=scale)
    state = {name: value.detach().clone() for name, value in net.state_dict().items()}
    last = max(int(name.split(".")[1]) for name in state)
    state[f"body.{last}.weight"].zero_()
    state[f"body.{last}.bias"].fill_(brighter_by)
    return state


def drunet() -> dict[str, Any]:
    """A denoiser that adds to every sample what it is told of the noise."""
    import torch
    from spandrel.architectures.DRUNet import DRUNet

    state = DRUNet(in_nc=4, out_nc=3, nc=[8, 8, 8, 8], nb=2).state_dict()
    for value in state.values():
        value.zero_()
    for channel in range(4):
        state["m_head.weight"][channel, channel, 1, 1] = 1
    for channel in range(3):
        state["m_tail.weight"][channel, [channel, 3], 1, 1] = torch.ones(2)
    return state


def save(state: dict[str, Any], file: Path) -> Path:
    from safetensors.torch import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, file)
    return file


def install(
    home: Path,
    id: str,
    operation: str,
    state: dict[str, Any],
    scale: int = 1,
    role: str = "light",
    second: dict[str, Any] | None = None,
) -> Path:
    """Into the weights folder under `home`, known by the user's own index, as if it had been fetched.

    As "light", "auto" takes it before what ships. `second`: what it is mixed with.
    """
    file = save(state, home / "weights" / id / f"{id}.safetensors")
    files = [file] if second is None else [file, save(second, file.with_name(f"{id}-second.safetensors"))]
    entries = home / "config" / "weights.toml"
    entries.parent.mkdir(parents=True, exist_ok=True)
    text = entries.read_text("utf-8") if entries.exists() else "format = 1\n"
    text += f"""
[[model]]
id = "{id}"
title = "{id.capitalize()}"
operations = ["{operation}"]
role = "{role}"
architecture = "{next(name for name, key in KNOWN_BY.items() if key in state)}"
loader = "spandrel"
scale = {scale}
licence = "Apache-2.0"
data_note = "Nothing"
"""
    for each in files:
        text += f"""
[[model.files]]
name = "{each.name}"
urls = ["https://example.org/{each.name}"]
sha256 = "{digest_of(each)}"
"""
    entries.write_text(text, "utf-8")
    return file
