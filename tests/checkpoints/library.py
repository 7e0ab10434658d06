"""Published files of networks that the transformers library has: folders with a config, and the authors' own files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from scumble_daemon.weights.index import Model

from . import original_sam2, pretrained_folder, sam2_config
from .published import Make, State

DEPTH_ANYTHING: dict[str, Any] = {
    "model_type": "depth_anything",
    "backbone_config": {
        "model_type": "dinov2",
        "hidden_size": 384,
        "num_attention_heads": 6,
        "image_size": 518,
        "patch_size": 14,
        "out_features": ["stage3", "stage6", "stage9", "stage12"],
        "reshape_hidden_states": False,
    },
    "reassemble_hidden_size": 384,
    "patch_size": 14,
    "fusion_hidden_size": 64,
    "neck_hidden_sizes": [48, 96, 192, 384],
}
VITMATTE: dict[str, Any] = {
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
SWIN_DEPTHS, SWIN_WINDOW = (2, 2, 6, 2), 7
ONEFORMER: dict[str, Any] = {
    "model_type": "oneformer",
    "num_queries": 150,
    "is_training": False,
    "id2label": {str(number): f"class {number}" for number in range(150)},
    "label2id": {f"class {number}": number for number in range(150)},
    "backbone_config": {
        "model_type": "swin",
        "image_size": 224,
        "embed_dim": 96,
        "depths": list(SWIN_DEPTHS),
        "num_heads": [3, 6, 12, 24],
        "window_size": SWIN_WINDOW,
        "out_features": ["stage1", "stage2", "stage3", "stage4"],
    },
}
# Of SAM 2.1: width, heads in the first stage, blocks of each stage, those that see everything, side of what positions
# are learned for, windows of each stage.
SAM2_SIZES = {
    "small": (96, 1, [1, 2, 11, 2], [7, 10, 13], 7, [8, 4, 14, 7]),
    "base-plus": (112, 2, [2, 3, 16, 3], [12, 16, 20], 14, [8, 4, 14, 7]),
    "large": (144, 2, [2, 6, 36, 4], [23, 33, 43], 7, [8, 4, 16, 8]),
}

ORIGINAL_SAM = (
    (".patch_embed.projection.", ".patch_embed.proj."),
    ("vision_encoder.layers.", "image_encoder.blocks."),
    ("vision_encoder.neck.conv1.", "image_encoder.neck.0."),
    ("vision_encoder.neck.layer_norm1.", "image_encoder.neck.1."),
    ("vision_encoder.neck.conv2.", "image_encoder.neck.2."),
    ("vision_encoder.neck.layer_norm2.", "image_encoder.neck.3."),
    ("vision_encoder.", "image_encoder."),
    ("mask_embed.conv1.", "mask_downscaling.0."),
    ("mask_embed.layer_norm1.", "mask_downscaling.1."),
    ("mask_embed.conv2.", "mask_downscaling.3."),
    ("mask_embed.layer_norm2.", "mask_downscaling.4."),
    ("mask_embed.conv3.", "mask_downscaling.6."),
    ("shared_embedding.positional_embedding", "pe_layer.positional_encoding_gaussian_matrix"),
    ("prompt_encoder.point_embed.", "prompt_encoder.point_embeddings."),
    ("upscale_conv1.", "output_upscaling.0."),
    ("upscale_layer_norm.", "output_upscaling.1."),
    ("upscale_conv2.", "output_upscaling.3."),
    (".layers.0.weight", ".layers.1.weight"),
    (".layers.0.bias", ".layers.1.bias"),
    (".proj_in.", ".layers.0."),
    (".proj_out.", ".layers.2."),
    ("layer_norm_final_attn.", "norm_final_attn."),
    (".layer_norm", ".norm"),
)


def folder_of(config: dict[str, Any]) -> Make:
    def make(model: Model, folder: Path) -> None:
        pretrained_folder(folder, config)

    return make


def sam2_tiny(model: Model, folder: Path) -> None:
    pretrained_folder(folder, sam2_config(published=True))


def sam2(size: str) -> State:
    """As its authors published it, without what only videos need."""
    from scumble_daemon.models import pretrained

    width, heads, blocks, everywhere, side, windows = SAM2_SIZES[size]
    widths = [width * 2**stage for stage in range(4)]
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": width,
        "num_attention_heads": heads,
        "blocks_per_stage": blocks,
        "embed_dim_per_stage": widths,
        "num_attention_heads_per_stage": [heads * 2**stage for stage in range(4)],
        "window_positional_embedding_background_size": [side, side],
        "window_size_per_stage": windows,
        "global_attention_blocks": everywhere,
    }
    vision = {"model_type": "sam2_vision_model", "backbone_config": backbone, "backbone_channel_list": widths[::-1]}
    library = pretrained.library()
    return original_sam2(library.Sam2Model(library.Sam2Config.from_dict({"vision_config": vision})).state_dict())


def sam() -> State:
    from scumble_daemon.models import pretrained

    library = pretrained.library()
    return _original_sam(library.SamModel(library.SamConfig()).state_dict())


def _original_sam(state: State) -> State:
    """As the authors published it: their names, which were compared with those of their own program."""
    named = {}
    for name, tensor in state.items():
        original = name
        for ours, theirs in ORIGINAL_SAM:
            original = original.replace(ours, theirs, 1)
        named[original] = tensor
    del named["shared_image_embedding.positional_embedding"]
    return named


def words_of_a_task(folder: Path) -> None:
    """As CLIP's words are written down: letters, some joined to others, and what stands before and after a sentence."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    joins = ["t h", "th e</w>", "i s</w>", "s e", "se m", "a n", "t i", "ti c</w>", "t a", "s k</w>", "ta sk</w>"]
    words = [*letters, *(f"{letter}</w>" for letter in letters), *(join.replace(" ", "") for join in joins)]
    numbers = {word: number for number, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}
    (folder / "vocab.json").write_text(json.dumps(numbers))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *joins]))


def oneformer(model: Model, folder: Path) -> None:
    """As an older version of the library wrote it: a pickle, with tables in it that are now computed, without a
    normalisation that nothing uses; and beside it what words are made into numbers with, which the network is not."""
    from safetensors.torch import load_file

    pretrained_folder(folder, ONEFORMER)
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    state = {name: value for name, value in state.items() if "swin.layernorm" not in name}
    for stage, depth in enumerate(SWIN_DEPTHS):
        for block in range(depth):
            place = f"model.pixel_level_module.encoder.encoder.layers.{stage}.blocks.{block}.attention.self."
            assert f"{place}query.weight" in state
            state[f"{place}relative_position_index"] = torch.zeros((SWIN_WINDOW**2, SWIN_WINDOW**2), dtype=torch.int64)
    torch.save(state, folder / "pytorch_model.bin")
    words_of_a_task(folder)
    for file in model.files:
        if not (folder / file.name).exists():
            (folder / file.name).write_text("{}")
