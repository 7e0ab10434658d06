"""Contact sheet of Translate Domain: `python -m tests.bench.domain_sheet docs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scumble_protocol.client import Client

from ..daemon_process import running_daemon
from .sheets import labelled, photo, put

sys.path.insert(0, str(Path(__file__).parents[2] / "weights"))
from training import domains

TILE = (230, 250)  # height, width
AROUND_PX = 32  # that is drawn too, and not shown
SHOWN = (  # photograph, and the top left corner of what is shown (y, x)
    ("coffee", (70, 170)),
    ("rocket", (130, 190)),
    ("flower", (90, 190)),
    ("motorcycle", (150, 230)),
    ("astronaut", (10, 110)),
)
MORE: dict[str, dict[str, Any]] = {
    "ink, intensity 0.5": {"style": "ink", "intensity": 0.5},
    "cel + gouache, 0.5": {"style": "cel", "second": "gouache", "mix": 0.5},
    "ink, lines of width 2": {"style": "ink", "line_width": 2},
}


def translated(client: Client, picture: np.ndarray, **parameters: Any) -> np.ndarray:
    raster, area = put(client, picture)
    result = client.run("translate_domain", raster, area, parameters=parameters)
    pixels = np.frombuffer(client.pixels(result.layers[0].raster), np.uint8)
    found = pixels.reshape(*picture.shape[:2], 4)[..., :3].copy()
    client.release(result)
    return found


def main(folder: Path) -> None:
    rows = []
    with running_daemon() as daemon, daemon.client() as client:
        daemon.wait_for_worker()
        for name, (top, left) in SHOWN:
            around = slice(max(0, top - AROUND_PX), top + TILE[0] + AROUND_PX)
            aside = slice(max(0, left - AROUND_PX), left + TILE[1] + AROUND_PX)
            first, second = top - around.start, left - aside.start
            shown = slice(first, first + TILE[0]), slice(second, second + TILE[1])
            picture = np.ascontiguousarray(photo(name)[around, aside])
            above, below = [labelled(picture[shown], name)], []
            for style in domains.STYLES:
                rendered = domains.rendered(picture.astype(np.float32) / 255, style)
                above.append(labelled((rendered * 255 + 0.5).astype(np.uint8)[shown], f"{style}, the renderer"))
                below.append(labelled(translated(client, picture, style=style)[shown], f"{style}, ours"))
            tiles = [labelled(translated(client, picture, **each)[shown], label) for label, each in MORE.items()]
            above, below = above + tiles[:2], [np.full_like(tiles[0], 255), *below, tiles[2]]
            below += [np.full_like(tiles[0], 255)] * (len(above) - len(below))
            rows.append(np.vstack([np.hstack(above), np.hstack(below)]))
    sheet = Image.fromarray(np.vstack(rows))
    sheet = sheet.resize((round(sheet.width * 0.8), round(sheet.height * 0.8)), Image.Resampling.LANCZOS)
    sheet.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(folder / "domain.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
