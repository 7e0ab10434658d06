"""`python -m tests.bench [PART]…`, all PARTS without one: measure and print the tables of docs/BENCHMARKS.md."""

from __future__ import annotations

import importlib
import sys

PARTS = (
    "bridge",
    "daemon",
    "models",
    "erase",
    "editors",
    "sky",
    "cutout",
    "shadow",
    "style",
    "stylize",
    "domain",
    "noc",
)

for part in sys.argv[1:] or PARTS:
    print(importlib.import_module(f".{part}", __package__).main(), flush=True)
