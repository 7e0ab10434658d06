"""Every model that ships is the file its card describes, loads like any other, and helps a photograph."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tomli
import torch
from safetensors.torch import load_file
from scumble_daemon.models import loading
from skimage import data
from spandrel import ImageModelDescriptor, ModelLoader

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"
CARDS = sorted(WEIGHTS.glob("*/model.toml"))
MOST_BYTES = 8_000_000
LEAST_GAIN_DB = {2: 1.0, 4: 0.4}  # above bicubic, on the photograph below; the card tells what was measured on others
MINIMUM = {"denoise-small", "upscale-x2-small", "upscale-x4-small"}


@pytest.fixture(params=CARDS, ids=lambda card: card.parent.name)
def card(request: pytest.FixtureRequest) -> Path:
    return request.param


RESTORING = [card for card in CARDS if 'loader = "spandrel"' in card.read_text("utf-8")]


@pytest.fixture(params=RESTORING, ids=lambda card: card.parent.name)
def restoring(request: pytest.FixtureRequest) -> Path:
    """Those that leave a picture as it is, but better."""
    return request.param


def facts(card: Path) -> dict[str, Any]:
    return tomli.loads(card.read_text("utf-8"))


def model(name: str) -> ImageModelDescriptor[torch.nn.Module]:
    state = load_file(WEIGHTS / name / "model.safetensors")
    loaded = ModelLoader().load_from_state_dict({key: value.float() for key, value in state.items()})
    assert isinstance(loaded, ImageModelDescriptor)
    return loaded


def photo() -> np.ndarray:
    """192×192×3 float32: the middle of a cup of coffee, which no recipe was tuned on."""
    return data.coffee()[100:292, 200:392].astype(np.float32) / 255


def apply(loaded: ImageModelDescriptor[torch.nn.Module], picture: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return loaded(torch.from_numpy(picture).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(((one - other) ** 2).mean()))


def eight_bits(picture: np.ndarray) -> np.ndarray:
    return (np.clip(picture, 0, 1) * 255).round().astype(np.float32) / 255


def test_what_works_offline_is_there() -> None:
    """A checkout has a denoiser and two upscalers before anything was fetched."""
    assert {card.parent.name for card in CARDS} >= MINIMUM


def test_the_file_is_the_one_the_card_describes(card: Path) -> None:
    """Card, facts and file agree on the digest, and the file is small enough to travel with the program."""
    told, content = facts(card), (card.parent / facts(card)["file"]).read_bytes()
    assert told["id"] == card.parent.name
    assert hashlib.sha256(content).hexdigest() == told["sha256"]
    assert told["sha256"] in (card.parent / "README.md").read_text("utf-8")
    assert len(content) <= MOST_BYTES


def test_it_loads_as_any_other_model(restoring: Path) -> None:
    """Spandrel recognises it by its keys, loads all of them, and says what the facts say."""
    card = restoring
    told, loaded = facts(card), model(card.parent.name)
    assert loaded.architecture.id == told["architecture"]
    assert loaded.scale == told["scale"]
    assert set(loaded.model.state_dict()) == set(load_file(card.parent / told["file"]))


@pytest.mark.parametrize(("sigma", "least_gain_db"), [(5, 1.0), (15, 4.0), (25, 6.0), (50, 8.0)])
def test_noise_goes_whatever_its_strength(sigma: int, least_gain_db: float) -> None:
    """The denoiser is told nothing about the noise and brings a noisy photograph nearer to the clean one."""
    clean = photo()
    noisy = eight_bits(clean + np.random.default_rng(sigma).normal(0, sigma / 255, clean.shape))
    assert psnr(apply(model("denoise-small"), noisy), clean) >= psnr(noisy, clean) + least_gain_db


def test_a_clean_picture_stays_nearly_as_it_is() -> None:
    """What has no noise loses little: less than what σ 5 would do to it."""
    assert psnr(apply(model("denoise-small"), photo()), photo()) >= 20 * np.log10(255 / 5)


def test_it_is_the_same_in_every_tile(restoring: Path) -> None:
    """No pixel depends on the picture as a whole: a part with as much around it as Scumble reads gives what the whole
    gives there."""
    card = restoring
    loaded = model(card.parent.name)
    network = loading.load_file(card.with_name("model.safetensors")).traits.network
    assert (network.scale, network.statistics) == (facts(card)["scale"], "none")
    whole = np.pad(photo(), ((0, 64), (0, 128), (0, 0)), "reflect")
    whole[:, 256:] = np.linspace(0, 1, 64)[:, None]  # something else far to the right
    kept = (256 - network.overlap_px) * network.scale
    difference = apply(loaded, whole[:, :256])[:, :kept] - apply(loaded, whole)[:, :kept]
    assert np.abs(difference).max() <= 1 / 255


@pytest.mark.parametrize("scale", [2, 4])
def test_enlarging_beats_bicubic(scale: int) -> None:
    """A photograph made smaller comes back nearer to what it was than bicubic interpolation brings it."""
    clean = photo()
    tensor = torch.from_numpy(clean).permute(2, 0, 1)[None]
    small = torch.nn.functional.interpolate(tensor, scale_factor=1 / scale, mode="bicubic", antialias=True)
    small = eight_bits(small[0].permute(1, 2, 0).numpy())
    bicubic = cv2.resize(small, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    inner = slice(4 * scale, -4 * scale)
    enlarged = apply(model(f"upscale-x{scale}-small"), small)
    gain_db = psnr(enlarged[inner, inner], clean[inner, inner]) - psnr(bicubic[inner, inner], clean[inner, inner])
    assert gain_db >= LEAST_GAIN_DB[scale]
