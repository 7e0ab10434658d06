"""Denoise, upscale and enhance: through a real daemon, with small networks whose result is known."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scumble_daemon.imaging import colour, samples
from scumble_daemon.weights.storage import digest_of
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid, MissingModel, OutOfMemory
from scumble_protocol.image import Bounds, Layer, Raster

from .. import checkpoints
from ..daemon_process import DaemonProcess, running_daemon, wait_until

CANVAS = Bounds(0, 0, 100, 80)
LAYER = Bounds(-10, 5, 60, 40)
RANDOM = np.random.default_rng(11)


@pytest.fixture(scope="module")
def studio() -> Iterator[DaemonProcess]:
    """A daemon with a denoiser that adds SHIFT, and upscalers that repeat pixels."""
    with running_daemon() as daemon:
        daemon.stop()
        checkpoints.install(daemon.home, "brighter", "denoise", checkpoints.nafnet())
        checkpoints.install(daemon.home, "twice", "upscale", checkpoints.compact(2), scale=2)
        checkpoints.install(daemon.home, "four", "upscale", checkpoints.compact(4), scale=4)
        checkpoints.install(daemon.home, "told", "denoise", checkpoints.drunet(), role="extra")
        checkpoints.install(
            daemon.home,
            "mixed",
            "upscale",
            checkpoints.compact(4, brighter_by=0.1),
            scale=4,
            role="extra",
            second=checkpoints.compact(4, brighter_by=-0.1),
        )
        daemon.start()
        yield daemon


def pixels(depth: str, channels: int = 4, least: float = 0.1, most: float = 0.8) -> np.ndarray:
    made = RANDOM.random((LAYER.height, LAYER.width, channels), np.float32) * (most - least) + least
    if channels in (2, 4):
        made[..., -1] = 1
    return samples.from_float(made, depth)


def put(client: Client, made: np.ndarray, depth: str, profile: bytes | None = None) -> Raster:
    channels = {1: "GRAY", 2: "GRAYA", 3: "RGB", 4: "RGBA"}[made.shape[2]]
    return client.put(samples.to_bytes(made), LAYER, depth, channels, profile)


def run(client: Client, operation: str, image: Raster, **job: Any) -> tuple[Layer, np.ndarray, tuple[str, ...]]:
    result = client.run(operation, image, CANVAS, **job)
    (layer,) = result.layers
    made = samples.to_float(np.array(samples.view(at_hand(client, layer.raster))))
    return layer, made, result.notes


def at_hand(client: Client, raster: Raster) -> Raster:
    return replace(raster, data=bytes(client.pixels(raster)))


@pytest.mark.parametrize(("depth", "step"), [("u8", 1 / 255), ("u16", 1 / 65535), ("f16", 1e-3), ("f32", 1e-5)])
@pytest.mark.parametrize("channels", [4, 3, 2, 1])
def test_denoise_keeps_the_documents_depth(studio: DaemonProcess, depth: str, step: float, channels: int) -> None:
    """A network that adds an eighth adds it to within the depth's own step, in colour and in grey."""
    made = pixels(depth, channels)
    with studio.client() as client:
        layer, got, _ = run(client, "denoise", put(client, made, depth))
    expected = samples.to_float(made)
    colours = 3 if channels > 2 else 1
    assert layer.raster.depth == depth
    assert layer.raster.bounds == LAYER
    assert np.abs(got[..., :colours] - expected[..., :colours] - checkpoints.SHIFT).max() <= step * 1.01
    assert (got[..., -1] == 1).all()


def test_strength_mixes_and_light_beyond_white_stays(studio: DaemonProcess) -> None:
    """Half the strength is half the change; a float document's highlights are not cut off by the network."""
    made = pixels("f32")
    made[5, 5, :3] = 7.5
    with studio.client() as client:
        _, got, _ = run(client, "denoise", put(client, made, "f32"), parameters={"strength": 0.5})
    change = got[..., :3] - made[..., :3]
    change[5, 5] = checkpoints.SHIFT / 2
    assert np.abs(change - checkpoints.SHIFT / 2).max() < 1e-5
    assert got[5, 5, :3].min() >= 7.4


