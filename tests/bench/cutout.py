"""Mattes against the truth: ours, GrabCut alone, pymatting; from the same trimap, and from a rough selection."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np
import pymatting
from scumble_daemon.context import Context
from scumble_daemon.imaging import matting, samples
from scumble_daemon.imaging.image import Image
from scumble_daemon.operations.remove_background import Params, remove_background
from scumble_protocol.client import Client
from scumble_protocol.image import Bounds

from ..daemon_process import running_daemon
from . import composites
from .composites import Composite
from .models import forget_peaks, peak_bytes
from .table import Row, show

GRADIENT_SIGMA = 1.4  # after Rhemann et al. 2009
GRAB_CUT_ROUNDS = 5
LARGE, LIMIT = (5776, 8664), "≤ 600 MB"
ERODED_PX = 10  # what is usually done without better knowledge: a band of so many pixels on both sides of GrabCut's


def main() -> str:
    cases = composites.for_judging()
    known = {
        "pymatting, closed-form": lambda case: pymatting.estimate_alpha_cf(case.picture.astype(float), case.trimap),
        "pymatting, KNN": lambda case: pymatting.estimate_alpha_knn(case.picture.astype(float), case.trimap),
        "pymatting, learning-based": lambda case: pymatting.estimate_alpha_lbdm(
            case.picture.astype(float), case.trimap
        ),
        "ours": from_trimap,
    }
    rough = {
        "GrabCut alone": grab_cut,
        "GrabCut, pymatting closed-form in a band": grab_cut_then_closed_form,
        "ours, Remove Background": from_selection,
    }
    return (
        show("Remove Background and Refine Edge, a layer of 50 megapixels with a subject of a quarter of it", large())
        + "\n"
        + table("Mattes from one and the same trimap, SAD / MSE / gradient error", cases, known)
        + "\n"
        + table("Mattes from a rough selection, SAD / MSE / gradient error", cases, rough)
    )


# --- memory ------------------------------------------------------------------------------------------------------


def large() -> list[Row]:
    """Through a daemon: seconds, and the memory that `above` tells."""
    case = composites.for_judging()[2]
    height, width = LARGE
    pixels = cv2.resize(np.round(case.picture * 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    selection = np.zeros((height, width), np.uint8)
    cv2.ellipse(selection, (width // 2, height // 2), (round(0.27 * width), round(0.3 * height)), 0, 0, 360, 255, -1)
    return above(("remove_background", "refine_edge"), pixels, selection)


def above(operations: tuple[str, ...], rgb: np.ndarray, selection: np.ndarray | None) -> list[Row]:
    """Seconds; what the daemon's processes hold at most beyond what they do with a small layer, and beyond the layer
    and its selection."""
    pixels = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
    small = None if selection is None else selection[::16, ::16]
    held = pixels.nbytes + (0 if selection is None else selection.nbytes)
    rows = []
    with running_daemon() as daemon:
        assert daemon.process is not None
        pids = [daemon.process.pid, daemon.wait_for_worker()]
        with daemon.client() as client:
            for operation in operations:
                _run(client, operation, pixels[::16, ::16], small)
                forget_peaks(pids)
                before = peak_bytes(pids)
                started = time.perf_counter()
                _run(client, operation, pixels, selection)
                taken = time.perf_counter() - started
                megabytes = (peak_bytes(pids) - before - held) / 1e6
                rows.append(
                    Row(f"{operation}: time, memory above the layer", f"{taken:.0f} s, {megabytes:.0f} MB", LIMIT)
                )
    return rows


def _run(client: Client, operation: str, pixels: np.ndarray, selection: np.ndarray | None) -> None:
    area = Bounds(0, 0, pixels.shape[1], pixels.shape[0])
    image = client.put(samples.to_bytes(pixels), area, "u8", "RGBA")
    selected = None if selection is None else client.put(samples.to_bytes(selection), area, "u8", "GRAY")
    client.release(client.run(operation, image, area, selection=selected))


# --- methods -------------------------------------------------------------------------------------------------------


def from_trimap(case: Composite) -> np.ndarray:
    return matting.solve(case.picture, case.trimap)


def from_selection(case: Composite) -> np.ndarray:
    pixels = np.round(case.picture * 255).astype(np.uint8)
    params = Params(clean_colours=False, model="classical", edge_model="classical")
    made = remove_background(Image.from_array(pixels), params, Context(selection=case.selection))
    assert isinstance(made, list)
    (layer,) = made
    assert layer.mask is not None
    assert layer.bounds is not None
    whole, at = np.zeros(case.alpha.shape, np.float32), layer.bounds
    whole[at.y : at.bottom, at.x : at.right] = layer.mask
    return whole


def grab_cut(case: Composite) -> np.ndarray:
    labels = np.where(case.selection > 0.5, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    cv2.setRNGSeed(1)
    pixels = np.round(case.picture * 255).astype(np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(pixels, labels, (0, 0, 0, 0), *models, GRAB_CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    return ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.float32)


def grab_cut_then_closed_form(case: Composite) -> np.ndarray:
    mask = grab_cut(case).astype(np.uint8)
    kernel = np.ones((2 * ERODED_PX + 1,) * 2, np.uint8)
    trimap = np.where(cv2.erode(mask, kernel) > 0, 1.0, np.where(cv2.dilate(mask, kernel) > 0, 0.5, 0.0))
    return pymatting.estimate_alpha_cf(case.picture.astype(float), trimap) if (trimap == 1).any() else mask


# --- measures ------------------------------------------------------------------------------------------------------


def errors(found: np.ndarray, case: Composite) -> tuple[float, float, float]:
    """SAD and gradient error in thousands, mean squared error in thousandths, over the whole picture."""
    off = found.astype(np.float64) - case.alpha
    steps = _gradient(found) - _gradient(case.alpha)
    return float(np.abs(off).sum() / 1e3), float((off**2).mean() * 1e3), float((steps**2).sum() / 1e3)


def _gradient(alpha: np.ndarray) -> np.ndarray:
    """Magnitude of the first derivatives of a Gaussian."""
    reach = 5
    at = np.arange(-reach, reach + 1)
    bell = np.exp(-(at**2) / (2 * GRADIENT_SIGMA**2)) / (GRADIENT_SIGMA * np.sqrt(2 * np.pi))
    slope = -at * bell / GRADIENT_SIGMA**2
    length = np.sqrt((np.outer(bell, slope) ** 2).sum())
    across, down = (
        cv2.sepFilter2D(alpha.astype(np.float64), cv2.CV_64F, *kernels, borderType=cv2.BORDER_REPLICATE)
        for kernels in ((slope / length, bell), (bell, slope / length))
    )
    return np.hypot(across, down)


def table(title: str, cases: list[Composite], methods: dict[str, Callable[[Composite], np.ndarray]]) -> str:
    found = {name: [errors(act(case), case) for case in cases] for name, act in methods.items()}
    lines = [f"### {title}", "", f"| composite | {' | '.join(methods)} |", f"| --- |{' --- |' * len(methods)}"]
    for index, case in enumerate(cases):
        figures = (" / ".join(f"{each:.2f}" for each in found[name][index]) for name in methods)
        lines.append(f"| {case.name} | {' | '.join(figures)} |")
    means = (" / ".join(f"{each:.2f}" for each in np.mean(found[name], axis=0)) for name in methods)
    lines.append(f"| **mean** | {' | '.join(f'**{each}**' for each in means)} |")
    return "\n".join(lines) + "\n"
