"""Small checkpoints of real architectures, whose result is known, and their places in a weights folder."""

from __future__ import annotations

import json
import subprocess
import sys
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
    if second is not None:
        save(second, file.with_name(f"{id}.second.safetensors"))
    architecture = next(name for name, key in KNOWN_BY.items() if key in state)
    announce(home, id, operation, "spandrel", architecture, role, scale)
    return file


def announce(
    home: Path, id: str, operation: str, loader: str, architecture: str, role: str = "light", scale: int | None = None
) -> None:
    """Have the user's own index know what lies in the folder `id`."""
    entries = home / "config" / "weights.toml"
    entries.parent.mkdir(parents=True, exist_ok=True)
    text = entries.read_text("utf-8") if entries.exists() else "format = 1\n"
    text += f"""
[[model]]
id = "{id}"
title = "{id.capitalize()}"
operations = ["{operation}"]
role = "{role}"
architecture = "{architecture}"
loader = "{loader}"
licence = "Apache-2.0"
data_note = "Nothing"
"""
    text += f"scale = {scale}\n" if scale else ""
    for file in sorted((home / "weights" / id).iterdir()):
        text += f"""[[model.files]]
name = "{file.name}"
urls = ["https://example.org/{file.name}"]
sha256 = "{digest_of(file)}"
"""
    entries.write_text(text, "utf-8")


def birefnet(seed: int = 1, width: int = 96) -> dict[str, Any]:
    """One of the two published sizes, 44.3 M parameters or 220 M, with all that its files hold; random."""
    import torch
    from scumble_daemon.models.architectures import birefnet, swin

    torch.manual_seed(seed)
    depths, heads, window = birefnet.BACKBONES[width]
    network = birefnet.BiRefNet(width, depths, heads, window)
    state = {name: value.detach().clone() for name, value in network.state_dict().items()}
    for name, value in state.items():
        if name.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif "offset_conv" in name or "bias_table" in name:
            value.normal_(0, 0.05)
    for stage, depth in enumerate(depths):
        for block in range(depth):
            name = f"bb.layers.{stage}.blocks.{block}.attn.relative_position_index"
            state[name] = swin.ways_to_lie(window, torch.device("cpu")).clone()
    for level, channels in ((4, 8 * width), (3, 4 * width), (2, 2 * width)):
        for name, inputs in ((f"conv_ms_spvn_{level}", channels), (f"gdt_convs_pred_{level}.0", 16)):
            state[f"decoder.{name}.weight"] = torch.randn(1, inputs, 1, 1)
            state[f"decoder.{name}.bias"] = torch.randn(1)
    return state


def vitmatte_config() -> dict[str, Any]:
    """ViTMatte with few and narrow layers."""
    backbone = {
        "model_type": "vitdet",
        "num_channels": 4,
        "image_size": 64,
        "pretrain_image_size": 32,
        "patch_size": 16,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "use_absolute_position_embeddings": True,
        "use_relative_position_embeddings": True,
        "window_size": 2,
        "window_block_indices": [0],
        "residual_block_indices": [1],
        "out_features": ["stage2"],
    }
    return {
        "model_type": "vitmatte",
        "backbone_config": backbone,
        "hidden_size": 24,
        "convstream_hidden_sizes": [8, 12, 16],
        "fusion_hidden_sizes": [16, 12, 8, 8],
    }


# --- of the transformers library --------------------------------------------------------------------------------------


def sam2_config(published: bool = False) -> dict[str, Any]:
    """Of SAM 2.1 tiny where `published`, 38.9 M parameters; else the same with few and narrow layers, for 128 × 128."""
    vision: dict[str, Any] = {"model_type": "sam2_vision_model"}
    if published:
        return {"model_type": "sam2_video", "vision_config": vision}
    narrow = {"hidden_size": 32}
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 8,
        "embed_dim_per_stage": [8, 16, 32, 64],
        "blocks_per_stage": [1, 1, 2, 1],
        "global_attention_blocks": [3],
    }
    vision |= {
        "backbone_config": backbone,
        "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        "fpn_hidden_size": 32,
    }
    return {
        "model_type": "sam2",
        "vision_config": vision,
        "prompt_encoder_config": {**narrow, "image_size": 128},
        "mask_decoder_config": {**narrow, "mlp_dim": 32, "iou_head_hidden_dim": 16, "num_attention_heads": 2},
    }


