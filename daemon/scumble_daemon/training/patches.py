"""All that a style's picture looks like in the small, at several scales, and what comes nearest to a painting's."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

PATCH_PX = 7  # as `imaging.style.synthesis` has them
STEP_PX = 3
SCALES = (1.0, 0.5, 0.25)
SHARES = (1.0, 0.7, 0.5)  # how much each scale counts
COMPARED = 32  # of a patch's 147 values, after its principal components
MOST = 8000  # of one scale, in four quarter turns


@dataclass(frozen=True)
class Patches:
    """Of one scale. `values`: N×147 · `basis`: 147×32 · `short`: N×32 · `lengths`: N."""

    values: torch.Tensor
    basis: torch.Tensor
    short: torch.Tensor
    lengths: torch.Tensor

    def nearest(self, wanted: torch.Tensor) -> torch.Tensor:
        """M×147 → of each the nearest of ours."""
        distance = torch.addmm(self.lengths[None], wanted @ self.basis, self.short.T, alpha=-2)
        return self.values[distance.argmin(1)]


def of_picture(style: np.ndarray, rng: np.random.Generator, device: torch.device) -> list[Patches]:
    """`style`: H×W×3 float32, sides of 28 pixels or more → its patches at each of SCALES."""
    return [_of_scale(style, scale, rng, device) for scale in SCALES]


def _of_scale(style: np.ndarray, scale: float, rng: np.random.Generator, device: torch.device) -> Patches:
    size = [max(PATCH_PX, round(side * scale)) for side in style.shape[1::-1]]
    small = torch.from_numpy(cv2.resize(style, size, interpolation=cv2.INTER_AREA)).permute(2, 0, 1)[None]
    turned = [F.unfold(torch.rot90(small, turn, (2, 3)), PATCH_PX)[0].T for turn in range(4)]
    every = torch.cat(turned)
    values = every[torch.from_numpy(rng.permutation(len(every))[:MOST])].to(device)
    centred = values - values.mean(0)
    basis = torch.linalg.eigh(centred.T @ centred)[1][:, -COMPARED:]
    short = values @ basis
    return Patches(values, basis, short, (short**2).sum(1))


def distance(style: list[Patches], painted: torch.Tensor, wanted: torch.Tensor, shift: tuple[int, int]) -> torch.Tensor:
    """How far a painting (N×3×H×W) is from a collage of the style's patches that shows what is `wanted`; one number.

    Those are searched for as the painting is, drawn a little towards `wanted`, and count as given: so it becomes like
    the patch that it is nearest to, and not like the mean of many. `shift`: where the first patch lies.
    """
    total = painted.new_zeros(())
    for index, (patches, share) in enumerate(zip(style, SHARES, strict=True)):
        ours, theirs = (F.avg_pool2d(each, 2**index) if index else each for each in (painted, wanted))
        cut = _cut(ours, shift)
        with torch.no_grad():
            found = patches.nearest(_cut(theirs, shift))
        total = total + share * (cut - found).abs().mean()
    return total


def _cut(picture: torch.Tensor, shift: tuple[int, int]) -> torch.Tensor:
    """N×3×H×W → M×147."""
    return F.unfold(picture[:, :, shift[0] :, shift[1] :], PATCH_PX, stride=STEP_PX).transpose(1, 2).flatten(0, 1)
