"""Scumble for Krita: a docker and actions for the operations of the local Scumble daemon."""

import importlib.util
import sys
from pathlib import Path


def _load_protocol() -> None:
    """Import the copy of `scumble_protocol` that `scumble setup` put into this folder.

    By its place rather than through sys.path, where this folder's other modules would be in every plug-in's way.
    """
    start = Path(__file__).resolve().parent / "scumble_protocol" / "__init__.py"
    if "scumble_protocol" in sys.modules or not start.exists():
        return
    spec = importlib.util.spec_from_file_location("scumble_protocol", str(start))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["scumble_protocol"] = module
    spec.loader.exec_module(module)


_load_protocol()

from krita import Krita  # noqa: E402

from .extension import install  # noqa: E402

install(Krita.instance())
