"""The tiler: seamless, in step with the network's stride, in constant memory, and honest about what it cannot do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scumble_daemon.imaging import tiling
from scumble_daemon.imaging.tiling import Network, TileTooLarge
from scumble_protocol.errors import Cancelled, OutOfMemory

STEP = 1 / 255
RANDOM = np.random.default_rng(3)


def blur(radius_px: int) -> tiling.Forward:
    """A network that looks `radius_px` around each pixel, with the zeros at the edges that convolutions pad with."""
    side = 2 * radius_px + 1
    kernel = RANDOM.random((side, side), np.float32)
    kernel /= kernel.sum()

    def forward(tiles: np.ndarray) -> np.ndarray:
        return np.stack([cv2.filter2D(tile, -1, kernel, borderType=cv2.BORDER_CONSTANT) for tile in tiles])

    return forward


def strided(tiles: np.ndarray) -> np.ndarray:
    """A network that works on every 8th pixel: shifted by one, it would give something else."""
    count, height, width, channels = tiles.shape
    assert height % 8 == 0
    assert width % 8 == 0
    coarse = tiles.reshape(count, height // 8, 8, width // 8, 8, channels)[:, :, 0, :, 3]
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


SMOOTHED = blur(2)


def doubled(tiles: np.ndarray) -> np.ndarray:
    smooth = SMOOTHED(tiles)
    return smooth.repeat(2, axis=1).repeat(2, axis=2)


def picture(height: int, width: int) -> np.ndarray:
    return RANDOM.random((height, width, 3), np.float32)


def whole(network: Network, forward: tiling.Forward, pixels: np.ndarray) -> np.ndarray:
    """In one piece, padded as the network wants it."""
    height, width = pixels.shape[:2]
    down, right = -height % network.multiple, -width % network.multiple
    padded = np.pad(pixels, ((0, down), (0, right), (0, 0)), mode="reflect")
    return forward(padded[None])[0][: height * network.scale, : width * network.scale]


def tiled(network: Network, forward: tiling.Forward, pixels: np.ndarray, tile_px: int) -> np.ndarray:
    return tiling.apply(network, forward, pixels, tile_px * tile_px * network.bytes_per_pixel)


@pytest.mark.parametrize("size", [(300, 410), (64, 1000), (257, 129)])
def test_tiles_give_what_the_whole_gives(size: tuple[int, int]) -> None:
    """A network without global statistics: the largest difference is far below one step of 8 bits."""
    network, pixels, forward = Network(overlap_px=6), picture(*size), blur(6)
    assert np.abs(tiled(network, forward, pixels, 100) - whole(network, forward, pixels)).max() < STEP / 100


def test_too_small_an_overlap_would_be_seen() -> None:
    """The test before can fail: with half the overlap the tiles' edges do show."""
    pixels, forward = picture(300, 410), blur(24)
    wrong, right = Network(overlap_px=0), Network(overlap_px=24)
    assert np.abs(tiled(wrong, forward, pixels, 100) - whole(wrong, forward, pixels)).max() > STEP
    assert np.abs(tiled(right, forward, pixels, 160) - whole(right, forward, pixels)).max() < STEP / 100


def test_tiles_stay_in_step_with_the_networks_stride() -> None:
    """Tiles begin at multiples of the stride, and what is missing to one is mirrored, once, at the picture's end."""
    network, pixels = Network(overlap_px=8, multiple=8), picture(301, 403)
    assert np.abs(tiled(network, strided, pixels, 96) - whole(network, strided, pixels)).max() < STEP / 1000


def test_an_upscaler_gives_a_larger_picture() -> None:
    """Weights and places count in the result's pixels."""
    network, pixels = Network(scale=2, overlap_px=4, multiple=4), picture(150, 231)
    result = tiled(network, doubled, pixels, 80)
    assert result.shape == (300, 462, 3)
    assert np.abs(result - whole(network, doubled, pixels)).max() < STEP / 100


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    multiple=st.sampled_from([1, 3, 8, 16, 64]),
    overlap=st.integers(0, 40),
    least=st.integers(1, 70),
    tile=st.integers(1, 300),
)
def test_the_weights_of_all_tiles_make_one(height, width, multiple, overlap, least, tile) -> None:
    """Whatever the sizes: a picture that is 1 everywhere stays so, and tiles have the sides that are wanted."""
    network = Network(overlap_px=overlap, multiple=multiple, least_px=least)

    def forward(tiles: np.ndarray) -> np.ndarray:
        assert all(side % multiple == 0 and side >= least for side in tiles.shape[1:3])
        return tiles

    result = tiled(network, forward, np.ones((height, width, 1), np.float32), tile)
    assert result.shape == (height, width, 1)
    assert np.abs(result - 1).max() < 1e-5


