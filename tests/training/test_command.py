"""`scumble train style`, as an artist runs it: its time, a style that is there at once, and words for bad input."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from scumble_daemon.models.tensors import read_tensors
from scumble_protocol.image import Bounds

from ..daemon_process import DaemonProcess, running_daemon, wait_until
from ..imaging.test_style import hatching
from ..weights.conftest import small_disk

AREA = Bounds(0, 0, 64, 48)


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    """With one thread for what is started: so small a network would mostly wait for another."""
    with running_daemon(OMP_NUM_THREADS="1") as daemon:
        daemon.wait_for_worker()
        wait_until((daemon.home / "weights").is_dir, "the weights folder")
        yield daemon


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    return saved(tmp_path / "my painting.png", hatching(96))


def saved(file: Path, rgb: np.ndarray, mode: str = "RGB") -> Path:
    Pillow.fromarray((np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)).convert(mode).save(file)
    return file


def offered(daemon: DaemonProcess) -> list[str]:
    with daemon.client() as client:
        parameters = client.catalogue().find("stylize").parameters
    return [value for each in parameters if each.name == "style" for value, _ in each.choices]


def test_a_picture_becomes_a_style_that_can_be_chosen(daemon: DaemonProcess, painting: Path) -> None:
    """The time is told before it starts; the daemon, which has been running, offers it, and it paints; a second one of
    that name wants another."""
    done = daemon.cli("train", "style", painting, "--steps", 3, "--pictures", 2)

    assert done.returncode == 0, done.stderr
    assert re.search(r"3 steps of [\d.]+ s: this will take about \d+ (seconds|minutes) here", done.stdout)
    assert "step 3 of 3" in done.stdout
    file = daemon.home / "weights" / "my painting.safetensors"
    assert file.stat().st_size < 600_000
    wait_until(lambda: "my painting.safetensors" in offered(daemon), "the style to be offered")
    with daemon.client() as client:
        image = client.put(bytes([90, 140, 60, 255]) * (64 * 48), AREA, "u8", "RGBA")
        result = client.run("stylize", image, AREA, parameters={"style": "my painting.safetensors"})
        painted = np.frombuffer(client.pixels(result.layers[0].raster), np.uint8).reshape(48, 64, 4)
        parameters = {each.name: each for each in client.catalogue().find("stylize").parameters}
        shown = Pillow.open(io.BytesIO(parameters["style"].pictures["my painting.safetensors"]))
    assert np.abs(painted[..., :3].astype(int) - (90, 140, 60)).mean() > 5
    assert shown.size == (96, 96)
    with Pillow.open(painting) as picture:
        assert np.abs(np.asarray(shown, float).mean((0, 1)) - np.asarray(picture, float).mean((0, 1))).max() < 40
    assert not list((daemon.home / "cache").rglob("*.state")), "nothing is left lying about"

    again = daemon.cli("train", "style", painting, "--steps", 3, "--pictures", 2)
    assert again.returncode == 2
    assert "already" in again.stderr
    assert "--name" in again.stderr


def test_an_interrupted_training_goes_on(daemon: DaemonProcess, painting: Path) -> None:
    """Ctrl+C ends it within a moment and in words; the same command takes it up."""
    argv = [sys.executable, "-m", "scumble_daemon", "train", "style", str(painting), "--name", "slow", "--steps", "900"]
    with subprocess.Popen(
        [*argv, "--pictures", "2", "--json"], env=daemon.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if json.loads(line)["type"] == "estimate":
                break
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert said == "scumble: cancelled\n"
    (kept,) = (daemon.home / "cache" / "training").glob("*.state")
    with subprocess.Popen(
        [*argv, "--pictures", "2", "--json"], env=daemon.env, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        seen = []
        for line in running.stdout:
            seen.append(json.loads(line)["type"])
            if seen[-1] == "estimate":
                break
        running.kill()
    assert "resumed" in seen
    kept.write_bytes(kept.read_bytes()[:1000])
    with subprocess.Popen(
        [*argv, "--pictures", "2", "--json"], env=daemon.env, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert "warning" in [json.loads(running.stdout.readline())["type"] for _ in range(2)]
        running.kill()
    assert not (daemon.home / "weights" / "slow.safetensors").exists()


def test_pictures_that_cannot_be_learned_from(daemon: DaemonProcess, tmp_path: Path) -> None:
    """A sentence and what to do about it, at once; nothing is written."""
    clear = np.zeros((80, 80, 4), np.uint8)
    Pillow.fromarray(clear).save(tmp_path / "clear.png")
    (tmp_path / "broken.png").write_bytes(saved(tmp_path / "whole.png", hatching(80)).read_bytes()[:200])
    (tmp_path / "words.png").write_text("no picture", "utf-8")
    cases = {
        saved(tmp_path / "dot.png", hatching(1)): "shows only 1 × 1 pixels",
        tmp_path / "clear.png": "is fully transparent",
        tmp_path / "broken.png": "broken.png",
        tmp_path / "words.png": "words.png",
        tmp_path / "gone.png": "cannot be read",
    }
    before = set((daemon.home / "weights").iterdir())
    for file, words in cases.items():
        done = daemon.cli("train", "style", file)
        assert done.returncode == 2, (file, done.stdout, done.stderr)
        assert done.stderr.startswith("scumble: "), done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    named = daemon.cli("train", "style", tmp_path / "whole.png", "--name", "../elsewhere")
    assert named.returncode == 2
    assert "cannot be called" in named.stderr
    assert set((daemon.home / "weights").iterdir()) == before


def test_other_kinds_of_pictures_will_do(daemon: DaemonProcess, tmp_path: Path) -> None:
    """Grey, with a palette, of 16 bits, large, and partly transparent: what shows is learned from."""
    from scumble_daemon.cli_train import STYLE_PX, _opened  # pyright: ignore[reportPrivateUsage]

    for mode, ending in (("L", "png"), ("P", "png"), ("I;16", "png")):
        file = tmp_path / f"{mode.strip(';16')}.{ending}"
        if mode == "I;16":
            Pillow.fromarray((hatching(80)[..., 0] * 65535).astype(np.uint16)).save(file)
        else:
            saved(file, hatching(80), mode)
        opened = _opened(file)
        assert opened.shape == (80, 80, 3), mode
        assert opened.std() > 0.1
    assert max(_opened(saved(tmp_path / "large.png", np.tile(hatching(100), (30, 40, 1)))).shape) == STYLE_PX
    partly = (np.dstack([hatching(100), np.ones((100, 100, 1))]) * 255).astype(np.uint8)
    partly[:, 70:, 3] = 0
    Pillow.fromarray(partly).save(tmp_path / "partly.png")
    assert _opened(tmp_path / "partly.png").shape == (100, 70, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is mounted")
def test_a_disk_without_room(daemon: DaemonProcess, painting: Path, tmp_path: Path) -> None:
    """That nothing could be kept on the way is said once, and the end says what to do; no half a style lies there."""
    with small_disk(tmp_path / "full", 1) as folder:
        (folder / "filler").write_bytes(bytes(900_000))
        argv = [
            sys.executable,
            "-m",
            "scumble_daemon",
            "train",
            "style",
            str(painting),
            "--name",
            "full",
            "--steps",
            "1",
            "--pictures",
            "1",
        ]
        env = {**daemon.env, "SCUMBLE_WEIGHTS_FOLDER": str(folder)}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 1, done.stdout
        assert "No space left" in done.stderr
        assert "Make room" in done.stderr
        assert {each.name for each in folder.iterdir()} == {"filler"}


def test_the_file_holds_tensors_and_nothing_else(daemon: DaemonProcess) -> None:
    """In half precision, under the painter's own names."""
    tensors = read_tensors(daemon.home / "weights" / "my painting.safetensors")
    assert "join_norm.scale" in tensors
    assert {str(value.dtype) for value in tensors.values()} == {"torch.float16"}
