"""Folders of the transformers library in the watched folder: chosen where they suit, waited for, refused in words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scumble_daemon.imaging import samples
from scumble_daemon.models import dropped, loading
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.networks import ImageNetwork
from scumble_daemon.models.running import RunningModel
from scumble_daemon.models.sources import Installed
from scumble_protocol.image import Bounds, Point

from .. import checkpoints
from ..daemon_process import DaemonProcess, running_daemon, wait_until
from .test_dropped import age, choices, state


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of each kind, elsewhere."""
    folder = tmp_path_factory.mktemp("made")
    checkpoints.pretrained_folder(folder / "my-sam", checkpoints.sam2_config())
    checkpoints.pretrained_folder(folder / "my-edges", checkpoints.vitmatte_config())
    checkpoints.pretrained_folder(folder / "my-upscaler", checkpoints.swin2sr_config())
    return folder


@pytest.fixture(scope="module")
def watching() -> Iterator[DaemonProcess]:
    with running_daemon() as daemon:
        daemon.wait_for_worker()
        wait_until((daemon.home / "weights").is_dir, "the weights folder")
        yield daemon


def test_each_kind_can_be_chosen_where_it_suits(watching: DaemonProcess, made: Path) -> None:
    """Copied file by file while the daemon runs; then it works; deleted, it is gone."""
    for folder in made.iterdir():
        shutil.copytree(folder, watching.home / "weights" / folder.name)
    wait_until(lambda: "my-sam" in choices(watching, "select_object"), "the new choice", timeout_s=90)
    wait_until(lambda: "my-upscaler" in choices(watching, "upscale"), "the new choice", timeout_s=90)
    assert "my-upscaler" in choices(watching, "enhance_with_model")
    assert "my-sam" not in choices(watching, "enhance_with_model")
    listed = watching.cli("weights", "list").stdout
    assert "✓ my-edges" in listed
    assert "Swin2SR ×2" in listed

    area = Bounds(0, 0, 40, 32)
    pixels = np.random.default_rng(1).integers(0, 256, (32, 40, 3), np.uint8)
    with watching.client() as client:
        image = client.put(samples.to_bytes(pixels), area, "u8", "RGB")
        selected = client.run("select_object", image, area, points=(Point(20, 16),), parameters={"model": "my-sam"})
        assert selected.selection is not None
        image = client.put(samples.to_bytes(pixels), area, "u8", "RGB")
        (layer,) = client.run("upscale", image, area, parameters={"model": "my-upscaler"}).layers
        assert (layer.raster.bounds.width, layer.raster.bounds.height) == (80, 64)
        assert layer.recipe["model"]["id"] == "my-upscaler"

    for folder in made.iterdir():
        shutil.rmtree(watching.home / "weights" / folder.name)
    wait_until(lambda: "my-sam" not in choices(watching, "select_object"), "its end")
    wait_until(lambda: "my-upscaler" not in choices(watching, "upscale"), "its end")


def test_bad_folders_get_a_line_each_and_nothing_in_them_is_run(
    watching: DaemonProcess, made: Path, tmp_path: Path
) -> None:
    """Code, pickles, another network's config, nonsense: and jobs go on."""
    struck = tmp_path / "struck"
    spoilt: dict[str, dict[str, Any]] = {
        "unknown": {"model_type": "evil", "auto_map": {"AutoModel": "evil.Evil"}},
        "lying": {"model_type": "vitmatte"},
        "huge": {"prompt_encoder_config": {"hidden_size": 1 << 40}},
    }
    for name, facts in spoilt.items():
        folder = tmp_path / name
        shutil.copytree(made / "my-sam", folder)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **facts}))
        (folder / "evil.py").write_text(f"open({str(struck)!r}, 'w')\nclass Evil: pass\n")
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    shutil.copy(made / "my-sam" / "config.json", pickled)
    torch.save({}, pickled / "pytorch_model.bin")
    names = {*spoilt, "pickled"}
    for name in names:
        for file in (tmp_path / name).iterdir():
            age(file, dropped.ABANDONED_S + 1)
        shutil.copytree(tmp_path / name, watching.home / "weights" / name)

    def told() -> bool:
        lines = watching.cli("weights", "list").stdout.splitlines()
        return all(any(line.startswith(f"✗ {name} ") for line in lines) for name in names)

    wait_until(told, "a line for each", timeout_s=120)
    assert not struck.exists()
    assert not names & {*choices(watching, "select_object"), *choices(watching, "remove_background")}
    with watching.client() as client:
        area = Bounds(0, 0, 8, 8)
        client.run("identity", client.put(bytes(256), area, "u8", "RGBA"), area)
    for name in names:
        shutil.rmtree(watching.home / "weights" / name)