def test_a_band_of_tiles_is_all_that_is_held() -> None:
    """Rows are handed over as they are finished, in order and once; never more than a tile's height of them waits."""
    network = Network(overlap_px=4)
    plan = tiling.plan(network, (5000, 300), 100 * 100 * network.bytes_per_pixel)
    read_to = written_to = waiting = 0

    def read(rows: slice, columns: slice) -> np.ndarray:
        nonlocal read_to, waiting
        read_to = max(read_to, rows.stop)
        waiting = max(waiting, read_to - written_to)
        return np.zeros((rows.stop - rows.start, columns.stop - columns.start, 3), np.float32)

    def write(top: int, part: np.ndarray) -> None:
        nonlocal written_to
        assert top == written_to
        written_to += len(part)

    tiling.run(network, plan, blur(4), read, write)
    assert written_to == 5000
    assert waiting <= 2 * plan.rows.tile < 300


def test_tiles_go_through_the_network_together_where_that_pays() -> None:
    """A batch of tiles gives what single ones give."""
    network, pixels, forward = Network(overlap_px=5), picture(200, 500), blur(5)
    seen: list[int] = []

    def watched(tiles: np.ndarray) -> np.ndarray:
        seen.append(len(tiles))
        return forward(tiles)

    plan = tiling.plan(replace_largest(network, 90), (200, 500), 4 * 90 * 90 * network.bytes_per_pixel, most_at_once=4)
    rows: list[np.ndarray] = []
    tiling.run(network, plan, watched, lambda down, across: pixels[down, across], lambda _, part: rows.append(part))
    assert max(seen) == 4
    assert np.abs(np.concatenate(rows) - whole(network, forward, pixels)).max() < STEP / 100


def replace_largest(network: Network, largest_px: int) -> Network:
    return Network(network.scale, network.channels, network.overlap_px, largest_px=largest_px)


def test_tiles_get_smaller_until_they_fit() -> None:
    """A device without room is asked for half as much, and the result is the same."""
    network, pixels, forward = Network(overlap_px=4), picture(400, 400), blur(4)
    tried: list[int] = []

    def small_device(tiles: np.ndarray) -> np.ndarray:
        tried.append(tiles.shape[1] * tiles.shape[2])
        if tried[-1] > 160 * 160:
            raise TileTooLarge
        return forward(tiles)

    result = tiled(network, small_device, pixels, 420)
    assert tried[0] == 400 * 400
    assert tried[-1] <= 160 * 160
    assert np.abs(result - whole(network, forward, pixels)).max() < STEP / 100


def test_a_device_without_any_room_is_said() -> None:
    def full(tiles: np.ndarray) -> np.ndarray:
        raise TileTooLarge

    with pytest.raises(OutOfMemory):
        tiled(Network(), full, picture(300, 300), 300)


def test_a_network_with_global_statistics_is_never_tiled() -> None:
    """It sees the picture whole, or the artist is told to make it smaller."""
    network = Network(statistics="global")
    shapes: list[tuple[int, ...]] = []

    def forward(tiles: np.ndarray) -> np.ndarray:
        shapes.append(tiles.shape)
        return tiles - tiles.mean()

    pixels = picture(300, 200)
    assert np.allclose(tiled(network, forward, pixels, 400), pixels - pixels.mean(), atol=1e-6)
    assert shapes == [(1, 300, 200, 3)]
    with pytest.raises(OutOfMemory, match="the whole picture at once, and 200 × 300"):
        tiled(network, forward, pixels, 100)


def test_a_network_that_averages_gets_tiles_as_large_as_it_was_trained_on() -> None:
    """However little memory is said to be there."""
    network = Network(statistics="pooled", multiple=16)
    plan = tiling.plan(network, (2000, 2000), 1)
    assert plan.rows.tile >= tiling.POOLED_TILE_PX
    assert tiling.halved(network, (2000, 2000), plan) is None


def test_a_cancel_ends_it_at_the_next_tile() -> None:
    seen = []

    def report(fraction: float) -> None:
        seen.append(fraction)
        if fraction > 0.4:
            raise Cancelled("The job was cancelled.")

    network = Network(overlap_px=4)
    with pytest.raises(Cancelled):
        tiling.apply(network, blur(4), picture(600, 600), 100 * 100 * network.bytes_per_pixel, report)
    assert seen == sorted(seen)
    assert 0.4 < seen[-1] < 0.5
