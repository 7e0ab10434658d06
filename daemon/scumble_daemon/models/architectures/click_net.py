"""The object that clicks mean: SqueezeNet's fire modules see the picture and the clicks, SharpMask's refine the mask.

Iandola et al.: SqueezeNet: AlexNet-level accuracy with 50x fewer parameters (2016). Pinheiro et al.: Learning to Refine
Object Segments (ECCV 2016). Clicks as maps: Xu et al.: Deep Interactive Object Selection (CVPR 2016). The mask so far
is shown again, as by Sofiiuk et al.: Reviving Iterative Training with Mask Guidance (2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from ...imaging.click_maps import CHANNELS
from ..networks import Loaded
from ..tensors import read_tensors

if TYPE_CHECKING:
    from ..sources import Installed
    from ..tensors import Report

ARCHITECTURE = "ClickNet"
STEM = 32
# Fire modules at a quarter, an eighth, a sixteenth and a thirty-second of the size: channels squeezed to, and given.
STAGES = (((16, 64), (16, 64)), ((24, 128), (24, 128)), ((48, 256), (48, 256), (48, 256)), ((64, 352), (64, 352)))
SKIP, REFINED = (16, 24, 32, 48), (24, 32, 48, 80)  # of the refinements at a half, a quarter, … of the size
LAST = 16
MULTIPLE = 32  # of sides; others are padded


class Fire(nn.Module):
    """Squeeze by 1×1, expand by 1×1 and 3×3; added to what came in where that has as many channels."""

    def __init__(self, into: int, squeezed: int, out: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(into, squeezed, 1)
        self.narrow = nn.Conv2d(squeezed, out // 2, 1, bias=False)
        self.wide = nn.Conv2d(squeezed, out // 2, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out)
        self.is_residual = into == out

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        squeezed = functional.relu(self.squeeze(values))
        found = self.norm(torch.cat([self.narrow(squeezed), self.wide(squeezed)], 1))
        return functional.relu(values + found if self.is_residual else found)


class Refinement(nn.Module):
    """From the mask's features at half the size, and the encoder's at this one, to the mask's at this one."""

    def __init__(self, coarse: int, fine: int, skip: int, out: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(fine, skip, 1)
        self.join = nn.Conv2d(coarse + skip, out, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(out)

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        larger = functional.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        joined = torch.cat([larger, functional.relu(self.skip(fine))], 1)
        return functional.relu(self.norm(self.join(joined)))


class ClickNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(CHANNELS, STEM, 3, stride=2, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(STEM)
        widths = [STEM, *(stage[-1][1] for stage in STAGES)]
        self.stages = nn.ModuleList()
        for into, stage in zip(widths, STAGES, strict=False):
            inputs = (into, *(out for _, out in stage[:-1]))
            fires = [Fire(each, squeezed, out) for each, (squeezed, out) in zip(inputs, stage, strict=True)]
            self.stages.append(nn.Sequential(*fires))
        self.context = nn.Linear(3 * widths[-1], widths[-1])
        coarse = [*REFINED[1:], widths[-1]]
        self.refinements = nn.ModuleList(
            Refinement(*each) for each in zip(coarse, widths[:-1], SKIP, REFINED, strict=True)
        )
        self.last = nn.Conv2d(REFINED[0] + CHANNELS, LAST, 3, padding=1)
        self.mask = nn.Conv2d(LAST, 1, 3, padding=1)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """N×CHANNELS×H×W as `click_maps.seen` makes it → N×1×H×W logits: above 0 is the object."""
        height, width = seen.shape[-2:]
        seen = functional.pad(seen, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        values = functional.relu(self.stem_norm(self.stem(seen)))
        kept = [values]
        for stage in self.stages:
            values = stage(functional.max_pool2d(values, 2))
            kept.append(values)
        mask = values + self._context(seen, values)
        for refinement, fine in zip(reversed(self.refinements), reversed(kept[:-1]), strict=True):
            mask = refinement(mask, fine)
        mask = functional.interpolate(mask, size=seen.shape[-2:], mode="bilinear", align_corners=False)
        return self.mask(functional.relu(self.last(torch.cat([mask, seen], 1))))[..., :height, :width]

    def _context(self, seen: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """What all of the picture, what the including and what the excluding clicks lie on are like, everywhere."""
        found = [values.mean((2, 3))]
        for discs in (seen[:, 3:4], seen[:, 6:7]):
            weights = functional.avg_pool2d(discs, MULTIPLE).to(values.dtype)
            found.append((values * weights).sum((2, 3)) / (weights.sum((2, 3)) + 1e-3))
        return self.context(torch.cat(found, 1))[:, :, None, None]


def load(model: Installed, report: Report) -> Loaded:
    """Raises: MissingModel, Invalid, Unsupported."""
    net = ClickNet()
    net.load_state_dict({name: value.float() for name, value in read_tensors(model.file, report).items()})
    return Loaded(net.eval(), ARCHITECTURE)
