"""The training loop: a fixed number of steps, an averaged copy of the weights, and checkpoints to go on from."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

Batch = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
"""Draws (input, target), each N×H×W×3 float32 in [0, 1]."""


@dataclass(frozen=True)
class Schedule:
    steps: int
    rate: float = 1e-3
    warm_up: int = 100
    falling: float = 0.35  # of all steps
    averaging: float = 0.999
    seed: int = 0
    save_every: int = 250
    judge_every: int = 1000
    exact: bool = False  # in float32 throughout, where the last quarter of a grey level matters


def charbonnier(restored: Tensor, target: Tensor) -> Tensor:
    return ((restored - target) ** 2 + 1e-6).sqrt().mean()


def train(
    network: nn.Module,
    batch: Batch,
    schedule: Schedule,
    checkpoint: Path,
    judge: Callable[[nn.Module], str],
    distance: Callable[[Tensor, Tensor], Tensor] = charbonnier,
) -> nn.Module:
    """Train on CUDA where there is a card, else on the CPU; → the averaged network, on the CPU, in float32.

    The batch of a step depends only on the seed and the step, so a run that was interrupted and goes on from
    `checkpoint` sees what an uninterrupted one does.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    begun_with = begin(network, schedule, checkpoint, device)
    network, averaged, optimizer = begun_with.network, begun_with.averaged, begun_with.optimizer
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    recent, begun = None, time.monotonic() - begun_with.spent_s
    for step in range(begun_with.step, schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(schedule, step, (schedule.steps - step) / (schedule.falling * schedule.steps))
        source, target = (to_tensor(images, device) for images in batch(np.random.default_rng([schedule.seed, step])))
        with nullcontext() if schedule.exact else half_precision(device):
            restored = network(source)
        loss = distance(restored.float(), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        average(averaged, network, min(schedule.averaging, (1 + step) / (10 + step)))
        done = step + 1
        recent = loss.item() if recent is None else 0.98 * recent + 0.02 * loss.item()
        if done % 50 == 0:
            print(f"step {done} of {schedule.steps}, {time.monotonic() - begun:.0f} s, loss {recent:.5f}", flush=True)
        if done % schedule.save_every == 0 or done == schedule.steps:
            save(checkpoint, network, averaged, optimizer, done, time.monotonic() - begun)
        if done % schedule.judge_every == 0 and done < schedule.steps:
            print(f"step {done}: {judge(averaged)}", flush=True)
    print(f"trained {schedule.steps} steps in {time.monotonic() - begun:.0f} s on {device.type}", flush=True)
    return averaged.cpu().to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]


@dataclass(frozen=True)
class Begun:
    """What a training goes on with. `step`: the next one · `spent_s`: on those before."""

    network: nn.Module
    averaged: nn.Module
    optimizer: torch.optim.Optimizer
    step: int
    spent_s: float


def begin(network: nn.Module, schedule: Schedule, checkpoint: Path, device: torch.device) -> Begun:
    """As `checkpoint` has it, where there is one."""
    network = network.to(device).to(memory_format=torch.channels_last).train()  # pyright: ignore[reportCallIssue]
    averaged = deepcopy(network).eval()
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=schedule.rate, betas=(0.9, 0.99), weight_decay=1e-4)
    if not checkpoint.exists():
        return Begun(network, averaged, optimizer, 0, 0.0)
    state = torch.load(checkpoint, map_location=device, weights_only=True)
    network.load_state_dict(state["network"])
    averaged.load_state_dict(state["averaged"])
    optimizer.load_state_dict(state["optimizer"])
    print(f"going on from step {state['step']}", flush=True)
    return Begun(network, averaged, optimizer, state["step"], state["spent_s"])


def learning_rate(schedule: Schedule, step: int, left: float) -> float:
    """Rises over the warm-up, stays, and falls to a hundredth over the last part. `left`: of the run, in such parts.

    Up to where the fall begins, a checkpoint belongs to a run of any length (Hu et al. 2024, "warm-up, stable, decay").
    """
    rise = min(1.0, (step + 1) / schedule.warm_up)
    return schedule.rate * rise * (0.01 + 0.99 * min(1.0, left))


@torch.no_grad()
def average(averaged: nn.Module, network: nn.Module, keep: float) -> None:
    """Statistics that layers keep too; what is no number, such as a count, is taken over."""
    for mean, now in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1 - keep)
        else:
            mean.copy_(now)


def half_precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 where the processor computes in it; where it is emulated it would be slower than float32."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    return torch.autocast(device.type, torch.bfloat16) if native else nullcontext()


def to_tensor(images: np.ndarray, device: torch.device) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)  # channels-last already
    return tensor.to(device, non_blocking=True)


def save(
    path: Path, network: nn.Module, averaged: nn.Module, optimizer: torch.optim.Optimizer, step: int, spent_s: float
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "spent_s": spent_s,
    }
    torch.save(state, path.with_suffix(".partial"))
    path.with_suffix(".partial").replace(path)
