"""Translate Domain: the article's table 2, sizes of files, the student beside its renderers, patterns, and flicker."""

from __future__ import annotations

import copy
import os
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from scumble_daemon.imaging import frames
from scumble_daemon.models import loading
from scumble_daemon.models.architectures.dynamic_unet import DynamicUNet, Shuffle, Styled, compact
from scumble_daemon.models.devices import CPU, computes_bf16
from scumble_daemon.models.networks import Domain
from scumble_daemon.models.running import Notes
from scumble_daemon.models.sources import Installed
from scumble_daemon.models.translator import Translator, call_of
from torch import nn

from ..models.checkerboard import PERIODS, standing_out
from .sheets import photo
from .table import Row, measured, median, show

sys.path.insert(0, str(Path(__file__).parents[2] / "weights"))
from training import domains, photos

MODEL = Path(__file__).parents[2] / "weights" / "domain-toon" / "model.safetensors"
QUICK = bool(os.environ.get("SCUMBLE_BENCH_QUICK"))
RUNS = {256: 4, 512: 4, 1024: 3} if QUICK else {256: 12, 512: 8, 1024: 3}  # the article has 1000
CUT = 0.05  # of the runs, and one at least, at both ends, as the article does
ARTICLE_S = {  # table 2, a Ryzen 9 5900X
    "resnet18": {256: 0.106, 512: 0.491, 1024: 2.993},
    "resnet34": {256: 0.111, 512: 0.507, 1024: 3.044},
}
ARTICLE_MB = {"resnet18": 244, "resnet34": 284}
JUDGED = photos.JUDGING[:2] if QUICK else photos.JUDGING
SIZES = ((413, 531), (1024, 736), (1200, 1200), (1000, 563))  # of the article's figures 31 to 34
MOVED_PX, NOISE = (3, 1), 0.015

Ways = dict[str, Callable[[torch.Tensor], torch.Tensor]]
Draw = Callable[[np.ndarray, str], np.ndarray]


def table_2() -> str:
    """The article's network as it stands, in fp32, and ours, by turns, so that both see the same machine; random
    weights, whose time is that of any."""
    rows: list[Row] = []
    for encoder, theirs in ARTICLE_S.items():
        torch.manual_seed(0)
        net = DynamicUNet(encoder).eval()
        for side, runs in RUNS.items():
            given = torch.rand(1, 3, side, side)
            ways: Ways = {"plain": plain(net), "fp32": call_of(net.settled(), in_bf16=False)}
            if computes_bf16(CPU):
                ways["bf16"] = call_of(net.settled(), in_bf16=True)
            seconds = by_turns(ways, given, runs)
            plain_s = seconds.pop("plain")
            rows.append(Row(f"{encoder}, {side}²: plain fp32 (article's: {theirs[side]:.3f} s)", f"{plain_s:.3f} s"))
            for way, took in seconds.items():
                limit = {"fp32": "≥ 1.5×", "bf16": "≥ 2.5×"}[way] if side == 512 else ""
                rows.append(Row(f"{encoder}, {side}²: ours, {way}", f"{took:.3f} s, {plain_s / took:.2f}×", limit))
    counted = ", ".join(f"{runs} at {side}" for side, runs in RUNS.items())
    threads = torch.get_num_threads()
    return show(
        f"Dynamic U-Net, a processor, {threads} threads; runs: {counted}; 5 %, one at least, cut at both ends", rows
    )


def plain(net: DynamicUNet) -> DynamicUNet:
    """As fastai has it: no styles, batch normalisations by themselves, blurs of padding and pooling."""
    net = copy.deepcopy(net)
    for part in net.modules():
        if isinstance(part, Styled) and part is not net.head:  # by which a network is known to be ours
            part.scale = part.shift = None  # ones and zeros
        if isinstance(part, Shuffle):
            part[-1] = nn.Sequential(nn.ReplicationPad2d((1, 0, 1, 0)), nn.AvgPool2d(2, 1))
    return net


@torch.inference_mode()
def by_turns(ways: Ways, given: torch.Tensor, runs: int) -> dict[str, float]:
    """Mean seconds of each, the quickest and the slowest left out."""
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for run in range(runs + 1):
        for way, act in ways.items():
            started = time.perf_counter()
            act(given)
            if run:  # the first warms up
                taken[way].append(time.perf_counter() - started)
    cut = max(1, int(runs * CUT))
    return {way: float(np.mean(sorted(each)[cut : runs - cut])) for way, each in taken.items()}


def exactness() -> str:
    """What is quicker gives the same: with ResNet-18 of random weights, and with the student that ships."""
    rows: list[Row] = []
    torch.manual_seed(0)
    student = opened().module
    assert isinstance(student, DynamicUNet)
    for name, net in {"resnet18": DynamicUNet("resnet18").eval(), "the student": student}.items():
        side = 512
        given = torch.from_numpy(photos.photo("coffee", side)[:384, :480].astype(np.float32) / 255).permute(2, 0, 1)[
            None
        ]
        with torch.inference_mode():
            plain = net(given)
            full, half = (call_of(net.settled(), in_bf16=each)(given) for each in (False, True))
        change = float((plain - given).abs().mean()) * 255
        difference, error = float((plain - full).abs().max()), float(((half - full) ** 2).mean())
        rows.append(
            Row(f"{name}: fp32 to plain (it changes {change:.1f} of 255)", f"{difference * 255:.4f} / 255", "≤ 1 / 255")
        )
        rows.append(Row(f"{name}: bf16 to fp32", f"{-10 * np.log10(error):.1f} dB", "≥ 46 dB"))
    return show("Quicker, and the same", rows)


