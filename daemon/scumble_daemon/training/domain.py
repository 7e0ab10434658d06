"""A network learns from pairs to turn pictures of one kind into pictures of another.

A dynamic U-Net by L1 and a perceptual loss; or, to compare with, pix2pix: its U-Net or a ResNet of six blocks, by L1
and a PatchGAN that learns beside it (Isola et al. 2017, with their rates and weights).
"""

from __future__ import annotations

import hashlib
import io
import math
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from scumble_protocol.errors import Invalid
from torch import nn

from ..models.architectures import pix2pix
from ..models.devices import Device, computes_bf16
from . import augment
from .adversary import PatchGAN, objective
from .learner import Learner
from .losses import Loss
from .pairs import Pictures

DYNAMIC, UNET, RESNET = "dynamic-unet", "pix2pix-unet", "pix2pix-resnet6"
NETWORKS = (DYNAMIC, UNET, RESNET)
ENCODERS = ("resnet18", "resnet34", "small")
RATES = {DYNAMIC: 1e-3, UNET: 2e-4, RESNET: 2e-4}
ENCODER_RATE = 0.1  # of an encoder that has learned before
WARM_UP, FALLING = 50, 0.4
NEAR = 100.0  # what L1 counts beside the critic, after pix2pix
CLIPPED = 1.0
LEAST_CROP_PX = 64  # a ResNet normalises over a 32nd of it
MOST_HELD, HELD_SHARE = 8, 10  # of so many pairs one is held back, to judge by
KEEP_EVERY_S = 180.0


@dataclass(frozen=True)
class Plan:
    """`rate` 0: as RATES has it. `most_scale`: as `augment.drawn` has it · `width`: of pix2pix's first layer."""

    network: str = DYNAMIC
    encoder: str = "resnet18"
    steps: int = 2000
    crop_px: int = 128
    batch: int = 4
    seed: int = 0
    rate: float = 0.0
    precision: Literal["auto", "full"] = "auto"
    most_scale: float = augment.MOST_SCALE
    width: int = pix2pix.WIDTH

    @property
    def is_adversarial(self) -> bool:
        return self.network != DYNAMIC

    @property
    def first_rate(self) -> float:
        return self.rate or RATES[self.network]


@dataclass
class History:
    """`losses`: of each step · `judged`: (steps done, how far the pictures held back were then, L1)."""

    losses: list[float] = field(default_factory=list)
    judged: list[tuple[int, float]] = field(default_factory=list)


def network(plan: Plan) -> nn.Module:
    """With random weights, the same for the same seed. Raises: Invalid."""
    torch.manual_seed(plan.seed)
    if plan.network == DYNAMIC:
        from ..models.architectures.dynamic_unet import DynamicUNet

        return DynamicUNet(plan.encoder)
    if plan.network == RESNET:
        net: nn.Module = pix2pix.ResNet(width=plan.width)
    else:
        depth = min(pix2pix.DEPTH, int(math.log2(plan.crop_px)))
        if plan.crop_px % 2**depth:
            raise Invalid(
                f"The U-Net of pix2pix cannot learn from crops of {plan.crop_px} pixels.", "Take --crop 128 or 256."
            )
        net = pix2pix.UNet(depth, width=plan.width)
    pix2pix.begin(net)
    return net


