"""What a job gives back, in every depth and channel order, through a real daemon."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scumble_daemon.imaging import samples
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid
from scumble_protocol.image import CHANNEL_COUNT, Bounds, Point, Raster
from scumble_protocol.messages import Result

from ..daemon_process import DaemonProcess

CANVAS = Bounds(0, 0, 100, 80)
LAYER = Bounds(-7, 11, 48, 32)
RANDOM = np.random.default_rng(7)


def pixels(depth: str, channels: str, bounds: Bounds = LAYER, opaque: bool = True) -> np.ndarray:
    """Random samples; alpha full unless told otherwise."""
    shape = (bounds.height, bounds.width, CHANNEL_COUNT[channels])
    made = samples.from_float(RANDOM.random(shape, np.float32), depth)
    if opaque and channels in ("RGBA", "BGRA", "GRAYA"):
        made[..., -1] = samples.FULL_SCALE[depth]
    return made


def put(client: Client, made: np.ndarray, depth: str, channels: str, bounds: Bounds = LAYER) -> Raster:
    return client.put(samples.to_bytes(made), bounds, depth, channels)


def read(client: Client, raster: Raster) -> np.ndarray:
    """A result's samples in the wire's own channel order."""
    flat = np.frombuffer(client.pixels(raster), samples.DTYPES[raster.depth])
    return flat.reshape(raster.bounds.height, raster.bounds.width, -1)


def feathered(bounds: Bounds) -> np.ndarray:
    ramp = np.clip(np.linspace(-0.3, 1.3, bounds.width), 0, 1)
    return np.repeat((ramp * 255).astype(np.uint8)[None], bounds.height, axis=0)


def invert(client: Client, image: Raster, **options: Any) -> Result:
    return client.run("slow", image, CANVAS, parameters={"seconds": 0}, source="photo", **options)


@pytest.mark.parametrize("segments", [True, False])
@pytest.mark.parametrize("depth", ["u8", "u16", "f16", "f32"])
@pytest.mark.parametrize("channels", ["RGBA", "BGRA", "RGB", "GRAYA", "GRAY"])
def test_every_depth_and_order_comes_back_as_it_went(
    daemon: DaemonProcess, depth: str, channels: str, segments: bool
) -> None:
    """Identity returns the very bytes, by segment and inline."""
    made = pixels(depth, channels, opaque=False)
    with daemon.client(segments=segments) as client:
        result = client.run("identity", put(client, made, depth, channels), CANVAS)
        layer = result.layers[0]
        assert (layer.raster.depth, layer.raster.channels, layer.raster.bounds) == (depth, channels, LAYER)
        assert bytes(client.pixels(layer.raster)) == made.tobytes()


@pytest.mark.parametrize(("depth", "step"), [("u8", 1 / 255), ("u16", 1 / 65535), ("f32", 1e-5), ("f16", 2e-3)])
@pytest.mark.parametrize("channels", ["RGBA", "BGRA", "GRAYA"])
def test_an_operation_works_in_the_documents_own_depth(
    daemon: DaemonProcess, depth: str, step: float, channels: str
) -> None:
    """An inversion is exact to the depth's own step: nothing was reduced to 8 bits, no channel was swapped."""
    made = pixels(depth, channels)
    with daemon.client() as client:
        result = invert(client, put(client, made, depth, channels))
        got = samples.to_float(read(client, result.layers[0].raster))
    expected = samples.to_float(made)
    expected[..., :-1] = 1 - expected[..., :-1]
    assert result.layers[0].raster.depth == depth
    assert np.abs(got - expected).max() <= step * 1.01


def test_a_selection_becomes_the_layers_mask_with_its_feather(daemon: DaemonProcess) -> None:
    """The mask is the selection's coverage to the bit, over the part of it that lies on the layer, and no more."""
    area = Bounds(10, 20, 60, 10)  # hangs over the layer's right edge
    coverage = feathered(area)
    with daemon.client() as client:
        selection = client.put(coverage.tobytes(), area, "u8", "GRAY")
        result = invert(client, put(client, pixels("u8", "RGBA"), "u8", "RGBA"), selection=selection)
        layer = result.layers[0]
        assert layer.mask is not None
        mask = read(client, layer.mask)[..., 0]
    on_layer = coverage[:, : LAYER.right - area.x]
    first = int(np.flatnonzero(on_layer[0])[0])
    assert layer.mask.bounds == layer.raster.bounds == Bounds(area.x + first, 20, LAYER.right - area.x - first, 10)
    assert 0 < on_layer.min(initial=255, where=on_layer > 0) < 255, "the feather itself has to be on the layer"
    assert np.array_equal(mask, on_layer[:, first:])


def test_the_mask_has_the_documents_depth(daemon: DaemonProcess) -> None:
    """A 16-bit document's feather is not cut down to 8 bits."""
    coverage = RANDOM.integers(1, 65535, (LAYER.height, LAYER.width), np.uint16)
    with daemon.client() as client:
        selection = client.put(coverage.tobytes(), LAYER, "u16", "GRAY")
        result = invert(client, put(client, pixels("u16", "RGBA"), "u16", "RGBA"), selection=selection)
        mask = result.layers[0].mask
        assert mask is not None
        assert mask.depth == "u16"
        assert np.array_equal(read(client, mask)[..., 0], coverage)


