"""What an artist sees of a job while it runs, and ending it with what there is so far."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from scumble_daemon.executors import previews
from scumble_daemon.imaging import colour, samples
from scumble_protocol.client import Client
from scumble_protocol.errors import Cancelled
from scumble_protocol.image import Bounds, Raster
from scumble_protocol.messages import Accepted, Cancel, Finish, Preview, Progress, Result

from ..daemon_process import DaemonProcess
from .test_server import end_of, next_of

LAYER = Bounds(-10, 6, 90, 60)
CANVAS = Bounds(0, 0, 100, 100)
COLOUR = np.array((0.8, 0.35, 0.1), np.float32)
FOREVER_S = 300


def put(client: Client, depth: str = "u8", profile: bytes | None = None) -> Raster:
    """One colour, `COLOUR` in sRGB whatever the profile, the left half of it half transparent."""
    rgba = np.empty((LAYER.height, LAYER.width, 4), np.float32)
    rgba[..., :3] = colour.from_srgb(np.broadcast_to(COLOUR, (1, 1, 3)), profile, grey=False)
    rgba[..., 3] = 1
    rgba[:, : LAYER.width // 2, 3] = 0.5
    return client.put(samples.to_bytes(samples.from_float(rgba, depth)), LAYER, depth, "RGBA", profile)


def submit(client: Client, seconds: float, previews: int = 64, shows: bool = True, **options: Any) -> str:
    """A job that inverts the layer at its end and shows that from its start."""
    image = options.pop("image", None) or put(client)
    return client.submit(
        "slow",
        image,
        CANVAS,
        parameters={"seconds": seconds, "previews": shows},
        previews=previews,
        source="photo",
        **options,
    )


def picture_of(client: Client, preview: Preview) -> np.ndarray:
    assert preview.picture is not None
    assert preview.picture.depth == "u8"
    assert preview.picture.channels == "RGBA"
    assert preview.picture.profile == ""
    bounds = preview.picture.bounds
    return np.frombuffer(client.pixels(preview.picture), np.uint8).reshape(bounds.height, bounds.width, 4)


@pytest.mark.parametrize("segments", [True, False])
@pytest.mark.parametrize("depth", ["u8", "u16", "f32"])
def test_a_picture_comes_as_large_as_was_asked_for(daemon: DaemonProcess, depth: str, segments: bool) -> None:
    """Whatever depth and profile the document has: eight bits of sRGB, of the layer's shape, and where it lies."""
    with daemon.client(segments=segments) as client:
        job = submit(
            client, FOREVER_S, previews=45, image=put(client, depth, colour.standard_profile("linear-rec2020"))
        )
        preview = next_of(client, Preview, job)
        seen = picture_of(client, preview)
        client.cancel(job)
        end_of(client, job)
    assert preview.place == LAYER
    assert seen.shape == (30, 45, 4)
    assert np.abs(seen[..., :3] - 255 * (1 - COLOUR)).max() <= 2
    assert np.abs(seen[:, :20, 3].astype(int) - 128).max() <= 1
    assert (seen[:, 25:, 3] == 255).all()


def test_a_picture_is_never_larger_than_the_layer(daemon: DaemonProcess) -> None:
    with daemon.client() as client:
        job = submit(client, FOREVER_S, previews=1000)
        assert picture_of(client, next_of(client, Preview, job)).shape == (LAYER.height, LAYER.width, 4)


def test_what_is_not_selected_is_seen_as_it_was(daemon: DaemonProcess) -> None:
    """Half covered, it is half of each, as the layer with its mask will be."""
    coverage = np.zeros((LAYER.height, LAYER.width), np.uint8)
    coverage[:, 30:60], coverage[:, 60:] = 128, 255
    with daemon.client() as client:
        selection = client.put(coverage.tobytes(), LAYER, "u8", "GRAY")
        job = submit(client, FOREVER_S, previews=1000, selection=selection)
        seen = picture_of(client, next_of(client, Preview, job))[..., :3]
        client.cancel(job)
        end_of(client, job)
    assert np.abs(seen[:, :30] - 255 * COLOUR).max() <= 2
    assert np.abs(seen[:, 30:60] - 127.5).max() <= 3
    assert np.abs(seen[:, 60:] - 255 * (1 - COLOUR)).max() <= 2


