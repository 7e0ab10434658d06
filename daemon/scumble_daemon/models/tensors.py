"""Read the tensors of a checkpoint. Nothing in a file is ever run: tensors are read, and that is all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from scumble_protocol.errors import Invalid, MissingModel, ScumbleError, Unsupported

CHECKPOINTS = (".safetensors", ".pth", ".ckpt", ".pt", ".bin")

Report = Callable[[float], None]


def read_tensors(file: Path, report: Report = lambda fraction: None, is_program_fine: bool = False) -> dict[str, Any]:
    """The state dict of a checkpoint, on the processor; `report` hears how much of the file has been read.

    `is_program_fine`: a TorchScript program will do too, because what it does with its tensors is known.
    Raises: MissingModel, Invalid, Unsupported.
    """
    if file.suffix.lower() not in CHECKPOINTS:
        raise Unsupported(f"{file.name} is no checkpoint.", f"Known are {', '.join(CHECKPOINTS)}.")
    try:
        if file.suffix.lower() == ".safetensors":
            return _read_safetensors(file, report)
        return _read_pickled(file, report, is_program_fine)
    except ScumbleError:
        raise
    except FileNotFoundError:
        raise MissingModel(f"{file.name} is gone.", f"It was in {file.parent}.") from None
    except MemoryError:
        raise
    except Exception as error:  # each reader has many ways to say that a file is damaged
        raise Invalid(f"{file.name} cannot be read: {first_line(error)}", "Fetch or export it again.") from error


def read_facts(file: Path) -> dict[str, str]:
    """What a safetensors file says of itself; nothing for another, whose tensors were read before."""
    if file.suffix.lower() != ".safetensors":
        return {}
    from safetensors import safe_open

    with safe_open(file, framework="pt", device="cpu") as opened:
        return dict(opened.metadata() or {})


def first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__


def _read_safetensors(file: Path, report: Report) -> dict[str, Any]:
    from safetensors import safe_open

    tensors = {}
    with safe_open(file, framework="pt", device="cpu") as opened:
        names = list(opened.keys())
        for index, name in enumerate(names):
            tensors[name] = opened.get_tensor(name)
            report((index + 1) / len(names))
    return tensors


def _read_pickled(file: Path, report: Report, is_program_fine: bool) -> dict[str, Any]:
    import pickle

    import torch

    from . import torchscript

    report(0.1)
    try:
        if torchscript.is_program(file):
            if not is_program_fine:
                raise Unsupported(
                    f"{file.name} is a TorchScript program.",
                    "Programs are not run: export its state dict as safetensors.",
                )
            return torchscript.read_program(file)
        table = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise Invalid(
            f"{file.name} holds more than tensors, and was not opened: {first_line(error)}",
            "Ask its author for a safetensors file.",
        ) from None
    report(1.0)
    if not isinstance(table, dict):
        raise Invalid(f"{file.name} holds no state dict.", "Ask its author for a safetensors file.")
    return table
