"""What a process gives back of its memory, seen from a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json
from pathlib import Path
import torch
from scumble_daemon.models import memory

def held():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile:"))

torch.manual_seed(0)
network = torch.nn.Conv2d(3, 8, 3)
picture = torch.rand(1, 3, 64, 64)
before, at_first = held(), network(picture).sum().item()
memory.let_go_of_code()
after, later = held(), network(picture).sum().item()
print(json.dumps({"before": before, "after": after, "at_first": at_first, "later": later}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process what it holds")
def test_code_that_only_starting_has_run_is_let_go_and_comes_back() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["after"] < found["before"] * 0.75
    assert found["later"] == found["at_first"]
