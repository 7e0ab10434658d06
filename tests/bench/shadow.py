"""Synthetic shadows on real photographs: what is left of them inside, at the penumbra, and what the lit part loses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scumble_daemon.context import Context
from scumble_daemon.imaging.image import Image
from scumble_daemon.operations.remove_shadow import Params, remove_shadow
from skimage import data
from sklearn.datasets import load_sample_image

from ..operations import photos
from . import cutout
from .table import Row, show

LASSO_PX = 14


@dataclass(frozen=True)
class Case:
    """`lit`, `photo`: H×W×3 uint8 · `shadow`: 0 to 1 · `selection`: a generous lasso."""

    name: str
    lit: np.ndarray
    photo: np.ndarray
    shadow: np.ndarray
    selection: np.ndarray


def cases() -> list[Case]:
    """Real photographs; most of them were looked at while the method was made."""
    grey = {name: np.dstack([getattr(data, name)()] * 3) for name in ("brick", "gravel", "grass")}
    motorcycle, flower = data.stereo_motorcycle()[0], load_sample_image("flower.jpg")
    return [
        case("brick, crisp", grey["brick"], "leaf", 1.0, 0.35),
        case("brick, soft", grey["brick"], "ellipse", 7.0, 0.45),
        case("gravel", grey["gravel"], "pole", 2.5, 0.35),
        case("grass, soft", grey["grass"], "leaf", 6.0, 0.4),
        case("coffee", data.coffee(), "ellipse", 3.0, 0.4, (110, 330)),
        case("motorcycle, floor", motorcycle, "ellipse", 4.0, 0.4, (560, 440)),
        case("flower", flower, "leaf", 3.0, 0.45, (330, 200)),
        case("rocket, sky", data.rocket(), "ellipse", 8.0, 0.5, (460, 160)),
    ]


def case(
    name: str, lit: np.ndarray, shape: str, penumbra_px: float, light: float, centre: tuple[int, int] | None = None
) -> Case:
    height, width = lit.shape[:2]
    x, y = centre or (width // 2, height // 2)
    drawn = np.zeros((height, width), np.float32)
    if shape == "ellipse":
        cv2.ellipse(drawn, (x, y), (95, 60), 20, 0, 360, 1, -1, cv2.LINE_AA)
    elif shape == "pole":
        cv2.line(drawn, (x - 190, y + 120), (x + 170, y - 110), 1, 26, cv2.LINE_AA)
    else:
        angles = np.linspace(0, 2 * np.pi, 200)
        radius = 85 * (1 + 0.28 * np.sin(3 * angles) + 0.13 * np.sin(8 * angles))
        outline = np.stack([x + radius * np.cos(angles), y + 0.8 * radius * np.sin(angles)], axis=1)
        cv2.fillPoly(drawn, [np.round(outline).astype(np.int32)], 1, cv2.LINE_AA)
    shadow = cv2.GaussianBlur(drawn, (0, 0), penumbra_px)
    made = photos.darkened(lit, shadow, light)
    selection = photos.roughly(shadow > 0.05, LASSO_PX) if shape != "leaf" else _grown(shadow > 0.05)
    return Case(name, lit, made, shadow, selection)


def _grown(mask: np.ndarray) -> np.ndarray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * LASSO_PX + 1, 2 * LASSO_PX + 1))
    return cv2.dilate(mask.astype(np.uint8), kernel).astype(np.float32)


def ours(case: Case) -> np.ndarray:
    """Colour dodge over the photograph, as the editors do it, in 8 bits and masked by the selection."""
    image = Image.from_array(case.photo)
    (layer,) = remove_shadow(  # pyright: ignore[reportGeneralTypeIssues]
        image, Params(model="classical"), Context(selection=case.selection)
    )
    assert layer.raster is not None
    base, at = image.native_colour, layer.raster.bounds
    dodge = np.zeros_like(base)
    dodge[at.y : at.bottom, at.x : at.right] = Image(layer.raster).native_colour
    dodged = np.clip(base / (1 - dodge), 0, 1)
    return (base + (dodged - base) * case.selection[..., None]).astype(np.float32)


def untouched(case: Case) -> np.ndarray:
    return case.photo / np.float32(255)


def matched(case: Case) -> np.ndarray:
    """The usual simple way: mean and deviation in Lab inside the selection become those of what is around it."""
    lab = cv2.cvtColor(case.photo / np.float32(255), cv2.COLOR_RGB2LAB)
    inside = case.selection > 0.5
    around = (_grown(inside) > 0) & ~inside
    spread = lab[around].std(axis=0) / np.maximum(lab[inside].std(axis=0), 1e-3)
    lab[inside] = (lab[inside] - lab[inside].mean(axis=0)) * spread + lab[around].mean(axis=0)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1)


def errors(found: np.ndarray, case: Case) -> tuple[float, float, float]:
    """Mean ΔE (1976) to the lit photograph: in the full shadow, in the penumbra, and outside both."""
    off = photos.difference(found, case.lit / np.float32(255))
    core, outside = case.shadow > 0.95, case.shadow < 0.02
    return float(off[core].mean()), float(off[~core & ~outside].mean()), float(off[outside].mean())


def large() -> list[Row]:
    """A shadow over a quarter of a large layer, selected, and without a selection."""
    small = case("brick", np.dstack([data.brick()] * 3), "leaf", 5.0, 0.4)
    height, width = cutout.LARGE
    pixels, selection = (
        cv2.resize(each, (width, height), interpolation=cv2.INTER_LINEAR)
        for each in (small.photo, (small.selection * 255).astype(np.uint8))
    )
    rows = []
    for words, drawn in (("selected", selection), ("nothing selected", None)):
        (row,) = cutout.above(("remove_shadow",), pixels, drawn)
        rows.append(Row(f"{words}: time, memory above the layer", row.figure, row.limit))
    return rows


def main() -> str:
    methods: dict[str, Callable[[Case], np.ndarray]] = {"before": untouched, "Lab mean and deviation": matched}
    methods["ours"] = ours
    lines = [
        "### Remove Shadow, synthetic shadows on real photographs: mean ΔE inside / penumbra / lit part",
        "",
        f"| shadow | {' | '.join(methods)} |",
        f"| --- |{' --- |' * len(methods)}",
    ]
    found = {name: [] for name in methods}
    for each in cases():
        for name, act in methods.items():
            found[name].append(errors(act(each), each))
        figures = (" / ".join(f"{figure:.2f}" for figure in found[name][-1]) for name in methods)
        lines.append(f"| {each.name} | {' | '.join(figures)} |")
    means = (" / ".join(f"{figure:.2f}" for figure in np.mean(found[name], axis=0)) for name in methods)
    lines.append(f"| **mean** | {' | '.join(f'**{each}**' for each in means)} |")
    table = "\n".join(lines) + "\n"
    return show("Remove Shadow, a layer of 50 megapixels", large()) + "\n" + table