def test_a_half_copied_folder_waits(made: Path, tmp_path: Path) -> None:
    """Until its config and all its parts are there, whole and at rest."""
    source, folder = made / "my-sam", tmp_path / "weights" / "my-sam"
    folder.mkdir(parents=True)
    whole = (source / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    age(folder / "model.safetensors", dropped.QUIET_S + 1)
    assert state(folder.parent) == ("waiting", True)
    shutil.copy(source / "config.json", folder)
    age(folder / "config.json", dropped.QUIET_S + 1)
    assert state(folder.parent) == ("waiting", True), "its weights are half there"
    (folder / "model.safetensors").write_bytes(whole)
    assert state(folder.parent) == ("waiting", True), "it has just grown"
    age(folder / "model.safetensors", dropped.QUIET_S + 1)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "part-2.safetensors"}}))
    assert state(folder.parent) == ("waiting", True), "a part is missing"
    (folder / "model.safetensors.index.json").unlink()
    assert state(folder.parent) == ("recognised", False)


def test_a_folder_without_its_config_is_told_of(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "net"
    folder.mkdir()
    shutil.copy(made / "my-sam" / "model.safetensors", folder)
    age(folder / "model.safetensors", dropped.ABANDONED_S + 1)
    (record,), pending = dropped.rescan(tmp_path)
    assert (record.state, pending) == ("broken", False)
    assert "config.json is missing" in record.problem


def test_what_was_fetched_is_not_taken_for_somebodys_own(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "my-sam", tmp_path / "sam2.1-hiera-tiny")
    (tmp_path / "sam2.1-hiera-tiny" / ".verified.json").write_text("{}")
    shutil.copytree(made / "my-sam", tmp_path / "sam2.1-hiera-small.part")
    assert dropped.rescan(tmp_path) == ((), False)


def test_the_authors_own_checkpoint_of_birefnet_is_known(tmp_path: Path) -> None:
    """Whatever its name, by a tensor that only it has."""
    file = checkpoints.save(checkpoints.birefnet(), tmp_path / "mine.safetensors")
    said = checkpoints.recognised(file)
    assert (said["state"], said["loader"], said["architecture"]) == ("recognised", "own", "BiRefNet")


def test_swin2sr_enlarges_as_the_library_does(made: Path) -> None:
    """In one tile: the same pixels."""
    files = dropped.files_of(made / "my-upscaler")
    loaded = loading.load(Installed("up", "Up", ("upscale",), "own", files, "transformers", "Swin2SR", 2))
    assert isinstance(loaded, ImageNetwork)
    assert loaded.traits.network.scale == 2
    pixels = np.random.default_rng(2).random((24, 32, 3), np.float32)
    rows: dict[int, np.ndarray] = {}
    RunningModel(loaded, CPU, "Up").over((24, 32), lambda down, across: pixels[down, across], rows.__setitem__)
    found = np.concatenate([rows[top] for top in sorted(rows)])
    module: Any = loaded.module
    with torch.inference_mode():
        expected = module(pixel_values=torch.from_numpy(pixels).permute(2, 0, 1)[None]).reconstruction.clamp(0, 1)
    assert found.shape == (48, 64, 3)
    assert np.abs(found - expected[0].permute(1, 2, 0).numpy()).max() < 1e-4
