"""Paint one picture with patches of another: nearest neighbours over several scales, and a robust vote.

After Elad, Milanfar: Style Transfer via Texture Synthesis (IEEE TIP 2017), with candidates spread as in Barnes et al.:
PatchMatch (2009), and coherence as in Ashikhmin: Synthesizing Natural Textures (2001).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from .wish import Report

PATCH_PX = 7
STEP_PX = 2  # between patches of the new picture
SCALES = (0.25, 0.354, 0.5, 0.707, 1.0)
ROUNDS = (4, 3, 3, 2, 2)
COMPARED = 48  # of a patch's 147 values, after its principal components
LEAST_TILE = 4 * PATCH_PX
SEARCHED = 24_000  # patches of the style that all are compared with; those near a good one are tried beyond
COHERENCE = 0.85  # what continues a neighbour's stroke may be this much worse
VOTES = 4  # rounds of the robust vote
GRAIN = 0.12  # of noise at the coarsest scale: what is flat has to catch strokes, too
ROBUST = -0.8  # a patch that differs by e counts e^ROBUST
CHUNK = 2048


@dataclass(frozen=True)
class Source:
    """The style at one scale, in its four quarter turns, as one list of patches.

    `patches`: N×147 · `places`: N×3, the turn, and the patch's upper left corner in the turned picture · `grid`: for
    each turn, the number of a patch by its corner.
    """

    patches: torch.Tensor
    places: torch.Tensor
    sides: torch.Tensor  # turn → patches down, across
    first: torch.Tensor  # turn → its first patch's number

    def at(self, places: torch.Tensor) -> torch.Tensor:
        """The numbers of the patches there, or, beyond the style's borders, of the nearest."""
        turn, top, left = places.unbind(-1)
        rows, columns = self.sides[turn].unbind(-1)
        top, left = torch.minimum(top.clamp(min=0), rows - 1), torch.minimum(left.clamp(min=0), columns - 1)
        return self.first[turn] + top * columns + left


@dataclass(frozen=True)
class Painted:
    """`rgb`: H×W×3 float32, smaller than what was wanted where it was ended early · `chosen`: rows×columns×3, where in
    the style each patch of the new picture comes from · `style_size`: (height, width) that the style has there."""

    rgb: np.ndarray
    chosen: np.ndarray
    style_size: tuple[int, int]


