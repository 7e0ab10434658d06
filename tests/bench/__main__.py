"""`python -m tests.bench [bridge] [cutout] …`: measure and print the tables of docs/BENCHMARKS.md, all or these."""

from __future__ import annotations

import importlib
import sys

PARTS = ("bridge", "daemon", "models", "editors", "cutout", "shadow")

for part in sys.argv[1:] or PARTS:
    print(importlib.import_module(f".{part}", __package__).main(), flush=True)