class Apprentice(Learner[Pictures]):
    """The network that learns, and the critic beside it where there is one."""

    def __init__(
        self, plan: Plan, net: nn.Module, loss: Loss, device: Device, keep_every_s: float = KEEP_EVERY_S
    ) -> None:
        """`loss`: of a dynamic U-Net; pix2pix has its own."""
        self._plan, self._device, self._loss = plan, device.torch, loss
        self.net: Any = net.to(self._device).to(memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
        self.half = _half(device) if plan.precision == "auto" else None
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=self.half is torch.float16)
        self._optimiser = torch.optim.AdamW(self._groups(), betas=(0.9, 0.99), weight_decay=0.01)
        self._critic: Any = None
        if plan.is_adversarial:
            torch.manual_seed(plan.seed + 1)
            self._critic = PatchGAN(plan.width)
            pix2pix.begin(self._critic)
            self._critic.to(self._device).train()
            self._optimiser = torch.optim.Adam(self.net.parameters(), betas=(0.5, 0.999))
            self._critics = torch.optim.Adam(self._critic.parameters(), betas=(0.5, 0.999))
        self.done, self.history = 0, History()
        self.is_pretrained = False
        self._keep_every_s, self._kept_s = keep_every_s, time.monotonic()

    def step(self, practised: Pictures) -> float:
        """→ how far the crops were from what was wanted, by the loss; for pix2pix by L1."""
        rng = np.random.default_rng([self._plan.seed, self.done])
        torch.manual_seed(int(rng.integers(2**31)))  # of dropout
        given, wanted = (each.to(self._device) for each in self._crops(rng, practised))
        self._set_rates()
        loss = self._step_beside_critic(given, wanted) if self._critic else self._step(given, wanted)
        if not math.isfinite(loss):
            raise Invalid(
                f"The training came apart at step {self.done + 1}: its loss is no number any more.",
                f"Begin again with a lower --rate than {self._plan.first_rate:g}.",
            )
        self.done += 1
        self.history.losses.append(loss)
        return loss

    def judge(self, held: Pictures) -> float:
        """How far it is now from what was wanted of pictures: mean L1 of the middles."""
        distances = []
        for given, wanted in held:
            straight = _middle(given.shape, self._plan.crop_px)
            ours, theirs = (tensor([augment.moved(each, straight, self._plan.crop_px)]) for each in (given, wanted))
            distances.append(float(F.l1_loss(self._made(ours), theirs)))
        self.history.judged.append((self.done, float(np.mean(distances))))
        return self.history.judged[-1][1]

    def show(self, given: np.ndarray) -> np.ndarray:
        """H×W×3 uint8 → what the network makes of it now, as one picture."""
        made = self._made(tensor([given]))[0].permute(1, 2, 0).clamp(0, 1)
        return (made.numpy() * 255 + 0.5).astype(np.uint8)

    def is_time_to_keep(self) -> bool:
        return time.monotonic() - self._kept_s >= self._keep_every_s

    def state(self) -> bytes:
        self._kept_s = time.monotonic()
        table: dict[str, Any] = {
            "net": self.net.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "scaler": self._scaler.state_dict(),
            "done": self.done,
            "losses": torch.tensor(self.history.losses, dtype=torch.float64),
            "judged": torch.tensor(self.history.judged, dtype=torch.float64).reshape(-1, 2),
        }
        if self._critic:
            table |= {"critic": self._critic.state_dict(), "critics": self._critics.state_dict()}
        file = io.BytesIO()
        torch.save(table, file)
        return file.getvalue()

    def take_up(self, state: bytes) -> None:
        table = torch.load(io.BytesIO(state), map_location=self._device, weights_only=True)
        self.net.load_state_dict(table["net"])
        self._optimiser.load_state_dict(table["optimiser"])
        self._scaler.load_state_dict(table["scaler"])
        if self._critic:
            self._critic.load_state_dict(table["critic"])
            self._critics.load_state_dict(table["critics"])
        judged = [(int(done), distance) for done, distance in table["judged"].tolist()]
        self.done, self.history = int(table["done"]), History(table["losses"].tolist(), judged)

    def file(self) -> bytes:
        """Safetensors: the convolutions in half precision, the rest, which is small, as it is."""
        from safetensors.torch import save

        state = {name: value.detach().cpu().contiguous() for name, value in self.net.state_dict().items()}
        halved = {name: value.half() if value.ndim >= 2 else value for name, value in state.items()}
        state = {name: value if value.isfinite().all() else state[name] for name, value in halved.items()}
        return save(state, {"format": "pt"})

    # --- one step -------------------------------------------------------------------------------------------------

    def _step(self, given: torch.Tensor, wanted: torch.Tensor) -> float:
        with self._computing():
            loss = self._loss(self._call(given).float(), wanted)
        self._optimise(self._optimiser, loss, self.net)
        return float(loss.detach())

    def _step_beside_critic(self, given: torch.Tensor, wanted: torch.Tensor) -> float:
        with self._computing():
            made = self._call(given)
            told = [
                objective(self._critic(given, shown).float(), is_true)
                for shown, is_true in ((wanted, True), (made.detach(), False))
            ]
        self._optimise(self._critics, (told[0] + told[1]) / 2, self._critic)
        self._critic.requires_grad_(False)
        with self._computing():
            near = F.l1_loss(made.float(), wanted)
            loss = objective(self._critic(given, made).float(), True) + NEAR * 2 * near  # theirs is over [-1, 1]
        self._optimise(self._optimiser, loss, self.net)
        self._critic.requires_grad_(True)
        return float(near.detach())

    def _optimise(self, optimiser: torch.optim.Optimizer, loss: torch.Tensor, net: nn.Module) -> None:
        optimiser.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        if not self._critic:
            self._scaler.unscale_(optimiser)
            torch.nn.utils.clip_grad_norm_(net.parameters(), CLIPPED)
        self._scaler.step(optimiser)
        self._scaler.update()

    def _set_rates(self) -> None:
        progress = self.done / self._plan.steps
        falls = min(1, (1 - progress) / (0.5 if self._critic else FALLING) + 0.01)
        rate = self._plan.first_rate * falls * (1 if self._critic else min(1, (self.done + 1) / WARM_UP))
        for group in self._optimiser.param_groups:
            is_learned = self.is_pretrained and group.get("is_encoder")
            group["lr"] = rate * (ENCODER_RATE if is_learned else 1)
        if self._critic:
            for group in self._critics.param_groups:
                group["lr"] = rate

    def _groups(self) -> list[dict[str, Any]]:
        encoder = [each for name, each in self.net.named_parameters() if name.startswith("encoder.")]
        of_encoder = {id(each) for each in encoder}
        rest = [each for each in self.net.parameters() if id(each) not in of_encoder]
        groups = [{"params": rest, "is_encoder": False}]
        return [*groups, {"params": encoder, "is_encoder": True}] if encoder else groups

    def _call(self, given: torch.Tensor) -> torch.Tensor:
        """N×3×H×W in [0, 1] → the same."""
        return (self.net(given * 2 - 1) + 1) / 2 if self._plan.is_adversarial else self.net(given)

    def _made(self, given: torch.Tensor) -> torch.Tensor:
        """As `_call`, as the network will be used; sides of any length; fp32 on the processor."""
        height, width = given.shape[2:]
        multiple = 2**self.net.depth if isinstance(self.net, pix2pix.UNet) else 4
        missing = (-width % multiple, -height % multiple) if self._plan.is_adversarial else (0, 0)
        padded = F.pad(given.to(self._device), (0, missing[0], 0, missing[1]), mode="replicate")
        self.net.eval()
        try:
            with torch.inference_mode(), self._computing():
                return self._call(padded).float()[:, :, :height, :width].cpu()
        finally:
            self.net.train()

    def _computing(self) -> AbstractContextManager[Any]:
        return nullcontext() if self.half is None else torch.autocast(self._device.type, dtype=self.half)

    def _crops(self, rng: np.random.Generator, practised: Pictures) -> tuple[torch.Tensor, torch.Tensor]:
        side, cut = self._plan.crop_px, []
        for _ in range(self._plan.batch):
            pair = practised[int(rng.integers(len(practised)))]
            move = augment.drawn(rng, (pair[0].shape[0], pair[0].shape[1]), side, self._plan.most_scale)
            cut.append([augment.moved(each, move, side) for each in pair])
        return tensor([given for given, _ in cut]), tensor([wanted for _, wanted in cut])


def key(plan: Plan, pictures: Pictures, *beginnings: bytes) -> str:
    """Changes whenever a state could not be taken up. `beginnings`: digests of the files that it began from."""
    digest = hashlib.sha256(repr(plan).encode() + pictures.digest().encode())
    for each in beginnings:
        digest.update(each)
    return digest.hexdigest()[:16]


def held_of(count: int) -> int:
    """How many of so many pairs are held back."""
    return min(MOST_HELD, count // HELD_SHARE)


def tensor(pictures: list[np.ndarray]) -> torch.Tensor:
    """H×W×3 uint8 each → N×3×H×W in [0, 1]."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def _middle(shape: tuple[int, ...], side_px: int) -> augment.Move:
    height, width = shape[:2]
    return augment.Move(False, 0.0, max(1.0, side_px / min(height, width)), ((width - 1) / 2, (height - 1) / 2))


def _half(device: Device) -> torch.dtype | None:
    """What to compute in beside fp32, where that is quicker."""
    if computes_bf16(device):
        return torch.bfloat16
    return torch.float16 if device.kind == "cuda" else None
