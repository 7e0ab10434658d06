"""Refine Edge finds hair and soft edges in a band along a selection, and leaves the rest of it alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from scumble_daemon.context import Context
from scumble_daemon.imaging.image import Image, NewSelection
from scumble_daemon.operations.refine_edge import Params, refine_edge
from scumble_protocol.errors import Cancelled, Invalid
from scumble_protocol.image import Bounds

from ..bench import composites, cutout
from ..daemon_process import DaemonProcess
from . import photos


def refine(pixels: np.ndarray, selection: np.ndarray, params: Params | None = None) -> np.ndarray:
    """The new selection over the whole layer."""
    made = refine_edge(Image.from_array(pixels), params or Params(), Context(selection=selection.astype(np.float32)))
    assert isinstance(made, NewSelection)
    assert made.bounds is not None
    assert made.coverage.dtype == np.float32
    assert 0 <= made.coverage.min() <= made.coverage.max() <= 1
    whole, at = np.zeros(pixels.shape[:2], np.float32), made.bounds
    whole[at.y : at.bottom, at.x : at.right] = made.coverage
    return whole


@pytest.fixture(scope="module")
def fur() -> composites.Composite:
    return next(case for case in composites.for_tuning() if case.name == "fur")


def test_fur_beyond_a_plain_outline_is_found(fur: composites.Composite) -> None:
    """From a smooth ellipse to the coat's real alpha: less than a third of the error."""
    outline = np.zeros(fur.alpha.shape, np.uint8)
    cv2.ellipse(outline, (280, 210), (146, 110), 0, 0, 360, 1, -1)
    pixels = np.round(fur.picture * 255).astype(np.uint8)
    before = cutout.errors(outline.astype(np.float32), fur)
    after = cutout.errors(refine(pixels, outline, Params(radius_px=22)), fur)
    assert after[1] < before[1] / 3, (before, after)
    assert after[2] < before[2] / 3, (before, after)