@pytest.mark.parametrize("strength", [1.0, 0.4, 0.0])
def test_a_model_is_told_how_much_noise_there_is(studio: DaemonProcess, strength: float) -> None:
    """The strength is a share of the noise that is found in the layer, and all of what the model then does is taken."""
    sigma = 0.05
    made = np.ones((LAYER.height, LAYER.width, 4), np.float32)
    made[..., :3] = 0.5 + sigma * RANDOM.standard_normal((LAYER.height, LAYER.width, 3))
    with studio.client() as client:
        parameters = {"model": "told", "strength": strength}
        _, got, notes = run(client, "denoise", put(client, made, "f32"), parameters=parameters)
    change = got[..., :3] - made[..., :3]
    assert change.mean() == pytest.approx(sigma * strength, rel=0.1)
    assert np.ptp(change) < 1e-4, "the same everywhere"
    assert any("of 255" in note for note in notes) == (strength > 0)


@pytest.mark.parametrize("clean_up", [1.0, 0.0, 0.75])
def test_a_model_is_mixed_from_two(studio: DaemonProcess, clean_up: float) -> None:
    """Each setting of the slider is a network of its own, between the two; who does not ask gets the middle."""
    made = pixels("f32", least=0.3, most=0.6)
    with studio.client() as client:
        chosen = {"model": "mixed", "factor": "4"}
        _, middle, _ = run(client, "upscale", put(client, made, "f32"), parameters=chosen)
        chosen = {**chosen, "clean_up": clean_up}
        layer, got, _ = run(client, "upscale", put(client, made, "f32"), parameters=chosen)
    large = made.repeat(4, axis=0).repeat(4, axis=1)
    assert np.abs(middle - large)[..., :3].max() < 1e-5
    assert np.abs(got - large - (0.2 * clean_up - 0.1))[..., :3].max() < 1e-5
    folder = studio.home / "weights" / "mixed"
    lines = "".join(
        f"{digest_of(folder / name)}  {name}\n" for name in ("mixed.safetensors", "mixed.second.safetensors")
    )
    assert layer.recipe["model"]["sha256"] == hashlib.sha256(lines.encode()).hexdigest()


def test_a_wide_gamut_comes_back_as_it_went(studio: DaemonProcess) -> None:
    """At strength 0 a ProPhoto layer's own samples come back, colours outside sRGB among them."""
    made = pixels("u16", least=0.0, most=1.0)
    with studio.client() as client:
        image = put(client, made, "u16", colour.standard_profile("prophoto"))
        layer, got, _ = run(client, "denoise", image, parameters={"strength": 0.0})
    assert layer.raster.profile == image.profile
    assert np.abs(got - samples.to_float(made)).max() <= 1.01 / 65535


def test_only_what_is_selected_and_shows_is_computed(studio: DaemonProcess) -> None:
    """The layer is as large as that part, its mask is the selection, and what is transparent stays so."""
    made = pixels("u8")
    made[:, :20, 3] = 0
    made[10:20, 30:40, 3] = 128
    area = Bounds(0, 10, 30, 25)
    coverage = np.full((25, 30), 255, np.uint8)
    coverage[:, :5] = 100
    with studio.client() as client:
        selection = client.put(coverage.tobytes(), area, "u8", "GRAY")
        layer, got, _ = run(client, "denoise", put(client, made, "u8"), selection=selection)
        assert layer.mask is not None
        mask = samples.view(at_hand(client, layer.mask))[..., 0]
    part = Bounds(10, 10, 20, 25)  # where both are: 20 columns in of the layer at -10
    assert layer.raster.bounds == layer.mask.bounds == part
    source = made[5:30, 20:40]
    assert np.abs(got[..., :3] - samples.to_float(source)[..., :3] - checkpoints.SHIFT).max() <= 1.01 / 255
    assert np.array_equal(samples.from_float(got[..., 3], "u8"), source[..., 3])
    assert np.array_equal(mask, coverage[:, 10:])


