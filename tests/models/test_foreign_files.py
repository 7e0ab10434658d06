"""Weights that are published as programs, TorchScript and ONNX: their tensors are read, and nothing of them is run."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from scumble_daemon.models import loading, onnx_graph, tensors
from scumble_daemon.models.architectures import johnson
from scumble_daemon.models.sources import Installed
from scumble_protocol.errors import Invalid, MissingModel
from torch import nn

from ..checkpoints import own

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")  # it goes; files made by it stay


class Network(nn.Module):
    """Of every kind of part: nested ones, a shared one, buffers, numbers that are not weights."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Conv2d(4, 4, 1)))
        self.again = self.body[0]
        self.sizes = [1, 2]
        self.register_buffer("steps", torch.arange(5))
        self.weight = nn.Parameter(torch.rand(3, 4).t())  # not as it lies in memory

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.body(picture) * self.weight.sum() + len(self.sizes)


def program(network: nn.Module, file: Path) -> Path:
    torch.jit.save(torch.jit.script(network), str(file))
    return file


Change = Callable[[str, bytes], "bytes | None"]


def rewritten(file: Path, change: Change, packed: bool = False) -> Path:
    """The archive with other contents; None leaves a file out."""
    held = io.BytesIO(file.read_bytes())
    with zipfile.ZipFile(held) as old, zipfile.ZipFile(file, "w", 8 if packed else 0) as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return file


def read(file: Path) -> dict[str, torch.Tensor]:
    return tensors.read_tensors(file, is_program_fine=True)


def test_a_programs_tensors_are_its_state_dict(tmp_path: Path) -> None:
    """All of them, by the same names, with the same values, however they lie in memory."""
    network = Network()
    got = read(program(network, tmp_path / "net.pt"))
    expected = network.state_dict()
    assert set(got) == set(expected)
    for name, value in expected.items():
        assert torch.equal(got[name], value), name


class Bomb:
    def __init__(self, struck: Path) -> None:
        self.struck = struck

    def __reduce__(self):
        return os.system, (f"touch {self.struck}",)


def test_a_hostile_program_is_refused(tmp_path: Path) -> None:
    """Whatever else than tensors its pickle names, what is missing, sizes that are not there: said, not run."""
    struck = tmp_path / "struck"
    bomb = pickle.dumps(Bomb(struck), protocol=2)
    huge = torch.zeros(1).expand(1 << 40)

    def instead(content: bytes) -> Change:
        return lambda name, old: content if name.endswith("data.pkl") else old

    hostile: dict[str, tuple[Change, str]] = {
        "bomb": (instead(bomb), "bomb.pt holds more than tensors"),
        "getattr": (instead(b"\x80\x02cbuiltins\ngetattr\n."), "getattr.pt holds more than tensors"),
        "load": (instead(b"\x80\x02ctorch.jit\nload\n(tR."), "load.pt holds more than tensors"),
        "cut": (lambda name, old: old[:-3] if name.endswith("data/0") else old, "cut.pt cannot be read"),
        "without": (lambda name, old: None if name.endswith("data/0") else old, "without.pt cannot be read"),
        "short": (lambda name, old: old[:100] if name.endswith("data.pkl") else old, r"short.pt"),
    }
    for kind, (change, words) in hostile.items():
        file = rewritten(program(Network(), tmp_path / f"{kind}.pt"), change)
        with pytest.raises(Invalid, match=words):
            read(file)
    packed = rewritten(program(Network(), tmp_path / "packed.pt"), lambda _, old: old, packed=True)
    with pytest.raises(Invalid, match="packed"):
        read(packed)
    network = Network()
    network.register_buffer("huge", huge)
    with pytest.raises(Invalid, match="larger than what it holds"):
        read(program(network, tmp_path / "huge.pt"))
    assert not struck.exists()
    subprocess.run([sys.executable, "-c", f"import pickle; pickle.loads({bomb!r})"], check=True)
    assert struck.exists(), "the bomb is one"


def style(file: Path) -> Installed:
    return Installed("style", "Style", ("stylize",), "extra", (file,), "own", "TransformerNet")


def test_a_style_network_computes_what_its_authors_does(tmp_path: Path) -> None:
    """Against PyTorch's example, step by step, with weights that went through the file."""
    torch.manual_seed(4)
    network = own.StyleNet()
    for name, value in network.named_parameters():
        if ".in" in f".{name}":
            nn.init.normal_(value, 1, 0.3)
    file = tmp_path / "style.onnx"
    own.as_onnx(network.state_dict(), file)
    loaded = loading.load(style(file))
    assert isinstance(loaded.module, johnson.TransformerNet)
    picture = torch.rand(1, 3, 32, 48) * 255
    with torch.inference_mode():
        assert torch.allclose(loaded.module(picture), network(picture), atol=1e-4)


def test_onnx_files_that_are_none(tmp_path: Path) -> None:
    """Cut anywhere, altered, of another network, no ONNX at all: a sentence each, and quickly."""
    whole = own.onnx(own.StyleNet().state_dict())
    assert len(onnx_graph.read(written(tmp_path, whole)).tensors) == 62
    for length in (0, 1, 20, 1000, len(whole) // 2, len(whole) - 40):
        with pytest.raises(Invalid, match=r"style\.onnx"):
            loading.load(style(written(tmp_path, whole[:length])))
    swapped = own.StyleNet().state_dict()
    swapped["in1.weight"] = torch.rand(31)
    short = {name: value for name, value in own.StyleNet().state_dict().items() if not name.startswith("res3")}
    for content in (
        b"<html>not found</html>",
        b"\xff" * 64,
        b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        own.onnx(swapped),
        own.onnx(short),
    ):
        with pytest.raises(Invalid, match=r"style\.onnx"):
            loading.load(style(written(tmp_path, content)))
    with pytest.raises(MissingModel):
        onnx_graph.read(tmp_path / "nowhere.onnx")


def written(folder: Path, content: bytes) -> Path:
    file = folder / "style.onnx"
    file.write_bytes(content)
    return file
