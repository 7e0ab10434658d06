"""Translate Domain through the daemon: our styles and mixtures, an artist's own, faces, films, and bad input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from safetensors.torch import save_file
from scumble_daemon.models.architectures import dynamic_unet
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds, Layer, Reference
from skimage import data

from ..checkpoints import own
from ..daemon_process import DaemonProcess, running_daemon, wait_until
from .painted import cup, layer_of, off

AREA = Bounds(7, 5, 160, 120)
OURS = ("cel", "ink")
MINE = "my domain.safetensors"


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    """With a domain of the artist's own, of one style, as `scumble train domain` writes it."""
    with running_daemon() as daemon:
        daemon.stop()
        folder = daemon.home / "weights"
        folder.mkdir(parents=True, exist_ok=True)
        save_file(dynamic_unet.compact(own.dynamic_unet("resnet18", seed=5)), folder / MINE, {"format": "pt"})
        daemon.start()
        daemon.wait_for_worker()
        yield daemon


def photo(area: Bounds = AREA) -> np.ndarray:
    return cup(area)


def translated(client: Client, area: Bounds = AREA, **wish: Any) -> tuple[Layer, np.ndarray]:
    """As `layer_of`."""
    return layer_of(client, "translate_domain", area, **wish)


@pytest.mark.parametrize("style", OURS)
def test_each_of_our_styles_draws(daemon: DaemonProcess, style: str) -> None:
    """Another picture of the same size and place, which still shows what the photograph does."""
    with daemon.client() as client:
        layer, drawn = translated(client, style=style)
    assert layer.raster.bounds == AREA
    assert off(drawn, photo()) > 5
    broad = [cv2.GaussianBlur(each[..., :3], (0, 0), 6).mean(2).ravel() for each in (drawn, photo())]
    assert np.corrcoef(broad)[0, 1] > 0.8
    assert layer.recipe["model"]["id"] == "domain-toon"


def test_ink_is_ink_on_paper(daemon: DaemonProcess) -> None:
    """The orange cup has hardly any colour left, and both black and paper are there."""
    with daemon.client() as client:
        _, drawn = translated(client, style="ink")
    assert np.ptp(drawn[..., :3], axis=2).mean() < 0.5 * np.ptp(photo(), axis=2).mean()
    assert drawn[..., :3].mean(2).min() < 0.2
    assert np.percentile(drawn[..., :3].mean(2), 90) > 0.75


def test_intensity_begins_at_the_layer_itself(daemon: DaemonProcess) -> None:
    """To the last bit of 16, though a large layer is worked on at a smaller size; and it grows."""
    large = Bounds(0, 0, 1700, 30)
    with daemon.client() as client:
        _, nothing = translated(client, intensity=0)
        steps = [off(translated(client, intensity=share)[1], photo()) for share in (0.3, 0.6, 1)]
        _, same = translated(client, area=large, depth="u16", intensity=0)
    assert np.abs(nothing[..., :3] - photo()).max() <= 0.5 / 255 + 1e-6
    assert 0.5 < steps[0] < steps[1] < steps[2]
    assert np.abs(same[..., :3] - photo(large)).max() <= 1.5 / 65535


def test_light_beyond_white_is_kept_where_there_is_no_intensity(daemon: DaemonProcess) -> None:
    bright = photo() * 2.5
    with daemon.client() as client:
        _, drawn = translated(client, depth="f32", rgb=bright, intensity=0)
    assert np.abs(drawn[..., :3] - bright).max() < 2e-3


@pytest.mark.parametrize("depth", ["u16", "f32"])
def test_it_keeps_the_documents_depth(daemon: DaemonProcess, depth: str) -> None:
    with daemon.client() as client:
        layer, drawn = translated(client, depth=depth)
        _, in_bytes = translated(client)
    assert layer.raster.depth == depth
    assert off(drawn, in_bytes) < 1


def test_two_styles_are_mixed(daemon: DaemonProcess) -> None:
    """At 0 it is the first, at 1 the second, and between them neither."""
    with daemon.client() as client:
        first, second = (translated(client, style=style)[1] for style in ("ink", "cel"))
        mixed = {share: translated(client, style="ink", second="cel", mix=share)[1] for share in (0, 0.5, 1)}
    assert off(mixed[0], first) < 0.5
    assert off(mixed[1], second) < 0.5
    assert off(mixed[0.5], first) > 4
    assert off(mixed[0.5], second) > 4


