"""Networks that spandrel knows: it finds out from the names and shapes of the tensors which one they are for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_protocol.errors import Invalid, Unsupported

from . import imports
from .networks import ImageNetwork, Loaded
from .tensors import Report, read_tensors
from .traits import of_spandrel

if TYPE_CHECKING:
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
    descriptor = _describe(model.file, read_tensors(model.file, report))
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

    traits = of_spandrel(descriptor)
    make_lean(descriptor.model)
    return ImageNetwork(descriptor.model, str(descriptor.architecture.id), descriptor, traits)
