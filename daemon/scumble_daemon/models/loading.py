"""Turn a checkpoint into a network. Nothing in a file is ever run: tensors are read, and that is all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_protocol.errors import Invalid, MissingModel, ScumbleError, Unsupported

from .traits import Traits, of_spandrel

if TYPE_CHECKING:
    import torch

CHECKPOINTS = (".safetensors", ".pth", ".ckpt", ".pt", ".bin")

Report = Callable[[float], None]


@dataclass
class Loaded:
    """A network in fp32 on the processor. `call`: N×C×H×W tensor in [0, 1] → the same, scaled."""

    module: torch.nn.Module
    call: Callable[[torch.Tensor], torch.Tensor]
    traits: Traits
    architecture: str

    @property
    def bytes(self) -> int:
        tensors = [*self.module.parameters(), *self.module.buffers()]
        return sum(tensor.nbytes for tensor in tensors)


def load(file: Path, report: Report = lambda fraction: None) -> Loaded:
    """`report` hears how much of the file has been read. Raises: MissingModel, Invalid, Unsupported."""
    tensors = read_tensors(file, report)
    try:
        return _with_spandrel(file, tensors)
    except ScumbleError:
        raise
    except Exception as error:  # whatever the network's code makes of tensors it did not expect
        raise Invalid(
            f"{file.name} does not fit its network: {_first_line(error)}", "Fetch or export it again."
        ) from error


def read_tensors(file: Path, report: Report = lambda fraction: None) -> dict[str, Any]:
    """The state dict of a checkpoint, on the processor. Raises: MissingModel, Invalid, Unsupported."""
    if file.suffix.lower() not in CHECKPOINTS:
        raise Unsupported(f"{file.name} is no checkpoint.", f"Known are {', '.join(CHECKPOINTS)}.")
    read = _read_safetensors if file.suffix.lower() == ".safetensors" else _read_pickled
    try:
        return read(file, report)
    except ScumbleError:
        raise
    except FileNotFoundError:
        raise MissingModel(f"{file.name} is gone.", f"It was in {file.parent}.") from None
    except MemoryError:
        raise
    except Exception as error:  # each reader has many ways to say that a file is damaged
        raise Invalid(f"{file.name} cannot be read: {_first_line(error)}", "Fetch or export it again.") from error


def _read_safetensors(file: Path, report: Report) -> dict[str, Any]:
    from safetensors import safe_open

    tensors = {}
    with safe_open(file, framework="pt", device="cpu") as opened:
        names = list(opened.keys())
        for index, name in enumerate(names):
            tensors[name] = opened.get_tensor(name)
            report((index + 1) / len(names))
    return tensors


def _read_pickled(file: Path, report: Report) -> dict[str, Any]:
    import pickle
    import zipfile

    import torch

    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            if any(name.endswith("/constants.pkl") for name in archive.namelist()):
                raise Unsupported(
                    f"{file.name} is a TorchScript program.",
                    "Programs are not run: export its state dict as safetensors.",
                )
    report(0.1)
    try:
        table = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise Invalid(
            f"{file.name} holds more than tensors, and was not opened: {_first_line(error)}",
            "Ask its author for a safetensors file.",
        ) from None
    report(1.0)
    if not isinstance(table, dict):
        raise Invalid(f"{file.name} holds no state dict.", "Ask its author for a safetensors file.")
    return table


def _with_spandrel(file: Path, tensors: dict[str, Any]) -> Loaded:
    from . import imports
    from .lean import make_lean

    spandrel = imports.spandrel()
    try:
        descriptor = spandrel.MAIN_REGISTRY.load(spandrel.canonicalize_state_dict(tensors))
    except spandrel.UnsupportedModelError:
        raise Unsupported(
            f"No known network has the tensors of {file.name}.", "It may be for a newer version of Scumble."
        ) from None
    if not isinstance(descriptor, spandrel.ImageModelDescriptor):
        raise Unsupported(f"{file.name} fills holes: it is no image → image network.")
    if descriptor.purpose == "FaceSR":
        raise Unsupported(f"{file.name} is for cut-out faces only.")
    if descriptor.size_requirements.square:
        raise Unsupported(f"{file.name} takes square pictures only.")
    if descriptor.input_channels not in (1, 3) or descriptor.input_channels != descriptor.output_channels:
        raise Unsupported(f"{file.name} takes {descriptor.input_channels} channels, not a picture's 3.")
    descriptor.float().eval()
    traits = of_spandrel(descriptor)
    make_lean(descriptor.model)
    return Loaded(descriptor.model, descriptor, traits, str(descriptor.architecture.id))


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