def sam_config() -> dict[str, Any]:
    narrow = {"hidden_size": 32}
    vision = {
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "global_attn_indexes": [1],
        "image_size": 128,
        "output_channels": 32,
        "num_pos_feats": 16,
        "window_size": 4,
    }
    return {
        "model_type": "sam",
        "vision_config": vision,
        "prompt_encoder_config": {**narrow, "image_size": 128},
        "mask_decoder_config": {**narrow, "mlp_dim": 32, "iou_head_hidden_dim": 16, "num_attention_heads": 2},
    }


def swin2sr_config(scale: int = 2) -> dict[str, Any]:
    return {
        "model_type": "swin2sr",
        "embed_dim": 12,
        "depths": [1, 1],
        "num_heads": [2, 2],
        "window_size": 4,
        "upscale": scale,
        "upsampler": "pixelshuffledirect",
    }


def pretrained_folder(folder: Path, config: dict[str, Any], seed: int = 1) -> Any:
    """Write `config` and random weights for it as the library does; the network, for comparison.

    `sam2_video` is what the published files say they are: with the memory of earlier frames, which stays unused.
    """
    import torch
    from scumble_daemon.models import pretrained

    transformers = pretrained.library()
    kind = pretrained.KINDS[config["model_type"]]
    torch.manual_seed(seed)
    is_video = config["model_type"] == "sam2_video"
    names = ("Sam2VideoConfig", "Sam2VideoModel") if is_video else (kind.config, kind.model)
    config_class, model_class = (getattr(transformers, name) for name in names)
    module = model_class(config_class.from_dict(config)).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.any():  # the library begins some at nothing, which would hide mistakes
                parameter.normal_(std=0.05)
    module.save_pretrained(folder)
    return module


POSITIONS = "sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
ORIGINAL_SAM2 = (
    ("vision_encoder.backbone.", "image_encoder.trunk."),
    (".patch_embed.projection.", ".patch_embed.proj."),
    ("mask_decoder.", "sam_mask_decoder."),
    ("prompt_encoder.mask_embed.conv1.", "sam_prompt_encoder.mask_downscaling.0."),
    ("prompt_encoder.mask_embed.layer_norm1.", "sam_prompt_encoder.mask_downscaling.1."),
    ("prompt_encoder.mask_embed.conv2.", "sam_prompt_encoder.mask_downscaling.3."),
    ("prompt_encoder.mask_embed.layer_norm2.", "sam_prompt_encoder.mask_downscaling.4."),
    ("prompt_encoder.mask_embed.conv3.", "sam_prompt_encoder.mask_downscaling.6."),
    ("prompt_encoder.shared_embedding.positional_embedding", POSITIONS),
    ("prompt_encoder.no", "sam_prompt_encoder.no"),
    ("upscale_conv1.", "output_upscaling.0."),
    ("upscale_layer_norm.", "output_upscaling.1."),
    ("upscale_conv2.", "output_upscaling.3."),
    ("layer_norm_final_attn.", "norm_final_attn."),
    (".layer_norm", ".norm"),
    (".o_proj.", ".out_proj."),
    ("no_memory_embedding", "no_mem_embed"),
)


def original_sam2(state: dict[str, Any]) -> dict[str, Any]:
    """As the authors published it: their names, which were compared with those of their own program; the point
    embeddings one by one; something of the memory for videos; and all of it under the name `model`."""
    import re

    named = {
        "maskmem_tpos_enc": state["no_memory_embedding"],
        "memory_encoder.out_proj.bias": state["no_memory_embedding"],
    }
    for name, tensor in state.items():
        if name == "shared_image_embedding.positional_embedding":
            continue
        if name == "prompt_encoder.point_embed.weight":
            named |= {f"sam_prompt_encoder.point_embeddings.{i}.weight": tensor[i : i + 1] for i in range(len(tensor))}
            continue
        original = re.sub(r"vision_encoder\.neck\.convs\.(\d)\.", r"image_encoder.neck.convs.\1.conv.", name)
        is_of_two = ".backbone." in name or ".transformer." in name  # layers; the heads and hypernetworks have three
        parts = ("proj_in.", "proj_out.") if is_of_two else ("proj_in.", "layers.0.", "proj_out.")
        part = next((part for part in parts if f".{part}" in f".{original}" and "mask_embed" not in original), None)
        if part is not None:
            original = original.replace(part, f"layers.{parts.index(part)}.")
        for ours, theirs in ORIGINAL_SAM2:
            original = original.replace(ours, theirs, 1)
        named[original] = tensor
    return {"model": named}


def recognised(file: Path) -> dict[str, Any]:
    """What the daemon finds out about a file in its weights folder, in a process whose memory it limits."""
    argv = [sys.executable, "-m", "scumble_daemon.models.recognise", str(file)]
    return json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
