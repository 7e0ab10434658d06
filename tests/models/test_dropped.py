"""The watched folder: what is dropped in can be chosen, what is deleted cannot, and nothing bad comes of bad files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from scumble_daemon.models import dropped
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds

from .. import checkpoints
from ..daemon_process import DaemonProcess, running_daemon, wait_until
from .test_loading import bad_files

AREA = Bounds(0, 0, 16, 16)
PIXELS = bytes([100, 100, 100, 255]) * 256


def choices(daemon: DaemonProcess, operation: str) -> list[str]:
    with daemon.client() as client:
        parameters = client.catalogue().find(operation).parameters
    return [value for each in parameters if each.name == "model" for value, _ in each.choices]


@pytest.fixture(scope="module")
def watching() -> Iterator[DaemonProcess]:
    """A daemon that has been running for a while."""
    with running_daemon() as daemon:
        daemon.wait_for_worker()
        wait_until((daemon.home / "weights").is_dir, "the weights folder")
        yield daemon


def drop(state: dict, daemon: DaemonProcess, name: str) -> Path:
    """As a file manager does: written elsewhere and moved, or written bit by bit."""
    file = checkpoints.save(state, daemon.home / "made" / name)
    return Path(shutil.move(file, daemon.home / "weights" / name))


def test_a_checkpoint_that_is_dropped_in_can_be_chosen(watching: DaemonProcess) -> None:
    """While the daemon and a client run: in enhance_with_model, and an upscaler in upscale as well; then it works."""
    with watching.client() as client:
        file = drop(checkpoints.nafnet(), watching, "mine.safetensors")
        drop(checkpoints.compact(2), watching, "large.safetensors")
        wait_until(lambda: "large.safetensors" in choices(watching, "upscale"), "the new choice")
        wait_until(lambda: "mine.safetensors" in choices(watching, "enhance_with_model"), "the new choice")
        assert "mine.safetensors" not in choices(watching, "denoise")

        result = client.run(
            "enhance_with_model",
            client.put(PIXELS, AREA, "u8", "RGBA"),
            AREA,
            parameters={"model": "mine.safetensors"},
        )
        assert bytes(client.pixels(result.layers[0].raster))[:4] == bytes([132, 132, 132, 255])
        assert result.layers[0].recipe["model"]["id"] == "mine.safetensors"

        file.unlink()
        wait_until(lambda: "mine.safetensors" not in choices(watching, "enhance_with_model"), "its end")
        wait_until(lambda: not client.status()["workers"][0]["models"], "its memory")


def test_a_file_deleted_while_it_is_warm(watching: DaemonProcess) -> None:
    """It leaves the memory with its choice; who still asks for it gets an answer in words, and the pool works on."""
    drop(checkpoints.nafnet(), watching, "staying.safetensors")
    file = drop(checkpoints.nafnet(), watching, "fleeting.safetensors")
    both = {"staying.safetensors", "fleeting.safetensors"}
    wait_until(lambda: both <= set(choices(watching, "enhance_with_model")), "the new choices")

    def enhance(client: Client, model: str) -> None:
        client.run("enhance_with_model", client.put(PIXELS, AREA, "u8", "RGBA"), AREA, parameters={"model": model})

    with watching.client() as client:
        enhance(client, "fleeting.safetensors")
        file.unlink()
        wait_until(lambda: "fleeting.safetensors" not in choices(watching, "enhance_with_model"), "its end")
        with pytest.raises(Invalid, match="fleeting"):
            enhance(client, "fleeting.safetensors")
        enhance(client, "staying.safetensors")


def test_a_half_written_file_is_not_touched(tmp_path: Path) -> None:
    """Until it is as long as it says itself, and has not changed for a moment."""
    whole = checkpoints.save(checkpoints.nafnet(), tmp_path / "made" / "net.safetensors").read_bytes()
    folder = tmp_path / "weights"
    folder.mkdir()
    file = folder / "net.safetensors"
    file.write_bytes(whole[: len(whole) // 2])
    age(file, dropped.QUIET_S + 1)
    assert state(folder) == ("waiting", True)
    file.write_bytes(whole)
    assert state(folder) == ("waiting", True), "it has just grown"
    age(file, dropped.QUIET_S + 1)
    assert state(folder) == ("recognised", False)


def test_a_file_that_stays_half_written_is_said_to_be_cut_short(tmp_path: Path) -> None:
    file = checkpoints.save(checkpoints.nafnet(), tmp_path / "net.safetensors")
    file.write_bytes(file.read_bytes()[:-10])
    age(file, dropped.ABANDONED_S + 1)
    (record,), pending = dropped.rescan(tmp_path)
    assert not pending
    assert record.state == "broken"
    assert "cut short" in record.problem


def state(folder: Path) -> tuple[str, bool]:
    (record,), pending = dropped.rescan(folder)
    return record.state, pending


def age(file: Path, seconds: float) -> None:
    """As if it had last been written so long ago."""
    found = file.stat()
    then = found.st_mtime_ns - int(seconds * 1e9)
    os.utime(file, ns=(then, then))


def test_bad_files_get_a_line_each_and_harm_nothing(watching: DaemonProcess, tmp_path: Path) -> None:
    """Cut, altered, lying, a bomb: `scumble weights list` says what is wrong with each; nothing in them is run; jobs
    go on."""
    files = bad_files(tmp_path)
    for file in files.values():
        age(file, dropped.ABANDONED_S + 1)
        shutil.copy2(file, watching.home / "weights")
    names = set(files)

    def told() -> bool:
        listed = watching.cli("weights", "list").stdout
        return all(any(name in line and "✗" in line for line in listed.splitlines()) for name in names)

    wait_until(told, "a line for each", timeout_s=90)
    assert not (tmp_path / "struck").exists()
    assert not names & set(choices(watching, "enhance_with_model"))
    with watching.client() as client:
        client.run("identity", client.put(PIXELS, AREA, "u8", "RGBA"), AREA)
    for name in names:
        (watching.home / "weights" / name).unlink()
    wait_until(lambda: "bomb.pth" not in watching.cli("weights", "list").stdout, "the lines to go")


def test_a_fetched_model_can_be_chosen_at_once(watching: DaemonProcess) -> None:
    """What `scumble weights fetch` installs is offered as installed while the daemon runs."""

    def titles() -> str:
        with watching.client() as client:
            return str(client.catalogue().find("denoise").schema)

    checkpoints.install(watching.home, "fresh", "denoise", checkpoints.nafnet())
    wait_until(lambda: "'Fresh'" in titles(), "the model to be there")
    shutil.rmtree(watching.home / "weights" / "fresh")
    wait_until(lambda: "Fresh (not installed)" in titles(), "the model to be gone")
