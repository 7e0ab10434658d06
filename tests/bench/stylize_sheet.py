"""Contact sheet of Stylize: `python -m tests.bench.stylize_sheet docs [MY-STYLE.safetensors]`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from scumble_protocol.client import Client

from ..daemon_process import DaemonProcess, running_daemon, wait_until
from .sheets import labelled, photo, put

TILE = (190, 252)  # height, width
SHOWN = (  # photograph, and the top left corner of what is shown (y, x)
    ("coffee", (60, 150)),
    ("rocket", (130, 190)),
    ("flower", (110, 190)),
    ("motorcycle", (150, 230)),
    ("astronaut", (10, 110)),
)
OWN = "my style.safetensors"
COLUMNS: dict[str, dict[str, Any]] = {
    "oil": {"style": "paint-oil"},
    "watercolour": {"style": "paint-watercolour"},
    "woodcut": {"style": "paint-woodcut"},
    "mosaic": {"style": "paint-mosaic"},
    "coloured pencil": {"style": "paint-pencil"},
    "woodcut, colours kept": {"style": "paint-woodcut", "keep_colours": True},
    "pencil + oil, 0.5": {"style": "paint-pencil", "second": "paint-oil", "mix": 0.5},
    "oil, strokes of size 2": {"style": "paint-oil", "stroke_size": 2},
    "mosaic, strength 0.5": {"style": "paint-mosaic", "strength": 0.5},
}


def stylized(client: Client, picture: np.ndarray, operation: str = "stylize", **parameters: Any) -> np.ndarray:
    raster, area = put(client, picture)
    result = client.run(operation, raster, area, parameters=parameters)
    pixels = np.frombuffer(client.pixels(result.layers[0].raster), np.uint8)
    found = pixels.reshape(*picture.shape[:2], 4)[..., :3].copy()
    client.release(result)
    return found


def has_own(daemon: DaemonProcess) -> bool:
    with daemon.client() as client:
        parameters = client.catalogue().find("stylize").parameters
    return any(value == OWN for each in parameters for value, _ in each.choices)


def main(folder: Path, own: Path | None) -> None:
    columns = {**COLUMNS, **({"learned from a painting": {"style": OWN}} if own else {})}
    with running_daemon() as daemon:
        daemon.wait_for_worker()
        if own:
            wait_until((daemon.home / "weights").is_dir, "the weights folder")
            shutil.copy(own, daemon.home / "weights" / OWN)
            wait_until(lambda: has_own(daemon), "the style")
        rows = []
        with daemon.client() as client:
            for name, (top, left) in SHOWN:
                shown = slice(top, top + TILE[0]), slice(left, left + TILE[1])
                tiles = [labelled(photo(name)[shown], name)]
                for label, parameters in columns.items():
                    tiles.append(labelled(stylized(client, photo(name), **parameters)[shown], label))
                half = (len(tiles) + 1) // 2
                tiles += [np.full_like(tiles[0], 255)] * (2 * half - len(tiles))
                rows.append(np.vstack([np.hstack(tiles[:half]), np.hstack(tiles[half:])]))
    sheet = Image.fromarray(cv2.resize(np.vstack(rows), None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA))
    sheet.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(folder / "stylize.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
