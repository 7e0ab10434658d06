"""The command line: the same daemon and protocol as the editors, files in and out, exit statuses scripts can use."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import imagecodecs
import numpy as np
import pytest
from skimage import data

from ..daemon_process import DaemonProcess, running_daemon

OPERATIONS = Path(__file__).parents[1] / "editors" / "operations"


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "chelsea.png"
    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(data.chelsea()[:120, :160])))
    return path


@pytest.fixture(scope="module")
def selection(photo: Path) -> Path:
    """The right half, with a feather of twenty pixels."""
    ramp = np.clip((np.arange(160) - 70) / 20, 0, 1)
    path = photo.with_name("selection.png")
    path.write_bytes(imagecodecs.png_encode(np.repeat((ramp * 255).astype(np.uint8)[None], 120, 0)))
    return path


def read(path: Path) -> np.ndarray:
    return imagecodecs.imread(str(path))


def test_the_composite_changes_inside_the_selection_only(
    daemon: DaemonProcess, photo: Path, selection: Path, tmp_path: Path
) -> None:
    """`-o result.png` is the photo to the bit where nothing is selected, and another picture where all is."""
    done = daemon.cli("run", "apply_lut", photo, "-o", tmp_path / "r.png", "--selection", selection)
    assert done.returncode == 0, done.stderr
    before, after = read(photo), read(tmp_path / "r.png")[..., :3]
    assert np.array_equal(after[:, :71], before[:, :71])
    changes = np.abs(after.astype(int) - before).max(axis=2)
    assert changes[:, 91:].mean() > 3
    assert 0 < changes[:, 75:85].mean() < changes[:, 91:].mean(), "the feather lies between"


def test_an_openraster_file_keeps_the_photo_and_the_layers(daemon: DaemonProcess, photo: Path, tmp_path: Path) -> None:
    """`-o result.ora` holds the untouched photo below a group with the result."""
    done = daemon.cli("run", "apply_lut", photo, "-o", tmp_path / "r.ora")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "r.ora") as archive:
        assert archive.read("mimetype") == b"image/openraster"
        stack = archive.read("stack.xml").decode()
        layers = [imagecodecs.png_decode(archive.read(name)) for name in archive.namelist() if "data/" in name]
    assert 'name="Apply LUT"' in stack
    assert 'name="chelsea"' in stack
    assert any(np.array_equal(layer[..., :3], read(photo)) for layer in layers)


def test_every_layer_can_be_had_as_a_file(daemon: DaemonProcess, photo: Path, selection: Path, tmp_path: Path) -> None:
    """`--layers` writes pictures and a `result.json` that names them, with bounds, modes and recipes."""
    folder = tmp_path / "layers"
    done = daemon.cli("run", "apply_lut", photo, "--layers", folder, "--selection", selection, "--set", "strength=0.5")
    assert done.returncode == 0, done.stderr
    table = json.loads((folder / "result.json").read_text())
    (layer,) = table["layers"]
    assert table["canvas"] == {"x": 0, "y": 0, "width": 160, "height": 120}
    assert layer["recipe"]["parameters"]["strength"] == 0.5
    assert layer["mask"]["bounds"] == layer["bounds"] == {"x": 71, "y": 0, "width": 89, "height": 120}
    assert np.array_equal(read(folder / layer["mask"]["file"]), read(selection)[:, 71:])
    assert read(folder / layer["file"]).shape[:2] == (120, 89)


def test_hidden_layers_are_kept_but_not_shown(photo: Path, tmp_path: Path) -> None:
    """The finished picture is without them, and no larger for them; `.ora` and `--layers` have them, marked."""
    with running_daemon([OPERATIONS / "hidden_test.py"]) as daemon:
        done = daemon.cli("run", "hidden_test", photo, "-o", tmp_path / "r.png", "--layers", tmp_path / "layers")
        assert done.returncode == 0, done.stderr
        assert np.array_equal(read(tmp_path / "r.png"), 255 - read(photo))
        opened = daemon.cli("run", "hidden_test", photo, "-o", tmp_path / "r.ora", "--set", "opens=true")
        assert opened.returncode == 0, opened.stderr
    shown, hidden = json.loads((tmp_path / "layers" / "result.json").read_text())["layers"]
    assert (shown["visible"], hidden["visible"]) == (True, False)
    assert (read(tmp_path / "layers" / hidden["file"]) == 255).all()
    with zipfile.ZipFile(tmp_path / "r.ora") as archive:
        stack = ElementTree.fromstring(archive.read("stack.xml"))
    assert [each.get("visibility") for each in stack.iter("layer")] == ["hidden", "visible", None]


def test_sixteen_bits_stay_sixteen_bits(daemon: DaemonProcess, tmp_path: Path) -> None:
    """A 16-bit photo gives 16-bit layers and a 16-bit composite with more than 256 levels."""
    ramp = np.linspace(5000, 60000, 4096).astype(np.uint16).reshape(64, 64)
    photo = tmp_path / "deep.png"
    photo.write_bytes(imagecodecs.png_encode(np.dstack([ramp] * 3)))
    done = daemon.cli("run", "apply_lut", photo, "-o", tmp_path / "r.png", "--layers", tmp_path / "l")
    assert done.returncode == 0, done.stderr
    for path in (tmp_path / "r.png", tmp_path / "l" / "01-layer.png"):
        assert read(path).dtype == np.uint16
        assert len(np.unique(read(path)[..., 0])) > 1000


def test_a_selection_result_is_written_as_a_mask(daemon: DaemonProcess, tmp_path: Path) -> None:
    """`select_object` gives a grey picture of the photo's size: her face in it, what is outside the box not."""
    photo = tmp_path / "astronaut.png"
    photo.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(data.astronaut()[::2, ::2])))
    done = daemon.cli("run", "select_object", photo, "-o", tmp_path / "mask.png", "--box", "60,2,180,250")
    assert done.returncode == 0, done.stderr
    mask = read(tmp_path / "mask.png")
    assert mask.shape == (256, 256)
    assert mask[45:70, 105:125].min() == 255
    assert mask[:, 190:].max() == 0


