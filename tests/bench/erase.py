"""Erase Object beside other ways to fill holes: over known ground, at 1920 × 1080, and in a layer of 50 megapixels.

G'MIC's two ways take part where its command line is installed (Debian's package gmic).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from scumble_daemon.context import Context
from scumble_daemon.executors.worker import KEEP_MEMORY_S
from scumble_daemon.imaging import samples
from scumble_daemon.imaging.image import Image
from scumble_daemon.operations.erase_object import Params, erase_object
from scumble_daemon.warm import IDLE_S
from scumble_protocol.client import Client
from scumble_protocol.image import Bounds
from skimage.restoration import inpaint_biharmonic
from sklearn.datasets import load_sample_image

from .. import checkpoints
from ..checkpoints import published
from ..checkpoints.index import lama_as_torchscript
from ..daemon_process import running_daemon
from .holes import gradient_distance, holes, ms_ssim, outline, psnr
from .models import forget_peaks, peak_bytes
from .table import Row, median, show

TELEA_PX = 3
MARGIN_PX = 24  # around the hole, that the biharmonic equation is solved with
TIMES = 3
HD = (1080, 1920)
LARGE = (7072, 7072)
SAMPLE_S = 0.01

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]


def ours(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    made = erase_object(Image.from_array(photo), Params(), Context(selection=hole.astype(np.float32)))
    assert isinstance(made, list)
    raster = made[0].raster
    assert raster is not None
    filled, part = photo.copy(), raster.bounds
    filled[part.y : part.bottom, part.x : part.right] = samples.view(raster)[..., :3]
    return np.where(hole[..., None], filled, photo)


def telea(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return cv2.inpaint(photo, hole.astype(np.uint8), TELEA_PX, cv2.INPAINT_TELEA)


def navier_stokes(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return cv2.inpaint(photo, hole.astype(np.uint8), TELEA_PX, cv2.INPAINT_NS)


def biharmonic(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    part = (
        slice(max(0, rows[0] - MARGIN_PX), rows[-1] + MARGIN_PX),
        slice(max(0, columns[0] - MARGIN_PX), columns[-1] + MARGIN_PX),
    )
    filled = photo.copy()
    solved = inpaint_biharmonic(photo[part], hole[part], channel_axis=-1)
    filled[part] = (np.clip(solved, 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.where(hole[..., None], filled, photo)


def gmic(command: str) -> Fill:
    """Started anew for each picture, as its users do; reading and writing the files counts, which is little."""

    def fill(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            source, mask, result = (str(Path(folder) / name) for name in ("in.bmp", "mask.bmp", "out.png"))
            cv2.imwrite(source, photo[..., ::-1])
            cv2.imwrite(mask, hole.astype(np.uint8) * 255)
            argv = ["gmic", "-v", "-1", source, mask, f"-{command}[0]", "[1]", "-keep[0]", "-o", result]
            subprocess.run(argv, check=True, capture_output=True)
            return np.asarray(PIL.Image.open(result).convert("RGB"))

    return fill


def ways() -> dict[str, Fill]:
    found: dict[str, Fill] = {
        "Erase Object, without a model": ours,
        "OpenCV, Telea": telea,
        "OpenCV, Navier–Stokes": navier_stokes,
        "scikit-image, biharmonic": biharmonic,
    }
    if shutil.which("gmic"):
        found |= {
            "G'MIC, inpaint_matchpatch": gmic("inpaint_matchpatch"),
            "G'MIC, inpaint": gmic("inpaint"),
        }
    return found


def quality() -> str:
    """Means over all holes, and in how many of them each way is the best."""
    cases = list(holes())[:: 6 if os.environ.get("SCUMBLE_BENCH_QUICK") else 1]
    offered = ways()
    ours(cases[0].photo, cases[0].hole)  # compiled code is loaded once
    figures = {name: [] for name in offered}
    for case in cases:
        for name, fill in offered.items():
            started = time.perf_counter()
            filled = fill(case.photo, case.hole)
            taken = time.perf_counter() - started
            measures = [measure(case.photo, filled, case.hole) for measure in (psnr, ms_ssim, gradient_distance)]
            figures[name].append([*measures, taken])
    table = np.array([figures[name] for name in offered])  # ways × holes × measures
    best = np.stack([table[..., 0].argmax(0), table[..., 1].argmax(0), table[..., 2].argmin(0)])
    shares = [case.hole.mean() for case in cases]
    lines = [
        f"### Holes over known ground: {len(cases)} of {min(shares):.1%} to {max(shares):.1%} of the picture",
        "",
        "| way | PSNR, dB | MS-SSIM | gradients' distance | best in (of each) | seconds, median |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for index, name in enumerate(offered):
        means = table[index].mean(axis=0)
        wins = ", ".join(str(int((row == index).sum())) for row in best)
        seconds = median(table[index, :, 3].tolist())
        lines.append(f"| {name} | {means[0]:.2f} | {means[1]:.3f} | {means[2]:.2f} | {wins} | {seconds:.2f} |")
    lines += ["", "| hole | " + " | ".join(offered) + " |", "| --- |" + " --- |" * len(offered)]
    for index, case in enumerate(cases):
        cells = [f"{row[0]:.1f}, {row[1]:.2f}, {row[2]:.2f}" for row in table[:, index]]
        lines.append(f"| {case.name}, {case.hole.mean():.1%} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


# --- time and memory ----------------------------------------------------------------------------------------------


def job(client: Client, pixels: np.ndarray, hole: np.ndarray, at: tuple[int, int], model: str) -> float:
    """Seconds from the pixels at hand to the layer at hand. `hole`: with its upper left corner `at` (x, y)."""
    area = Bounds(0, 0, pixels.shape[1], pixels.shape[0])
    selected = Bounds(*at, hole.shape[1], hole.shape[0])
    started = time.perf_counter()
    image = client.put(samples.to_bytes(pixels), area, "u8", "RGBA")
    selection = client.put(samples.to_bytes(hole.astype(np.uint8) * 255), selected, "u8", "GRAY")
    result = client.run("erase_object", image, area, selection=selection, parameters={"model": model})
    client.pixels(result.layers[0].raster)
    taken = time.perf_counter() - started
    client.release(result)
    return taken


def picture(size: tuple[int, int]) -> np.ndarray:
    """China at that size, RGBA, with noise of its own, so that no cache can answer."""
    photo = cv2.resize(load_sample_image("china.jpg"), size[::-1], interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(time.monotonic_ns()).integers(0, 9, (64, size[1], 3), np.uint8)
    noisy = cv2.add(photo, np.ascontiguousarray(np.resize(grain, photo.shape)))
    return np.dstack([noisy, np.full(size, 255, np.uint8)])


def hd_times(client: Client, model: str, side: int) -> list[float]:
    """After one that does not count."""
    hole = outline((side, side), (side // 2, side // 2), 0.5, 1)
    at = (HD[1] // 2 - side // 2, HD[0] // 2 - side // 2)
    return [job(client, picture(HD), hole, at, model) for _ in range(TIMES + 1)][1:]


@dataclass
class Own:
    most_bytes: int = 0


@contextlib.contextmanager
def own_peak(pid: int) -> Iterator[Own]:
    """The most anonymous memory that the process holds meanwhile, as it is looked at every SAMPLE_S."""
    own, ended = Own(), threading.Event()

    def look() -> None:
        while not ended.wait(SAMPLE_S):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            now = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))
            own.most_bytes = max(own.most_bytes, now)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield own
    finally:
        ended.set()
        thread.join()


def memory() -> list[Row]:
    """The worker's peak above the layer, and how much of that is the worker's own: the rest are pages of libraries'
    files, which the machine can drop and every process shares."""
    hole = outline((160, 160), (80, 80), 0.4, 2)
    rows = []
    with running_daemon() as daemon, daemon.client() as client:
        worker = [daemon.wait_for_worker()]
        for what in ("first job", "a later job"):
            time.sleep(IDLE_S + KEEP_MEMORY_S + 1)  # until it has warmed up, and has given back what it kept
            pixels = picture(LARGE)
            forget_peaks(worker)
            with own_peak(worker[0]) as own:
                taken = job(client, pixels, hole, (3000, 3000), "classical")
            above = peak_bytes(worker) - pixels.nbytes
            title = f"50 megapixels, small hole, {what}: the worker's peak above the layer"
            told = f"{above / 1e6:,.0f} MB, {own.most_bytes / 1e6:,.0f} MB the worker's own ({taken:.1f} s)"
            rows.append(Row(title, told, "≤ 600 MB"))
    return rows


def main() -> str:
    text = quality()
    with running_daemon() as daemon:
        daemon.stop()
        folder = daemon.home / "weights" / "lama"
        folder.mkdir(parents=True)
        lama_as_torchscript(published.lama().state_dict(), folder / "big-lama.pt")
        checkpoints.announce(daemon.home, "lama", "erase_object", "spandrel", "LaMa")
        daemon.start()
        daemon.wait_for_worker()
        with daemon.client() as client:
            rows = []
            for what, model, side, limit in (
                ("without a model, an object of 200 pixels", "classical", 200, "≤ 6 s"),
                ("without a model, 8 % of the picture", "classical", 576, "≤ 6 s"),
                ("LaMa's architecture, random weights, an object of 200 pixels", "lama", 200, "≤ 12 s"),
            ):
                taken = hd_times(client, model, side)
                rows.append(Row(f"1920 × 1080, {what}", f"{median(taken):.2f} s (slowest {max(taken):.2f} s)", limit))
    rows += memory()
    return text + "\n" + show(f"Erase Object, warm: medians of {TIMES}", rows)
