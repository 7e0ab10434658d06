"""Networks that spandrel knows: it finds out from the names and shapes of the tensors which one they are for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_protocol.errors import Invalid, Unsupported

from . import imports
from .networks import ImageNetwork, Loaded
from .tensors import Report, read_tensors
from .traits import of_spandrel

if TYPE_CHECKING:
    import torch

    from .sources import Installed

# Architectures that spandrel keeps in a package of its own, for their licences; Scumble does not depend on that.
NOT_IN_SPANDREL = (
    "Restormer",
    "SRFormer",
    "FeMaSR",
    "AdaCode",
    "CodeFormer",
    "MAT",
    "M3SNet",
    "MPRNet",
    "MIRNet2",
    "DDColor",
)
NOT_FOR_PICTURES = ("LaMa", "GFPGAN", "RestoreFormer")  # but for a hole in one, or a face cut out of one


def load(model: Installed, report: Report) -> Loaded:
    """Whatever network the file has, if it is the one that the model is said to have. Raises: Invalid, Unsupported."""
    tensors = _read_mixed(model, report) if model.is_mixed else read_tensors(model.file, report, is_program_fine=True)
    descriptor = _describe(model.file, tensors)
    found = str(descriptor.architecture.id)
    if found != model.architecture:
        raise Invalid(
            f"{model.file.name} has a network {found}, not {model.architecture}.",
            "Fetch it again, or correct its entry.",
        )
    problem = _unfit(model.file, descriptor)
    return Loaded(descriptor.model, found) if problem else _as_image_network(descriptor)


def load_file(file: Path, report: Report) -> ImageNetwork:
    """A file that somebody has put there; only a picture for a picture will do. Raises: Invalid, Unsupported."""
    descriptor = _describe(file, read_tensors(file, report))
    problem = _unfit(file, descriptor)
    if problem:
        raise Unsupported(problem)
    return _as_image_network(descriptor)


def _read_mixed(model: Installed, report: Report) -> dict[str, Any]:
    """The tensors of the same network trained twice, in between: as Real-ESRGAN sets how much is cleaned up."""
    read = []
    for index, file in enumerate(model.files):
        tensors = read_tensors(file, lambda done, index=index: report((index + done) / 2))
        read.append(imports.spandrel().canonicalize_state_dict(tensors))
    first, second = read
    if first.keys() != second.keys():
        raise Invalid(f"The files of {model.id} are not of one network.", "Fetch it again.")
    return {name: value.lerp(second[name], 1 - model.mix) for name, value in first.items()}


def _describe(file: Path, tensors: dict[str, Any]) -> Any:
    spandrel = imports.spandrel()
    try:
        descriptor = spandrel.MAIN_REGISTRY.load(spandrel.canonicalize_state_dict(tensors))
    except spandrel.UnsupportedModelError:
        raise Unsupported(
            f"No known network has the tensors of {file.name}.", "It may be for a newer version of Scumble."
        ) from None
    descriptor.float().eval()
    return descriptor


def _unfit(file: Path, descriptor: Any) -> str:
    """Why the network cannot be put over any picture, "" where it can."""
    if not isinstance(descriptor, imports.spandrel().ImageModelDescriptor):
        return f"{file.name} fills holes: it is no image → image network."
    if descriptor.purpose == "FaceSR":
        return f"{file.name} is for cut-out faces only."
    if descriptor.size_requirements.square:
        return f"{file.name} takes square pictures only."
    if descriptor.input_channels not in (1, 3) or descriptor.input_channels != descriptor.output_channels:
        return f"{file.name} takes {descriptor.input_channels} channels, not a picture's 3."
    return ""


def _as_image_network(descriptor: Any) -> ImageNetwork:
    from .lean import make_lean

    architecture = str(descriptor.architecture.id)
    at_noise = (lambda sigma: partial(_drunet, descriptor.model, sigma)) if architecture == "DRUNet" else None
    traits = of_spandrel(descriptor)
    make_lean(descriptor.model)
    return ImageNetwork(descriptor.model, architecture, descriptor, traits, at_noise)


def _drunet(module: torch.nn.Module, sigma: float, picture: torch.Tensor) -> torch.Tensor:
    """Its last input channel is the noise's standard deviation at each pixel. spandrel always says 15/255."""
    import torch

    count, _, height, width = picture.shape
    level = picture.new_full((count, 1, height, width), sigma)
    return module(torch.cat([picture, level], dim=1)).clamp(0, 1)
