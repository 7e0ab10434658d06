"""The sky's matte is looked for where the sky ends, and nowhere else: a large photo is mostly sky or ground."""

from __future__ import annotations

import numpy as np
from scumble_daemon.imaging.sky import matte
from scumble_daemon.imaging.sky.finding import View
from scumble_daemon.imaging.sky.matte import Edge

SIZE = (2400, 3600)
SMALL = (320, 480)
HORIZON = 0.6


def picture(rows: slice, columns: slice) -> np.ndarray:
    """Pale blue above, brown below."""
    above = np.arange(rows.start, rows.stop) < HORIZON * SIZE[0]
    colours = np.where(above[:, None], (0.6, 0.75, 0.95), (0.3, 0.25, 0.2)).astype(np.float32)
    return np.repeat(colours[:, None], columns.stop - columns.start, axis=1)


def test_only_what_lies_beside_the_edge_is_read() -> None:
    small = picture(slice(0, SIZE[0]), slice(0, SMALL[1]))[:: SIZE[0] // SMALL[0]][: SMALL[0]]
    never = np.zeros(SMALL, bool)
    sky = (np.arange(SMALL[0]) < HORIZON * SMALL[0])[:, None] & ~never
    edge = Edge.of(View.of(small, np.ones(SMALL, np.float32)), sky.astype(np.float32), never)
    read = []

    def part(rows: slice, columns: slice) -> np.ndarray:
        read.append((rows.stop - rows.start) * (columns.stop - columns.start))
        return picture(rows, columns)

    alpha = matte.solve(part, SIZE, edge, lambda share: None)
    row = round(HORIZON * SIZE[0])
    assert alpha[: row - 40].min() == 1
    assert alpha[row + 40 :].max() == 0
    assert max(read) < 0.1 * alpha.size
    assert sum(read) < 0.5 * alpha.size
