"""Transfer Style through the daemon: with patches, with a network of the real shape, and with what cannot be used."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from scumble_daemon.context import Context
from scumble_daemon.imaging import samples
from scumble_daemon.imaging.image import Image
from scumble_daemon.operations.transfer_style import Params, transfer_style
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds, Layer, Reference
from scumble_protocol.messages import Preview

from .. import checkpoints
from ..checkpoints import own
from ..daemon_process import DaemonProcess, running_daemon
from ..imaging.test_style import INK, PAPER, hatching, photo
from ..models.test_stylist import with_signal

AREA = Bounds(7, 5, 96, 96)


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    """With a VGG-19 of the published shape and random weights, under the name that its index entry would have."""
    with running_daemon() as daemon:
        daemon.stop()
        network = with_signal(own.vgg19())
        state = {name: value for name, value in network.state_dict().items() if name.startswith("features.")}
        checkpoints.save(state, daemon.home / "weights" / "seeing" / "model.safetensors")
        checkpoints.announce(daemon.home, "seeing", "transfer_style", "own", "VGG19")
        daemon.start()
        daemon.wait_for_worker()
        yield daemon


def as_file(rgb: np.ndarray, mode: str = "RGB") -> Reference:
    file = io.BytesIO()
    Pillow.fromarray((np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)).convert(mode).save(file, "PNG")
    return Reference("style.png", file.getvalue())


STYLE = as_file(hatching(80))


def restyled(client: Client, depth: str = "u8", **options: Any) -> tuple[Layer, np.ndarray]:
    """The layer and its colours, of a photograph."""
    options.setdefault("reference", STYLE)
    options["parameters"] = {"model": "classical", **options.get("parameters", {})}
    picture = np.dstack([photo(AREA.width), np.ones((AREA.height, AREA.width, 1), np.float32)])
    image = client.put(samples.to_bytes(samples.from_float(picture, depth)), AREA, depth, "RGBA")
    result = client.run("transfer_style", image, Bounds(0, 0, 120, 120), **options)
    (layer,) = result.layers
    at = layer.raster.bounds
    pixels = np.frombuffer(client.pixels(layer.raster), samples.DTYPES[depth]).reshape(at.height, at.width, 4)
    colours = samples.to_float(pixels[..., :3].copy())
    client.release(result)
    return layer, colours


def ink_share(colours: np.ndarray) -> np.ndarray:
    between = (PAPER - INK) / np.linalg.norm(PAPER - INK)
    return (PAPER - colours) @ between / np.linalg.norm(PAPER - INK)


@pytest.mark.parametrize("depth", ["u8", "u16", "f32"])
def test_the_layer_is_painted_over_in_the_references_palette(daemon: DaemonProcess, depth: str) -> None:
    with daemon.client() as client:
        layer, colours = restyled(client, depth)
    assert layer.raster.bounds == AREA
    assert layer.raster.depth == depth
    off_palette = np.linalg.norm(colours - PAPER + ink_share(colours)[..., None] * (PAPER - INK), axis=2)
    assert np.median(off_palette) < 0.03
    assert ink_share(colours).std() > 0.2
    assert layer.recipe["reference"]["name"] == "style.png"


def test_the_layers_colours_can_be_kept(daemon: DaemonProcess) -> None:
    with daemon.client() as client:
        _, colours = restyled(client, parameters={"keep_colours": True})
    assert np.abs(colours.mean((0, 1)) - photo(AREA.width).mean((0, 1))).max() < 0.06


def test_a_selection_limits_what_is_painted(daemon: DaemonProcess) -> None:
    with daemon.client() as client:
        coverage = np.zeros((AREA.height, AREA.width), np.uint8)
        coverage[20:60, 30:80] = 255
        selection = client.put(coverage.tobytes(), AREA, "u8", "GRAY")
        layer, _ = restyled(client, selection=selection)
    assert layer.raster.bounds == Bounds(AREA.x + 30, AREA.y + 20, 50, 40)


def test_a_network_is_used_where_there_is_one(daemon: DaemonProcess) -> None:
    """VGG-19 sees, and pixels change step by step; the recipe names it."""
    with daemon.client() as client:
        layer, colours = restyled(client, parameters={"model": "seeing", "steps": 3})
        automatic, _ = restyled(client, parameters={"model": "auto", "steps": 2})
    assert np.abs(colours - photo(AREA.width)).max() > 1 / 255
    assert layer.recipe["model"]["id"] == automatic.recipe["model"]["id"] == "seeing"


def test_it_is_seen_growing_and_kept_when_it_is_enough(daemon: DaemonProcess) -> None:
    """A picture of what is selected comes while it is painted; then it is enough, and the recipe says how far
    it was. All steps would take minutes."""
    seen: list[Preview] = []
    coverage = np.zeros((AREA.height, AREA.width), np.uint8)
    coverage[20:60, 30:80] = 255
    with daemon.client() as client:
        layer, colours = restyled(
            client,
            selection=client.put(coverage.tobytes(), AREA, "u8", "GRAY"),
            parameters={"model": "seeing", "steps": 2000},
            previews=32,
            on_preview=seen.append,
            is_enough=lambda: bool(seen),
        )
    assert seen[0].place == layer.raster.bounds == Bounds(AREA.x + 30, AREA.y + 20, 50, 40)
    assert seen[0].picture is not None
    assert (seen[0].picture.bounds.width, seen[0].picture.bounds.height) == (32, 26)
    assert 0 < layer.recipe["finished_at"] < 1
    assert colours.std() > 0.02


@pytest.mark.parametrize("side", [96, 700])
def test_without_a_model_it_can_be_enough_after_the_first_round(side: int) -> None:
    """What there is then is a whole layer, in the reference's palette, whether it is looked at reduced or not."""
    shown: list[np.ndarray] = []
    context = Context(
        reference_layer=Image.from_array((hatching(80) * 255 + 0.5).astype(np.uint8)),
        is_finish_asked=lambda: True,
        preview=lambda make, place: shown.append(make()),
    )
    (layer,) = transfer_style(  # pyright: ignore[reportGeneralTypeIssues]
        Image.from_array(photo(side)), Params(model="classical"), context
    )
    assert len(shown) == 1
    assert context.finished_at == pytest.approx(1 / 14)
    assert layer.rgb is not None
    assert layer.rgb.shape == (side, side, 3)
    off_palette = np.linalg.norm(layer.rgb - PAPER + ink_share(layer.rgb)[..., None] * (PAPER - INK), axis=2)
    assert np.median(off_palette) < 0.05


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_references_of_any_mode(daemon: DaemonProcess, mode: str) -> None:
    with daemon.client() as client:
        _, colours = restyled(client, reference=as_file(hatching(48), mode))
    assert np.isfinite(colours).all()
    assert colours.std() > 0.05


def test_what_is_no_style_is_told(daemon: DaemonProcess) -> None:
    """Nothing at all, a single pixel, something that is no picture: each in words."""
    with daemon.client() as client:
        with pytest.raises(Invalid, match="needs a picture"):
            restyled(client, reference=None)
        with pytest.raises(Invalid, match="only 1 × 1 pixels, too small for a style"):
            restyled(client, reference=as_file(np.ones((1, 1, 3))))
        with pytest.raises(Invalid, match=r"style\.png"):
            restyled(client, reference=Reference("style.png", b"not a picture"))
