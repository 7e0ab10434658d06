"""The network for clicks: it sees generated scenes with simulated clicks, and learns to correct its own mistakes.

Each object stays for some steps. Its first clicks are drawn by the strategies of Xu et al. 2016; after every step the
next one goes to the middle of the largest mistake, and the mask just found is shown as the one before (Sofiiuk et al.
2021). Some begin with the mask that is found without a model, as Select Object uses it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from scumble_daemon.imaging import click_maps
from scumble_daemon.imaging.clicks import Click, from_clicks
from scumble_daemon.imaging.segment import Scene
from scumble_daemon.models.architectures.click_net import ClickNet
from torch import Tensor, nn
from torch.nn import functional

from . import loop

LEAST_PX, MOST_SHARE = 60, 0.7  # of an object that is worth a lesson
MOST_CLICKS = 10
CLASSICAL_SHARE, BLANK_SHARE = 0.3, 0.15  # begin with a mask found without a model; show no mask before
SOLVED_IOU = 0.97
APART_PX = 24  # excluding clicks that go all around an object
ZOOMED_SHARE, MOST_ZOOM, COMPRESSED_SHARE = 0.5, 1.8, 0.3  # of what is shown: a part of a scene, and after JPEG


@dataclass(frozen=True)
class Schedule(loop.Schedule):
    objects: int = 10  # at a time


@dataclass
class Lesson:
    """One object, and what was clicked so far."""

    rgb: np.ndarray
    lab: np.ndarray
    mask: np.ndarray
    clicks: list[Click]
    before: np.ndarray | None
    left: int
    shown: np.ndarray | None = field(default=None)

    @staticmethod
    def drawn(rng: np.random.Generator, images: np.ndarray, owners: np.ndarray) -> Lesson:
        while True:
            index = rng.integers(len(images))
            image, owner = images[index], owners[index]
            numbers = [each for each in np.unique(owner) if each]
            if not numbers:
                continue
            mask = owner == rng.choice(numbers)
            if rng.random() < ZOOMED_SHARE:
                image, mask = zoomed(rng, image, mask)
            if LEAST_PX <= mask.sum() <= MOST_SHARE * mask.size:
                break
        turns, flips = int(rng.integers(4)), rng.random() < 0.5
        image, mask = (np.rot90(each, turns) for each in (image, mask))
        image, mask = (np.ascontiguousarray(each[:, ::-1] if flips else each) for each in (image, mask))
        if rng.random() < COMPRESSED_SHARE:
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))]
            coded = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
            image = image if coded is None else coded
        rgb = image.astype(np.float32) / 255
        if rng.random() < 0.15:
            rgb = np.repeat(rgb.mean(axis=2, keepdims=True), 3, axis=2)
        lesson = Lesson(rgb, cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), mask, first_clicks(rng, mask), None, 0)
        lesson.left = int(rng.integers(1, MOST_CLICKS + 1))
        if rng.random() < CLASSICAL_SHARE:
            lesson.before = from_clicks(Scene.of(rgb, np.ones(mask.shape, np.float32)), lesson.clicks).astype(
                np.float32
            )
        return lesson

    def seen(self, rng: np.random.Generator) -> np.ndarray:
        before = None if rng.random() < BLANK_SHARE else self.before
        return click_maps.seen(self.rgb, self.lab, self.clicks, before)

    def go_on(self, found: np.ndarray) -> bool:
        """Take over `found` (chances) and click on its largest mistake; False where there is nothing left to learn."""
        self.before, self.left = found, self.left - 1
        if self.left <= 0 or iou(found > 0.5, self.mask) > SOLVED_IOU:
            return False
        click = next_click(found > 0.5, self.mask)
        if click is None or any((click.x, click.y) == (each.x, each.y) for each in self.clicks):
            return False
        self.clicks.append(click)
        return True


def zoomed(rng: np.random.Generator, image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A part of both, as large as the whole was."""
    side = len(mask)
    part = round(side / rng.uniform(1, MOST_ZOOM))
    top, left = rng.integers(0, side - part + 1, 2)
    inner = slice(top, top + part), slice(left, left + part)
    image = cv2.resize(np.ascontiguousarray(image[inner]), (side, side), interpolation=cv2.INTER_CUBIC)
    coverage = cv2.resize(mask[inner].astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    return image, coverage > 0.5


def first_clicks(rng: np.random.Generator, mask: np.ndarray) -> list[Click]:
    """One or a few on the object, well inside and apart; around it none, or some by one of three strategies.

    After Xu et al. 2016, section 3.1: (1) anywhere near the object, (2) on what else there is, here anywhere,
    (3) all around the outline, evenly.
    """
    inside = depth_in(mask)
    clicks = [well_inside(rng, inside)]
    for _ in range(int(rng.choice([0, 0, 0, 1, 2]))):
        clicks.append(_one_of(rng, inside >= min(2.0, inside.max() / 2), True))
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    strategy, count = rng.integers(3), int(rng.choice([0, 0, 1, 2, 4]))
    allowed = outside > 3
    if strategy == 0:
        allowed &= outside < 20
    if strategy == 2:
        allowed &= outside < 8
    for _ in range(count):
        if not allowed.any():
            break
        click = _one_of(rng, allowed, False)
        clicks.append(click)
        if strategy == 2:  # the next one elsewhere around it
            allowed[
                max(0, click.y - APART_PX) : click.y + APART_PX, max(0, click.x - APART_PX) : click.x + APART_PX
            ] = False
    return clicks


def next_click(found: np.ndarray, mask: np.ndarray) -> Click | None:
    """The middle of the largest mistake of `found` (bool): the pixel of it that is farthest from where it ends."""
    best, place = 0.0, None
    for wrong, include in ((mask & ~found, True), (found & ~mask, False)):
        depth = depth_in(wrong)
        if depth.max() > best:
            y, x = np.unravel_index(int(depth.argmax()), depth.shape)
            best, place = float(depth.max()), Click(int(x), int(y), include)
    return place


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def train(
    net: ClickNet, images: np.ndarray, owners: np.ndarray, schedule: Schedule, checkpoint: Path, last_s: float | None
) -> ClickNet:
    """→ the averaged network on the CPU. `last_s`: ends after so many seconds, the rate falling with the time.

    Weights and the optimizer come back from `checkpoint`; the objects at hand begin anew.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    begun_with = loop.begin(net, schedule, checkpoint, device)
    averaged, optimizer, step = begun_with.averaged, begun_with.optimizer, begun_with.step
    assert isinstance(averaged, ClickNet)
    rng = np.random.default_rng([schedule.seed, step])
    lessons = [Lesson.drawn(rng, images, owners) for _ in range(schedule.objects)]
    begun, recent = time.monotonic() - begun_with.spent_s, np.zeros(2)
    while True:
        elapsed_s = time.monotonic() - begun
        done = step / schedule.steps if last_s is None else elapsed_s / last_s
        if done >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = loop.learning_rate(schedule, step, (1 - done) / schedule.falling)
        seen = torch.from_numpy(np.stack([each.seen(rng) for each in lessons])).to(device)
        wanted = torch.from_numpy(np.stack([each.mask for each in lessons])).to(device).float()[:, None]
        with loop.half_precision(device):
            logits = net(seen.contiguous(memory_format=torch.channels_last))
        logits = logits.float()
        loss = mistake(logits, wanted)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        loop.average(averaged, net, min(schedule.averaging, step / (10 + step)))
        chances = logits.detach().sigmoid()[:, 0].cpu().numpy()
        scores = [iou(found > 0.5, each.mask) for found, each in zip(chances, lessons, strict=True)]
        keep = min(0.98, step / (1 + step))
        recent = keep * recent + (1 - keep) * np.array([loss.item(), np.mean(scores)])
        lessons = [
            each if each.go_on(found) else Lesson.drawn(rng, images, owners)
            for each, found in zip(lessons, chances, strict=True)
        ]
        if step % 50 == 0:
            print(f"step {step}, {elapsed_s:.0f} s, loss {recent[0]:.4f}, IoU {recent[1]:.4f}", flush=True)
        if step % schedule.save_every == 0:
            loop.save(checkpoint, net, averaged, optimizer, step, time.monotonic() - begun)
    loop.save(checkpoint, net, averaged, optimizer, step, time.monotonic() - begun)
    print(f"trained {step} steps in {time.monotonic() - begun:.0f} s on {device.type}", flush=True)
    return averaged.cpu().to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]


def mistake(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy, whose weight is larger near the outline, and Dice."""
    edge = (functional.max_pool2d(wanted, 5, 1, 2) + functional.max_pool2d(-wanted, 5, 1, 2)).clamp(0, 1)
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, weight=1 + edge)
    chance = logits.sigmoid()
    shared, total = (chance * wanted).sum((1, 2, 3)), (chance + wanted).sum((1, 2, 3))
    return entropy + (1 - (2 * shared + 1) / (total + 1)).mean()


def depth_in(mask: np.ndarray) -> np.ndarray:
    """How far each pixel of a bool `mask` is from where it ends, in pixels; it ends at the picture's edge, too."""
    return cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]


def well_inside(rng: np.random.Generator, depth: np.ndarray) -> Click:
    """Anywhere but close to where the object of that `depth_in` ends."""
    return _one_of(rng, depth >= depth.max() * rng.uniform(0.2, 0.95), True)


def _one_of(rng: np.random.Generator, allowed: np.ndarray, include: bool) -> Click:
    places = np.flatnonzero(allowed)
    y, x = divmod(int(places[rng.integers(len(places))]), allowed.shape[1])
    return Click(x, y, include)
