"""How far away everything in a picture is: the library's own network, from its files.

Yang, Kang, Huang, Zhao, Xu, Feng, Zhao: Depth Anything V2 (NeurIPS 2024).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import pretrained
from ..networks import Loaded
from ..tensors import Report

if TYPE_CHECKING:
    from ..sources import Installed


def load(model: Installed, report: Report) -> Loaded:
    """Raises: MissingModel, Invalid, Unsupported."""
    return Loaded(pretrained.load(model.folder, report)[1], model.architecture)
