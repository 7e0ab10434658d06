"""An outline drawn in blocks is the one that would be drawn in one piece, and only its blocks are read."""

from __future__ import annotations

import numpy as np
from scumble_daemon.imaging import masks, outline


def disc(size: int, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size] - size / 2
    return np.asarray(rows**2 + columns**2 < radius**2)


def test_blocks_leave_no_seams() -> None:
    """A disc at a quarter of the size, over a picture in which it is a little larger: against the filter over all."""
    rng = np.random.default_rng(1)
    picture = np.where(disc(1000, 330)[..., None], 0.8, 0.2) + rng.normal(0, 0.02, (1000, 1000, 3))
    picture, mask = picture.astype(np.float32), disc(250, 81)
    read: list[int] = []

    def part(rows: slice, columns: slice) -> np.ndarray:
        read.append((rows.stop - rows.start) * (columns.stop - columns.start))
        return picture[rows, columns]

    drawn = outline.draw(mask, (1000, 1000), part).whole((1000, 1000))
    large = masks.resize(masks.feather(mask.astype(np.float32), 1.5), (1000, 1000))
    whole = masks.levels(masks.follow_edges(large, picture, 8, 1e-3), 0.3, 0.7)
    assert np.abs(drawn - whole).max() < 0.03
    assert sum(read) < 0.9e6
    assert drawn[500, 500] == 1
    assert drawn[10, 10] == 0


def test_a_small_object_reads_next_to_nothing() -> None:
    read: list[int] = []

    def part(rows: slice, columns: slice) -> np.ndarray:
        read.append((rows.stop - rows.start) * (columns.stop - columns.start))
        return np.zeros((rows.stop - rows.start, columns.stop - columns.start, 3), np.float32)

    outline.draw(disc(500, 20), (4000, 4000), part)
    assert 0 < sum(read) < 0.06 * 4000**2


def test_only_blocks_that_changed_are_drawn_again() -> None:
    """What is kept gives the same to the last bit; another picture's blocks are not taken for its own."""
    picture = np.random.default_rng(2).random((900, 900, 3), np.float32)
    read: list[int] = []

    def part(rows: slice, columns: slice) -> np.ndarray:
        read.append(1)
        return picture[rows, columns]

    kept = outline.Kept({}, b"picture")
    mask = disc(300, 100)
    outline.draw(mask, (900, 900), part, kept)
    first, changed = len(read), mask.copy()
    changed[218:224, 218:224] |= True
    read.clear()
    again = outline.draw(changed, (900, 900), part, kept)
    assert 0 < len(read) < 0.3 * first
    np.testing.assert_array_equal(again.coverage, outline.draw(changed, (900, 900), part).coverage)
    read.clear()
    picture = 1 - picture
    other = outline.draw(changed, (900, 900), part, outline.Kept(kept.blocks, b"other"))
    np.testing.assert_array_equal(other.coverage, outline.draw(changed, (900, 900), part).coverage)


def test_a_mask_found_at_full_size_moves_onto_an_edge_as_well() -> None:
    """One that ends two pixels off then ends within one of it."""
    picture = np.full((200, 200, 3), 0.3, np.float32)
    picture[:, 100:] = (0.7, 0.6, 0.5)
    mask = np.zeros((200, 200), bool)
    mask[:, 102:] = True
    found = outline.draw(mask, (200, 200), lambda rows, columns: picture[rows, columns]).whole((200, 200))[100]
    assert found[99] < 0.1
    assert found[101] > 0.5


def test_edges_are_followed_and_not_blurred() -> None:
    """A mask that ends three pixels off moves onto the edge of the picture, however little contrast that has."""
    picture = np.full((80, 80, 3), 0.4, np.float32)
    picture[:, 40:] = (0.45, 0.4, 0.35)
    mask = np.zeros((80, 80), np.float32)
    mask[:, 43:] = 1
    found = masks.follow_edges(mask, picture, 12, 1e-5)[40]
    assert found[39] < 0.15
    assert found[40] > 0.7, "the step lies where the picture's does, and is as steep"


def test_distances_are_the_same_to_the_last_bit_wherever_the_picture_lies_in_memory() -> None:
    mask = np.random.default_rng(3).random((101, 157)) > 0.995
    rows, columns = np.nonzero(mask)
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
    squares = np.min((y[..., None] - rows) ** 2 + (x[..., None] - columns) ** 2, axis=-1)
    kept = []
    for index in range(40):
        kept.append(np.empty(7 * index + 1, np.uint8))  # so that what comes next lies elsewhere
        np.testing.assert_array_equal(masks.distance_to(mask), np.sqrt(squares.astype(np.float32)))
