"""What a worker imports for its first job, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from scumble_daemon.models import imports
spandrel = imports.spandrel()
heavy = [name for name in ("torch._dynamo", "sympy", "triton") if name in sys.modules]
from torchvision.ops import roi_align
import torch
boxes = torch.tensor([[0.0, 0.0, 0.0, 4.0, 4.0]])
given = roi_align(torch.ones(1, 1, 8, 8), boxes, 2)
import torch._dynamo
print(spandrel.__name__, heavy, bool((given == 1).all()), torch._dynamo.utils.is_compile_supported("cpu"))
"""


def test_spandrel_comes_without_torchs_compiler_which_can_be_imported_later() -> None:
    """The compiler costs the first job a second and a half; torchvision works without it."""
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[0] == "spandrel [] True True"
