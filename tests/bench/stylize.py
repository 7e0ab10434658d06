"""Stylize: how long a full HD picture takes, beside the renderers that it learned from; memory; how near it comes."""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from scumble_daemon.imaging.style.grain import grain
from scumble_daemon.models import loading
from scumble_daemon.models.brush import Brush
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.running import Notes
from scumble_daemon.models.sources import Installed

from ..daemon_process import running_daemon
from .erase import LARGE
from .models import forget_peaks, peak_bytes
from .sheets import photo, put
from .table import Row, measured, median, show

sys.path.insert(0, str(Path(__file__).parents[2] / "weights"))
from training import photos, renderers

WEIGHTS = Path(__file__).parents[2] / "weights"
FULL_HD = (1080, 1920)
QUICK = bool(os.environ.get("SCUMBLE_BENCH_QUICK"))
TIMES = 1 if QUICK else 3
JUDGED = photos.JUDGING[:2] if QUICK else photos.JUDGING


def brush(style: str) -> Brush:
    file = WEIGHTS / f"paint-{style}" / "model.safetensors"
    return Brush(loading.load(Installed(style, style, (), "shipped", (file,), "own", "Painter")), CPU, style)


def picture() -> np.ndarray:
    """1080×1920×3 uint8."""
    return cv2.resize(photo("china"), FULL_HD[::-1], interpolation=cv2.INTER_CUBIC)


def times() -> str:
    """Layer to layer through a daemon, warm, all of whose threads are free."""
    rows: list[Row] = []
    number = itertools.count()
    given = picture().astype(np.float32) / 255
    ground = grain(0, 0, *FULL_HD)
    with running_daemon() as daemon, daemon.client() as client:
        daemon.wait_for_worker()

        def run(style: str, second: str = "none") -> None:
            fresh = picture()
            fresh[0, 0] = next(number)  # or the daemon would give what it has kept
            raster, area = put(client, fresh)
            result = client.run("stylize", raster, area, parameters={"style": style, "second": second})
            client.release(result)

        for style, render in renderers.RENDERERS.items():
            run(f"paint-{style}")
            ours = median(measured(lambda style=style: run(f"paint-{style}"), TIMES))
            theirs = median(measured(lambda render=render: render(given, ground), 1))
            rows.append(Row(style, f"{ours:.1f} s (the renderer itself: {theirs:.1f} s)", "≤ 6 s"))
        both = median(measured(lambda: run("paint-oil", "paint-mosaic"), TIMES))
        rows.append(Row("oil mixed with mosaic", f"{both:.1f} s", "≤ 6 s"))
    title = f"Stylize, 1920 × 1080 u8, warm daemon, {os.cpu_count()} cores: medians of {TIMES}"
    return show(title, rows)


def memory() -> str:
    """The worker's peak above the layer of 50 megapixels, whose paint is a layer as large."""
    with running_daemon() as daemon, daemon.client() as client:
        worker = [daemon.wait_for_worker()]
        client.release(client.run("stylize", *put(client, picture())))  # PyTorch is loaded once
        given = cv2.resize(photo("china"), LARGE[::-1], interpolation=cv2.INTER_CUBIC)
        raster, area = put(client, given)
        forget_peaks(worker)
        started = time.perf_counter()
        result = client.run("stylize", raster, area)
        seconds, above = time.perf_counter() - started, peak_bytes(worker) - raster.nbytes
        client.release(result)
    row = Row(
        f"oil, {LARGE[1]} × {LARGE[0]} u8: the worker's peak above the layer",
        f"{above / 1e6:,.0f} MB ({seconds:.1f} s)",
    )
    return show("Stylize, memory", [row])


def nearness() -> str:
    """PSNR to the renderers: of the photograph as it is, and of ours."""
    rows: list[Row] = []
    for style, render in renderers.RENDERERS.items():
        painting, scores = brush(style), []
        for name in JUDGED:
            shown = photos.photo(name, 384)
            given = shown.astype(np.float32) / 255
            wanted = as_bytes(render(given, grain(0, 0, *shown.shape[:2])))
            ours = as_bytes(painting.paint(given, 1.0, 0, Notes()))
            scores.append((photos.psnr(shown, wanted), photos.psnr(ours, wanted)))
        left, found = np.mean(scores, 0)
        rows.append(Row(style, f"{found:.2f} dB (the photograph itself: {left:.2f})"))
    return show(f"Stylize beside the renderers, mean PSNR over {', '.join(JUDGED)}", rows)


def as_bytes(rgb: np.ndarray) -> np.ndarray:
    return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)


def main() -> str:
    return f"{times()}\n{memory()}\n{nearness()}"
