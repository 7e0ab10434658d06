"""The network for clicks on its device: what it is asked, what it remembers, and that it gives way to SAM."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scumble_daemon.imaging import click_maps
from scumble_daemon.imaging.clicks import Click, from_clicks
from scumble_daemon.imaging.image import Image
from scumble_daemon.imaging.segment import Scene
from scumble_daemon.models import clicker, loading
from scumble_daemon.models.architectures.click_net import ClickNet
from scumble_daemon.models.clicker import Clicker
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.networks import Loaded
from scumble_daemon.models.sources import Installed, Shelf
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Point

FILE = Path(__file__).resolve().parents[2] / "weights" / "click-small" / "model.safetensors"
SHIPPED = Installed("click-small", "Small", ("select_object",), "shipped", (FILE,), "own", "ClickNet")
SAM = replace(SHIPPED, id="tiny", architecture="Sam2", loader="transformers", role="default")


@pytest.fixture
def model() -> Clicker:
    return Clicker(loading.load(SHIPPED), CPU, "Small")


def picture() -> np.ndarray:
    """120×160×3 uint8: a soft red disc, 30 pixels in radius around (80, 60), before a noisy grey."""
    rows, columns = np.mgrid[:120, :160]
    inside = np.clip(31 - np.hypot(rows - 60, columns - 80), 0, 1)[..., None]
    ground = np.random.default_rng(1).normal(120, 12, (120, 160, 3))
    return np.clip(ground * (1 - inside) + inside * np.array([190, 40, 40]), 0, 255).astype(np.uint8)


def scene() -> Scene:
    return Scene.of(picture().astype(np.float32) / 255, np.ones((120, 160), np.float32))


def test_the_maps_say_where_clicks_are_and_how_alike_all_else_is() -> None:
    """0 at a click, growing away from it; the disc's red is like a click on it, the ground is not."""
    looked = scene()
    rgb = looked.rgb.astype(np.float32) / 255
    seen = click_maps.seen(rgb, looked.lab, [Click(80, 60, True), Click(10, 10, False)], None)
    assert seen.shape == (click_maps.CHANNELS, 120, 160)
    assert seen[3, 60, 80] == seen[6, 10, 10] == 1
    assert seen[3, 10, 10] == seen[6, 60, 80] == 0
    assert seen[4, 60, 80] == 0 < seen[4, 60, 90] < seen[4, 60, 120]
    assert seen[5, 50, 70] < 0.3 < seen[5, 10, 80]
    assert not seen[9].any()


@pytest.mark.parametrize("size", [(32, 32), (33, 95), (100, 256)])
def test_any_size_comes_back_as_it_was(size: tuple[int, int]) -> None:
    with torch.inference_mode():
        assert ClickNet().eval()(torch.zeros(1, click_maps.CHANNELS, *size)).shape == (1, 1, *size)


def test_a_click_on_a_disc_finds_it(model: Clicker) -> None:
    truth = np.hypot(*(np.mgrid[:120, :160] - np.array([60, 80])[:, None, None])) < 30
    found = model.point(Image.from_array(picture()), None, [Point(80, 60)]).mask
    assert (found & truth).sum() / (found | truth).sum() > 0.9


def test_its_opinion_counts(model: Clicker) -> None:
    """A correction is another with a network that takes all for the object than with one that takes nothing for it."""
    looked, clicks = scene(), [Click(80, 60, True), Click(40, 30, True)]
    everything, nothing = (
        from_clicks(looked, clicks, None, replace(model.advise(looked, None), chance=lambda *_, of=each: of, known={}))
        for each in (np.ones(looked.shape, np.float32), np.zeros(looked.shape, np.float32))
    )
    assert everything.sum() > nothing.sum()


def test_a_further_click_costs_only_itself(model: Clicker) -> None:
    """What clicks have led to is kept: each is asked about once, and the answer is the one of all at once."""
    image = Image.from_array(picture())
    points = [Point(80, 60), Point(20, 20), Point(20, 20, False), Point(140, 100), Point(140, 100, False)]
    steps = []
    for count in range(1, len(points) + 1):
        before = model.asked
        steps.append(model.point(image, None, points[:count]).mask)
        assert model.asked - before <= 1
    asked = model.asked
    again = model.point(image, None, points).mask
    assert model.asked == asked
    assert np.array_equal(steps[-1], again)
    fresh = Clicker(loading.load(SHIPPED), CPU, "Small").point(image, None, points).mask
    assert np.array_equal(again, fresh)


def test_a_layer_is_reduced_once(model: Clicker, monkeypatch: pytest.MonkeyPatch) -> None:
    """For all clicks on it, however often an editor sends it; one in which a pixel has changed is looked at anew."""
    reduced: list[Image] = []
    reduce = Image.reduced_with_alpha
    monkeypatch.setattr(Image, "reduced_with_alpha", lambda self, *of: reduced.append(self) or reduce(self, *of))
    for count in (1, 2):
        model.point(Image.from_array(picture()), None, [Point(80, 60), Point(20, 20, False)][:count])
    assert len(reduced) == 1
    changed = picture()
    changed[5, 5] ^= 255
    model.point(Image.from_array(changed), None, [Point(80, 60)])
    assert len(reduced) == 2


def test_another_picture_or_region_is_another_matter(model: Clicker) -> None:
    """The red disc's mask is not given for the mirrored picture, nor for a part of the same one."""
    image, mirrored = (Image.from_array(each) for each in (picture(), np.ascontiguousarray(picture()[:, ::-1])))
    left = np.zeros((120, 160), bool)
    left[:, :80] = True
    whole = model.point(image, None, [Point(70, 60)])
    assert not np.array_equal(whole.mask, model.point(mirrored, None, [Point(70, 60)]).mask)
    part = model.point(image, left, [Point(70, 60)])
    assert part.window.right < 160


def test_memory_stays_bounded(model: Clicker) -> None:
    for seed in range(clicker.PICTURES + 2):
        noise = np.random.default_rng(seed).integers(0, 255, (40, 40, 3), np.uint8)
        model.point(Image.from_array(noise), None, [Point(20, 20)])
    assert len(model._advice) == len(model._views) == clicker.PICTURES
    image = Image.from_array(picture())
    for column in range(clicker.REMEMBERED + 8):
        model.point(image, None, [Point(80, 60), Point(column, 3, False)])
    assert all(len(each.known) <= clicker.REMEMBERED + 2 for each in model._advice.values())


def test_what_is_no_number_is_said() -> None:
    """A broken file never becomes a selection."""
    net = ClickNet().eval()
    torch.nn.init.constant_(net.mask.weight, float("nan"))
    broken = Clicker(Loaded(net, "ClickNet"), CPU, "Broken")
    with pytest.raises(Invalid, match="Broken"):
        broken.chance(scene(), [Click(80, 60, True)], None)


@pytest.mark.parametrize("on_gpu", [False, True])
def test_sam_is_taken_where_it_is_installed(on_gpu: bool) -> None:
    assert Shelf((SHIPPED, SAM)).choose("select_object", "auto", None, on_gpu) is SAM
    assert Shelf((SHIPPED,)).choose("select_object", "auto", None, on_gpu) is SHIPPED
    assert Shelf((SHIPPED, SAM)).choose("select_object", "click-small", None, on_gpu) is SHIPPED