def test_a_layers_own_transparency_is_kept(daemon: DaemonProcess) -> None:
    """Alpha goes back as it came, sample by sample."""
    made = pixels("u16", "RGBA", opaque=False)
    with daemon.client() as client:
        result = invert(client, put(client, made, "u16", "RGBA"))
        assert np.array_equal(read(client, result.layers[0].raster)[..., 3], made[..., 3])


def test_the_recipe_says_how_to_make_the_layer_again(daemon: DaemonProcess) -> None:
    """Operation, version, every parameter (defaults too) and the source are on each layer."""
    with daemon.client() as client:
        recipe = invert(client, put(client, pixels("u8", "RGB"), "u8", "RGB")).layers[0].recipe
    assert recipe["operation"] == "slow"
    assert recipe["parameters"] == {"seconds": 0.0, "previews": False}
    assert recipe["source"] == "photo"
    assert recipe["version"] == 1


def test_the_same_click_twice_is_answered_from_the_cache(daemon: DaemonProcess) -> None:
    """Equal inputs give the stored result; another pixel, parameter or selection does not."""
    made = pixels("u8", "RGBA")
    with daemon.client() as client:
        first = invert(client, put(client, made, "u8", "RGBA"))
        again = invert(client, put(client, made, "u8", "RGBA"))
        assert [first.timings["cached"], again.timings["cached"]] == [False, True]
        assert np.array_equal(read(client, first.layers[0].raster), read(client, again.layers[0].raster))
        selection = client.put(feathered(LAYER).tobytes(), LAYER, "u8", "GRAY")
        assert not invert(client, put(client, made, "u8", "RGBA"), selection=selection).timings["cached"]
        made[0, 0, 0] ^= 1
        assert not invert(client, put(client, made, "u8", "RGBA")).timings["cached"]


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("transparent", "The layer «photo» is fully transparent"),
        ("outside", "The layer «photo» lies outside the canvas"),
        ("unselected", "The selection does not touch the layer «photo»"),
        ("empty", "The selection does not touch the layer «photo»"),
        ("parameter", "Seconds is 1000, outside its range"),
        ("name", "There is no parameter «nonsense»"),
        ("operation", "There is no operation «nonsense»"),
    ],
)
def test_what_cannot_be_done_is_said_plainly(daemon: DaemonProcess, problem: str, message: str) -> None:
    """Each kind of bad input is named, with what to do, and the next job works."""
    canvas, selection_at, parameters, operation = CANVAS, None, {"seconds": 0}, "slow"
    made = pixels("u8", "RGBA")
    coverage = np.full((4, 4), 255, np.uint8)
    if problem == "transparent":
        made[..., 3] = 0
    elif problem == "outside":
        canvas = Bounds(0, 0, 10, 10)
    elif problem == "unselected":
        selection_at = Bounds(90, 0, 4, 4)
    elif problem == "empty":
        selection_at, coverage = Bounds(0, 20, 4, 4), coverage * 0
    elif problem == "parameter":
        parameters = {"seconds": 1000}
    elif problem == "name":
        parameters = {"nonsense": 1}
    else:
        operation = "nonsense"
    with daemon.client() as client:
        selection = client.put(coverage.tobytes(), selection_at, "u8", "GRAY") if selection_at else None
        with pytest.raises(Invalid, match=message) as raised:
            client.run(
                operation,
                put(client, made, "u8", "RGBA"),
                canvas,
                parameters=parameters,
                selection=selection,
                source="photo",
            )
        assert raised.value.hint
        assert invert(client, put(client, pixels("u8", "RGBA"), "u8", "RGBA")).layers


def test_a_single_pixel_is_a_layer_too(daemon: DaemonProcess) -> None:
    """1×1 gives 1×1."""
    one = Bounds(5, 5, 1, 1)
    with daemon.client() as client:
        image = client.put(bytes([200, 100, 50, 255]), one, "u8", "RGBA")
        result = invert(client, image)
        assert read(client, result.layers[0].raster).tolist() == [[[55, 155, 205, 255]]]


def test_a_selection_elsewhere_does_not_keep_clicks_from_selecting(daemon: DaemonProcess) -> None:
    """Clicks say where the object is: an old selection off the layer is simply replaced."""
    made = np.full((LAYER.height, LAYER.width, 4), 255, np.uint8)
    made[8:24, 12:36, :3] = (200, 30, 30)
    with daemon.client() as client:
        elsewhere = client.put(b"\xff" * 16, Bounds(90, 0, 4, 4), "u8", "GRAY")
        image = put(client, made, "u8", "RGBA")
        clicked = (Point(LAYER.x + 24, LAYER.y + 16),)
        result = client.run("select_object", image, CANVAS, selection=elsewhere, points=clicked)
        assert result.selection is not None
        assert result.selection.bounds.intersection(Bounds(LAYER.x + 12, LAYER.y + 8, 24, 16)).area > 300


def test_a_float_feather_that_never_ends_does_end(daemon: DaemonProcess) -> None:
    """The tails of a feather computed in floats are nothing: the layer is cropped to what was selected."""
    coverage = np.full((LAYER.height, LAYER.width), 1e-9, np.float32)
    coverage[4:8, 6:16] = 0.5
    with daemon.client() as client:
        selection = client.put(coverage.tobytes(), LAYER, "f32", "GRAY")
        result = invert(client, put(client, pixels("f32", "RGBA"), "f32", "RGBA"), selection=selection)
    assert result.layers[0].raster.bounds == Bounds(LAYER.x + 6, LAYER.y + 4, 10, 4)
