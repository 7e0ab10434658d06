"""A painter over pictures: strips without seams, grain that stays in its place, and what lies between two styles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scumble_daemon.imaging.style import grain as grains
from scumble_daemon.models import brush
from scumble_daemon.models.brush import Brush
from scumble_daemon.models.devices import CPU
from scumble_daemon.models.networks import Loaded
from scumble_daemon.models.running import Notes

from ..checkpoints.own import painter


@pytest.fixture(autouse=True)
def one_thread_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brush, "computes_bf16", lambda device: False)
    torch.set_num_threads(1)


def dipped(seed: int) -> Brush:
    return Brush(Loaded(painter(seed), "Painter"), CPU, f"style {seed}")


def picture(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([x / width, y / height, (np.sin(x / 9) * np.cos(y / 7) + 1) / 2], 2)


@pytest.mark.parametrize("size", [(150, 210), (61, 47), (16, 333)])
def test_strips_give_what_the_whole_does(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the network normalises by the whole picture: to a thousandth of a grey level, whatever the sides are."""
    monkeypatch.setattr(brush, "STRIP_PIXELS", size[1] * 32)
    given = picture(*size)
    found = dipped(1).paint(given, 0.8, 3, Notes())
    padded = np.pad(given, ((0, -size[0] % 4), (0, -size[1] % 4), (0, 0)), mode="edge")
    with torch.inference_mode():
        whole = painter(1)(
            *(as_tensor(each) for each in (padded, ground(padded, 3))),
            torch.tensor([[1 - 0.8**brush.CURVE, 0.8**brush.CURVE]]),
        )
    wanted = whole[0].permute(1, 2, 0).clamp(0, 1).numpy()[: size[0], : size[1]]
    assert found.shape == given.shape
    assert found.std() > 0.05
    assert np.abs(found - wanted).max() < 1e-3 / 255 * 4


def test_the_whole_picture_counts() -> None:
    """What a place becomes depends on what is far from it, too: strips by themselves would differ."""
    given = picture(160, 96)
    alone = dipped(1).paint(given[:80], 1.0, 0, Notes())
    assert np.abs(dipped(1).paint(given, 1.0, 0, Notes())[:40] - alone[:40]).max() > 2 / 255


def test_a_seed_is_a_set_of_strokes() -> None:
    given = picture(64, 64)
    first, again, other = (dipped(1).paint(given, 1.0, seed, Notes()) for seed in (0, 0, 1))
    assert (first == again).all()
    assert np.abs(first - other).max() > 2 / 255


def test_the_grain_of_a_part_is_a_part_of_the_grain() -> None:
    """Beyond its period, too; and no channel of it is empty, or far from [-1, 1]."""
    whole = grains.grain(grains.PERIOD_PX - 30, 10, 60, 50)
    assert (grains.grain(grains.PERIOD_PX - 10, 25, 20, 20) == whole[20:40, 15:35]).all()
    assert whole.shape[2] == grains.CHANNELS + grains.LINES
    assert (whole.std((0, 1)) > 0.05).all()
    assert np.abs(whole).max() < 2


def test_between_two_styles() -> None:
    """At the ends it is one or the other, and in the middle neither."""
    one, other, given = dipped(1), dipped(2), picture(48, 64)
    alone = [each.paint(given, 1.0, 0, Notes()) for each in (one, other)]
    for share, wanted in ((0.0, alone[0]), (1.0, alone[1])):
        mixed = one.mixed(other, share)
        assert mixed is not None
        assert np.abs(mixed.paint(given, 1.0, 0, Notes()) - wanted).max() < 1e-4
    middle = one.mixed(other, 0.5)
    assert middle is not None
    found = middle.paint(given, 1.0, 0, Notes())
    assert min(np.abs(found - each).max() for each in alone) > 2 / 255
    assert one.mixed(object(), 0.5) is None


def test_half_precision_is_only_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    full = dipped(1).paint(picture(64, 96), 1.0, 0, Notes())
    monkeypatch.setattr(brush, "computes_bf16", lambda device: True)
    half = dipped(1).paint(picture(64, 96), 1.0, 0, Notes())
    assert 0 < np.sqrt(((full - half) ** 2).mean()) < 6 / 255


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None]


def ground(padded: np.ndarray, seed: int) -> np.ndarray:
    return grains.grain(0, 0, padded.shape[0], padded.shape[1], seed)
