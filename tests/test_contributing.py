"""The worked example in CONTRIBUTING.md: one file is an operation, in the catalogue and on the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from .daemon_process import DaemonProcess, running_daemon
from .home_folder import CHECKOUT


@pytest.fixture(scope="module")
def daemon_with_example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon that has the example's code, taken from the page, among its operations."""
    page = (CHECKOUT / "CONTRIBUTING.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    file = tmp_path_factory.mktemp("example") / "vignette.py"
    file.write_text(code, "utf-8")
    with running_daemon([file]) as daemon:
        yield daemon


def test_the_example_is_in_the_catalogue_with_its_form(daemon_with_example: DaemonProcess) -> None:
    """Title, menu, description, hard range and slider range: all that a form is drawn from comes from the file."""
    with daemon_with_example.client() as client:
        entry = client.catalogue().find("vignette")
    assert (entry.title, entry.menu, entry.gives) == ("Vignette", "Light", "layers")
    assert entry.description == "Darken the corners, as the lens of an old camera does."
    strength, reach = entry.parameters
    assert (strength.name, strength.kind, strength.default, strength.minimum, strength.maximum) == (
        "strength",
        "number",
        0.6,
        0,
        1,
    )
    assert reach.slider == (0.2, 0.9)


def test_the_example_runs_on_a_photo(daemon_with_example: DaemonProcess, tmp_path: Path) -> None:
    """The corners get darker as the strength says, the middle stays, and the layer keeps its blend mode."""
    photo = tmp_path / "photo.png"
    pixels = skimage.data.astronaut()
    Image.fromarray(pixels).save(photo)
    run = daemon_with_example.cli(
        "run", "vignette", photo, "-o", tmp_path / "out.png", "--layers", tmp_path / "layers", "--set", "strength=0.8"
    )
    assert run.returncode == 0, run.stderr
    result = np.asarray(Image.open(tmp_path / "out.png").convert("RGB"))
    assert result.shape == pixels.shape
    assert np.array_equal(result[200:300, 200:300], pixels[200:300, 200:300])
    corner = pixels[:8, :8].astype(float)
    assert np.abs(result[:8, :8] - 0.2 * corner).max() < 12
    (layer,) = json.loads((tmp_path / "layers/result.json").read_text("utf-8"))["layers"]
    assert "multiply" in json.dumps(layer)


def test_the_example_refuses_what_its_declaration_excludes(daemon_with_example: DaemonProcess, tmp_path: Path) -> None:
    """The hard range is checked before anything runs, in words that name the parameter."""
    photo = tmp_path / "photo.png"
    Image.fromarray(skimage.data.astronaut()[:64, :64]).save(photo)
    run = daemon_with_example.cli("run", "vignette", photo, "-o", tmp_path / "out.png", "--set", "strength=2")
    assert run.returncode == 2
    assert "Strength" in run.stderr
    assert not (tmp_path / "out.png").exists()
