"""Transfer Style beside a plain implementation of the article it is after, and its way without a model."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from scumble_daemon.context import Context
from scumble_daemon.imaging.image import Image
from scumble_daemon.imaging.style import colours
from scumble_daemon.imaging.style.wish import Wish
from scumble_daemon.models import devices, memory
from scumble_daemon.models.architectures.vgg19 import VGG19
from scumble_daemon.models.networks import Loaded
from scumble_daemon.models.stylist import CONTENT, CONTENT_WEIGHT, FEATURE_SCALE, STYLE, STYLE_WEIGHT, Optimiser
from scumble_daemon.operations.transfer_style import Params, transfer_style
from skimage import data
from sklearn.datasets import load_sample_image

from weights.training import paintings

IS_QUICK = bool(os.environ.get("SCUMBLE_BENCH_QUICK"))
SIDE_PX, STEPS = (256, 40) if IS_QUICK else (512, 100)
PATCH_SIDE_PX = 256 if IS_QUICK else 512
MORE = 1.12  # times the steps: bf16 gets a little less far with each, and needs half the time for it
FEWER = 0.33  # of the steps, by L-BFGS
PATCH_PX, DIRECTIONS, PATCHES = 7, 128, 20_000


@dataclass(frozen=True)
class Made:
    """`processor_s`: of all threads, which other programs lengthen less · `peak_bytes`: above what network and pictures
    take."""

    picture: np.ndarray
    seconds: float
    processor_s: float
    peak_bytes: int


# --- the article's optimisation --------------------------------------------------------------------------------------


def network() -> VGG19:
    """VGG-19's shape; weights that carry a signal to its last layer, as the published ones do."""
    torch.manual_seed(2)
    made = VGG19()
    for layer in made.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
            assert layer.bias is not None
            torch.nn.init.zeros_(layer.bias)
    return made.eval().requires_grad_(False)


def inputs() -> tuple[np.ndarray, np.ndarray]:
    """A photograph and a generated painting, H×W×3 float32 in [0, 1]."""
    photo = data.coffee()[:400, 100:500]
    return cv2.resize(photo, (SIDE_PX, SIDE_PX)) / np.float32(255), _painting("brush", SIDE_PX)


def _painting(style: str, side_px: int) -> np.ndarray:
    return paintings.PAINTINGS[style](side_px, 0) / np.float32(255)


class Article:
    """Its loss, and its loop, step by step as it is written there, in PyTorch.

    Pixels are in 0 … 255, the best picture is kept as an array after each step that improved it, and what is beyond the
    range is cut off.
    """

    def __init__(self, content: np.ndarray, style: np.ndarray) -> None:
        self._network = network()
        self.content = torch.from_numpy(content).permute(2, 0, 1)[None] * 255
        example = torch.from_numpy(style).permute(2, 0, 1)[None] * 255
        with torch.no_grad():
            self._wanted = self._features(self.content)[CONTENT]
            self._grams = {name: self._gram(self._features(example)[name]) for name in STYLE}

    def _features(self, picture: torch.Tensor) -> dict[str, torch.Tensor]:
        seen = self._network(picture / 255, (*STYLE, CONTENT))
        return {name: FEATURE_SCALE * values for name, values in seen.items()}

    def _gram(self, values: torch.Tensor) -> torch.Tensor:
        flat = values.reshape(values.shape[1], -1)
        return flat @ flat.T / flat.shape[1]

    def loss(self, picture: torch.Tensor) -> torch.Tensor:
        seen = self._features(picture)
        style = sum(((self._gram(seen[name]) - self._grams[name]) ** 2).mean() for name in STYLE) / len(STYLE)
        return CONTENT_WEIGHT * F.mse_loss(seen[CONTENT], self._wanted) + STYLE_WEIGHT * style

    def run(self) -> np.ndarray:
        picture = self.content.clone().requires_grad_(True)
        optimiser = torch.optim.Adam([picture], lr=2, betas=(0.99, 0.999), eps=0.1)
        best, least = _array(self.content), float("inf")
        for _ in range(STEPS):
            optimiser.zero_grad()
            loss = self.loss(picture)
            loss.backward()
            value = float(loss.detach())
            if value < least:
                best, least = _array(picture), value
            optimiser.step()
            with torch.no_grad():
                picture.clamp_(0, 255)
        return best


def _array(picture: torch.Tensor) -> np.ndarray:
    return picture.detach()[0].permute(1, 2, 0).numpy() / 255


def plain() -> Made:
    article = Article(*inputs())
    return _measured(article.run)


def ours(steps: int = STEPS, how: str = "adam") -> Made:
    memory.keep_freed()  # as the worker does
    content, style = inputs()
    optimiser = Optimiser(Loaded(network(), "VGG19"), devices.CPU, "VGG-19")
    return _measured(lambda: optimiser.restyle(content, style, Wish(0.5, steps, how), lambda share, make: False))


