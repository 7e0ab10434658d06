"""Where there can be no GPU, that is known without starting PyTorch."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from scumble_daemon.models import devices

ERASE = """
import sys
import numpy as np
from scumble_daemon import config
from scumble_daemon.context import Context
from scumble_daemon.imaging.image import Image
from scumble_daemon.models import devices
from scumble_daemon.models.desk import Desk
from scumble_daemon.operations.erase_object import Params, erase_object

photo = np.random.default_rng(0).integers(0, 255, (160, 160, 3), np.uint8)
hole = np.zeros((160, 160), np.float32)
hole[60:90, 70:100] = 1
models = Desk("cpu", config.read())
made = erase_object(Image.from_array(photo), Params(), Context(selection=hole, models=models))
assert made[0].raster.bounds.width >= 30
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"torch", "torchvision", "spandrel", "transformers"}))
"""


def test_an_object_is_erased_without_pytorch() -> None:
    """On a processor it would only take memory, and the seconds in which it starts."""
    told = subprocess.run([sys.executable, "-c", ERASE], capture_output=True, text=True, timeout=300, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("version", "nodes", "may_have"),
    [
        ("cuda: Optional[str] = '13.0'\nhip: Optional[str] = None\nxpu: Optional[str] = None\n", ["nvidia0"], True),
        ("cuda: Optional[str] = '13.0'\nhip: Optional[str] = None\nxpu: Optional[str] = None\n", ["dri"], False),
        ("cuda = None\nhip = None\n", ["nvidia0", "kfd"], False),
        ("cuda = None\nhip = '6.4'\n", ["kfd"], True),
        ("cuda = '12.6'\nhip = None\n", ["dxg"], True),
        ("nothing that we know", ["nvidia0"], True),
        ("nothing that we know", ["nvme0"], False),
    ],
)
def test_whether_there_may_be_a_gpu(
    version: str, nodes: list[str], may_have: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have to be: a PyTorch that is built for it, and what its driver puts into /dev."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise AssertionError('not to be imported')")
    (tmp_path / "torch" / "version.py").write_text(version)
    for node in nodes:
        (tmp_path / node).touch()
    spec = importlib.machinery.PathFinder.find_spec("torch", [str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setattr(devices, "DEVICE_NODES", tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    assert devices.may_have_gpu() == may_have