def test_a_domain_of_the_artists_own(daemon: DaemonProcess) -> None:
    """Is offered by its name and draws, whatever style is chosen, since it has but one; and it has an intensity too."""

    def choices() -> dict[str, str]:
        with daemon.client() as client:
            parameters = client.catalogue().find("translate_domain").parameters
        return {value: title for each in parameters if each.name == "model" for value, title in each.choices}

    wait_until(lambda: MINE in choices(), "the watched folder")
    assert choices()[MINE] == "my domain (your own)"
    assert next(iter(choices())) == "domain-toon"
    assert not {"paint-oil", "denoise-small"} & set(choices())
    with daemon.client() as client:
        one, other, half = (
            translated(client, model=MINE, style=style, intensity=share)[1]
            for style, share in (("cel", 1), ("ink", 1), ("cel", 0.5))
        )
    assert (one == other).all()
    assert off(one, photo()) > 1
    assert off(half, one) > 0.2


def test_sizes(daemon: DaemonProcess) -> None:
    """Odd, thin and larger than what is drawn on: as large as before; too small: a sentence."""
    with daemon.client() as client:
        for width, height in ((61, 47), (16, 300), (1900, 40)):
            area = Bounds(0, 0, width, height)
            layer, drawn = translated(client, area=area)
            assert layer.raster.bounds == area
            assert off(drawn, photo(area)) > 1
        with pytest.raises(Invalid, match="15 × 1 pixels, too small"):
            translated(client, area=Bounds(0, 0, 15, 1))


def test_broader_lines_are_fewer(daemon: DaemonProcess) -> None:
    with daemon.client() as client:
        fine, broad = (translated(client, style="ink", line_width=width)[1] for width in (0.5, 2))
    rough = [np.abs(np.diff(each[..., 1], axis=1)).mean() for each in (fine, broad)]
    assert rough[0] > 1.1 * rough[1]


def test_what_is_transparent_stays_so(daemon: DaemonProcess) -> None:
    alpha = np.ones((AREA.height, AREA.width), np.float32)
    alpha[:, 100:] = 0
    alpha[20:40, 20:40] = 0
    with daemon.client() as client:
        layer, drawn = translated(client, alpha=alpha)
        assert layer.raster.bounds.width == 100
        assert (drawn[20:40, 20:40, 3] == 0).all()
        assert (drawn[50:, :, 3] == 1).all()
        with pytest.raises(Invalid, match="transparent"):
            translated(client, alpha=0.0)


def test_only_faces(daemon: DaemonProcess) -> None:
    """The face is drawn, its mask fades out, nothing far from it shows; and where there is none that is said."""
    area = Bounds(0, 0, 360, 300)
    shown = data.astronaut()[0:300, 60:420].astype(np.float32) / 255
    with daemon.client() as client:
        _, drawn = translated(client, area=area, rgb=shown, faces=True, style="ink")
        with pytest.raises(Invalid, match="No face was found"):
            translated(client, faces=True)
    face = slice(90, 150), slice(140, 190)
    assert (drawn[face][..., 3] > 0.99).all()
    assert off(drawn[face], shown[face]) > 10
    assert (drawn[260:, :, 3] == 0).all()
    assert 0.02 < ((drawn[..., 3] > 0.05) & (drawn[..., 3] < 0.95)).mean() < 0.3


def test_the_previous_frame_steadies(daemon: DaemonProcess) -> None:
    """A frame with other noise, and moved: nearer to what was drawn before, moved along; what is new is drawn anew."""
    rng = np.random.default_rng(3)
    scene = cv2.resize(data.coffee()[0:320, 0:520], (260, 160), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    frames = [scene[0:120, at : at + 160] + rng.normal(0, 0.03, (120, 160, 3)) for at in (40, 43)]
    frames = [np.clip(each, 0, 1).astype(np.float32) for each in frames]
    with daemon.client() as client:
        _, before = translated(client, rgb=frames[0], style="cel")
        kept = cv2.imencode(".png", (before[..., 2::-1] * 255 + 0.5).astype(np.uint8))[1]
        reference = Reference("before.png", kept.tobytes())
        alone = translated(client, rgb=frames[1], style="cel")[1]
        changed = frames[1].copy()
        changed[30:60, 30:60] = (0.1, 0.9, 0.2)
        steady = translated(client, rgb=changed, style="cel", reference=reference)[1]
        with pytest.raises(Invalid, match="previous frame has 160 × 120 pixels"):
            translated(client, area=Bounds(0, 0, 50, 50), reference=reference)
    inner = slice(66, 110), slice(10, 140)
    moved = before[:, 3:]
    flicker = [off(each[:, :-3][inner], moved[inner]) for each in (alone, steady)]
    assert flicker[1] < 0.75 * flicker[0], flicker
    assert off(steady[38:52, 38:52], changed[38:52, 38:52]) < 60
    assert (steady[38:52, 38:52, 1] > steady[38:52, 38:52, 0] + 0.3).all()
