"""Select Object by a network, through the daemon; and without one as before."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scumble_daemon.imaging import samples
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid, MissingModel
from scumble_protocol.image import Bounds, Point

from .. import checkpoints
from ..daemon_process import DaemonProcess, running_daemon, wait_until
from . import photos


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    """With a network of SAM 2.1 tiny's real size, as it is published; its weights are random, and so are its masks."""
    with running_daemon() as daemon:
        daemon.stop()
        checkpoints.pretrained_folder(daemon.home / "weights" / "tiny", checkpoints.sam2_config(published=True))
        checkpoints.announce(daemon.home, "tiny", "select_object", "transformers", "Sam2", "default")
        daemon.start()
        daemon.wait_for_worker()
        yield daemon


def select(client: Client, pixels: np.ndarray, *clicks: Point, **options: Any) -> np.ndarray:
    area = Bounds(0, 0, pixels.shape[1], pixels.shape[0])
    depth = {"uint8": "u8", "uint16": "u16", "float32": "f32"}[pixels.dtype.name]
    image = client.put(samples.to_bytes(pixels), area, depth, "RGBA" if pixels.shape[2] == 4 else "RGB")
    result = client.run("select_object", image, area, points=clicks, **options)
    assert result.selection is not None
    assert result.selection.bounds.intersection(area) == result.selection.bounds
    coverage, part = np.zeros(pixels.shape[:2], np.uint8), result.selection.bounds
    found = np.frombuffer(client.pixels(result.selection), pixels.dtype).reshape(part.height, part.width)
    coverage[part.y : part.bottom, part.x : part.right] = np.round(255 * samples.to_float(found))
    return coverage


def models(daemon: DaemonProcess) -> list[str]:
    with daemon.client() as client:
        return [model["title"] for model in client.status()["workers"][0]["models"]]


def test_clicks_go_to_the_network_that_is_installed(daemon: DaemonProcess) -> None:
    """It is warm afterwards, every click is kept, and asking for no network asks none."""
    photo, outline = photos.flower()
    inside, outside = Point(320.5, 190.5), Point(60.5, 60.5, include=False)
    with daemon.client() as client:
        classical = select(client, photo, inside, parameters={"model": "classical"})
        assert photos.overlap(classical / 255, outline) > 0.85
        assert models(daemon) == []
        learned = select(client, photo, inside, outside)
        assert models(daemon) == ["Tiny"]
        assert learned[190, 320] == 255
        assert learned[60, 60] == 0
        assert not np.array_equal(learned, classical)
        assert np.array_equal(learned, select(client, photo, inside, outside, parameters={"model": "tiny"}))


def test_without_the_model_it_works_with_the_one_that_ships(daemon: DaemonProcess) -> None:
    """Deleted while it is warm: Automatic goes on with the one that ships, and who asks for it by name is told."""
    photo, outline = photos.flower()

    def offered() -> list[str]:
        with daemon.client() as client:
            parameters = client.catalogue().find("select_object").parameters
        return [
            value for each in parameters if each.name == "model" for value, title in each.choices if "(" not in title
        ]

    assert offered() == ["auto", "click-small", "tiny", "classical"]
    shutil.rmtree(daemon.home / "weights" / "tiny")
    wait_until(lambda: offered() == ["auto", "click-small", "classical"], "the choice to go")
    wait_until(lambda: models(daemon) == [], "its memory")
    with daemon.client() as client:
        assert photos.overlap(select(client, photo, Point(321, 190)) / 255, outline) > 0.85
        assert models(daemon) == ["Small, for clicks"]
        with pytest.raises(MissingModel, match="not installed"):
            select(client, photo, Point(322, 190), parameters={"model": "tiny"})


def test_bad_clicks_are_answered_and_odd_ones_taken(daemon: DaemonProcess) -> None:
    """By the network that ships: outside, on transparency, twice on a pixel, both kinds on one, and hundreds."""
    photo, outline = photos.flower()
    options = {"parameters": {"model": "click-small"}}
    inside = Point(320.5, 190.5)
    with daemon.client() as client:
        with pytest.raises(Invalid, match="inside the layer"):
            select(client, photo, Point(-3, 20), **options)
        erased = np.dstack([photo, np.zeros(photo.shape[:2], np.uint8)])
        erased[200:, :, 3] = 255
        with pytest.raises(Invalid, match="transparent"):
            select(client, erased, inside, **options)
        once = select(client, photo, inside, **options)
        assert photos.overlap(once / 255, outline) > 0.85
        assert np.array_equal(once, select(client, photo, inside, inside, **options))
        taken_back = Point(320.5, 190.5, include=False)
        with pytest.raises(Invalid, match="All clicks say what is not meant"):
            select(client, photo, inside, taken_back, **options)
        assert np.array_equal(once, select(client, photo, inside, taken_back, inside, **options))
        places = np.argwhere(outline)[:: outline.sum() // 250]
        many = [Point(float(x) + 0.5, float(y) + 0.5) for y, x in places]
        many += [Point(float(x) + 0.5, float(y) + 0.5, False) for y, x in np.argwhere(~outline)[::800][:250]]
        found = select(client, photo, *many, **options)
        assert all(found[int(point.y), int(point.x)] == 255 * point.include for point in many)
        assert photos.overlap(found / 255, outline) > 0.85


@pytest.mark.parametrize("depth", [np.uint16, np.float32])
def test_other_depths_are_selected_alike(daemon: DaemonProcess, depth: type) -> None:
    photo, outline = photos.flower()
    deep = (photo.astype(np.uint16) * 257) if depth is np.uint16 else photo.astype(np.float32) / 255
    with daemon.client() as client:
        options = {"parameters": {"model": "click-small"}}
        found = select(client, deep, Point(320.5, 190.5), **options) / np.iinfo(np.uint8).max
        usual = select(client, photo, Point(320.5, 190.5), **options) / np.iinfo(np.uint8).max
    assert photos.overlap(found, outline) > 0.85
    assert photos.overlap(found, usual > 0.5) > 0.98
