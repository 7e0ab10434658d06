"""`scumble train domain` and `train pairs`, as an artist runs them: time told first, killed and resumed, bad input, a
disk that fills."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from safetensors.torch import save_file
from scumble_daemon.models.architectures import dynamic_unet, pix2pix, unet_encoders
from scumble_daemon.models.tensors import read_tensors
from scumble_protocol.image import Bounds

from .. import checkpoints
from ..daemon_process import DaemonProcess, running_daemon, wait_until
from ..weights.conftest import small_disk
from .pairs_folder import made, save, written
from .stylegan2_files import rosinality

AREA = Bounds(0, 0, 64, 48)
QUICK = ("--encoder", "small", "--crop", "64", "--batch", "1")


@pytest.fixture
def home(tmp_path: Path) -> DaemonProcess:
    """Folders of their own; no daemon is needed to train."""
    (tmp_path / "home").mkdir()
    return DaemonProcess(tmp_path / "home", {"OMP_NUM_THREADS": "1"})


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return written(tmp_path / "pairs", 4)


def train(home: DaemonProcess, *arguments: object) -> subprocess.CompletedProcess[str]:
    return home.cli("train", "domain", *arguments)


def told(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def state_files(home: DaemonProcess) -> list[Path]:
    return list((home.home / "cache" / "training").glob("*"))


def test_pairs_become_a_model(home: DaemonProcess, pairs: Path) -> None:
    """The time is told before it starts; samples, a sheet and a plot lie beside the pairs; the model is one that loads,
    and that changes a picture."""
    done = train(home, pairs, "--name", "swapped", "--steps", 26, *QUICK)

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    (estimate,) = [index for index, line in enumerate(lines) if "this will take about" in line]
    assert re.search(r"26 steps of [\d.]+ s: this will take about \d+ (seconds|minutes) here", lines[estimate])
    assert "VGG-19 is not installed" in done.stdout
    assert "million numbers (dynamic-unet, small) learns on" in "\n".join(lines[:estimate])
    assert estimate < next(index for index, line in enumerate(lines) if "step-000010.png" in line)
    assert "step 26 of 26" in done.stdout
    out = pairs.parent / "swapped-training"
    assert {str(file.relative_to(out)) for file in out.rglob("*.png")} == {
        "validation.png",
        "loss.png",
        "samples/step-000010.png",
        "samples/step-000025.png",
    }
    with Pillow.open(out / "validation.png") as sheet:
        assert sheet.width == 3 * 80 + 4 * 6
        assert sheet.height > 4 * 80
    model = home.home / "weights" / "swapped.safetensors"
    assert dynamic_unet.of_state(read_tensors(model)).kind == "small"
    found = checkpoints.recognised(model)
    assert (found["state"], found["architecture"], found["loader"]) == ("recognised", "DynamicUNet", "own")
    assert state_files(home) == [], "nothing is left lying about"

    again = train(home, pairs, "--name", "swapped", "--steps", 26, *QUICK)
    assert again.returncode == 2
    assert "already" in again.stderr
    assert "--replace" in again.stderr


def test_a_killed_training_goes_on_to_the_same_model(home: DaemonProcess, pairs: Path) -> None:
    """Killed without a word in mid-training, it goes on where it was last kept, to the byte."""
    argv = [sys.executable, "-m", "scumble_daemon", "train", "domain", pairs, "--steps", "40", *QUICK]
    argv = [*map(str, argv), "--keep-every", "0", "--json"]
    with subprocess.Popen([*argv, "--name", "cut"], env=home.env, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if json.loads(line)["type"] == "sample":
                break
        running.kill()
    assert not (home.home / "weights" / "cut.safetensors").exists()
    assert [file.suffix for file in state_files(home) if not file.name.startswith(".")] == [".state"]
    cut = subprocess.run([*argv, "--name", "cut"], env=home.env, capture_output=True, text=True, check=True)
    resumed = next(each for each in told(cut) if each["type"] == "resumed")
    assert 10 <= resumed["done"] < 40
    whole = subprocess.run([*argv, "--name", "whole"], env=home.env, capture_output=True, text=True, check=True)
    assert "resumed" not in {each["type"] for each in told(whole)}
    ours, theirs = ((home.home / "weights" / f"{name}.safetensors").read_bytes() for name in ("cut", "whole"))
    assert ours == theirs


def test_what_was_kept_but_is_damaged_is_left(home: DaemonProcess, pairs: Path) -> None:
    """It begins anew, and says so."""
    argv = [sys.executable, "-m", "scumble_daemon", "train", "domain", pairs, "--steps", "12", *QUICK]
    argv = [*map(str, argv), "--keep-every", "0", "--json"]
    with subprocess.Popen(argv, env=home.env, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        wait_until(lambda: json.loads(running.stdout.readline())["type"] == "sample", "a sample")  # pyright: ignore[reportOptionalMemberAccess]
        running.kill()
    (kept,) = [file for file in state_files(home) if not file.name.startswith(".")]
    kept.write_bytes(kept.read_bytes()[:1000])
    done = subprocess.run(argv, env=home.env, capture_output=True, text=True, check=True)
    assert any("begins anew" in each["message"] for each in told(done))
    assert (home.home / "weights" / "pairs.safetensors").exists()


def test_files_that_cannot_be_learned_from_are_named(home: DaemonProcess, pairs: Path) -> None:
    """A partner missing, sizes that differ, a broken file: each is named, and the rest is learned from."""
    picture = made(1)[0][0]
    save(pairs / "input" / "alone.png", picture)
    save(pairs / "input" / "size.png", picture)
    save(pairs / "output" / "size.png", picture[:70])
    save(pairs / "input" / "broken.png", picture)
    (pairs / "output" / "broken.png").write_bytes(b"no picture")
    done = train(home, pairs, "--steps", 1, *QUICK)
    assert done.returncode == 0, done.stderr
    for words in (
        "Left out: input/alone.png has no partner in output/.",
        "Left out: input/size.png and output/size.png differ in size: 80 × 80 and 80 × 70.",
        "output/broken.png",
        "4 pairs to learn from",
    ):
        assert words in done.stdout

    for index in range(2):
        save(pairs / "output" / f"more{index}.png", picture)
    done = train(home, pairs, "--steps", 1, *QUICK, "--replace")
    assert done.returncode == 2
    assert "Only 4 pairs" in done.stderr
    assert "5 cannot" in done.stderr


def test_input_that_will_not_do(home: DaemonProcess, pairs: Path, tmp_path: Path) -> None:
    """A sentence and what to do about it, at once; nothing is written."""
    (tmp_path / "empty").mkdir()
    save_file(dynamic_unet.DynamicUNet("small").state_dict(), tmp_path / "small.safetensors")
    save_file(dynamic_unet.DynamicUNet("small", width=16).state_dict(), tmp_path / "narrow.safetensors")
    save_file(unet_encoders.ResNet("resnet34").state_dict(), tmp_path / "resnet34.safetensors")
    cut = {name: value for name, value in unet_encoders.ResNet("resnet34").state_dict().items() if "layer4" not in name}
    save_file(cut, tmp_path / "cut.safetensors")
    save_file(rosinality(), tmp_path / "stylegan.safetensors")
    (tmp_path / "broken.safetensors").write_bytes((tmp_path / "small.safetensors").read_bytes()[:5000])
    cases = {
        (tmp_path / "empty",): "There are no pairs",
        (tmp_path / "gone",): "cannot be read",
        (pairs, "--network", "cyclegan"): "no network «cyclegan»",
        (pairs, "--encoder", "vgg"): "no encoder «vgg»",
        (pairs, "--crop", "20"): "too small",
        (pairs, "--network", "pix2pix-unet", "--crop", "100"): "cannot learn from crops of 100",
        (pairs, "--name", "../elsewhere"): "cannot be called",
        (pairs, "--start-from", tmp_path / "stylegan.safetensors"): "has none of the networks that are trained here",
        (pairs, "--start-from", tmp_path / "broken.safetensors"): "broken.safetensors",
        (pairs, "--start-from", tmp_path / "narrow.safetensors"): "The layers of narrow.safetensors are not those",
        (pairs, "--start-from", tmp_path / "small.safetensors", "--encoder", "resnet18"): "is a small, and not",
        (pairs, "--start-from", tmp_path / "small.safetensors", "--network", "pix2pix-unet"): "is a dynamic-unet",
        (
            pairs,
            "--encoder-from",
            tmp_path / "resnet34.safetensors",
            "--encoder",
            "resnet18",
        ): "34.safetensors is a resnet34",
        (pairs, "--encoder-from", tmp_path / "small.safetensors"): "has no encoder that is known",
        (pairs, "--encoder-from", tmp_path / "resnet34.safetensors", "--network", "pix2pix-unet"): "is a dynamic-unet",
        (pairs, "--encoder-from", tmp_path / "cut.safetensors"): "cut.safetensors does not fit",
    }
    for arguments, words in cases.items():
        done = train(home, *arguments, "--steps", 1)
        assert done.returncode == 2, (arguments, done.stdout, done.stderr)
        assert done.stderr.startswith("scumble: "), done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert list((home.home / "weights").iterdir()) == []
    assert not (tmp_path / "pairs-training").exists()


def test_it_begins_from_a_model_or_an_encoder(home: DaemonProcess, pairs: Path, tmp_path: Path) -> None:
    """With no time to learn, what comes out is what went in."""
    first = dynamic_unet.DynamicUNet("small").state_dict()
    save_file({name: value.half() for name, value in first.items()}, tmp_path / "first.safetensors")
    done = train(
        home, pairs, "--start-from", tmp_path / "first.safetensors", "--steps", 1, "--rate", "1e-9", *QUICK[2:]
    )
    assert done.returncode == 0, done.stderr
    learned = read_tensors(home.home / "weights" / "pairs.safetensors")
    assert max(float((learned[name].float() - value).abs().max()) for name, value in first.items()) < 1e-2
    encoder = unet_encoders.ResNet("resnet18").state_dict() | {"fc.weight": first["head.weight"].clone()}
    save_file(encoder, tmp_path / "resnet18.safetensors")
    options = ("--encoder-from", tmp_path / "resnet18.safetensors", "--steps", 1, "--rate", "1e-9", *QUICK[2:])
    done = train(home, pairs, *options, "--name", "published")
    assert done.returncode == 0, done.stderr
    learned = read_tensors(home.home / "weights" / "published.safetensors")
    assert float((learned["encoder.conv1.weight"].float() - encoder["conv1.weight"]).abs().max()) < 1e-3


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is mounted")
def test_a_disk_that_fills_in_mid_training(home: DaemonProcess, pairs: Path, tmp_path: Path) -> None:
    """What cannot be kept or drawn is said once, and it goes on to the model; one that cannot be written is kept, so
    that nothing is to be learned again."""
    options = (*QUICK, "--keep-every", "0", "--steps", "12", "--json")
    with small_disk(tmp_path / "cache", 12) as cache, small_disk(tmp_path / "out", 1) as out:
        # room for one state, and not for the next one beside it
        (home.home / "cache").symlink_to(cache)
        (out / "filler").write_bytes(bytes((1 << 20) - (8 << 10)))
        done = train(home, pairs, *options, "--out", out)
        assert done.returncode == 0, done.stderr
        warnings = [each["message"] for each in told(done) if each["type"] == "warning"]
        assert len(warnings) == 2, warnings
        assert any("What is learned so far cannot be kept: No space left" in each for each in warnings)
        assert any("goes on without pictures to look at" in each for each in warnings)
        assert (home.home / "weights" / "pairs.safetensors").exists()
        assert {each.name for each in out.iterdir()} <= {"filler", "samples"}
        assert not [each for each in cache.rglob("*") if each.is_file()]
    (home.home / "cache").unlink()
    with small_disk(tmp_path / "weights", 1) as weights:
        home.env["SCUMBLE_WEIGHTS_FOLDER"] = str(weights)
        done = train(home, pairs, *options, "--name", "later")
        assert done.returncode == 1
        assert told(done)[-1]["type"] == "failure"
        assert "No space left" in told(done)[-1]["message"]
        assert "Make room" in told(done)[-1]["hint"]
        assert list(weights.iterdir()) == []
    del home.env["SCUMBLE_WEIGHTS_FOLDER"]
    done = train(home, pairs, *options, "--name", "later")
    assert done.returncode == 0
    assert next(each for each in told(done) if each["type"] == "resumed")["done"] == 12
    assert "estimate" not in {each["type"] for each in told(done)}
    assert (home.home / "weights" / "later.safetensors").exists()


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    with running_daemon(OMP_NUM_THREADS="1") as daemon:
        daemon.wait_for_worker()
        wait_until((daemon.home / "weights").is_dir, "the weights folder")
        yield daemon


@pytest.mark.parametrize("network", ["pix2pix-unet", "pix2pix-resnet6"])
def test_generators_of_pix2pix_can_be_put_over_a_layer(daemon: DaemonProcess, tmp_path: Path, network: str) -> None:
    """To be compared: Enhance with Model offers them, and puts them over a layer of any size."""
    folder = written(tmp_path / network, 2)
    done = daemon.cli("train", "domain", folder, "--network", network, "--crop", "64", "--steps", "1")
    assert done.returncode == 0, done.stderr
    name = f"{network}.safetensors"

    def offered() -> bool:
        with daemon.client() as client:
            parameters = client.catalogue().find("enhance_with_model").parameters
        return name in [value for each in parameters if each.name == "model" for value, _ in each.choices]

    wait_until(offered, "the model to be offered")
    with daemon.client() as client:
        image = client.put(bytes([90, 140, 60, 255, 20, 30, 200, 255] * (32 * 48)), AREA, "u8", "RGBA")
        result = client.run("enhance_with_model", image, AREA, parameters={"model": name})
        shown = np.frombuffer(client.pixels(result.layers[0].raster), np.uint8).reshape(48, 64, 4)
    assert np.abs(shown[..., :3].astype(int) - np.array([[90, 140, 60], [20, 30, 200]] * 32)).mean() > 10
    state = read_tensors(daemon.home / "weights" / name)
    assert isinstance(pix2pix.built(state), pix2pix.UNet if network == "pix2pix-unet" else pix2pix.ResNet)


def test_two_generators_write_pairs_to_train_from(home: DaemonProcess, tmp_path: Path) -> None:
    """Time first; the same command goes on; a folder of others is left alone; and `train domain` learns from them."""
    channels = (8, 8, 8, 6, 6)
    for name, seed in (("faces", 0), ("drawn", 1)):
        save_file(rosinality(channels, seed=seed), tmp_path / f"{name}.safetensors")
    argv = ("train", "pairs", tmp_path / "faces.safetensors", tmp_path / "drawn.safetensors", tmp_path / "made")
    done = home.cli(*argv, "--count", 3)
    assert done.returncode == 0, done.stderr
    assert re.search(r"3 pairs of [\d.]+ s: this will take about", done.stdout)
    assert (
        len(list((tmp_path / "made" / "input").iterdir())) == len(list((tmp_path / "made" / "output").iterdir())) == 3
    )
    more = home.cli(*argv, "--count", 4)
    assert "3 are there already" in more.stdout
    assert len(list((tmp_path / "made" / "input").iterdir())) == 4
    other = home.cli(*argv, "--count", 4, "--seed", 1)
    assert other.returncode == 2
    assert "Name another folder" in other.stderr
    swapped = home.cli("train", "pairs", tmp_path / "faces.safetensors", tmp_path / "gone.pt", tmp_path / "new")
    assert swapped.returncode == 1
    assert "gone.pt is gone" in swapped.stderr

    learned = train(home, tmp_path / "made", "--steps", 1, *QUICK)
    assert learned.returncode == 0, learned.stderr
    assert "4 pairs to learn from" in learned.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is mounted")
def test_pairs_that_fill_the_disk(home: DaemonProcess, tmp_path: Path) -> None:
    """What was written stays; it says what to do."""
    for name, seed in (("faces", 0), ("drawn", 1)):
        save_file(rosinality((8, 8, 8, 6, 6), seed=seed), tmp_path / f"{name}.safetensors")
    with small_disk(tmp_path / "disk", 1) as disk:
        argv = (tmp_path / "faces.safetensors", tmp_path / "drawn.safetensors", disk / "made")
        done = home.cli("train", "pairs", *argv, "--count", 100)
        assert done.returncode == 1
        assert "No space left" in done.stderr
        assert "what is there stays" in done.stderr
        written_files = list((disk / "made").rglob("*.png"))
        assert 10 < len(written_files) < 200
        for file in written_files:
            with Pillow.open(file) as picture:
                assert picture.size == (64, 64)
