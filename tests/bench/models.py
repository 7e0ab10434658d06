"""Models: a warm one against the network alone and against a new process, and layers of 6, 25 and 100 megapixels."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scumble_daemon.imaging import samples
from scumble_daemon.models import loading, memory
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.running import Notes, RunningModel
from scumble_protocol.client import Client
from scumble_protocol.image import Bounds

from .. import checkpoints
from ..daemon_process import DaemonProcess, running_daemon
from . import clicks
from .table import Row, measured, median, milliseconds, show

SIDE = 512
TIMES = 11
SIZES = ((2450, 2450), (5000, 5000), (10000, 10000))  # height, width
LIMIT_GB = 1.5
NEW_PROCESS = """
import sys, numpy as np
from pathlib import Path
from scumble_daemon.models import loading
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.running import RunningModel
pixels = np.load(sys.argv[2]).astype(np.float32) / 255
rows = []
model = RunningModel(loading.load_file(Path(sys.argv[1])), CPU, "new")
model.over(pixels.shape[:2], lambda down, across: pixels[down, across], lambda _, part: rows.append(part))
np.save(sys.argv[3], np.concatenate(rows))
"""


def noise(height: int, width: int) -> np.ndarray:
    """H×W×4 uint8, opaque; made row by row out of one strip, since 100 megapixels of noise take long."""
    strip = np.random.default_rng(time.monotonic_ns()).integers(0, 256, (64, width, 4), np.uint8)
    pixels = np.resize(strip, (height, width, 4))
    pixels[..., 3] = 255
    return pixels


@dataclass(frozen=True)
class Taken:
    """Seconds from the pixels at hand to the result at hand, and of that in the network, by the worker's own clock."""

    whole: float
    network: float


def job(client: Client, pixels: np.ndarray) -> Taken:
    area = Bounds(0, 0, pixels.shape[1], pixels.shape[0])
    started = time.perf_counter()
    result = client.run("denoise", client.put(samples.to_bytes(pixels), area, "u8", "RGBA"), area)
    client.pixels(result.layers[0].raster)
    taken = Taken(time.perf_counter() - started, result.timings["network"])
    client.release(result)
    return taken


def warm_and_alone(client: Client, file: Path) -> tuple[list[Taken], float]:
    """Later jobs, and the median of the seconds of the network alone in this process, which keeps its memory as a
    worker does. TIMES of each, taken in turns: the machine is not equally fast all the time."""
    memory.keep_freed()
    model = RunningModel(loading.load_file(file), CPU, "bench")
    tile = (noise(SIDE, SIDE)[None, ..., :3] / np.float32(255)).astype(np.float32)
    jobs, passes = [], []
    model._forward(tile, False, Notes())
    for _ in range(TIMES):
        jobs.append(job(client, noise(SIDE, SIDE)))
        started = time.perf_counter()
        model._forward(tile, False, Notes())
        passes.append(time.perf_counter() - started)
    return jobs, median(passes)


def new_process(file: Path, pixels: np.ndarray, folder: Path) -> float:
    """Seconds of a process that starts, loads the model, and computes once."""
    np.save(folder / "in.npy", pixels[..., :3])
    argv = [sys.executable, "-c", NEW_PROCESS, str(file)]
    argv += [str(folder / "in.npy"), str(folder / "out.npy")]
    return median(measured(lambda: subprocess.run(argv, check=True), 3))


def peak_bytes(pids: list[int]) -> int:
    """The most that these processes have held at a time, each, since `forget_peaks`."""
    found = 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        found += next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    return found


def forget_peaks(pids: list[int]) -> None:
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def large_layers(daemon: DaemonProcess, client: Client) -> list[Row]:
    assert daemon.process is not None
    pids = [daemon.process.pid, daemon.wait_for_worker()]
    rows = []
    for height, width in SIZES:
        forget_peaks(pids)
        pixels = noise(height, width)
        taken = job(client, pixels).whole
        above = (peak_bytes(pids) - pixels.nbytes) / 1e9
        megapixels = height * width / 1e6
        rows.append(
            Row(
                f"denoise, {megapixels:.0f} megapixels: time, time a megapixel, memory above the layer itself",
                f"{taken:.0f} s, {taken / megapixels:.2f} s, {above:.2f} GB",
                f"≤ {LIMIT_GB} GB at 100" if megapixels >= 100 else "",
            )
        )
    return rows


def main() -> str:
    with running_daemon() as daemon:
        daemon.stop()
        # As `scripts/setup` does it: a worker that compiles beside its jobs takes a quarter of a gigabyte for that.
        subprocess.run([sys.executable, "-m", "scumble_daemon.warm"], check=True)
        file = checkpoints.install(daemon.home, "bench", "denoise", checkpoints.small_denoiser())
        daemon.start()
        daemon.wait_for_worker()
        with daemon.client() as client:
            first = job(client, noise(SIDE, SIDE)).whole
            later, alone = warm_and_alone(client, file)
            fresh = new_process(file, noise(SIDE, SIDE), daemon.home)
            rows = [] if os.environ.get("SCUMBLE_BENCH_QUICK") else large_layers(daemon, client)
    warm = median([each.whole for each in later])
    around = median([each.whole - each.network for each in later])
    over = warm - alone
    return show(
        "Models",
        [
            Row(f"denoise, {SIDE}², first job, PyTorch and the model not loaded yet", milliseconds(first)),
            Row(f"the same, later: median of {TIMES}", milliseconds(warm)),
            Row("the network alone, in turns with it", milliseconds(alone)),
            Row("a later job, above that", f"{milliseconds(over)} ({over / alone:+.1%})", "≤ +5 % or +10 ms"),
            Row("a later job, above its own network's time", milliseconds(around), "≤ +10 ms"),
            Row("a new process for each run", milliseconds(fresh)),
            Row("warm against a new process", f"{fresh / warm:.1f} ×", "≥ 5 ×"),
            *rows,
            *clicks.rows(),
        ],
    )