def test_nothing_visible_is_selected(studio: DaemonProcess) -> None:
    made = pixels("u8")
    made[:, 20:, 3] = 0
    with studio.client() as client:
        selection = client.put(bytes([255]) * 100, Bounds(20, 20, 10, 10), "u8", "GRAY")
        with pytest.raises(Invalid, match="Nothing of the layer shows in the selection"):
            client.run("denoise", put(client, made, "u8"), CANVAS, selection=selection)


def test_the_recipe_names_the_model_and_its_digest(studio: DaemonProcess) -> None:
    """What is needed to make the layer again, or to know that it cannot be."""
    with studio.client() as client:
        layer, _, _ = run(client, "denoise", put(client, pixels("u8"), "u8"))
    file = studio.home / "weights" / "brighter" / "brighter.safetensors"
    assert layer.recipe["model"] == {"id": "brighter", "sha256": digest_of(file), "device": "cpu"}
    assert layer.recipe["parameters"] == {"strength": 1.0, "model": "auto"}


@pytest.mark.parametrize("factor", [2, 4])
def test_upscale_gives_a_larger_layer(studio: DaemonProcess, factor: int) -> None:
    """Every pixel becomes `factor`² of its colour, alpha and selection grow along, and a note says where to look."""
    made = pixels("u16")
    made[:, :30, 3] = 32768
    coverage = np.repeat(np.linspace(0, 255, 60).astype(np.uint8)[None], 40, axis=0)
    with studio.client() as client:
        selection = client.put(coverage.tobytes(), LAYER, "u8", "GRAY")
        layer, got, notes = run(
            client,
            "upscale",
            put(client, made, "u16"),
            parameters={"factor": str(factor), "result": "larger"},
            selection=selection,
        )
        assert layer.mask is not None
        mask = samples.to_float(samples.view(at_hand(client, layer.mask))[..., 0])
    first = int(np.flatnonzero(coverage[0])[0])
    wide = (60 - first) * factor
    assert layer.raster.bounds == layer.mask.bounds == Bounds(LAYER.x + first, LAYER.y, wide, 40 * factor)
    expected = samples.to_float(made)[:, first:].repeat(factor, axis=0).repeat(factor, axis=1)
    assert np.abs(got[..., :3] - expected[..., :3]).max() <= 1.01 / 65535
    assert np.abs(got[:, 2 * factor : 20 * factor, 3] - 32768 / 65535).max() < 1e-4
    assert np.abs(np.diff(mask[0])).max() < 3 / 255, "the feather is smooth, not in steps"
    assert "larger than the canvas" in notes[0]


def test_upscale_gives_a_new_document_of_the_size_that_it_has_made(studio: DaemonProcess) -> None:
    """By itself: a canvas around the enlarged layer, which is the same as the larger layer, and nothing to say."""
    made = pixels("u16")
    coverage = np.zeros((40, 60), np.uint8)
    coverage[10:30, 20:50] = 255
    with studio.client() as client:
        larger, expected, _ = run(client, "upscale", put(client, made, "u16"), parameters={"result": "larger"})
        result = client.run("upscale", put(client, made, "u16"), CANVAS)
        assert result.document == result.layers[0].raster.bounds == Bounds(LAYER.x, LAYER.y, 120, 80)
        assert result.document == larger.raster.bounds
        np.testing.assert_array_equal(
            samples.to_float(samples.view(at_hand(client, result.layers[0].raster))), expected
        )
        assert result.notes == ()
        client.release(result)
        selection = client.put(coverage.tobytes(), LAYER, "u8", "GRAY")
        part = client.run("upscale", put(client, made, "u16"), CANVAS, selection=selection)
        assert part.document == Bounds(LAYER.x + 20, LAYER.y + 10, 60, 40), "only what is selected"
        client.release(part)


