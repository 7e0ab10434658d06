"""Files like those of SAM, BiRefNet and ViTMatte, at their real size with random weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from scumble_daemon.models import pretrained
from scumble_daemon.weights.index import Model
from torch import nn

from . import birefnet, original_sam2, sam2_config
from .published import Published, State, Write, as_half_safetensors, as_safetensors

MEMORY = 7_521_777  # numbers of SAM 2 that remember earlier frames of a video, the same in all sizes
HIERAS: dict[str, dict[str, Any]] = {  # after the authors' configurations
    "small": {"blocks_per_stage": [1, 2, 11, 2], "global_attention_blocks": [7, 10, 13]},
    "base-plus": {
        "hidden_size": 112,
        "embed_dim_per_stage": [112, 224, 448, 896],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "blocks_per_stage": [2, 3, 16, 3],
        "global_attention_blocks": [12, 16, 20],
        "window_positional_embedding_background_size": [14, 14],
    },
    "large": {
        "hidden_size": 144,
        "embed_dim_per_stage": [144, 288, 576, 1152],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "blocks_per_stage": [2, 6, 36, 4],
        "global_attention_blocks": [23, 33, 43],
        "window_size_per_stage": [8, 4, 16, 8],
    },
}


@dataclass(frozen=True)
class Folder(Published):
    """A folder of the transformers library, from `config`: its files have the lengths that the index tells."""

    config: dict[str, Any] = field(default_factory=dict)

    def make(self, model: Model, folder: Path) -> None:
        names = CLASSES[self.config["model_type"]]
        config_class, model_class = (getattr(pretrained.library(), name) for name in names)
        torch.manual_seed(1)
        module = model_class(config_class.from_dict(self.config))
        as_safetensors(module.state_dict(), folder / "model.safetensors")
        text = json.dumps(self.config)
        (folder / "config.json").write_text(text.ljust(model.files[0].expected_bytes or 0))


CLASSES = {
    "sam2_video": ("Sam2VideoConfig", "Sam2VideoModel"),
    "vitmatte": ("VitMatteConfig", "VitMatteForImageMatting"),
}


def folder_of(config: dict[str, Any], millions: float, input_px: int = 0) -> Published:
    return Folder(list, millions, as_safetensors, input_px=input_px, config=config)


# --- SAM --------------------------------------------------------------------------------------------------------------


def sam2(size: str) -> nn.Module:
    transformers = pretrained.library()
    facts = {"model_type": "sam2_hiera_det_model", **HIERAS[size]}
    channels = facts.get("embed_dim_per_stage", [96, 192, 384, 768])[::-1]
    vision = {"model_type": "sam2_vision_model", "backbone_config": facts, "backbone_channel_list": channels}
    return transformers.Sam2Model(transformers.Sam2Config.from_dict({"vision_config": vision}))


def as_the_authors_of_sam2(state: State, file: Path) -> None:
    """With as many numbers for videos as theirs."""
    table = original_sam2(state)
    table["model"]["memory_attention.norm.weight"] = torch.zeros(MEMORY)
    torch.save(table, file)


def sam() -> nn.Module:
    transformers = pretrained.library()
    return transformers.SamModel(transformers.SamConfig())


SAM = (
    ("vision_encoder.layers.", "image_encoder.blocks."),
    ("vision_encoder.neck.conv1.", "image_encoder.neck.0."),
    ("vision_encoder.neck.layer_norm1.", "image_encoder.neck.1."),
    ("vision_encoder.neck.conv2.", "image_encoder.neck.2."),
    ("vision_encoder.neck.layer_norm2.", "image_encoder.neck.3."),
    ("vision_encoder.", "image_encoder."),
    (".patch_embed.projection.", ".patch_embed.proj."),
    ("prompt_encoder.mask_embed.conv1.", "prompt_encoder.mask_downscaling.0."),
    ("prompt_encoder.mask_embed.layer_norm1.", "prompt_encoder.mask_downscaling.1."),
    ("prompt_encoder.mask_embed.conv2.", "prompt_encoder.mask_downscaling.3."),
    ("prompt_encoder.mask_embed.layer_norm2.", "prompt_encoder.mask_downscaling.4."),
    ("prompt_encoder.mask_embed.conv3.", "prompt_encoder.mask_downscaling.6."),
    ("prompt_encoder.point_embed.", "prompt_encoder.point_embeddings."),
    (".shared_embedding.positional_embedding", ".pe_layer.positional_encoding_gaussian_matrix"),
    ("upscale_conv1.", "output_upscaling.0."),
    ("upscale_layer_norm.", "output_upscaling.1."),
    ("upscale_conv2.", "output_upscaling.3."),
    (".layer_norm_final_attn.", ".norm_final_attn."),
    (".layer_norm", ".norm"),
)


def as_the_authors_of_sam(state: State, file: Path) -> None:
    named = {}
    for name, tensor in state.items():
        if name == "shared_image_embedding.positional_embedding":
            continue
        original = name
        for ours, theirs in SAM:
            original = original.replace(ours, theirs, 1)
        if "hypernetworks" in name or "iou_prediction_head" in name:
            for index, part in enumerate(("proj_in.", "layers.0.", "proj_out.")):
                if part in name:
                    original = original.replace(part, f"layers.{index}.")
        named[original] = tensor
    torch.save(named, file)


# --- BiRefNet ---------------------------------------------------------------------------------------------------------


class Bare(nn.Module):
    """What has nothing but a state dict."""

    def __init__(self, make: Callable[[], State]) -> None:
        super().__init__()
        self._make = make

    def state_dict(self, *_: Any, **__: Any) -> State:
        return self._make()


def of_birefnet(width: int, millions: float, write: Write) -> Published:
    return Published(lambda: [Bare(lambda: birefnet(width=width))], millions, write, input_px=64)


SMALL, LARGE = 96, 192  # Swin-T, Swin-L
BIREFNETS = {
    "birefnet": of_birefnet(LARGE, 220.174, as_half_safetensors),
    "birefnet-lite": of_birefnet(SMALL, 44.312, as_safetensors),
    "birefnet-lite-matting": of_birefnet(SMALL, 44.312, as_half_safetensors),
    "birefnet-hr": of_birefnet(LARGE, 220.174, as_half_safetensors),
    "birefnet-hr-matting": of_birefnet(LARGE, 220.174, as_half_safetensors),
    "birefnet-dynamic": of_birefnet(LARGE, 220.174, as_half_safetensors),
    "birefnet-matting": of_birefnet(LARGE, 220.174, as_safetensors),
    "birefnet-portrait": of_birefnet(LARGE, 220.174, as_safetensors),
    "birefnet-lite-2k": of_birefnet(SMALL, 44.312, as_safetensors),
    "birefnet-512": of_birefnet(LARGE, 220.174, as_half_safetensors),
}

# --- ViTMatte ---------------------------------------------------------------------------------------------------------

VITMATTE_SMALL = {
    "model_type": "vitmatte",
    "hidden_size": 384,
    "convstream_hidden_sizes": [48, 96, 192],
    "fusion_hidden_sizes": [256, 128, 64, 32],
    "backbone_config": {
        "model_type": "vitdet",
        "num_channels": 4,
        "image_size": 512,
        "pretrain_image_size": 224,
        "patch_size": 16,
        "hidden_size": 384,
        "num_attention_heads": 6,
        "use_absolute_position_embeddings": True,
        "use_relative_position_embeddings": True,
        "window_size": 14,
        "window_block_indices": [0, 1, 3, 4, 6, 7, 9, 10],
        "residual_block_indices": [2, 5, 8, 11],
        "out_features": ["stage12"],
    },
}

LEARNED: dict[str, Published] = {
    **BIREFNETS,
    "vitmatte-small": folder_of(VITMATTE_SMALL, 25.815, input_px=64),
    "sam2.1-hiera-tiny": folder_of(sam2_config(published=True), 31.441),
    "sam2.1-hiera-small": Published(lambda: [sam2("small")], 38.539, as_the_authors_of_sam2, input_px=0),
    "sam2.1-hiera-base-plus": Published(lambda: [sam2("base-plus")], 73.328, as_the_authors_of_sam2, input_px=0),
    "sam2.1-hiera-large": Published(lambda: [sam2("large")], 216.925, as_the_authors_of_sam2, input_px=0),
    "sam-vit-b": Published(lambda: [sam()], 93.736, as_the_authors_of_sam, input_px=0),
}