def _measured(act: Callable[[], np.ndarray]) -> Made:
    before, started, processor = _peak_bytes(), time.perf_counter(), time.process_time()
    picture = act()
    return Made(picture, time.perf_counter() - started, time.process_time() - processor, _peak_bytes() - before)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def compare() -> str:
    """Each in a process of its own, one after the other; a third one judges, in fp32 at full size."""
    kind = "bf16" if devices.computes_bf16(devices.CPU) else "fp32"
    ways: dict[str, tuple[Callable[..., Made], tuple[int | str, ...]]] = {
        f"the article's loop, eager fp32, {STEPS} steps": (plain, ()),
        f"Scumble, {kind}, {STEPS} steps": (ours, (STEPS,)),
    }
    if kind == "bf16":
        more = round(STEPS * MORE)
        ways[f"Scumble, {kind}, {more} steps"] = (ours, (more,))
    few = round(STEPS * FEWER)
    ways[f"Scumble, L-BFGS, fp32, {few} steps"] = (ours, (few, "lbfgs"))
    content, style = inputs()
    judge = Article(content, style)
    first = _judged(judge, content)
    lines = [
        f"### Transfer Style by VGG-19, random weights, {SIDE_PX}², Adam, {torch.get_num_threads()} threads",
        "",
        "| way | time | faster, at least 1.5× at the same loss | processor time "
        "| final loss, of the first one, of the article's | memory beside network and pictures |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    article_s = article_loss = 0.0
    for name, (way, arguments) in ways.items():
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            made = pool.apply(way, arguments)
        article_s = article_s or made.seconds
        loss = _judged(judge, made.picture)
        article_loss = article_loss or loss
        lines.append(
            f"| {name} | {made.seconds:.1f} s | {article_s / made.seconds:.2f}× | {made.processor_s:.1f} s "
            f"| {loss:.4g} = {loss / first:.4f}, {loss / article_loss:.3f}× | {made.peak_bytes / 1e6:,.0f} MB |"
        )
    return "\n".join(lines) + "\n"


def _judged(judge: Article, picture: np.ndarray) -> float:
    with torch.no_grad():
        return float(judge.loss(torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None] * 255))


# --- without a model -------------------------------------------------------------------------------------------------


def contents() -> dict[str, np.ndarray]:
    """None of them was looked at while the method was made."""
    photos = {"coffee": data.coffee(), "rocket": data.rocket(), "flower": load_sample_image("flower.jpg")}
    scale = {name: PATCH_SIDE_PX / max(photo.shape[:2]) for name, photo in photos.items()}
    return {
        name: cv2.resize(photo, None, fx=scale[name], fy=scale[name], interpolation=cv2.INTER_AREA)
        for name, photo in photos.items()
    }


def without_a_model() -> str:
    """How near the statistics of patches are to the style's, and how much of the photograph's shapes is left."""
    lines = [
        f"### Transfer Style without a model, {PATCH_SIDE_PX} px",
        "",
        "| photo, style | seconds | distance to the style: photo / colours / ours | shapes left: colours / ours |",
        "| --- | --- | --- | --- |",
    ]
    for (photo, content), style in zip(contents().items(), ("brush", "hatching", "mosaic"), strict=True):
        painting = _painting(style, PATCH_SIDE_PX)
        context = Context(reference_layer=Image.from_array((painting * 255 + 0.5).astype(np.uint8)))
        started = time.perf_counter()
        (layer,) = transfer_style(  # pyright: ignore[reportGeneralTypeIssues]
            Image.from_array(content), Params(model="classical"), context
        )
        seconds = time.perf_counter() - started
        unit = content / np.float32(255)
        recoloured = np.clip(colours.transported(unit, painting), 0, 1)
        assert layer.rgb is not None
        far = [patch_distance(each, painting) for each in (unit, recoloured, layer.rgb)]
        left = [shapes_left(each, unit) for each in (recoloured, layer.rgb)]
        lines.append(
            f"| {photo}, {style} | {seconds:.1f} | {far[0]:.4f} / {far[1]:.4f} / {far[2]:.4f} "
            f"| {left[0]:.3f} / {left[1]:.3f} |"
        )
    return "\n".join(lines) + "\n"


def patch_distance(picture: np.ndarray, style: np.ndarray) -> float:
    """Sliced Wasserstein distance between the patches of two pictures, full, half and quarter size; 0: alike."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((PATCH_PX * PATCH_PX * 3, DIRECTIONS)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)
    found = []
    for scale in (1.0, 0.5, 0.25):
        projected = [np.sort(_patches(each, scale, rng) @ directions, axis=0) for each in (picture, style)]
        found.append(float(np.abs(projected[0] - projected[1]).mean()))
    return float(np.mean(found))


def _patches(picture: np.ndarray, scale: float, rng: np.random.Generator) -> np.ndarray:
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    windows = np.lib.stride_tricks.sliding_window_view(small, (PATCH_PX, PATCH_PX), axis=(0, 1))
    rows, columns = (rng.integers(0, count, PATCHES) for count in windows.shape[:2])
    return windows[rows, columns].reshape(PATCHES, -1)


def shapes_left(picture: np.ndarray, content: np.ndarray) -> float:
    """Correlation of their light from afar, the sign of which a style may turn round."""
    sigma_px = PATCH_SIDE_PX / 100
    far = [cv2.GaussianBlur(each.mean(axis=2), (0, 0), sigma_px) for each in (picture, content)]
    return abs(float(np.corrcoef(far[0].ravel(), far[1].ravel())[0, 1]))


def main() -> str:
    return compare() + "\n" + without_a_model()
