"""The authors' own checkpoints of SAM and SAM 2 under the names that the transformers library has for their parts."""

from __future__ import annotations

import itertools
import re
from typing import Any

from scumble_protocol.errors import Unsupported

# What the tensors do not tell: heads in the first stage, window sizes, and which blocks see everything. From the
# authors' configurations, by width and number of blocks.
HIERAS: dict[tuple[int, int], dict[str, Any]] = {
    (96, 12): {"num_attention_heads": 1, "global_attention_blocks": [5, 7, 9]},  # tiny
    (96, 16): {"num_attention_heads": 1, "global_attention_blocks": [7, 10, 13]},  # small
    (112, 24): {"num_attention_heads": 2, "global_attention_blocks": [12, 16, 20]},  # base+
    (144, 48): {
        "num_attention_heads": 2,
        "global_attention_blocks": [23, 33, 43],
        "window_size_per_stage": [8, 4, 16, 8],
    },  # large
}
VITS: dict[tuple[int, int], dict[str, Any]] = {
    (768, 12): {"num_attention_heads": 12, "global_attn_indexes": [2, 5, 8, 11]},  # B
    (1024, 24): {"num_attention_heads": 16, "global_attn_indexes": [5, 11, 17, 23]},  # L
    (1280, 32): {"num_attention_heads": 16, "global_attn_indexes": [7, 15, 23, 31]},  # H
}

