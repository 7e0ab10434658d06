"""The devices a worker can compute on: names as `config.toml` has them, and what each has room for."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from scumble_protocol.errors import Invalid, Unsupported

from . import memory

if TYPE_CHECKING:
    import torch

NAME = re.compile(r"auto|cpu|mps|(cuda|xpu)(:[0-9]{1,2})?")
KNOWN = "auto, cpu, cuda, cuda:1, mps, xpu"
VRAM_SHARE = 0.8  # for models; the rest is the screen's, and the activations'
RAM_SHARE = 0.25
CPU_ACTIVATION_BYTES = 208 << 20  # larger tiles gain a tenth on a processor, and the layer itself takes enough
GPU_ACTIVATION_SHARE = 0.5  # of what is free
ORDER = ("cuda", "xpu", "mps")
DEVICE_NODES = Path("/dev")
NODES = {  # under Linux' /dev, without which a toolkit finds no GPU; the last of NVIDIA's are Tegra's and WSL's
    "cuda": ("nvidia*", "nvhost*", "nvgpu*", "nvmap", "dxg"),
    "hip": ("kfd", "dxg"),
    "xpu": ("dri/renderD*", "dxg"),
}


def check_name(name: str) -> str:
    """Raises: Invalid where no device can be called so; whether there is one shows when it is opened."""
    if not NAME.fullmatch(name):
        raise Invalid(f"There is no device «{name}».", f"Known are {KNOWN}.")
    return name


@dataclass(frozen=True)
class Device:
    """A device that is there. `kind`: "cpu" | "cuda" | "mps" | "xpu"."""

    kind: str
    index: int = 0

    def __str__(self) -> str:
        return self.kind if self.kind in ("cpu", "mps") else f"{self.kind}:{self.index}"

    @property
    def torch(self) -> torch.device:
        import torch

        return torch.device(str(self))

    @property
    def is_gpu(self) -> bool:
        return self.kind != "cpu"

    def model_bytes(self) -> int:
        """How much the warm models may take by default."""
        if self.kind in ("cuda", "xpu"):
            import torch

            module = torch.cuda if self.kind == "cuda" else torch.xpu
            return int(module.get_device_properties(self.index).total_memory * VRAM_SHARE)
        return int(ram_bytes() * RAM_SHARE)

    def activation_bytes(self) -> int:
        """How much one forward pass may take now, beside the models."""
        if self.kind == "cuda":
            import torch

            free, _ = torch.cuda.mem_get_info(self.index)
            cached = torch.cuda.memory_reserved(self.index) - torch.cuda.memory_allocated(self.index)
            return int((free + cached) * GPU_ACTIVATION_SHARE)
        return 1 << 30 if self.is_gpu else CPU_ACTIVATION_BYTES

    def give_back(self) -> None:
        """Have the system get the memory that is not in use any more."""
        import gc

        gc.collect()
        if self.is_gpu:
            import torch

            getattr(torch, self.kind).empty_cache()
        memory.give_back_freed()
        memory.let_go_of_code()


CPU = Device("cpu")


@cache
def find(name: str) -> Device:
    """Imports torch where there may be a GPU. "auto" is the first one, or the processor.

    Raises: Invalid, Unsupported."""
    kind, _, index = check_name(name).partition(":")
    if kind == "auto" and not may_have_gpu():
        return CPU
    counts = {found: _count(found) for found in ORDER} if kind == "auto" or kind in ORDER else {}
    memory.let_go_of_code()  # that PyTorch has started with
    if kind == "auto":
        return next((Device(found) for found in ORDER if counts[found]), CPU)
    if kind == "cpu":
        return CPU
    if int(index or 0) >= counts[kind]:
        there = [str(Device(found, each)) for found, count in counts.items() for each in range(count)]
        raise Unsupported(
            f"The device {name} is not there, or this PyTorch cannot use it.",
            f"In config.toml, devices = {[*there, 'cpu']!r} are possible here.",
        )
    return Device(kind, int(index or 0))


def may_have_gpu() -> bool:
    """Whether it is worth while to start PyTorch for that question: it takes seconds and hundreds of megabytes.

    Where neither this PyTorch nor the system has what a GPU needs, there is none; what is not known of may be there.
    """
    if not sys.platform.startswith("linux"):
        return True
    built = _built_for()
    return any(built.get(toolkit, True) and _has_node(nodes) for toolkit, nodes in NODES.items())


def _built_for() -> dict[str, bool]:
    """Of the toolkits that PyTorch's version file names whether it was built for them; read, not imported."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return {}
    try:
        text = Path(found.origin).with_name("version.py").read_text("utf-8")
    except OSError:
        return {}
    named = re.findall(r"^(cuda|hip|xpu)\b[^=\n]*=\s*(\S+)", text, re.MULTILINE)
    return {toolkit: value != "None" for toolkit, value in named}


def _has_node(patterns: tuple[str, ...]) -> bool:
    return any(next(DEVICE_NODES.glob(pattern), None) is not None for pattern in patterns)


def _count(kind: str) -> int:
    import torch

    if kind == "mps":
        return int(torch.backends.mps.is_available())
    module = getattr(torch, kind, None)
    return module.device_count() if module is not None and module.is_available() else 0


@cache
def computes_bf16(device: Device) -> bool:
    """Whether the device has bf16 in its own instructions: where it is emulated it is slower than fp32."""
    import torch

    if device.kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.kind == "cpu":
        checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, check, lambda: False)() for check in checks)
    return device.kind == "xpu"


def ram_bytes() -> int:
    """The computer's memory, or less where a container has been given less."""
    try:
        installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return _windows_ram_bytes()
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as limit:
            return min(installed, int(limit.read()))
    except (OSError, ValueError):  # no such limit
        return installed


def _windows_ram_bytes() -> int:
    import ctypes

    class MemoryStatus(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong), ("total", ctypes.c_ulonglong)] + [
            (f"unused_{index}", ctypes.c_ulonglong) for index in range(6)
        ]

    status = MemoryStatus(length=ctypes.sizeof(MemoryStatus))
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # pyright: ignore[reportAttributeAccessIssue]
    return status.total