def sizes() -> str:
    rows: list[Row] = []
    for encoder, theirs in ARTICLE_MB.items():
        net = DynamicUNet(encoder)
        stored = sum(each.nbytes for each in compact(net).values()) / 1e6
        count = sum(each.numel() for each in net.parameters()) / 1e6
        rows.append(Row(f"{encoder} (article: {theirs} MB)", f"{stored:.1f} MB, {count:.2f} M parameters", "≤ 90 MB"))
    count = sum(each.numel() for each in opened().module.parameters()) / 1e6
    rows.append(Row("the student", f"{MODEL.stat().st_size / 1e6:.2f} MB, {count:.2f} M parameters", "≤ 16 MB, ≤ 4 M"))
    return show("Sizes of files", rows)


def beside_the_renderers() -> str:
    """PSNR of the student to what each renderer makes, and the seconds of both, on photographs nothing was tuned on."""
    rows: list[Row] = []
    artist = translator()
    for style in domains.STYLES:
        scores, ours_s, theirs_s = [], [], []
        for name in JUDGED:
            shown = photos.photo(name, 512)
            given = shown.astype(np.float32) / 255
            wanted = as_bytes(domains.rendered(given, style))
            ours = as_bytes(draw(artist, given, style))
            scores.append((photos.psnr(shown, wanted), photos.psnr(ours, wanted)))
            ours_s.append(
                median(measured(lambda given=given, style=style: draw(artist, given, style), 1 if QUICK else 3))
            )
            theirs_s.append(median(measured(lambda given=given, style=style: domains.rendered(given, style), 1)))
        left, found = np.mean(scores, 0)
        ours, theirs = np.sum(ours_s), np.sum(theirs_s)
        rows.append(Row(style, f"{found:.2f} dB (the photograph: {left:.2f})"))
        rows.append(
            Row(
                f"{style}: seconds, all of them",
                f"{ours:.2f} (the renderer: {theirs:.2f}), {theirs / ours:.1f}×",
                "> 1×",
            )
        )
    return show(f"The student beside its renderers, at most 512 px: {', '.join(JUDGED)}", rows)


def patterns() -> str:
    """How far the frequencies of enlarging stand out of those nearby; 1 is not at all."""
    rows: list[Row] = []
    artist = translator()
    for (height, width), name in zip(SIZES, ("coffee", "motorcycle", "retina", "rocket"), strict=True):
        given = cv2.resize(photo(name), (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
        before = standing_out(given)
        for style in domains.STYLES:
            found = draw(artist, given, style)
            after = standing_out(found)
            figures = ", ".join(f"{period} px {after[period]:.2f} ({before[period]:.2f})" for period in PERIODS)
            rows.append(Row(f"{style}, {width} × {height}, out: {found.shape[1]} × {found.shape[0]}", figures))
    return show("Checkerboard: energy at 1/period over that nearby (of the photograph)", rows)


def flicker() -> str:
    """A crop that moves, with new noise in each frame: how much what was drawn differs from the frame before, moved
    along; in grey levels of 255, mean over the pairs and the photographs."""
    artist = translator()
    ways: dict[str, Draw] = {
        "the frames": lambda frame, style: frame,
        "renderer": domains.rendered,
        "student": lambda frame, style: draw(artist, frame, style),
    }
    rows: list[Row] = []
    for style in domains.STYLES:
        found: dict[str, list[float]] = {way: [] for way in (*ways, "student, 0.8 steady")}
        for name in JUDGED[:2]:
            shown = as_frames(photo(name))
            for way, act in ways.items():
                drawn = [act(frame, style) for frame in shown]
                found[way] += [apart(*pair) for pair in pairwise(drawn)]
                if way == "student":
                    steady = [drawn[0]]
                    for frame in drawn[1:]:
                        steady.append(frames.steadied(frame, steady[-1], 0.8))
                    found["student, 0.8 steady"] += [apart(*pair) for pair in pairwise(steady)]
        rows.append(Row(style, ", ".join(f"{way} {np.mean(each):.2f}" for way, each in found.items())))
    return show("Flicker over five frames of a moving crop with noise", rows)


def as_frames(picture: np.ndarray) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    made = []
    for number in range(5):
        y, x = 20 + MOVED_PX[1] * number, 20 + MOVED_PX[0] * number
        cut = picture[y : y + 256, x : x + 320].astype(np.float32) / 255
        made.append(np.clip(cut + rng.normal(0, NOISE, cut.shape), 0, 1).astype(np.float32))
    return made


def apart(before: np.ndarray, now: np.ndarray) -> float:
    x, y = MOVED_PX
    moved, same = before[y + 16 : -16, x + 16 : -16], now[16 : -16 - y, 16 : -16 - x]
    return float(np.abs(moved - same).mean() * 255)


def opened() -> Domain:
    model = Installed("domain-toon", "domain-toon", (), "shipped", (MODEL,), "own", "DynamicUNet")
    loaded = loading.load(model)
    assert isinstance(loaded, Domain)
    return loaded


def translator() -> Translator:
    return Translator(opened(), CPU, "the student")


def draw(artist: Translator, given: np.ndarray, style: str) -> np.ndarray:
    return artist.translate(given, {style: 1.0}, 1.0, Notes(), is_precise=False)


def as_bytes(rgb: np.ndarray) -> np.ndarray:
    return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)


def main() -> str:
    parts = (table_2, exactness, sizes, beside_the_renderers, patterns, flicker)
    return "\n".join(part() for part in parts)
