"""A painter on its device: over a picture of any size strip by strip, in its style and in mixtures with another.

Only the middle of the network normalises, at a quarter of the size, and that sees the whole picture: so strips have no
seams, and the same colours as if all had gone through at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..imaging.style.grain import grain
from .computing import checked, computing
from .devices import Device, computes_bf16
from .networks import Loaded
from .running import Notes

if TYPE_CHECKING:
    import torch

STRIP_PIXELS = 1 << 18
PLAIN, PAINTED = 0, 1  # the styles of a file: the picture as it is, and the one that it is named after
MULTIPLE = 4  # sides that the network gives back as they are
SEEN_PX = 16  # what it looks at around a pixel before and after its middle, at most
CURVE = 0.35  # half of a style's scales and shifts shows hardly anything: measured, this makes the slider about even
ENCODED, MIXED = 0.3, 0.5  # the shares of the work that are done after each part


@dataclass
class Brush:
    """`paint` is all that an operation needs; `mixed` gives the brush between two."""

    loaded: Loaded
    device: Device
    title: str

    def __post_init__(self) -> None:
        import torch

        module: Any = self.loaded.module.to(self.device.torch)
        self._net = module.to(memory_format=torch.channels_last)

    @property
    def bytes(self) -> int:
        return self.loaded.bytes

    def mixed(self, other: object, share: float) -> Brush | None:
        """What paints `share` of the way towards the other: its weights lie between theirs. None where `other` is
        another kind of network."""
        if not isinstance(other, Brush):
            return None
        import copy

        import torch

        net = copy.deepcopy(self.loaded.module)
        theirs = other.loaded.module.state_dict()
        with torch.no_grad():
            for name, value in net.state_dict().items():
                value.lerp_(theirs[name], share)
        title = f"{self.title} with {other.title}"
        return Brush(Loaded(net, self.loaded.architecture), self.device, title)

    def paint(self, picture: np.ndarray, strength: float, seed: int, notes: Notes) -> np.ndarray:
        """`picture`: H×W×3 float32 in [0, 1] → the same, painted.

        `strength`: 0 leaves it as it is, 1 is the whole style, and between the network itself is in between ·
        `seed`: which grain, and so which strokes. Raises: OutOfMemory, Invalid, and what `notes.report` raises.
        """
        import torch

        height, width = picture.shape[:2]
        missing = -height % MULTIPLE, -width % MULTIPLE
        padded = np.pad(picture, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        strips = list(_strips(*padded.shape[:2]))
        mix = torch.zeros(1, 2, device=self.device.torch)
        share = strength**CURVE
        mix[0, PLAIN], mix[0, PAINTED] = 1 - share, share
        painted = np.empty_like(padded)
        with computing(self.title), notes.computing(), self._in_half():
            encoded = []
            for index, strip in enumerate(strips):
                notes.report(ENCODED * index / len(strips))
                features = self._net.encode(*self._seen(padded, strip, seed))
                encoded.append(features[:, :, strip.skipped // MULTIPLE :][:, :, : strip.rows // MULTIPLE])
            notes.report(ENCODED)
            values = self._net.middle(torch.cat(encoded, 2), mix)
            for index, strip in enumerate(strips):
                notes.report(MIXED + (1 - MIXED) * index / len(strips))
                part = values[:, :, strip.top // MULTIPLE : strip.bottom // MULTIPLE]
                found = self._net.decode(*self._seen(padded, strip, seed), part, mix)[0].permute(1, 2, 0)
                wanted = slice(strip.first, strip.first + strip.rows)
                painted[wanted] = found[strip.skipped :][: strip.rows].float().clamp(0, 1).cpu().numpy()
        notes.report(1.0)
        return checked(painted[:height, :width], self.title, "colours")

    def _seen(self, picture: np.ndarray, strip: _Strip, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        rows = picture[strip.top : strip.bottom]
        ground = grain(strip.top, 0, len(rows), picture.shape[1], seed)
        device = self.device.torch
        one, other = (torch.from_numpy(np.ascontiguousarray(each)).to(device) for each in (rows, ground))
        return one.permute(2, 0, 1)[None], other.permute(2, 0, 1)[None]

    @contextmanager
    def _in_half(self) -> Iterator[None]:
        """Nothing that is painted is exact to more than bf16 holds: weights and sums stay in fp32."""
        import torch

        kind = self.device.torch.type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=computes_bf16(self.device)):
            yield


@dataclass(frozen=True)
class _Strip:
    """Rows that are painted at a time: `rows` of them from `first` on; those from `top` to `bottom` are looked at."""

    first: int
    rows: int
    top: int
    bottom: int

    @property
    def skipped(self) -> int:
        return self.first - self.top


def _strips(height: int, width: int) -> Iterator[_Strip]:
    step = max(2 * SEEN_PX, STRIP_PIXELS // width // MULTIPLE * MULTIPLE)
    for first in range(0, height, step):
        rows = min(step, height - first)
        yield _Strip(first, rows, max(0, first - SEEN_PX), min(height, first + rows + SEEN_PX))
