"""Segment Anything and Segment Anything 2: the library's own networks, from its files or from the authors'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import pretrained
from ..networks import Loaded
from ..tensors import Report, read_tensors
from . import sam_names

if TYPE_CHECKING:
    from ..sources import Installed


def load(model: Installed, report: Report) -> Loaded:
    """Raises: MissingModel, Invalid, Unsupported."""
    if model.loader == "transformers":
        return Loaded(pretrained.load(model.folder, report)[1], model.architecture)
    tensors: dict[str, Any] = read_tensors(model.file, report)
    kind, config, renamed = sam_names.translate(tensors.get("model", tensors))
    return Loaded(pretrained.build(pretrained.KINDS[kind], config, renamed), model.architecture)
