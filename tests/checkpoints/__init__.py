"""Small checkpoints of real architectures, whose result is known, and their places in a weights folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scumble_daemon.weights.storage import digest_of

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


def compact(scale: int) -> dict[str, Any]:
    """An upscaler that gives every pixel's colour to the pixels that come from it."""
    import torch
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    net = Compact(num_feat=8, num_conv=2, upscale=scale)
    state = {name: value.detach().clone() for name, value in net.state_dict().items()}
    last = max(int(name.split(".")[1]) for name in state)
    for name in (f"body.{last}.weight", f"body.{last}.bias"):
        state[name].zero_()
    return state


def save(state: dict[str, Any], file: Path) -> Path:
    from safetensors.torch import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, file)
    return file


def install(home: Path, id: str, operation: str, state: dict[str, Any], scale: int = 1, role: str = "light") -> Path:
    """Into the weights folder under `home`, known by the user's own index, as if it had been fetched.

    As "light", "auto" takes it before what ships.
    """
    file = save(state, home / "weights" / id / f"{id}.safetensors")
    entries = home / "config" / "weights.toml"
    entries.parent.mkdir(parents=True, exist_ok=True)
    text = entries.read_text("utf-8") if entries.exists() else "format = 1\n"
    text += f"""
[[model]]
id = "{id}"
title = "{id.capitalize()}"
operations = ["{operation}"]
role = "{role}"
architecture = "{"Compact" if "body.0.weight" in state else "NAFNet"}"
loader = "spandrel"
scale = {scale}
licence = "Apache-2.0"
data_note = "Nothing"
[[model.files]]
name = "{file.name}"
urls = ["https://example.org/{file.name}"]
sha256 = "{digest_of(file)}"
"""
    entries.write_text(text, "utf-8")
    return file