def test_nobody_who_does_not_ask_is_shown_anything(daemon: DaemonProcess) -> None:
    with daemon.client() as client:
        job = submit(client, 0.3, previews=0)
        kinds = set()
        while not isinstance(message := client.poll(10), Result):
            assert message is not None
            kinds.add(type(message))
        assert message.id == job
    assert kinds == {Accepted, Progress}


def test_pictures_come_a_few_times_a_second_at_most(daemon: DaemonProcess) -> None:
    """However often the operation has something to show: this one has fifty times a second."""
    with daemon.client() as client:
        started = time.monotonic()
        job = submit(client, FOREVER_S)
        for _ in range(4):
            next_of(client, Preview, job)
        took_s = time.monotonic() - started
        client.cancel(job)
        end_of(client, job)
    assert took_s >= 3 * previews.INTERVAL_S


@pytest.mark.parametrize("segments", [True, False])
def test_a_job_is_finished_with_what_it_has(daemon: DaemonProcess, segments: bool) -> None:
    """Its layers come at once, and their recipe says how far it came; the same job done again is not cut short."""
    with daemon.client(segments=segments) as client:
        job = submit(client, FOREVER_S)
        next_of(client, Preview, job)
        client.finish(job)
        early = end_of(client, job)
        assert isinstance(early, Result)
        layer = early.layers[0]
        assert layer.raster.bounds == LAYER
        pixels = np.frombuffer(client.pixels(layer.raster), np.uint8).reshape(LAYER.height, LAYER.width, 4)
        assert np.abs(pixels[..., :3] - 255 * (1 - COLOUR)).max() <= 2
        assert 0 < layer.recipe["finished_at"] < 1
        client.release(early)
        again = submit(client, FOREVER_S)
        while not isinstance(message := client.poll(10), (Preview, Result)):
            assert message is not None
        assert isinstance(message, Preview), "it is not the one that was cut short"
        client.cancel(again)
        end_of(client, again)


def test_finishing_what_cannot_be_finished_changes_nothing(daemon: DaemonProcess) -> None:
    """A job that waits, one that nobody knows, one that has ended; and a cancel still cancels after it."""
    with daemon.client() as client:
        running = submit(client, FOREVER_S, shows=False)  # never asks whether it is enough
        next_of(client, Progress, running)
        waiting = submit(client, 0.1)
        next_of(client, Accepted, waiting)
        for job in (waiting, running, "nobody"):
            client.finish(job)
        client.ping()
        client.cancel(running)
        assert end_of(client, running).code == "cancelled"  # pyright: ignore[reportAttributeAccessIssue]
        whole = end_of(client, waiting)
        assert isinstance(whole, Result)
        assert "finished_at" not in whole.layers[0].recipe
        client.finish(waiting)
        client.ping()


def test_nobody_finishes_or_cancels_the_jobs_of_others(daemon: DaemonProcess) -> None:
    """Ids are a session's own: another one that uses the same changes nothing."""
    with daemon.client() as client, daemon.client() as other:
        job = submit(client, FOREVER_S)
        next_of(client, Preview, job)
        for message in (Finish(job), Cancel(job)):
            other._session.send(message)
        other.ping()
        next_of(client, Preview, job)
        client.finish(job)
        assert isinstance(end_of(client, job), Result)


def test_the_blocking_form_shows_and_finishes(daemon: DaemonProcess) -> None:
    """`run` hands each preview on, and ends when it has been enough; or is cancelled although it was."""
    seen: list[tuple[int, ...]] = []
    with daemon.client() as client:

        def run(**options: Any) -> Result:
            return client.run(
                "slow",
                put(client),
                CANVAS,
                parameters={"seconds": FOREVER_S, "previews": True},
                previews=32,
                on_preview=lambda preview: seen.append(picture_of(client, preview).shape),
                **options,
            )

        result = run(is_enough=lambda: len(seen) >= 2)
        assert result.layers[0].recipe["finished_at"] < 0.1
        client.release(result)
        with pytest.raises(Cancelled):
            run(is_cancelled=lambda: len(seen) >= 3)
    assert seen == 3 * [(21, 32, 4)]
