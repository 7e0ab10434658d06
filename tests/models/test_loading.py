"""Checkpoints become networks; whatever else a file may be gets an answer in words, and nothing in it is run."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from scumble_daemon.models import loading
from scumble_daemon.models.traits import statistics_of
from scumble_protocol.errors import Invalid, MissingModel, ScumbleError, Unsupported

from .. import checkpoints


def test_a_safetensors_file(tmp_path: Path) -> None:
    """Its architecture, its scale and how it may be tiled are found out from its tensors."""
    loaded = loading.load_file(checkpoints.save(checkpoints.compact(4), tmp_path / "up.safetensors"))
    network = loaded.traits.network
    assert loaded.architecture == "Compact"
    assert (network.scale, network.channels, network.statistics) == (4, 3, "none")
    assert network.overlap_px == 4  # four convolutions of 3×3, one after the other
    assert loaded.bytes > 1000


@pytest.mark.parametrize("form", ["plain", "nested", "old"])
def test_a_pickled_state_dict(tmp_path: Path, form: str) -> None:
    """As torch writes it now and as it used to, and under the names that training programs put around it."""
    file, state = tmp_path / "net.pth", checkpoints.nafnet()
    torch.save({"params_ema": state} if form == "nested" else state, file, _use_new_zipfile_serialization=form != "old")
    assert loading.load_file(file).architecture == "NAFNet"


def test_progress_is_reported(tmp_path: Path) -> None:
    seen: list[float] = []
    loading.load_file(checkpoints.save(checkpoints.nafnet(), tmp_path / "net.safetensors"), seen.append)
    assert seen == sorted(seen)
    assert len(seen) > 5
    assert seen[-1] == 1


class Bomb:
    """What a malicious checkpoint has in it: reading it as a plain pickle makes the file `struck`."""

    def __init__(self, struck: Path) -> None:
        self.struck = struck

    def __reduce__(self):
        return os.system, (f"touch {self.struck}",)


def bad_files(folder: Path) -> dict[str, Path]:
    struck = folder / "struck"
    good = checkpoints.save(checkpoints.nafnet(), folder / "good.safetensors").read_bytes()
    header = json.dumps({"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    contents = {
        "cut.safetensors": good[:-100],
        "altered.safetensors": good[:40] + b"\xff" * 8 + good[48:],
        "lying.safetensors": struct.pack("<Q", len(header)) + header,
        "endless.safetensors": struct.pack("<Q", 1 << 60) + b"{}",
        "empty.safetensors": b"",
        "text.pth": b"<html>not found</html>",
        "bomb.pth": pickle.dumps({"params": Bomb(struck)}),
    }
    files = {name: folder / name for name in contents}
    for name, content in contents.items():
        files[name].write_bytes(content)
    torch.save({"state": Bomb(struck)}, folder / "bomb.ckpt")
    files["bomb.ckpt"] = folder / "bomb.ckpt"
    torch.save([1, 2, 3], folder / "list.pth")
    files["list.pth"] = folder / "list.pth"
    return files


def test_bad_files_are_refused_in_words(tmp_path: Path) -> None:
    """Cut, altered, lying about their size, no checkpoint at all, or with a program inside: and none of it is run."""
    for name, file in bad_files(tmp_path).items():
        with pytest.raises(Invalid) as raised:
            loading.load_file(file)
        assert name in raised.value.message, raised.value
        assert "Traceback" not in str(raised.value)
    assert not (tmp_path / "struck").exists()


def test_the_bomb_would_have_gone_off(tmp_path: Path) -> None:
    """The test before means something: a plain unpickler does run it."""
    file = bad_files(tmp_path)["bomb.pth"]
    subprocess.run([sys.executable, "-c", f"import pickle; pickle.load(open({str(file)!r}, 'rb'))"], check=True)
    assert (tmp_path / "struck").exists()


def test_a_program_is_not_loaded(tmp_path: Path) -> None:
    """TorchScript is code, whatever it is called."""
    file = tmp_path / "net.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("net/constants.pkl", b"")
        archive.writestr("net/data.pkl", b"")
    with pytest.raises(Unsupported, match="TorchScript"):
        loading.load_file(file)


def test_an_unknown_architecture_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="No known network has the tensors of odd"):
        loading.load_file(checkpoints.save({"a": torch.zeros(3)}, tmp_path / "odd.safetensors"))
    with pytest.raises(MissingModel):
        loading.load_file(tmp_path / "nowhere.safetensors")
    with pytest.raises(ScumbleError, match="no checkpoint"):
        loading.load_file(tmp_path / "photo.png")


def test_tensors_that_do_not_fit_their_network(tmp_path: Path) -> None:
    state = checkpoints.nafnet()
    state["ending.bias"] = torch.zeros(7)
    with pytest.raises(Invalid, match="does not fit its network"):
        loading.load_file(checkpoints.save(state, tmp_path / "net.safetensors"))


def test_networks_that_look_at_everything_are_known() -> None:
    """Averages over the whole picture are found in the network, unless they are switched off by weights of zero."""
    from spandrel.architectures.NAFNet import NAFNet

    net = NAFNet(width=8, middle_blk_num=1, enc_blk_nums=[1], dec_blk_nums=[1])
    assert statistics_of("NAFNet", net) == "pooled"
    net.load_state_dict(checkpoints.nafnet())
    assert statistics_of("NAFNet", net) == "none"
    normed = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3), torch.nn.InstanceNorm2d(3))
    assert statistics_of("A new one", normed) == "global"
