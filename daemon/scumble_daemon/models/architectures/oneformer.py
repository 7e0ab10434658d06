"""What each pixel of a picture shows, the sky among it: the library's own network, from files of an older version.

Jain, Li, Chiu, Hassani, Orlov, Shi: OneFormer: One Transformer to Rule Universal Image Segmentation (CVPR 2023).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scumble_protocol.errors import MissingModel

from .. import pretrained
from ..networks import Loaded
from ..tensors import Report, read_tensors

if TYPE_CHECKING:
    from ..sources import Installed

WEIGHTS = "pytorch_model.bin"


def load(model: Installed, report: Report) -> Loaded:
    """Raises: MissingModel, Invalid, Unsupported."""
    config = pretrained.read_config(model.folder)
    kind = pretrained.kind_of(model.folder)
    file = next((file for file in model.files if file.name == WEIGHTS), None)
    if file is None:
        raise MissingModel(f"{model.id} has no file {WEIGHTS}.", "Correct its entry.")
    return Loaded(pretrained.build(kind, config, read_tensors(file, report)), model.architecture)