def test_upscale_at_the_layers_own_size(studio: DaemonProcess) -> None:
    """The mean of what each pixel became: here, the pixel itself."""
    made = pixels("u8")
    with studio.client() as client:
        layer, got, notes = run(client, "upscale", put(client, made, "u8"), parameters={"result": "same"})
    assert layer.raster.bounds == LAYER
    assert np.abs(got - samples.to_float(made)).max() <= 1.01 / 255
    assert not notes


def test_an_upscaler_that_enlarges_more_is_reduced(studio: DaemonProcess) -> None:
    made = pixels("u8")
    with studio.client() as client:
        layer, got, _ = run(client, "upscale", put(client, made, "u8"), parameters={"model": "four"})
        with pytest.raises(Invalid, match="enlarges 2 times, not 4"):
            client.run("upscale", put(client, made, "u8"), CANVAS, parameters={"model": "twice", "factor": "4"})
    assert layer.raster.bounds == Bounds(LAYER.x, LAYER.y, 120, 80)
    assert np.abs(got - samples.to_float(made).repeat(2, axis=0).repeat(2, axis=1)).max() <= 1.01 / 255


def test_enhance_takes_any_of_them(studio: DaemonProcess) -> None:
    """Whatever is image → image can be chosen; what enlarges is brought back to the layer's size."""
    made = pixels("u8")
    with studio.client() as client:
        for model, shift in (("brighter", checkpoints.SHIFT), ("four", 0)):
            layer, got, _ = run(client, "enhance_with_model", put(client, made, "u8"), parameters={"model": model})
            assert layer.raster.bounds == LAYER
            assert np.abs(got[..., :3] - samples.to_float(made)[..., :3] - shift).max() <= 1.01 / 255


def test_the_same_click_twice_is_answered_from_memory_until_the_model_is_another(studio: DaemonProcess) -> None:
    """The results' memory knows the model's file, not only its name."""
    made = pixels("u8")
    with studio.client() as client:
        image = put(client, made, "u8")
        first = client.run("denoise", image, CANVAS)
        assert not first.timings["cached"]
        assert 0 < first.timings["network"] < first.timings["operation"] < first.timings["run"]
        client.release(first)
        again = client.run("denoise", put(client, made, "u8"), CANVAS)
        assert again.timings["cached"]


def test_warm_models_are_listed_and_freed(studio: DaemonProcess) -> None:
    """`scumble status` shows what is warm; `scumble free` lets it go, and the next job works as before."""
    with studio.client() as client:
        run(client, "denoise", put(client, pixels("u8"), "u8"))
        wait_until(lambda: client.status()["workers"][0]["models"], "a warm model")
        assert "warm: Brighter, " in studio.cli("status").stdout
        freed = studio.cli("free")
        assert freed.stdout.startswith("Let go: Brighter")
        wait_until(lambda: not client.status()["workers"][0]["models"], "an empty pool")
        assert studio.cli("free").stdout.strip() == "No model was kept warm."
        assert json.loads(studio.cli("free", "--json").stdout)["models"] == []
        run(client, "denoise", put(client, pixels("u8"), "u8"))


def test_after_a_crash_the_same_models_are_warm_again(studio: DaemonProcess) -> None:
    """The artist's next click does not wait for them; a model that is gone by then is no trouble."""
    with studio.client() as client:
        for operation in ("denoise", "upscale"):
            run(client, operation, put(client, pixels("u8"), "u8"))

        def warm() -> set[str]:
            return {model["title"] for model in client.status()["workers"][0]["models"]}

        wait_until(lambda: warm() == {"Brighter", "Twice"}, "both models")
        for _ in range(2):  # the first crash after a job that went well, and the next one too
            worker = studio.wait_for_worker()
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda worker=worker: client.status()["workers"][0]["pid"] not in (None, worker), "a new worker")
            wait_until(lambda: warm() == {"Brighter", "Twice"}, "both models again")
            run(client, "identity", put(client, pixels("u8"), "u8"))


