"""Segment Anything: prompts reach the network where they were meant, and a picture is encoded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scumble_daemon.imaging.image import Image
from scumble_daemon.imaging.prompts import Window
from scumble_daemon.models import loading, segmenter
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.segmenter import Segmenter
from scumble_daemon.models.sources import Installed
from scumble_protocol.image import Bounds, Point

from .. import checkpoints

RANDOM = np.random.default_rng(3)
CONFIGS = {"Sam2": checkpoints.sam2_config, "Sam": checkpoints.sam_config}


@pytest.fixture(scope="module", params=sorted(CONFIGS))
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Any]:
    """Architecture, folder, and the library's own network with the same weights."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, checkpoints.pretrained_folder(folder, CONFIGS[request.param]())


def installed(architecture: str, folder: Path) -> Installed:
    files = tuple(sorted(folder.iterdir()))
    return Installed("sam", "SAM", ("select_object",), "default", files, "transformers", architecture)


def opened(network: tuple[str, Path, Any]) -> Segmenter:
    architecture, folder, _ = network
    return Segmenter(loading.load(installed(architecture, folder)), CPU, "SAM")


def picture(height: int = 96, width: int = 160) -> Image:
    return Image.from_array(RANDOM.integers(0, 256, (height, width, 3), np.uint8))


def whole(image: Image) -> Window:
    return Window(0, 0, image.bounds.height, image.bounds.width)


def asked_directly(network: tuple[str, Path, Any], image: Image, **prompts: Any) -> Any:
    """The library's network itself, given the picture as its papers say."""
    architecture, _, module = network
    height, width = (128, 128) if architecture == "Sam2" else (77, 128)  # 96 × 160, its longer side at 128
    small = (np.clip(image.reduced(*whole(image).slices, (height, width)), 0, 1) * 255 + 0.5).astype(np.uint8)
    normal = (torch.from_numpy(small).float() / 255 - torch.from_numpy(segmenter.MEAN)) / torch.from_numpy(
        segmenter.SPREAD
    )
    pixels = torch.zeros(1, 3, 128, 128)
    pixels[0, :, :height, :width] = normal.permute(2, 0, 1)
    with torch.inference_mode():
        return module(pixel_values=pixels, **prompts)


def test_one_click_is_shown_where_it_was_and_gives_the_best_of_three(network: tuple[str, Path, Any]) -> None:
    """The layer's pixels become the network's: stretched for SAM 2, its shape kept for SAM."""
    image = picture()
    found = opened(network).find(image, whole(image), [Point(40.5, 24.5)], None)
    down = 24.5 * (128 / 96 if network[0] == "Sam2" else 77 / 96) - 0.5
    place = torch.tensor([[[[40.5 * 128 / 160 - 0.5, down]]]])
    said = asked_directly(network, image, input_points=place, input_labels=torch.ones(1, 1, 1, dtype=torch.long))
    assert said.pred_masks.shape[2] == 3
    expected = said.pred_masks[0, 0, said.iou_scores[0, 0].argmax()].numpy()
    rows = 32 if network[0] == "Sam2" else 19  # what is below the picture is not part of the mask
    assert found.shape == (rows, 32)
    assert np.abs(found - expected[:rows]).max() < 1e-4
    assert np.ptp(found) > 1e-3


def test_a_second_click_is_shown_with_the_mask_of_the_first(network: tuple[str, Path, Any]) -> None:
    """The one that says no, too; and then there is one mask."""
    image, clicks = picture(), [Point(40, 24), Point(100, 60, include=False)]
    model = opened(network)
    first = model._refine(model._look(shown(model, image)), model._prompts((96, 160), clicks[:1], None))
    found = model.find(image, whole(image), clicks, None)
    scale = torch.tensor([128 / 160, (128 if network[0] == "Sam2" else 77) / 96])
    said = asked_directly(
        network,
        image,
        input_points=(torch.tensor([[[[40.0, 24.0], [100.0, 60.0]]]]) * scale - 0.5),
        input_labels=torch.tensor([[[1, 0]]]),
        input_masks=torch.from_numpy(first)[None, None],
        multimask_output=False,
    )
    assert said.pred_masks.shape[2] == 1
    assert np.abs(found - said.pred_masks[0, 0, 0, : len(found)].numpy()).max() < 1e-4


def shown(model: Segmenter, image: Image) -> np.ndarray:
    rgb = image.reduced(*whole(image).slices, model.fitted(whole(image).size))
    return (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)


def test_a_box_is_shown_where_it_was(network: tuple[str, Path, Any]) -> None:
    image = picture()
    found = opened(network).find(image, whole(image), [], Bounds(20, 12, 80, 60))
    scale = torch.tensor([128 / 160, (128 if network[0] == "Sam2" else 77) / 96]).repeat(2)
    box = torch.tensor([[[20.0, 12.0, 100.0, 72.0]]]) * scale - 0.5
    said = asked_directly(network, image, input_boxes=box, multimask_output=False)
    assert np.abs(found - said.pred_masks[0, 0, 0, : len(found)].numpy()).max() < 1e-4


def test_a_picture_is_encoded_once(network: tuple[str, Path, Any]) -> None:
    """A second click on the same pixels, in another object, costs no encoding and gives what a fresh network gives."""
    pixels = RANDOM.integers(0, 256, (96, 160, 4), np.uint8)
    pixels[..., 3] = 255
    model, clicks = opened(network), [Point(40, 24), Point(100, 60)]
    for count in (1, 2):
        image = Image.from_array(pixels.copy())
        found = model.find(image, whole(image), clicks[:count], None)
    assert model.encoded == 1
    image = Image.from_array(pixels)
    assert np.array_equal(found, opened(network).find(image, whole(image), clicks, None))
    pixels[40:60, 40:60] ^= 64
    image = Image.from_array(pixels)
    model.find(image, whole(image), clicks, None)
    assert model.encoded == 2


def test_only_so_many_pictures_are_kept(network: tuple[str, Path, Any]) -> None:
    """The memory that the pool counts is a bound."""
    model, images = opened(network), [picture() for _ in range(segmenter.PICTURES + 1)]
    for image in (*images, images[0], images[-1]):
        model.find(image, whole(image), [Point(40, 24)], None)
    assert model.encoded == len(images) + 1
    kept = [tensor for seen in model._seen.values() for tensor in seen.embedding]
    assert sum(tensor.nbytes for tensor in kept) == model.bytes - model.loaded.bytes
