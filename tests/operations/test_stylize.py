"""Stylize through the daemon: our styles, published ones, an artist's own, mixtures, and what cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from scumble_daemon.imaging import samples
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid, MissingModel
from scumble_protocol.image import Bounds, Layer
from torch import nn

from .. import checkpoints
from ..checkpoints import own
from ..daemon_process import DaemonProcess, running_daemon, wait_until
from .painted import cup, layer_of, off

AREA = Bounds(7, 5, 120, 88)
OURS = ("paint-oil", "paint-watercolour", "paint-woodcut", "paint-mosaic", "paint-pencil")


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    """With a published style's network of random weights, and a style of the artist's own."""
    with running_daemon() as daemon:
        daemon.stop()
        torch.manual_seed(4)
        network = own.StyleNet()
        for name, value in network.named_parameters():
            if ".in" in f".{name}":
                nn.init.normal_(value, 1, 0.3)
        folder = daemon.home / "weights" / "wild"
        folder.mkdir(parents=True)
        own.as_onnx(network.state_dict(), folder / "wild.onnx")
        checkpoints.announce(daemon.home, "wild", "stylize", "own", "TransformerNet")
        checkpoints.save(own.painter(3).state_dict(), daemon.home / "weights" / "my garden.safetensors")
        daemon.start()
        daemon.wait_for_worker()
        wait_until(lambda: "my garden.safetensors" in choices(daemon, "style"), "the artist's own style")
        yield daemon


def photo(area: Bounds = AREA) -> np.ndarray:
    return cup(area)


def stylized(client: Client, area: Bounds = AREA, **wish: Any) -> tuple[Layer, np.ndarray]:
    """As `layer_of`."""
    return layer_of(client, "stylize", area, **wish)


def choices(daemon: DaemonProcess, name: str) -> dict[str, str]:
    with daemon.client() as client:
        parameters = client.catalogue().find("stylize").parameters
    return {value: title for each in parameters if each.name == name for value, title in each.choices}


@pytest.mark.parametrize("style", OURS)
def test_each_of_our_styles_paints(daemon: DaemonProcess, style: str) -> None:
    """Another picture, which still shows what the photograph does: light is where light was."""
    with daemon.client() as client:
        layer, painted = stylized(client, style=style)
    assert layer.raster.bounds == AREA
    assert off(painted, photo()) > 6
    broad = [cv2.GaussianBlur(each[..., :3], (0, 0), 6).mean(2).ravel() for each in (painted, photo())]
    assert np.corrcoef(broad)[0, 1] > 0.8
    assert layer.recipe["model"]["id"] == style


@pytest.mark.parametrize("depth", ["u16", "f32"])
def test_it_keeps_the_documents_depth(daemon: DaemonProcess, depth: str) -> None:
    with daemon.client() as client:
        layer, painted = stylized(client, depth=depth)
        _, in_bytes = stylized(client)
    assert layer.raster.depth == depth
    assert off(painted, in_bytes) < 1


def test_strength_goes_from_the_photograph_to_the_style(daemon: DaemonProcess) -> None:
    """Inside the network for our own styles, by laying the picture over for published ones."""
    with daemon.client() as client:
        for style, least in (("paint-mosaic", 4.0), ("wild", 0.6)):
            steps = [stylized(client, style=style, strength=share)[1] for share in (0, 0.5, 1)]
            apart = [off(each, photo()) for each in steps]
            assert apart[0] < least, (style, apart)
            assert apart[0] < apart[1] < apart[2], (style, apart)


def test_two_styles_are_mixed(daemon: DaemonProcess) -> None:
    """At 0 it is the first, at 1 the second, and between them both: of our own, of a published one, of the artist's."""
    for first, second in (
        ("paint-woodcut", "paint-mosaic"),
        ("paint-oil", "wild"),
        ("paint-oil", "my garden.safetensors"),
    ):
        with daemon.client() as client:
            one, other = (stylized(client, style=style)[1] for style in (first, second))
            mixed = {share: stylized(client, style=first, second=second, mix=share)[1] for share in (0, 0.5, 1)}
        assert off(mixed[0], one) < 0.6
        assert off(mixed[1], other) < 0.6
        assert off(mixed[0.5], one) > 2
        assert off(mixed[0.5], other) > 2