def test_the_command_line_enlarges_a_picture_file(studio: DaemonProcess, tmp_path: Path) -> None:
    """`-o` is the larger picture: nothing is cut off at the old canvas."""
    photo = skimage.data.astronaut()[:60, :90]
    Image.fromarray(photo).save(tmp_path / "photo.png")
    ran = studio.cli("run", "upscale", tmp_path / "photo.png", "-o", tmp_path / "large.png")
    assert ran.returncode == 0, ran.stderr
    large = np.asarray(Image.open(tmp_path / "large.png").convert("RGB"))
    assert np.abs(large.astype(int) - photo.repeat(2, axis=0).repeat(2, axis=1)).max() <= 1
    selection = np.zeros((60, 90), np.uint8)
    selection[20:40, 30:70] = 255
    Image.fromarray(selection).save(tmp_path / "selection.png")
    arguments = ("-o", tmp_path / "part.png", "--selection", tmp_path / "selection.png")
    ran = studio.cli("run", "upscale", tmp_path / "photo.png", *arguments)
    assert ran.returncode == 0, ran.stderr
    part = np.asarray(Image.open(tmp_path / "part.png").convert("RGB"))
    np.testing.assert_array_equal(part, large[40:80, 60:140])


@pytest.mark.parametrize(
    ("operation", "parameters", "model"),
    [
        ("denoise", {}, "denoise-small"),
        ("upscale", {}, "upscale-x2-small"),
        ("upscale", {"factor": "4"}, "upscale-x4-small"),
        ("enhance_with_model", {}, "denoise-small"),
    ],
)
def test_where_nothing_was_fetched_what_ships_is_taken(
    daemon: DaemonProcess, operation: str, parameters: dict[str, str], model: str
) -> None:
    """The first click works offline, and the layer says by which network it was made."""
    made = pixels("u8")
    with daemon.client() as client:
        layer, got, _ = run(client, operation, put(client, made, "u8"), parameters=parameters)
    assert layer.recipe["model"]["id"] == model
    grows = layer.raster.bounds.width // LAYER.width
    plain = samples.to_float(made).repeat(grows, axis=0).repeat(grows, axis=1)
    assert 0.01 < np.abs(got[..., :3] - plain[..., :3]).mean() < 0.3


def test_a_model_that_is_not_here_is_named_with_the_way_to_fetch_it(daemon: DaemonProcess) -> None:
    """It is refused in words, and forms offer it as not installed."""
    with daemon.client() as client:
        with pytest.raises(MissingModel, match="scunet-real-psnr is not installed") as raised:
            client.run("denoise", put(client, pixels("u8"), "u8"), CANVAS, parameters={"model": "scunet-real-psnr"})
        assert "`scumble weights fetch scunet-real-psnr`" in raised.value.hint
        (model,) = [each for each in client.catalogue().find("denoise").parameters if each.name == "model"]
        assert model.choices[0] == ("auto", "Automatic")
        assert ("scunet-real-psnr", "SCUNet for real photos (not installed)") in model.choices


def test_a_model_larger_than_the_budget() -> None:
    """Said before any of it is read; other jobs go on."""
    with running_daemon(SCUMBLE_MODELS_BUDGET_MB="1") as daemon:
        daemon.stop()
        checkpoints.install(daemon.home, "huge", "denoise", checkpoints.nafnet(width=64))
        daemon.start()
        with daemon.client() as client:
            with pytest.raises(OutOfMemory, match=r"The model Huge takes 1\.\d MB, and 1\.0 MB are there for models"):
                client.run("denoise", put(client, pixels("u8"), "u8"), CANVAS)
            client.run("identity", put(client, pixels("u8"), "u8"), CANVAS)
            assert client.status()["workers"][0]["models"] == []
