"""Contact sheets of operations, made through a real daemon: `python -m tests.bench.sheets docs [NAME …]`.

G'MIC takes part in the one of styles where its command line is installed (Debian's package gmic).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
from scumble_daemon.imaging import samples
from scumble_protocol.client import Client
from scumble_protocol.image import Bounds, Point, Raster, Reference
from skimage import data
from sklearn.datasets import load_sample_image

from ..daemon_process import DaemonProcess, running_daemon

sys.path.insert(0, str(Path(__file__).parents[2] / "weights"))
from training import paintings

SHIPPED = Path(__file__).parents[2] / "weights"
TILE_PX = 200
LABEL_PX = 18
DROPPED = "mine.safetensors"
OUTSIDE = np.array((40, 40, 70), np.float32)  # what is not selected is darkened towards it


@dataclass(frozen=True)
class Clicked:
    """Something to be selected in a photograph. `clicks`: x, y, and whether it is meant."""

    photo: str
    clicks: tuple[tuple[int, int, bool], ...]


CLICKED = (
    Clicked("coffee", ((280, 250, True),)),
    Clicked("flower", ((320, 200, True),)),
    Clicked("rocket", ((322, 220, True),)),
    Clicked("chelsea", ((150, 150, True), (350, 130, True), (330, 270, True), (430, 90, False))),
    Clicked("astronaut", ((230, 120, True), (250, 330, True), (40, 200, False))),
    Clicked("motorcycle", ((300, 260, True), (420, 250, True))),
)
ENHANCED = (  # photograph, top left corner of what is shown (x, y)
    ("coffee", (130, 80)),
    ("flower", (230, 140)),
    ("rocket", (270, 180)),
    ("chelsea", (170, 60)),
    ("motorcycle", (250, 150)),
)

RESTYLED, RESTYLED_PX = ("coffee", "flower", "chelsea"), 400  # of a larger one G'MIC makes a minute's work


def photo(name: str) -> np.ndarray:
    """H×W×3 uint8, whole."""
    if name in ("china", "flower"):
        return np.ascontiguousarray(load_sample_image(f"{name}.jpg"))
    picture = data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()
    return np.ascontiguousarray(picture[..., :3])


def labelled(picture: np.ndarray, text: str) -> np.ndarray:
    """With a line of ASCII below."""
    label = np.full((LABEL_PX, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(label, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([picture, label])


def put(client: Client, picture: np.ndarray) -> tuple[Raster, Bounds]:
    area = Bounds(0, 0, picture.shape[1], picture.shape[0])
    opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    return client.put(samples.to_bytes(opaque), area, "u8", "RGBA"), area


def selected(client: Client, clicked: Clicked) -> np.ndarray:
    """The photograph with its clicks, and what is selected by them with the rest darkened."""
    picture = photo(clicked.photo)
    image, area = put(client, picture)
    points = tuple(Point(x, y, include) for x, y, include in clicked.clicks)
    result = client.run("select_object", image, area, points=points)
    assert result.selection is not None
    coverage = np.zeros(picture.shape[:2], np.float32)
    where = result.selection.bounds
    pixels = np.frombuffer(client.pixels(result.selection), np.uint8).reshape(where.height, where.width)
    coverage[where.y : where.bottom, where.x : where.right] = pixels / np.float32(255)
    client.release(result)
    shown = picture * coverage[..., None] + (0.25 * picture + 0.75 * OUTSIDE) * (1 - coverage[..., None])
    marked = picture.copy()
    for x, y, include in clicked.clicks:
        cv2.circle(marked, (x, y), 7, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(marked, (x, y), 5, (30, 160, 60) if include else (210, 40, 40), -1, cv2.LINE_AA)
    words = f"{len(points)} click{'s' if len(points) > 1 else ''}"
    pair = [
        labelled(_fitted(marked), f"{clicked.photo}, {words}"),
        labelled(_fitted(shown), "selected, without a model"),
    ]
    return np.hstack(pair)


def _fitted(picture: np.ndarray) -> np.ndarray:
    """In a square tile, centred on white."""
    scale = TILE_PX / max(picture.shape[:2])
    size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
    small = cv2.resize(picture.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    tile = np.full((TILE_PX, TILE_PX, 3), 255, np.uint8)
    top, left = (TILE_PX - small.shape[0]) // 2, (TILE_PX - small.shape[1]) // 2
    tile[top : top + small.shape[0], left : left + small.shape[1]] = small
    return tile


def enhanced(client: Client, name: str, corner: tuple[int, int]) -> np.ndarray:
    """A noisy photograph, and what a denoiser dropped into the weights folder makes of it, at 100 %."""
    clean = photo(name)
    noisy = np.clip(clean + np.random.default_rng(5).normal(0, 20, clean.shape), 0, 255).astype(np.uint8)
    result = client.run("enhance_with_model", *put(client, noisy), parameters={"model": DROPPED})
    pixels = np.frombuffer(client.pixels(result.layers[0].raster), np.uint8).reshape(*noisy.shape[:2], 4)
    better = pixels[..., :3].copy()
    client.release(result)
    x, y = corner
    window = (slice(y, y + TILE_PX), slice(x, x + TILE_PX))
    tiles = ((noisy, f"{name}, sigma 20"), (better, "a file dropped in"), (clean, "clean"))
    return np.hstack([labelled(picture[window], words) for picture, words in tiles])


def styles(client: Client) -> np.ndarray:
    """Generated paintings, and below them photographs in the style of each, whole: ours, and G'MIC's."""
    painted = {style: painting(512, 0) for style, painting in paintings.PAINTINGS.items()}
    blank = labelled(np.full((TILE_PX, TILE_PX, 3), 255, np.uint8), "")
    rows = [[blank, *(labelled(_fitted(painting), style) for style, painting in painted.items())]]
    for name in RESTYLED:
        whole = photo(name)
        scale = RESTYLED_PX / max(whole.shape[:2])
        content = cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        ours = [restyled(client, content, f"{style}.png", painting) for style, painting in painted.items()]
        rows.append([_labelled_strip(content, name), *(_labelled_strip(each, "without a model") for each in ours)])
        if shutil.which("gmic"):
            theirs = [by_gmic(content, painting) for painting in painted.values()]
            empty = _labelled_strip(np.full_like(content, 255), "")
            rows.append([empty, *(_labelled_strip(each, "G'MIC, stylize") for each in theirs)])
    return np.vstack([np.hstack(row) for row in rows])


def restyled(client: Client, content: np.ndarray, name: str, painting: np.ndarray) -> np.ndarray:
    file = cv2.imencode(".png", painting[..., ::-1])[1].tobytes()
    image, area = put(client, content)
    result = client.run("transfer_style", image, area, reference=Reference(name, file))
    pixels = np.frombuffer(client.pixels(result.layers[0].raster), np.uint8).reshape(*content.shape[:2], 4)
    made = pixels[..., :3].copy()
    client.release(result)
    return made


def by_gmic(content: np.ndarray, painting: np.ndarray) -> np.ndarray:
    """With its own defaults."""
    with tempfile.TemporaryDirectory() as folder:
        source, style, result = (str(Path(folder) / name) for name in ("in.bmp", "style.bmp", "out.png"))
        cv2.imwrite(source, content[..., ::-1])
        cv2.imwrite(style, painting[..., ::-1])
        argv = ["gmic", "-v", "-1", source, style, "-stylize[0]", "[1]", "-keep[0]", "-o", result]
        subprocess.run(argv, check=True, capture_output=True)
        return np.asarray(PIL.Image.open(result).convert("RGB"))


def _labelled_strip(picture: np.ndarray, text: str) -> np.ndarray:
    height = round(TILE_PX * picture.shape[0] / picture.shape[1])
    return labelled(cv2.resize(picture, (TILE_PX, height), interpolation=cv2.INTER_AREA), text)


def drop(daemon: DaemonProcess) -> None:
    """Our own denoiser under another name, as an artist would put a file there."""
    folder = daemon.home / "weights"
    folder.mkdir(exist_ok=True)
    shutil.copy(SHIPPED / "denoise-small" / "model.safetensors", folder / DROPPED)


def selections(client: Client) -> np.ndarray:
    pairs = [selected(client, each) for each in CLICKED]
    return np.vstack([np.hstack(pairs[row : row + 2]) for row in range(0, len(pairs), 2)])


def enhancements(client: Client) -> np.ndarray:
    return np.vstack([enhanced(client, *each) for each in ENHANCED])


SHEETS = {"select": selections, "enhance": enhancements, "style": styles}


def main(folder: Path, names: list[str]) -> None:
    with running_daemon() as daemon:
        drop(daemon)
        daemon.wait_for_worker()
        with daemon.client() as client:
            for name in names or SHEETS:
                sheet = SHEETS[name](client)
                cv2.imwrite(str(folder / f"{name}.png"), sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