def test_both_styles_are_in_the_recipe(daemon: DaemonProcess) -> None:
    with daemon.client() as client:
        layer, _ = stylized(client, second="wild")
    assert layer.recipe["model"]["id"] == "paint-oil"
    assert layer.recipe["model"]["then"]["id"] == "wild"


def test_the_layers_colours_can_stay(daemon: DaemonProcess) -> None:
    """A woodcut in the colours of the cup: light and dark as cut, the hues as they were."""
    with daemon.client() as client:
        _, plain = stylized(client, style="paint-woodcut")
        _, kept = stylized(client, style="paint-woodcut", keep_colours=True)

    def chroma(rgb: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(rgb[..., :3] - rgb[..., :3].mean(2, keepdims=True), (0, 0), 3)

    wanted = chroma(photo())
    assert np.abs(chroma(kept) - wanted).mean() < 0.5 * np.abs(chroma(plain) - wanted).mean()
    assert kept[..., :3].mean(2).std() > 0.15


def test_stroke_size_and_variation(daemon: DaemonProcess) -> None:
    """Broader strokes are smoother; another number has other strokes, the same one the same."""
    with daemon.client() as client:
        sizes = [stylized(client, style="paint-mosaic", stroke_size=size)[1] for size in (0.5, 1, 2)]
        seeds = [stylized(client, style="paint-pencil", seed=seed)[1] for seed in (1, 1, 2)]
    fine, normal, broad = (np.abs(np.diff(each[..., 1], axis=1)).mean() for each in sizes)
    assert fine > normal > broad
    assert (seeds[0] == seeds[1]).all()
    assert off(seeds[0], seeds[2]) > 2


def test_a_style_of_the_artists_own_is_offered(daemon: DaemonProcess) -> None:
    """By its name, for both styles; and only styles are."""
    wait_until(lambda: "my garden.safetensors" in choices(daemon, "style"), "the watched folder")
    assert choices(daemon, "style")["my garden.safetensors"] == "my garden (your own)"
    assert choices(daemon, "second")["my garden.safetensors"] == "my garden (your own)"
    assert next(iter(choices(daemon, "style"))) == "paint-oil"
    assert set(OURS) <= set(choices(daemon, "style"))
    assert next(iter(choices(daemon, "second"))) == "none"
    assert "denoise-small" not in choices(daemon, "style")


def test_sizes(daemon: DaemonProcess) -> None:
    """Odd, thin and larger than what is painted on: as large as before; too small to hold a stroke: a sentence."""
    with daemon.client() as client:
        for width, height in ((61, 47), (16, 300), (2600, 40)):
            area = Bounds(0, 0, width, height)
            layer, painted = stylized(client, area=area)
            assert layer.raster.bounds == area
            assert off(painted, photo(area)) > 1
        with pytest.raises(Invalid, match="15 × 1 pixels, too small"):
            stylized(client, area=Bounds(0, 0, 15, 1))


def test_what_is_transparent_stays_so(daemon: DaemonProcess) -> None:
    """Half of a layer, whose hidden colours nobody should see the effect of; and a layer that is all transparent."""
    rgba = np.dstack([photo(), np.ones((AREA.height, AREA.width, 1), np.float32)])
    rgba[:, 60:, 3] = 0
    with daemon.client() as client:

        def run(pixels: np.ndarray) -> Any:
            image = client.put(samples.to_bytes(samples.from_float(pixels, "u8")), AREA, "u8", "RGBA")
            return client.run("stylize", image, Bounds(0, 0, 200, 200))

        layer = run(rgba).layers[0]
        assert layer.raster.bounds.width == 60
        rgba[..., 3] = 0
        with pytest.raises(Invalid, match="transparent"):
            run(rgba)


def test_a_style_that_is_not_here(daemon: DaemonProcess) -> None:
    """Says how it comes; and a name that nobody knows is told from it."""
    with daemon.client() as client:
        with pytest.raises(MissingModel, match="scumble weights fetch style-udnie"):
            stylized(client, style="style-udnie")
        with pytest.raises(Invalid):
            stylized(client, style="cubism")
