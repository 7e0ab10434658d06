"""Import libraries around torch without torch's compiler, which they mention and Scumble never uses."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"


def spandrel() -> Any:
    with without_compiler():
        return importlib.import_module("spandrel")


@contextlib.contextmanager
def without_compiler() -> Iterator[None]:
    """In the block, what asks whether the compiler can be used is told that it cannot.

    torchvision asks while it is imported, and so loads 95 modules of the compiler, sympy and triton: most of the time
    that the first job would wait, and 150 MB. Afterwards the compiler can be imported as ever.
    """
    if COMPILER in sys.modules:
        yield
        return
    absent, utils = ModuleType(COMPILER), ModuleType(f"{COMPILER}.utils")
    absent.__path__ = []
    utils.is_compile_supported = lambda device_type: False  # pyright: ignore[reportAttributeAccessIssue]
    absent.utils = utils  # pyright: ignore[reportAttributeAccessIssue]
    stands_in = {COMPILER: absent, f"{COMPILER}.utils": utils}
    sys.modules.update(stands_in)
    try:
        yield
    finally:
        for name, module in stands_in.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