def test_json_is_one_object_a_line(daemon: DaemonProcess, photo: Path, tmp_path: Path) -> None:
    """Progress, then the result, each a line that parses."""
    done = daemon.cli("run", "slow", photo, "-o", tmp_path / "r.png", "--set", "seconds=0.3", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["type"] for line in lines[:-1]} == {"progress"}
    assert lines[-1]["type"] == "result"
    assert lines[-1]["files"] == [str(tmp_path / "r.png")]
    fractions = [line["fraction"] for line in lines[:-1]]
    assert fractions == sorted(fractions)


def test_a_terminal_shows_a_bar(daemon: DaemonProcess, photo: Path, tmp_path: Path) -> None:
    """On a terminal, the stage and a bar are drawn while the job runs."""
    ours, theirs = pty.openpty()
    job = ["run", "slow", photo, "-o", tmp_path / "r.png", "--set", "seconds=1"]
    argv = [sys.executable, "-m", "scumble_daemon", *job]
    process = subprocess.Popen(argv, env={**daemon.env, "TERM": "xterm"}, stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    while process.poll() is None or not shown:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the other end was closed
            break
    process.wait()
    os.close(ours)
    assert process.returncode == 0
    assert b"Step" in shown
    assert "━".encode() in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense", "PHOTO", "-o", "r.png"], "There is no operation"),
        (["apply_lut", "missing.png", "-o", "r.png"], "missing.png"),
        (["apply_lut", "PHOTO"], "Where should the result go"),
        (["apply_lut", "PHOTO", "-o", "r.xyz"], "no ending that can be written"),
        (["apply_lut", "PHOTO", "-o", "nowhere/r.png"], "There is no folder"),
        (["apply_lut", "PHOTO", "-o", "r.png", "--set", "strength=7"], "outside its range"),
        (["apply_lut", "PHOTO", "-o", "r.png", "--set", "nonsense=7"], "no such parameter"),
        (["apply_lut", "PHOTO", "-o", "r.png", "--set", "strength=much"], "is a number"),
        (["apply_lut", "PHOTO", "-o", "r.png", "--point", "1,1"], "takes no --point"),
        (["select_object", "PHOTO", "-o", "r.png", "--point", "here"], "is no point"),
        (["select_object", "PHOTO", "-o", "r.png", "--box", "1,2,3"], "is no box"),
        (["apply_lut", "PHOTO", "-o", "r.png", "--selection", "small.png"], "They have to agree"),
        (["apply_lut", "PHOTO", "-o", "r.png", "--reference", "broken.cube"], "broken.cube"),
    ],
)
def test_bad_input_is_status_two_and_writes_nothing(
    daemon: DaemonProcess, photo: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    """Each mistake is named on one line without a traceback, with exit status 2, and no file appears."""
    (tmp_path / "small.png").write_bytes(imagecodecs.png_encode(np.full((4, 4), 255, np.uint8)))
    (tmp_path / "broken.cube").write_text("LUT_3D_SIZE 2\n0 0 0\n")
    before = sorted(tmp_path.iterdir())
    done = daemon.cli("run", *(str(photo) if part == "PHOTO" else part for part in arguments), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_failed_job_is_status_one(daemon: DaemonProcess, photo: Path, tmp_path: Path) -> None:
    """What is not the user's mistake ends with 1, as JSON where that was asked for."""
    done = daemon.cli("run", "crash", photo, "-o", tmp_path / "r.png", "--set", "how=exception", "--json")
    assert done.returncode == 1
    failure = json.loads(done.stdout.splitlines()[-1])
    assert (failure["type"], failure["code"]) == ("failure", "internal")
    assert not (tmp_path / "r.png").exists()


def test_the_daemon_is_started_and_stopped_on_demand(photo: Path, tmp_path: Path) -> None:
    """`run` starts it, `status` sees it, `stop` ends it, and then `status` says so with status 1."""
    with running_daemon() as daemon:
        daemon.stop()
        try:
            assert daemon.cli("run", "apply_lut", photo, "-o", tmp_path / "r.png").returncode == 0
            status = daemon.cli("status")
            assert status.returncode == 0
            assert "worker on auto: ready" in status.stdout
        finally:
            stopped = daemon.cli("stop")
        assert "has ended" in stopped.stdout
        assert daemon.cli("status").returncode == 1
        assert "was not running" in daemon.cli("stop").stdout


def test_ops_lists_and_explains(daemon: DaemonProcess) -> None:
    """The list names every visible operation; one of them is explained with its parameters and their ranges."""
    listed = daemon.cli("ops").stdout
    assert all(name in listed for name in ("apply_lut", "remove_shadow", "remove_background", "select_object"))
    assert "identity" not in listed
    assert "--set strength=" in daemon.cli("ops", "apply_lut").stdout
    assert json.loads(daemon.cli("ops", "apply_lut", "--json").stdout)["parameters"]["properties"]["strength"]


def test_logs_are_shown(daemon: DaemonProcess) -> None:
    """`scumble logs` has the last lines of the daemon's and the worker's log."""
    shown = daemon.cli("logs", "-n", "5").stdout
    assert "daemon.log" in shown
    assert "the worker on auto is ready" in daemon.cli("logs", "-n", "500").stdout
