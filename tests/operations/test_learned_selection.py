"""Select Object by a network, through the daemon; and without one as before."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scumble_daemon.imaging import samples
from scumble_protocol.client import Client
from scumble_protocol.errors import MissingModel
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
    image = client.put(samples.to_bytes(pixels), area, "u8", "RGB")
    result = client.run("select_object", image, area, points=clicks, **options)
    assert result.selection is not None
    assert result.selection.bounds.intersection(area) == result.selection.bounds
    coverage, part = np.zeros(pixels.shape[:2], np.uint8), result.selection.bounds
    found = np.frombuffer(client.pixels(result.selection), np.uint8).reshape(part.height, part.width)
    coverage[part.y : part.bottom, part.x : part.right] = found
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


def test_without_the_model_it_works_as_ever(daemon: DaemonProcess) -> None:
    """Deleted while it is warm: Automatic goes on without, and who asks for it by name is told."""
    photo, outline = photos.flower()

    def offered() -> list[str]:
        with daemon.client() as client:
            parameters = client.catalogue().find("select_object").parameters
        return [
            value for each in parameters if each.name == "model" for value, title in each.choices if "(" not in title
        ]

    assert offered() == ["auto", "tiny", "classical"]
    shutil.rmtree(daemon.home / "weights" / "tiny")
    wait_until(lambda: offered() == ["auto", "classical"], "the choice to go")
    wait_until(lambda: models(daemon) == [], "its memory")
    with daemon.client() as client:
        assert photos.overlap(select(client, photo, Point(321, 190)) / 255, outline) > 0.85
        with pytest.raises(MissingModel, match="not installed"):
            select(client, photo, Point(322, 190), parameters={"model": "tiny"})
