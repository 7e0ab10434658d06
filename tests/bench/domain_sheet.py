"""Contact sheet of Translate Domain: `python -m tests.bench.domain_sheet docs`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scumble_daemon.models.running import Notes

from .domain import as_bytes, domains, translator
from .sheets import labelled, photo

TILE = (230, 250)  # height, width
AROUND_PX = 32  # that is drawn too, and not shown
SHOWN = (  # photograph, and the top left corner of what is shown (y, x)
    ("coffee", (70, 170)),
    ("rocket", (130, 190)),
    ("flower", (90, 190)),
    ("motorcycle", (150, 230)),
    ("astronaut", (10, 110)),
)
MORE: dict[str, tuple[dict[str, float], float]] = {  # how much of each style, and the intensity
    "ink, intensity 0.5": ({"ink": 1}, 0.5),
    "cel, intensity 0.5": ({"cel": 1}, 0.5),
    "ink + cel, 0.5": ({"ink": 0.5, "cel": 0.5}, 1.0),
}


def main(folder: Path) -> None:
    artist, rows = translator(), []

    def drawn(picture: np.ndarray, amounts: dict[str, float], intensity: float = 1.0) -> np.ndarray:
        return as_bytes(artist.translate(picture, amounts, intensity, Notes(), is_precise=False))

    for name, (top, left) in SHOWN:
        around = slice(max(0, top - AROUND_PX), top + TILE[0] + AROUND_PX)
        aside = slice(max(0, left - AROUND_PX), left + TILE[1] + AROUND_PX)
        first, second = top - around.start, left - aside.start
        shown = slice(first, first + TILE[0]), slice(second, second + TILE[1])
        picture = photo(name)[around, aside].astype(np.float32) / 255
        above, below = [labelled(as_bytes(picture[shown]), name)], []
        for style in domains.STYLES:
            above.append(labelled(as_bytes(domains.rendered(picture, style)[shown]), f"{style}, the renderer"))
            below.append(labelled(drawn(picture, {style: 1})[shown], f"{style}, ours"))
        tiles = [labelled(drawn(picture, *each)[shown], label) for label, each in MORE.items()]
        rows.append(np.vstack([np.hstack([*above, tiles[0]]), np.hstack([tiles[1], *below, tiles[2]])]))
    sheet = Image.fromarray(np.vstack(rows))
    sheet = sheet.resize((round(sheet.width * 0.8), round(sheet.height * 0.8)), Image.Resampling.LANCZOS)
    sheet.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(folder / "domain.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
