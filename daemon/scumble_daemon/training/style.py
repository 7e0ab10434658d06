"""A new style from one picture: the painter that ships learns to give what patches of that picture would.

The patch synthesis of `imaging.style.synthesis`, distilled: at each step what the network has painted is compared with
the patches of the picture that come nearest, as that method does, and the network is moved there instead of the pixels.
"""

from __future__ import annotations

import copy
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from ..imaging.style.colours import transported
from ..imaging.style.grain import PERIOD_PX, grain
from ..models.architectures.painter import Painter
from ..models.brush import PAINTED, PLAIN
from . import content, patches
from .learner import Learner

SIDE_PX, CROP_PX, CROPS = 192, 128, 3
RATE, WARM_UP, FALLING = 1.5e-3, 30, 0.4
FIRST_PULL, LAST_PULL = 1.0, 0.5  # towards what is to be seen, while patches are searched for
FINE_PX = 5.0  # what changes within so much is strokes
STROKES = (0.9, 0.5), (2.0, 0.85)  # widths, in pixels, and how much there is of each
BROAD_PX = 8  # averages over so much have to be right
FOLLOWED = 0.8  # how much the renderer's strokes themselves count at first, and less and less
PLAIN_EVERY = 8  # one crop of so many is to stay as it is
SAVE_EVERY = 25


@dataclass(frozen=True)
class Plan:
    steps: int
    pictures: int
    seed: int = 0


@dataclass(frozen=True)
class Exercise:
    """`given`: S×S×3 float32 · `wanted`: the same as a renderer paints it, in the style's colours, with strokes of
    its contrast · `place`: where in the grain it lies."""

    given: np.ndarray
    wanted: np.ndarray
    place: tuple[int, int]


def exercises(style: np.ndarray, plan: Plan, report: Callable[[float], None]) -> list[Exercise]:
    """What is practised on. Raises: Invalid, and what `report` raises."""
    renderers = content.recipes("renderers")
    contrast = float((style - cv2.GaussianBlur(style, (0, 0), FINE_PX)).mean(2).std())
    rng, made = np.random.default_rng(plan.seed), []
    for index, given in enumerate(content.pictures(plan.pictures, SIDE_PX, plan.seed)):
        report(index / plan.pictures)
        place = int(rng.integers(PERIOD_PX)), int(rng.integers(PERIOD_PX))
        ground = grain(*place, SIDE_PX, SIDE_PX)
        flow = renderers.directions(given, 3.0)
        strokes = np.sum([share * renderers.drawn_strokes(ground, flow, width) for width, share in STROKES], axis=0)
        wanted = transported(renderers.oil(given, ground), style) + (contrast * strokes)[..., None]
        made.append(Exercise(given, np.clip(wanted, 0, 1).astype(np.float32), place))
    return made


class Apprentice(Learner[list[Exercise]]):
    """A painter that learns."""

    def __init__(self, style: np.ndarray, first: Painter, plan: Plan, device: torch.device) -> None:
        self._plan, self._device = plan, device
        self.net: Any = copy.deepcopy(first).to(device).to(memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
        self._style = patches.of_picture(style, np.random.default_rng(plan.seed), device)
        self._optimiser = torch.optim.AdamW(self.net.parameters(), lr=RATE, betas=(0.9, 0.99))
        self.done = 0

    def step(self, practised: list[Exercise]) -> float:
        """The same for the same number, whether or not it was interrupted before. → the loss."""
        rng = np.random.default_rng([self._plan.seed, self.done])
        progress = self.done / self._plan.steps
        for group in self._optimiser.param_groups:
            group["lr"] = RATE * min(1, (self.done + 1) / WARM_UP) * min(1, (1 - progress) / FALLING + 0.02)
        given, ground, wanted = self._crops(rng, practised)
        is_plain = rng.integers(PLAIN_EVERY) == 0
        mix = _style(CROPS, PAINTED).to(self._device)
        if is_plain:
            mix[0] = _style(1, PLAIN)[0]
        painted = self.net(given, ground, mix).float()
        first = int(is_plain)
        pull = FIRST_PULL + (LAST_PULL - FIRST_PULL) * progress
        seen = (painted[first:] + pull * wanted[first:]).detach() / (1 + pull)
        shift = int(rng.integers(patches.STEP_PX)), int(rng.integers(patches.STEP_PX))
        loss = patches.distance(self._style, painted[first:], seen, shift)
        broad = F.avg_pool2d(painted[first:], BROAD_PX) - F.avg_pool2d(wanted[first:], BROAD_PX)
        loss = loss + broad.abs().mean()
        loss = loss + FOLLOWED * (1 - progress) * (painted[first:] - wanted[first:]).abs().mean()
        if is_plain:
            loss = loss + (painted[0] - given[0]).abs().mean()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self._optimiser.step()
        self.done += 1
        return float(loss.detach())

    def _crops(self, rng: np.random.Generator, practised: list[Exercise]) -> list[torch.Tensor]:
        cut: list[list[np.ndarray]] = [[], [], []]
        for _ in range(CROPS):
            one = practised[rng.integers(len(practised))]
            top, left = (int(at) for at in rng.integers(0, SIDE_PX - CROP_PX + 1, 2))
            within = slice(top, top + CROP_PX), slice(left, left + CROP_PX)
            ground = grain(one.place[0] + top, one.place[1] + left, CROP_PX, CROP_PX)
            for list_, part in zip(cut, (one.given[within], ground, one.wanted[within]), strict=True):
                list_.append(part)
        return [_tensor(parts).to(self._device) for parts in cut]

    def is_time_to_keep(self) -> bool:
        return self.done % SAVE_EVERY == 0

    def state(self) -> bytes:
        file = io.BytesIO()
        state = {"net": self.net.state_dict(), "optimiser": self._optimiser.state_dict(), "done": self.done}
        torch.save(state, file)
        return file.getvalue()

    def take_up(self, state: bytes) -> None:
        """Raises: whatever torch makes of a file that is none."""
        table = torch.load(io.BytesIO(state), map_location=self._device, weights_only=True)
        self.net.load_state_dict(table["net"])
        self._optimiser.load_state_dict(table["optimiser"])
        self.done = int(table["done"])

    def file(self) -> bytes:
        """What goes into the weights folder: safetensors in half precision."""
        from safetensors.torch import save

        state = {name: value.detach().cpu().half().contiguous() for name, value in self.net.state_dict().items()}
        return save(state, {"format": "pt"})


def key(style: np.ndarray, plan: Plan, first: Path) -> str:
    """Changes whenever a state could not be taken up."""
    digest = hashlib.sha256(np.ascontiguousarray(style).tobytes())
    digest.update(repr(plan).encode() + first.read_bytes())
    return digest.hexdigest()[:16]


def _style(count: int, which: int) -> torch.Tensor:
    mix = torch.zeros(count, 2)
    mix[:, which] = 1
    return mix


def _tensor(pixels: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous()
