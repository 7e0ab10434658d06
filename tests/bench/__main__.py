"""`python -m tests.bench [bridge] [daemon] [editors]`: print every table of docs/BENCHMARKS.md, measured now."""

from __future__ import annotations

import importlib
import sys

PARTS = ("bridge", "daemon", "editors")

for part in sys.argv[1:] or PARTS:
    print(importlib.import_module(f".{part}", __package__).main(), flush=True)
