"""Folders of the transformers library become networks; whatever else they may be gets an answer in words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from scumble_daemon.models import loading, pretrained
from scumble_daemon.models.sources import Installed
from scumble_protocol.errors import Invalid, MissingModel, ScumbleError, Unsupported

from .. import checkpoints


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    checkpoints.pretrained_folder(folder, checkpoints.sam2_config())
    return folder


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    for file in good.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def change(folder: Path, **facts: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **facts}))


def test_weights_are_those_of_the_files(good: Path) -> None:
    """All of them, in fp32, from one file or from several, whatever precision they are kept in."""
    _, module = pretrained.load(good)
    expected = load_file(good / "model.safetensors")
    assert module.state_dict().keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in module.state_dict().items())


def test_several_files_and_half_precision(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    for part in (0, 1):
        halves = {name: tensors[name].half() for name in names[part::2]}
        save_file(halves, folder / f"model-0000{part + 1}-of-00002.safetensors")
    _, module = pretrained.load(folder)
    name = names[0]
    assert module.state_dict()[name].dtype == torch.float32
    assert torch.equal(module.state_dict()[name], tensors[name].half().float())


def test_a_published_video_model_leaves_its_memory_behind(tmp_path: Path) -> None:
    """The files of SAM 2.1 say that they are `sam2_video`."""
    config = {**checkpoints.sam2_config(), "model_type": "sam2_video", "memory_attention_hidden_size": 32}
    config |= {"image_size": 128, "memory_encoder_hidden_size": 32, "memory_encoder_output_channels": 16}
    config |= {"mask_downsampler_embed_dim": 32, "memory_fuser_embed_dim": 32, "memory_fuser_intermediate_dim": 32}
    config |= {"memory_attention_feed_forward_hidden_size": 32, "memory_attention_num_layers": 1}
    video = checkpoints.pretrained_folder(tmp_path, config)
    kind, module = pretrained.load(tmp_path)
    assert kind.architecture == "Sam2"
    assert any(name.startswith("memory_") for name in video.state_dict())
    assert not any(name.startswith("memory_") for name in module.state_dict())


def spoilt_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "sam2", ')


def spoilt_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def only_a_pickle(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def without(name: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        save_file({key: value for key, value in tensors.items() if key != name}, folder / "model.safetensors")

    return act


BAD: dict[str, tuple[Callable[[Path], object], type[ScumbleError], str]] = {
    "config cut": (spoilt_config, Invalid, "config.json cannot be read"),
    "config no table": (lambda folder: (folder / "config.json").write_text("[1]"), Invalid, "no table"),
    "config too long": (lambda folder: (folder / "config.json").write_text(" " * (2 << 20)), Invalid, "too long"),
    "no config": (no_config, MissingModel, "no config.json"),
    "weights cut": (spoilt_weights, Invalid, "model.safetensors cannot be read"),
    "only a pickle": (only_a_pickle, MissingModel, "no .safetensors file"),
    "of another network": (lambda folder: change(folder, model_type="vitmatte"), Invalid, "does not fit"),
    "of no known network": (lambda folder: change(folder, model_type="llama"), Unsupported, "«llama»"),
    "without a type": (lambda folder: change(folder, model_type=None), Unsupported, "cannot run"),
    "lies about its size": (
        lambda folder: change(folder, prompt_encoder_config={"hidden_size": 1 << 40}),
        Invalid,
        "does not fit its config.json",
    ),
    "nonsense": (lambda folder: change(folder, mask_decoder_config={"hidden_size": "wide"}), Invalid, "does not fit"),
    "a tensor missing": (without("no_memory_embedding"), Invalid, "no_memory_embedding is missing"),
    "quantised": (lambda folder: change(folder, quantization_config={"bits": 4}), Unsupported, "quantization_config"),
    "from a hub": (lambda folder: change(folder, vision_config={"backbone": "a/b"}), Unsupported, "«backbone»"),
}


@pytest.mark.parametrize("trouble", sorted(BAD))
def test_bad_folders_are_refused_in_words(folder: Path, trouble: str) -> None:
    spoil, kind, words = BAD[trouble]
    spoil(folder)
    with pytest.raises(kind, match=words) as raised:
        pretrained.load(folder)
    assert "Traceback" not in str(raised.value)


def test_code_that_comes_with_a_model_is_not_run(folder: Path) -> None:
    """Not even looked at: the network is the library's own."""
    struck = folder / "struck"
    (folder / "evil.py").write_text(f"open({str(struck)!r}, 'w')\nclass Evil: pass\n")
    change(folder, auto_map={"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil"}, architectures=["Evil"])
    _, module = pretrained.load(folder)
    assert type(module).__module__.startswith("transformers.models.sam2.")
    assert not struck.exists()


def test_the_authors_own_files_of_sam_2(tmp_path: Path) -> None:
    """SAM 2.1 small at its real size under its authors' names becomes the same network, which its shape tells."""
    transformers = pretrained.library()
    config = transformers.Sam2Config()
    backbone = config.vision_config.backbone_config
    backbone.blocks_per_stage, backbone.global_attention_blocks = [1, 2, 11, 2], [7, 10, 13]
    torch.manual_seed(2)
    small = transformers.Sam2Model(config)
    file = tmp_path / "sam2.1_hiera_small.pt"
    torch.save(checkpoints.original_sam2(small.state_dict()), file)
    loaded = loading.load(Installed("sam", "SAM", ("select_object",), "heavy", (file,), "own", "Sam2"))
    found, expected = loaded.module.state_dict(), small.state_dict()
    assert found.keys() == expected.keys()
    shared = "shared_image_embedding.positional_embedding"  # the authors have it once
    assert all(torch.equal(found[name], expected[name]) for name in expected if name != shared)
    assert torch.equal(found[shared], expected["prompt_encoder.shared_embedding.positional_embedding"])
    built: Any = loaded.module
    assert built.config.vision_config.backbone_config.global_attention_blocks == [7, 10, 13]


def test_another_checkpoint_is_no_sam(tmp_path: Path) -> None:
    file = checkpoints.save(checkpoints.nafnet(), tmp_path / "net.safetensors")
    with pytest.raises(Unsupported, match="no checkpoint of SAM"):
        loading.load(Installed("sam", "SAM", ("select_object",), "heavy", (file,), "own", "Sam2"))


def test_the_worker_starts_without_the_library() -> None:
    """It costs seconds, which only who uses it waits for."""
    code = (
        "import sys, scumble_daemon.executors.worker; sys.exit('transformers' in sys.modules or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
