"""What each shipped style looks like, for the editors' lists: `python -m tests.bench.thumbnails weights`."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scumble_daemon.operations.translate_domain import STYLES, TOON

from ..daemon_process import running_daemon
from .sheets import photo
from .stylize_sheet import stylized

SIDE_PX, SHOWN_PX, COLOURS = 192, 96, 128
CORNER = (40, 120)  # of the part of Chelsea that is painted
OPERATIONS = {"stylize": "style"}


def write(file: Path, picture: np.ndarray) -> None:
    shown = cv2.resize(picture, (SHOWN_PX, SHOWN_PX), interpolation=cv2.INTER_AREA)
    Image.fromarray(shown).quantize(COLOURS).save(file, optimize=True)


def main(weights: Path) -> None:
    top, left = CORNER
    picture = photo("chelsea")[top : top + SIDE_PX, left : left + SIDE_PX]
    with running_daemon() as daemon:
        daemon.wait_for_worker()
        with daemon.client() as client:
            for operation, name in OPERATIONS.items():
                parameters = {each.name: each for each in client.catalogue().find(operation).parameters}
                for style, _ in parameters[name].choices:
                    if (weights / style / "model.toml").is_file():
                        shown = stylized(client, picture, operation, **{name: style})
                        write(weights / style / "model.png", shown)
            for style in STYLES:
                shown = stylized(client, picture, "translate_domain", style=style)
                write(weights / TOON[0] / f"{style}.png", shown)
                if style == STYLES[0]:
                    write(weights / TOON[0] / "model.png", shown)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