def test_far_from_the_edge_the_selection_is_bit_for_bit_the_artist_s() -> None:
    """Also where that is neither nothing nor whole."""
    photo, outline = photos.flower()
    selection = outline.astype(np.float32)
    selection[:40, :60] = 0.3
    away = cv2.distanceTransform((selection > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    away += cv2.distanceTransform((selection <= 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    made = refine(photo, selection, Params(radius_px=10))
    assert np.array_equal(made[away > 12], selection[away > 12])
    assert (made != selection).any()


def test_without_a_radius_a_softer_selection_is_looked_at_further() -> None:
    """The feather of a selection says how little sure its edge is."""
    photo, outline = photos.flower()
    crisp = outline.astype(np.float32)
    changed = []
    for selection in (crisp, cv2.GaussianBlur(crisp, (0, 0), 8)):
        changed.append(np.count_nonzero(np.abs(refine(photo, selection) - selection) > 0.02))
    assert changed[1] > 2 * changed[0] > 0


def test_shift_feather_and_contrast_do_what_they_say() -> None:
    photo, outline = photos.flower()
    variants: tuple[dict[str, Any], ...] = ({}, {"shift_px": 3}, {"shift_px": -3}, {"feather_px": 10}, {"contrast": 1})
    plain, outwards, inwards, soft, crisp = (refine(photo, outline, Params(radius_px=6, **each)) for each in variants)
    assert inwards.sum() < plain.sum() < outwards.sum()

    def partial(coverage: np.ndarray) -> int:
        return int(np.count_nonzero((coverage > 0.02) & (coverage < 0.98)))

    assert partial(crisp) < 0.4 * partial(plain)
    assert partial(soft) > 1.5 * partial(plain)


def test_the_cut_out_is_the_selection_s_matte_over_the_layer_s_own_samples(
    daemon: DaemonProcess, fur: composites.Composite
) -> None:
    """Its fur reaches beyond what was selected, since it is not masked by that; its edge has no background in it."""
    pixels = np.round(fur.picture * 255).astype(np.uint8)
    height, width = fur.alpha.shape[:2]
    outline = np.zeros((height, width), np.uint8)
    cv2.ellipse(outline, (280, 210), (146, 110), 0, 0, 360, 255, -1)
    area = Bounds(0, 0, width, height)
    with daemon.client() as client:
        made = {}
        for result in ("selection", "cutout", "mask", "trimap"):
            parameters = {"result": result, "radius_px": 22.0}
            image = client.put(pixels.tobytes(), area, "u8", "RGB")
            selection = client.put(outline.tobytes(), area, "u8", "GRAY")
            done = client.run("refine_edge", image, area, selection=selection, parameters=parameters)
            assert (done.selection is not None) == (result == "selection")
            assert len(done.layers) == (result != "selection")
            rasters = [done.selection] if done.selection else [done.layers[0].raster, done.layers[0].mask]
            for raster in filter(None, rasters):
                stored = np.frombuffer(client.pixels(raster), np.uint8)
                channels = {"GRAY": 1, "RGBA": 4}[raster.channels]
                at, whole = raster.bounds, np.zeros((height, width, channels), np.uint8)
                whole[at.y : at.bottom, at.x : at.right] = stored.reshape(at.height, at.width, channels)
                made[result, raster.channels] = whole
            client.release(done)
    matte, trimap = made["cutout", "GRAY"][..., 0], made["trimap", "RGBA"]
    assert np.array_equal(matte, made["selection", "GRAY"][..., 0])
    assert np.array_equal(matte, made["mask", "RGBA"][..., 0])
    assert matte[outline == 0].max() > 128
    assert set(np.unique(trimap[trimap[..., 3] > 0][:, :3])) == {0, 128, 255}
    colours, edge = made["cutout", "RGBA"][..., :3], (matte > 40) & (matte < 215)
    assert np.array_equal(colours[matte == 255], pixels[matte == 255])
    truth = (fur.alpha > 0.95) & (cv2.erode((fur.alpha > 0.95).astype(np.uint8), np.ones((9, 9))) == 0)
    coat = np.median(pixels[truth], axis=0)
    off = [np.abs(each[edge].astype(int) - coat).mean() for each in (pixels, colours)]
    assert off[1] < 0.9 * off[0], off


def test_a_large_layer_is_refined_at_its_own_size(fur: composites.Composite) -> None:
    """Three times as large: the matte has detail that an enlarged one has not."""
    large = cv2.resize(np.round(fur.picture * 255).astype(np.uint8), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    truth = cv2.resize(fur.alpha, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC).clip(0, 1)
    outline = np.zeros(truth.shape, np.uint8)
    cv2.ellipse(outline, (840, 630), (438, 330), 0, 0, 360, 1, -1)
    made = refine(large, outline, Params(radius_px=66))
    before, after = (float(((each - truth) ** 2).mean()) for each in (outline.astype(np.float32), made))
    assert after < before / 3


def test_transparent_pixels_are_never_selected() -> None:
    photo, outline = photos.flower()
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[:, 330:] = 0
    assert not refine(np.dstack([photo, alpha]), outline)[:, 330:].any()


@pytest.mark.parametrize("kind", ["hairline", "islands", "borders", "flat", "grey", "hdr", "speck"])
def test_awkward_selections_and_layers_are_answered(kind: str) -> None:
    """A selection comes back, finite and not empty, for whatever can be drawn."""
    photo, outline = photos.flower()
    pixels, selection = photo, outline.astype(np.float32)
    if kind == "hairline":
        selection = np.zeros(photo.shape[:2], np.float32)
        selection[200, 30:600] = 1
    elif kind == "islands":
        selection = np.zeros(photo.shape[:2], np.float32)
        selection[3:-3:8, 3:-3:10] = selection[4:-3:8, 3:-3:10] = 1
    elif kind == "borders":
        selection = np.ones(photo.shape[:2], np.float32)
        selection[180:220, 300:340] = 0
    elif kind == "flat":
        pixels = np.full_like(photo, 90)
    elif kind == "grey":
        pixels = photo[..., 1]
    elif kind == "hdr":
        pixels = (photo / np.float32(255) * 4).astype(np.float32)
    else:
        selection = np.zeros(photo.shape[:2], np.float32)
        selection[100:102, 100:102] = 1
    made = refine(pixels, selection)
    assert np.isfinite(made).all()
    assert made.max() > 0.5


def test_what_has_no_edge_is_refused_with_what_to_do() -> None:
    photo, _ = photos.flower()
    with pytest.raises(Invalid, match="covers the whole layer"):
        refine(photo, np.ones(photo.shape[:2]))
    with pytest.raises(Invalid, match="by more than half"):
        refine(photo, np.full(photo.shape[:2], 0.4))
    with pytest.raises(Invalid, match="only 2 × 2 pixels"):
        refine(photo[:2, :2], np.eye(2))


def test_a_cancelled_job_stops_at_the_next_stage() -> None:
    photo, outline = photos.flower()
    stages: list[str] = []
    context = Context(
        selection=outline.astype(np.float32),
        report=lambda fraction, stage: stages.append(stage),
        is_cancelled=lambda: len(stages) >= 2,
    )
    with pytest.raises(Cancelled):
        refine_edge(Image.from_array(photo), Params(), context)
    assert len(stages) == 2