MASK_DECODER = (
    (r"\.output_upscaling\.0\.", ".upscale_conv1."),
    (r"\.output_upscaling\.1\.", ".upscale_layer_norm."),
    (r"\.output_upscaling\.3\.", ".upscale_conv2."),
    (r"(hypernetworks_mlps\.\d+|_head)\.layers\.0\.", r"\1.proj_in."),
    (r"(hypernetworks_mlps\.\d+|_head)\.layers\.1\.", r"\1.layers.0."),
    (r"(hypernetworks_mlps\.\d+|_head)\.layers\.2\.", r"\1.proj_out."),
    (r"\.norm(\d)\.", r".layer_norm\1."),
    (r"\.norm_final_attn\.", ".layer_norm_final_attn."),
)
PROMPT_ENCODER = (
    (r"\.mask_downscaling\.0\.", ".mask_embed.conv1."),
    (r"\.mask_downscaling\.1\.", ".mask_embed.layer_norm1."),
    (r"\.mask_downscaling\.3\.", ".mask_embed.conv2."),
    (r"\.mask_downscaling\.4\.", ".mask_embed.layer_norm2."),
    (r"\.mask_downscaling\.6\.", ".mask_embed.conv3."),
    (r"\.pe_layer\.positional_encoding_gaussian_matrix$", ".shared_embedding.positional_embedding"),
)
SAM_2 = (
    (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
    (r"^image_encoder\.neck\.convs\.(\d)\.conv\.", r"vision_encoder.neck.convs.\1."),
    (r"^sam_mask_decoder\.", "mask_decoder."),
    (r"^sam_prompt_encoder\.", "prompt_encoder."),
    (r"^no_mem_embed$", "no_memory_embedding"),
    (r"\.patch_embed\.proj\.", ".patch_embed.projection."),
    (r"\.mlp\.layers\.0\.", ".mlp.proj_in."),
    (r"\.mlp\.layers\.1\.", ".mlp.proj_out."),
    (r"\.out_proj\.", ".o_proj."),
)
SAM = (
    (r"^image_encoder\.", "vision_encoder."),
    (r"\.patch_embed\.proj\.", ".patch_embed.projection."),
    (r"^vision_encoder\.blocks\.", "vision_encoder.layers."),
    (r"\.neck\.0\.", ".neck.conv1."),
    (r"\.neck\.1\.", ".neck.layer_norm1."),
    (r"\.neck\.2\.", ".neck.conv2."),
    (r"\.neck\.3\.", ".neck.layer_norm2."),
    (r"\.point_embeddings\.", ".point_embed."),
)
# Of SAM 2: memory of earlier frames of a video.
FOR_VIDEOS = re.compile(r"^(memory_|maskmem_|mask_downsample|obj_ptr_|no_obj_|no_mem_pos_enc)")


def translate(state: dict[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The library's name for the kind of model, its configuration, and the tensors. Raises: Unsupported."""
    if "image_encoder.trunk.pos_embed" in state:
        return "sam2", _sam2_config(state), _sam2_tensors(state)
    if "image_encoder.pos_embed" in state:
        return "sam", _sam_config(state), _sam_tensors(state)
    raise Unsupported("This is no checkpoint of SAM or SAM 2.", "Fetch it again, or correct its entry.")


# --- SAM 2 ------------------------------------------------------------------------------------------------------------


def _sam2_config(state: dict[str, Any]) -> dict[str, Any]:
    trunk = "image_encoder.trunk."
    width = int(state[f"{trunk}patch_embed.proj.weight"].shape[0])
    blocks = _count(state, f"{trunk}blocks")
    starts = [index for index in range(blocks) if f"{trunk}blocks.{index}.proj.weight" in state]
    facts = _known(HIERAS, width, blocks)
    bounds = [0, *starts, blocks]
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": width,
        "blocks_per_stage": [last - first for first, last in itertools.pairwise(bounds)],
        "embed_dim_per_stage": [width * 2**stage for stage in range(4)],
        "num_attention_heads_per_stage": [facts["num_attention_heads"] * 2**stage for stage in range(4)],
        "window_positional_embedding_background_size": list(state[f"{trunk}pos_embed"].shape[2:]),
        **facts,
    }
    vision = {
        "model_type": "sam2_vision_model",
        "backbone_config": backbone,
        "backbone_channel_list": backbone["embed_dim_per_stage"][::-1],
    }
    return {"vision_config": vision}


def _sam2_tensors(state: dict[str, Any]) -> dict[str, Any]:
    import torch

    renamed, points = {}, []
    for name, tensor in state.items():
        if FOR_VIDEOS.match(name):
            continue
        if ".point_embeddings." in name:
            points.append((name, tensor))
            continue
        renamed[_renamed(name, (*SAM_2, *MASK_DECODER, *PROMPT_ENCODER))] = tensor
    renamed["prompt_encoder.point_embed.weight"] = torch.cat([tensor for _, tensor in sorted(points)])
    return _with_shared_positions(renamed)


# --- SAM --------------------------------------------------------------------------------------------------------------


def _sam_config(state: dict[str, Any]) -> dict[str, Any]:
    width, blocks = int(state["image_encoder.pos_embed"].shape[-1]), _count(state, "image_encoder.blocks")
    return {
        "vision_config": {"hidden_size": width, "num_hidden_layers": blocks, **_known(VITS, width, blocks)},
    }


def _sam_tensors(state: dict[str, Any]) -> dict[str, Any]:
    renamed = {_renamed(name, (*SAM, *MASK_DECODER, *PROMPT_ENCODER)): tensor for name, tensor in state.items()}
    return _with_shared_positions(renamed)


# --- both -------------------------------------------------------------------------------------------------------------


def _renamed(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def _with_shared_positions(state: dict[str, Any]) -> dict[str, Any]:
    positions = state["prompt_encoder.shared_embedding.positional_embedding"]
    return {**state, "shared_image_embedding.positional_embedding": positions}


def _count(state: dict[str, Any], name: str) -> int:
    """How many numbered parts there are under `name`."""
    return len({key[len(name) + 1 :].split(".")[0] for key in state if key.startswith(f"{name}.")})


def _known(table: dict[tuple[int, int], dict[str, Any]], width: int, blocks: int) -> dict[str, Any]:
    if (width, blocks) not in table:
        raise Unsupported(f"No published model is {width} wide with {blocks} blocks.", "Use a published one.")
    return table[width, blocks]