def paint(
    content: np.ndarray,
    style: np.ndarray,
    fidelity: float,
    report: Report,
    device: torch.device,
    seed: int = 0,
) -> Painted:
    """`content`, `style`: H×W×3 float32 in [0, 1], colours already alike · `fidelity`: 0 to 1, how much the new picture
    keeps to its content. Deterministic from `seed`. Raises: what `report` raises.

    Ended early, at a coarser scale, the picture is as small as that scale has it; `enlarge` takes it from there.
    """
    generator = torch.Generator().manual_seed(seed)
    height, width = content.shape[:2]
    steps = sum(ROUNDS)
    done, is_enough = 0, False
    picture: torch.Tensor | None = None
    chosen: torch.Tensor | None = None
    places: torch.Tensor | None = None
    style_size = (0, 0)
    for index, (scale, rounds) in enumerate(zip(SCALES, ROUNDS, strict=True)):
        size = tuple(_fitted(side, scale) for side in (height, width))
        wanted = _tensor(_resized(content, size), device)
        least = [max(PATCH_PX + 1, round(side * scale)) for side in style.shape[:2]]
        source = _source(_tensor(_resized(style, (least[0], least[1])), device))
        search = _Search(source, generator)
        picture = wanted.clone() if picture is None else _fit(picture, size)
        grain = GRAIN * (1 - fidelity) * torch.randn(picture.shape, generator=generator).to(device)
        picture = picture + grain * (1 - index / len(SCALES))
        count = tuple((side - PATCH_PX) // STEP_PX + 1 for side in size)
        if places is not None:
            chosen = source.at(_carried_up(places, (count[0], count[1]), scale / SCALES[index - 1]))
        weight = _content_weight(fidelity, index / (len(SCALES) - 1))
        for _ in range(rounds):
            target = (picture + weight * wanted) / (1 + weight)
            chosen = search.nearest(_patches(target, STEP_PX), chosen, (count[0], count[1]))
            picture = _vote(source.patches[chosen.flatten()], size)
            done += 1
            is_enough = report(done / steps, functools.partial(_array, picture))
            if is_enough:
                break
        assert chosen is not None
        places, style_size = source.places[chosen], (least[0], least[1])
        if is_enough:
            break
    assert picture is not None
    assert places is not None
    return Painted(_array(picture), places.cpu().numpy(), style_size)


def _content_weight(fidelity: float, progress: float) -> float:
    """Much at first, when the picture's composition is laid out, and less for the strokes."""
    first, last = 0.2 + 1.2 * fidelity, 0.05 + 0.5 * fidelity
    return first + (last - first) * progress


# --- nearest neighbours ------------------------------------------------------------------------------------------


class _Search:
    def __init__(self, source: Source, generator: torch.Generator) -> None:
        self._source = source
        patches = source.patches
        sample = patches[torch.randperm(len(patches), generator=generator)[: 8 * 1024].to(patches.device)]
        centred = sample - sample.mean(0)
        _, vectors = torch.linalg.eigh(centred.T @ centred)
        self._basis = vectors[:, -COMPARED:]
        some = torch.randperm(len(patches), generator=generator)[:SEARCHED].to(patches.device)
        self._some = some
        self._short = patches @ self._basis
        self._lengths = (self._short**2).sum(1)

    def nearest(self, wanted: torch.Tensor, before: torch.Tensor | None, count: tuple[int, int]) -> torch.Tensor:
        """Numbers of style patches (rows×columns) for the patches that are `wanted`; strokes go on where that costs
        little."""
        short = wanted @ self._basis
        best = torch.empty(len(short), dtype=torch.long, device=short.device)
        cost = torch.empty(len(short), device=short.device)
        pool, lengths = self._short[self._some], self._lengths[self._some]
        for start in range(0, len(short), CHUNK):
            part = short[start : start + CHUNK]
            distance = torch.addmm(lengths[None], part, pool.T, beta=1, alpha=-2)
            least, where = distance.min(1)
            best[start : start + CHUNK] = self._some[where]
            cost[start : start + CHUNK] = least + (part**2).sum(1)
        best, cost = best.view(count), cost.view(count)
        short = short.view(*count, -1)
        if before is not None:
            best, cost = self._better(short, best, cost, before, 1.0)
        for reach in (4, 2, 1, 1):
            for down, across in ((reach, 0), (-reach, 0), (0, reach), (0, -reach)):
                places = self._source.places[torch.roll(best, (down, across), (0, 1))]
                step = torch.tensor((0, down * STEP_PX, across * STEP_PX), device=places.device)
                moved = self._source.at(places + step)
                best, cost = self._better(short, best, cost, moved, COHERENCE if reach == 1 else 1.0)
        return best

    def _better(
        self, short: torch.Tensor, best: torch.Tensor, cost: torch.Tensor, other: torch.Tensor, favour: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        distance = ((short - self._short[other]) ** 2).sum(2)
        wins = distance * favour < cost
        return torch.where(wins, other, best), torch.where(wins, distance * favour, cost)


def _source(style: torch.Tensor) -> Source:
    patches, places, sides, first, count = [], [], [], [], 0
    for turn in range(4):
        turned = torch.rot90(style, turn, (2, 3))
        cut = _patches(turned, 1)
        down, across = turned.shape[2] - PATCH_PX + 1, turned.shape[3] - PATCH_PX + 1
        at = torch.cartesian_prod(torch.tensor([turn]), torch.arange(down), torch.arange(across))
        patches.append(cut)
        places.append(at)
        sides.append((down, across))
        first.append(count)
        count += len(cut)
    device = style.device
    return Source(
        torch.cat(patches), torch.cat(places).to(device), torch.tensor(sides).to(device), torch.tensor(first).to(device)
    )


def _carried_up(places: torch.Tensor, count: tuple[int, int], grows: float) -> torch.Tensor:
    """The places (rows×columns×3) that a coarser scale chose, for this one's patches."""
    device = places.device
    down = (torch.arange(count[0], device=device) * STEP_PX / grows).round().long()
    across = (torch.arange(count[1], device=device) * STEP_PX / grows).round().long()
    row, column = (down // STEP_PX).clamp(max=places.shape[0] - 1), (across // STEP_PX).clamp(max=places.shape[1] - 1)
    carried = places[row][:, column].float()
    carried[..., 1] += (down - row * STEP_PX)[:, None]
    carried[..., 2] += (across - column * STEP_PX)[None]
    carried[..., 1:] *= grows
    return carried.round().long()


# --- the vote ----------------------------------------------------------------------------------------------------


def _vote(patches: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """The picture that most of its patches agree on: iteratively reweighted, so that strokes stay sharp.

    After Kwatra et al.: Texture Optimization for Example-based Synthesis (2005), section 3.2.
    """
    weights = torch.ones(len(patches), 1, device=patches.device)
    picture = _fold(patches, weights, size)
    for _ in range(VOTES):
        error = ((_patches(picture, STEP_PX) - patches) ** 2).mean(1, keepdim=True)
        weights = (error + 1e-4) ** ROBUST
        picture = _fold(patches, weights, size)
    return picture


def _fold(patches: torch.Tensor, weights: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    total = F.fold((patches * weights).T[None], size, PATCH_PX, stride=STEP_PX)
    count = F.fold(weights.expand(-1, PATCH_PX**2).T[None], size, PATCH_PX, stride=STEP_PX)
    return total / count.clamp_min(1e-6)


def _patches(picture: torch.Tensor, step: int) -> torch.Tensor:
    return F.unfold(picture, PATCH_PX, stride=step)[0].T.contiguous()


# --- sizes -------------------------------------------------------------------------------------------------------


def _fitted(side: int, scale: float) -> int:
    """A side that patches cover to the last pixel."""
    return max(LEAST_TILE, math.ceil(side * scale) - PATCH_PX) // STEP_PX * STEP_PX + PATCH_PX


def _resized(rgb: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    smaller = size[0] * size[1] < rgb.shape[0] * rgb.shape[1]
    way = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return cv2.resize(rgb, (size[1], size[0]), interpolation=way)


def _fit(picture: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    return F.interpolate(picture, size=size, mode="bicubic", align_corners=False)


def _tensor(rgb: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].to(device)


def _array(picture: torch.Tensor) -> np.ndarray:
    return picture[0].permute(1, 2, 0).cpu().numpy()
