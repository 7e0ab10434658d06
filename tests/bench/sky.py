"""Replace Sky on scenes with known mattes, against GrabCut alone; and its time and memory on a large layer."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass

import cv2
import numpy as np
from scumble_daemon.context import Context
from scumble_daemon.executors import job
from scumble_daemon.imaging import composite, samples
from scumble_daemon.imaging.image import Image, NewLayer
from scumble_daemon.operations.replace_sky import Params, replace_sky
from sklearn.datasets import load_sample_image

from ..operations import skies
from ..operations.skies import Scene
from .table import Row, show

IS_QUICK = bool(os.environ.get("SCUMBLE_BENCH_QUICK"))
LARGE = (4000, 6000)
EDGE_PX = 4
DARK, PALE = (0.10, 0.12, 0.20), (0.86, 0.88, 0.92)  # skies that show what is left of the old one


@dataclass(frozen=True)
class Scores:
    """`overlap`: intersection over union · `off`: mean absolute error of the share · `sad`: its sum, in thousands ·
    `halo`: mean ΔE beside edges to the thing itself before the same new sky, of a dark and a pale one."""

    overlap: float
    off: float
    sad: float
    halo: float
    seconds: float

    @staticmethod
    def of(scene: Scene, share: np.ndarray, ground: np.ndarray, seconds: float) -> Scores:
        """`ground`: H×W×3, what is put before the new sky by `share`."""
        both = ((share > 0.5) & (scene.sky > 0.5)).sum()
        either = ((share > 0.5) | (scene.sky > 0.5)).sum()
        away = np.abs(share - scene.sky)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * EDGE_PX + 1, 2 * EDGE_PX + 1))
        edge = cv2.dilate(((scene.sky > 0.02) & (scene.sky < 0.98)).astype(np.uint8), kernel) > 0
        halo = 0.0
        for colour in (DARK, PALE):
            new = np.broadcast_to(np.array(colour, np.float32), ground.shape)
            shown = share[..., None] * new + (1 - share[..., None]) * ground
            halo += _difference(shown, scene.before(new))[edge].mean() / 2
        return Scores(float(both / either), float(away.mean()), float(away.sum() / 1000), float(halo), seconds)


def ours(scene: Scene) -> Scores:
    started = time.perf_counter()
    image = Image.from_array(scene.photo)
    made = replace_sky(image, Params(sky="clear", light=0, colour=0, haze=0, water=0), Context())
    taken = time.perf_counter() - started
    assert isinstance(made, list)
    sky = made[-1]
    assert sky.mask is not None
    assert sky.bounds is not None
    share = np.zeros(scene.sky.shape, np.float32)
    part = sky.bounds
    share[part.y : part.bottom, part.x : part.right] = sky.mask
    return Scores.of(scene, share, over(image, made[:-1]) / np.float32(255), taken)


def over(image: Image, layers: list[NewLayer]) -> np.ndarray:
    """The layers over the photo, its own samples."""
    source = job.Source(image, None, image.bounds)
    return samples.view(
        composite.flatten(image.bounds, image.raster, [job._encode(layer, source, {}) for layer in layers])
    )


def grab_cut(scene: Scene) -> Scores:
    """OpenCV's, told that the sky lies somewhere in the upper four fifths."""
    started = time.perf_counter()
    height, width = scene.sky.shape
    labels = np.zeros((height, width), np.uint8)
    cv2.setRNGSeed(1)
    box = (0, 0, width, round(0.8 * height))
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(scene.photo), labels, box, *models, 5, cv2.GC_INIT_WITH_RECT)
    share = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.float32)
    if share[:20].mean() < 0.5:  # it may find the things instead
        share = 1 - share
    return Scores.of(scene, share, scene.photo / np.float32(255), time.perf_counter() - started)


def _difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    lab = [cv2.cvtColor(np.clip(each, 0, 1).astype(np.float32), cv2.COLOR_RGB2LAB) for each in (first, second)]
    return np.linalg.norm(lab[0] - lab[1], axis=2)


def quality() -> str:
    lines = [
        "### Replace Sky without a model, 768 × 512 scenes with known mattes: ours / GrabCut alone",
        "",
        "| scene | IoU (at least 0.95) | mean error, % | SAD, thousands | ΔE beside edges | seconds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    names = list(skies.SCENES)[:3] if IS_QUICK else list(skies.SCENES)
    found = []
    for name in names:
        scene = skies.make(name)
        found.append((ours(scene), grab_cut(scene)))
        lines.append(_line(name, *found[-1]))
    means = [Scores(*(float(np.mean([getattr(pair[side], key) for pair in found])) for key in KEYS)) for side in (0, 1)]
    lines.append(_line("**mean**", *means))
    return "\n".join(lines) + "\n"


KEYS = ("overlap", "off", "sad", "halo", "seconds")


def _line(name: str, mine: Scores, peer: Scores) -> str:
    cells = (
        f"{mine.overlap:.3f} / {peer.overlap:.3f}",
        f"{100 * mine.off:.1f} / {100 * peer.off:.1f}",
        f"{mine.sad:.1f} / {peer.sad:.1f}",
        f"{mine.halo:.1f} / {peer.halo:.1f}",
        f"{mine.seconds:.1f} / {peer.seconds:.1f}",
    )
    return f"| {name} | {' | '.join(cells)} |"


def large() -> None:
    """In a process of its own: prints seconds, and the peak of memory above what was there with the layer, in MB."""
    photo = cv2.resize(load_sample_image("china.jpg"), LARGE[::-1], interpolation=cv2.INTER_CUBIC)
    image = Image.from_array(photo)
    replace_sky(Image.from_array(photo[::12, ::12].copy()), Params(), Context())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    made = replace_sky(image, Params(), Context())
    taken = time.perf_counter() - started
    assert isinstance(made, list)
    print(taken, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000)


def main() -> str:
    words = "from tests.bench.sky import large; large()"
    answer = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    seconds, megabytes = (float(word) for word in answer.stdout.split())
    rows = [
        Row("24 megapixels u8: seconds", f"{seconds:.1f} s"),
        Row("the same: memory above the layer, results included", f"{megabytes:,.0f} MB"),
    ]
    return quality() + "\n" + show("Replace Sky on a large layer", rows)
