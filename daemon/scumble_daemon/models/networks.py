"""What a checkpoint has become: a network, and for those that turn a picture into a picture how to put it over one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .traits import Traits

if TYPE_CHECKING:
    import torch


@dataclass
class Loaded:
    """Any network, in fp32 on the processor, in eval mode. `architecture`: as the index calls it."""

    module: torch.nn.Module
    architecture: str

    @property
    def bytes(self) -> int:
        tensors = [*self.module.parameters(), *self.module.buffers()]
        return sum(tensor.nbytes for tensor in tensors)


Call = Callable[["torch.Tensor"], "torch.Tensor"]
Holding = Callable[["torch.Tensor"], AbstractContextManager[None]]


@dataclass
class ImageNetwork(Loaded):
    """Image → image. `call`: N×C×H×W tensor in [0, 1] → the same, scaled.

    `at_noise`: for one that is told how much noise there is: the call for its standard deviation, in [0, 1] ·
    `holding`: for one that normalises by what it is given: while the block is in, by what it was given before it.
    """

    call: Call
    traits: Traits
    at_noise: Callable[[float], Call] | None = None
    holding: Holding | None = None


@dataclass
class Domain(Loaded):
    """Translates into one style or several. `names`: of the styles, in the order of its weights."""

    names: tuple[str, ...]


@dataclass
class FixedSize(Loaded):
    """Wants every picture at one `size` (height, width): what it was trained at."""

    size: tuple[int, int]


@dataclass
class Tasked(Loaded):
    """Is told beside the picture what to look for: `task`, the numbers of a sentence."""

    task: tuple[int, ...]
