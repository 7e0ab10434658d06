"""Turn what is installed into a network: by spandrel where that knows it, else by a file of `architectures`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from scumble_protocol.errors import Invalid, ScumbleError, Unsupported

from . import with_spandrel
from .networks import ImageNetwork, Loaded
from .tensors import Report, first_line

if TYPE_CHECKING:
    from .sources import Installed

# (loader, architecture) → the module of `architectures` whose `load(model, report)` makes the network.
BUILDERS: dict[tuple[str, str], str] = {
    ("own", "AdaIN"): "adain",
    ("own", "AnimeGANv2"): "animegan2",
    ("own", "MIGAN"): "migan",
    ("own", "DynamicUNet"): "dynamic_unet",
    ("own", "ClickNet"): "click_net",
    ("own", "Painter"): "painter",
    ("own", "Pix2PixResNet"): "pix2pix",
    ("own", "Pix2PixUNet"): "pix2pix",
    ("own", "ShadowFormer"): "shadowformer",
    ("own", "TransformerNet"): "johnson",
    ("own", "VGG19"): "vgg19",
    ("transformers", "Sam2"): "sam",
    ("own", "Sam2"): "sam",
    ("transformers", "Sam"): "sam",
    ("own", "Sam"): "sam",
    ("own", "BiRefNet"): "birefnet",
    ("transformers", "VitMatte"): "vitmatte",
    ("transformers", "DepthAnything"): "depth_anything",
    ("transformers", "OneFormer"): "oneformer",
    ("transformers", "Swin2SR"): "swin2sr",
}
# Those among them that are put over a picture, as nearly all of spandrel's are: `load` gives an ImageNetwork.
FOR_PICTURES = (
    ("own", "AnimeGANv2"),
    ("own", "Pix2PixResNet"),
    ("own", "Pix2PixUNet"),
    ("own", "TransformerNet"),
    ("transformers", "Swin2SR"),
)

T = TypeVar("T")


def knows(loader: str, architecture: str) -> bool:
    """Whether `load` could; nothing is imported for the answer."""
    if loader == "spandrel":
        return architecture not in with_spandrel.NOT_IN_SPANDREL
    return (loader, architecture) in BUILDERS


def is_for_pictures(loader: str, architecture: str) -> bool:
    """Whether the network is image → image, so that it can be put over any layer."""
    if loader == "spandrel":
        return architecture not in with_spandrel.NOT_FOR_PICTURES
    return (loader, architecture) in FOR_PICTURES


def load(model: Installed, report: Report = lambda fraction: None) -> Loaded:
    """`report` hears how much of the files has been read. Raises: MissingModel, Invalid, Unsupported."""
    if not knows(model.loader, model.architecture):
        raise Unsupported(
            f"Nothing here loads the network {model.architecture} of {model.id}.", "A newer version of Scumble may."
        )
    if model.loader == "spandrel":
        return _told(model.id, lambda: with_spandrel.load(model, report))
    builder = importlib.import_module(f".architectures.{BUILDERS[model.loader, model.architecture]}", __package__)
    return _told(model.id, lambda: builder.load(model, report))


def load_file(file: Path, report: Report = lambda fraction: None) -> ImageNetwork:
    """Any image → image network that spandrel recognises. Raises: MissingModel, Invalid, Unsupported."""
    return _told(file.name, lambda: with_spandrel.load_file(file, report))


def _told(name: str, build: Callable[[], T]) -> T:
    try:
        return build()
    except ScumbleError:
        raise
    except Exception as error:  # whatever the network's code makes of tensors it did not expect
        raise Invalid(f"{name} does not fit its network: {first_line(error)}", "Fetch or export it again.") from error
