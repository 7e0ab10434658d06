"""The .ora files that `scumble run` writes open in the real GIMP and the real Krita, and look as they should."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scumble_daemon.imaging import colour, composite, openraster, picture, samples
from scumble_protocol.image import BLEND_MODES, Bounds, Layer

from . import chroot

CANVAS = Bounds(0, 0, 120, 120)
TILE = 40  # the layers stand side by side, one blend mode each
GIMP_AGREES = ("normal", "dodge", "screen", "overlay")  # it multiplies and adds in linear light

IN_GIMP = """
import json
from gi.repository import Gimp, Gio

def entry(layer):
    return {"name": layer.get_name(), "mode": Gimp.LayerMode(layer.get_mode()).value_nick,
            "opacity": layer.get_opacity(), "visible": layer.get_visible(), "offset": list(layer.get_offsets())[-2:],
            "children": [entry(child) for child in layer.get_children()] if layer.is_group() else None}

found = {}
for name in ("modes", "group"):
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(f"FOLDER/{name}.ora"))
    found[name] = [entry(layer) for layer in image.get_layers()]
    image.flatten()
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(f"FOLDER/{name}-gimp.png"))
    image.delete()
with open("FOLDER/gimp.json", "w") as file:
    json.dump(found, file)
"""

IN_KRITA = """
import json
from krita import InfoObject, Krita

def entry(node):
    return {"name": node.name(), "type": node.type(), "mode": node.blendingMode(), "opacity": node.opacity(),
            "offset": [node.bounds().x(), node.bounds().y()], "visible": node.visible(),
            "depth": node.colorDepth(), "profile": node.colorProfile(),
            "children": [entry(child) for child in node.childNodes()]}

def run(_arguments):
    found = {}
    for name in ("modes", "group"):
        document = Krita.instance().openDocument(f"FOLDER/{name}.ora")
        document.setBatchmode(True)
        document.waitForDone()
        found[name] = [entry(node) for node in document.rootNode().childNodes()]
        document.refreshProjection()
        document.waitForDone()
        document.exportImage(f"FOLDER/{name}-krita.png", InfoObject())
        document.close()
    with open("FOLDER/krita.json", "w") as file:
        json.dump(found, file)
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Holds modes.ora (8 bits, sRGB, a layer a blend mode) and group.ora (16 bits, Display P3, masked, off canvas)."""
    chroot.require()
    folder = Path(tempfile.mkdtemp(prefix="ora-", dir="/tmp"))
    try:
        write_modes(folder)
        write_group(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_modes(folder: Path) -> None:
    random = np.random.default_rng(8)
    source = composite.from_array(random.integers(0, 256, (120, 120, 3), dtype=np.uint8))
    layers = [
        Layer(
            mode,
            composite.from_array(
                random.integers(0, 256, (TILE, TILE, 3), dtype=np.uint8), number % 3 * TILE, number // 3 * TILE
            ),
            blend_mode=mode,
        )
        for number, mode in enumerate(BLEND_MODES)
    ]
    openraster.write(folder / "modes.ora", CANVAS, source, "photo", layers, "Results", None)
    picture.write(folder / "modes.png", composite.flatten(CANVAS, source, layers), None)


def write_group(folder: Path) -> None:
    profile = colour.standard_profile("display-p3")
    digest = hashlib.sha256(profile).hexdigest()
    random = np.random.default_rng(9)
    source = composite.from_array(random.integers(0, 65536, (120, 120, 3), dtype=np.uint16), profile=digest)
    mask = np.zeros((30, 30, 1), np.uint8)
    mask[10:20, 10:20] = 255
    painted = composite.from_array(random.integers(0, 65536, (50, 50, 4), dtype=np.uint16), -10, 20, digest)
    layers = [
        Layer("Hintergrund ä", painted, opacity=0.5),
        Layer("masked", painted, mask=composite.from_array(mask, 0, 30)),
        Layer("hidden", painted, visible=False),
    ]
    openraster.write(folder / "group.ora", CANVAS, source, "photo", layers, "Results", profile)


@pytest.fixture(scope="module")
def gimp(folder: Path) -> dict[str, Any]:
    """What GIMP says about the files."""
    (folder / "in_gimp.py").write_text(IN_GIMP.replace("FOLDER", str(folder)))
    batch = f"exec(open('{folder}/in_gimp.py').read())"
    argv = ["gimp-console", "-i", "--quit", "--batch-interpreter=python-fu-eval", "-b", batch]
    return finished(chroot.run(argv, folder), folder / "gimp.json")


@pytest.fixture(scope="module")
def krita(folder: Path) -> dict[str, Any]:
    """What Krita says about the files."""
    (folder / "in_krita.py").write_text(IN_KRITA.replace("FOLDER", str(folder)))
    argv = ["kritarunner", "-s", "in_krita", "-f", "run"]
    return finished(
        chroot.run(argv, folder, {"QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(folder)}), folder / "krita.json"
    )


def finished(process: Any, answer: Path) -> dict[str, Any]:
    """The answer's file decides: both programs may end badly after their work is done."""
    assert answer.exists(), process.stdout[-3000:] + process.stderr[-3000:]
    return json.loads(answer.read_text())


def difference(folder: Path, editor: str, mode: str) -> float:
    """The largest difference from our own composite in the tile of `mode`, in 8-bit steps."""
    ours, theirs = (picture.read(folder / name)[0] for name in ("modes.png", f"modes-{editor}.png"))
    number = BLEND_MODES.index(mode)
    tile = np.s_[number // 3 * TILE :, number % 3 * TILE :][0:2]
    pixels = [samples.view(raster)[tile][:TILE, :TILE, :3].astype(int) for raster in (ours, theirs)]
    return float(np.abs(pixels[0] - pixels[1]).max())


def test_gimp_finds_every_layer(gimp: dict[str, Any]) -> None:
    """Names, places, opacities and modes arrive; what blends stands directly above the photo, the rest in a group."""
    *blended, photo = gimp["modes"]
    assert photo["name"] == "photo"
    assert [layer["name"] for layer in blended] == [f"Results: {mode}" for mode in reversed(BLEND_MODES)]
    modes = [layer["mode"] for layer in reversed(blended)]
    assert modes[:7] == ["normal", "dodge", "screen", "addition", "multiply", "overlay", "softlight"]
    group, photo = gimp["group"]
    assert group["name"] == "Results"
    assert [(child["name"], child["offset"], child["visible"]) for child in group["children"]] == [
        ("hidden", [-10, 20], False),
        ("masked", [0, 30], True),
        ("Hintergrund ä", [-10, 20], True),
    ]
    assert round(group["children"][2]["opacity"]) == 50


@pytest.mark.parametrize("mode", GIMP_AGREES)
def test_gimp_shows_what_we_composite(mode: str, gimp: dict[str, Any], folder: Path) -> None:
    """Where GIMP blends encoded values, as OpenRaster asks, its picture is ours."""
    assert gimp
    assert difference(folder, "gimp", mode) <= 1


def test_krita_finds_every_layer(krita: dict[str, Any]) -> None:
    """Names, modes, the group, and the layers' own 16 bits and wide-gamut profile arrive."""
    photo, *blended = krita["modes"]
    assert photo["name"] == "photo"
    assert [layer["mode"] for layer in blended] == [
        "normal", "dodge", "screen", "add", "multiply", "overlay", "soft_light_svg", "color", "luminize",
    ]  # fmt: skip
    photo, group = krita["group"]
    assert (group["name"], group["type"]) == ("Results", "grouplayer")
    assert [(child["name"], child["visible"]) for child in group["children"]] == [
        ("Hintergrund ä", True),
        ("masked", True),
        ("hidden", False),
    ]
    assert group["children"][0]["offset"] == [-10, 20]
    for layer in (photo, *group["children"]):
        assert (layer["depth"], layer["profile"]) == ("U16", "Display P3")


@pytest.mark.parametrize("mode", BLEND_MODES)
def test_krita_shows_what_we_composite(mode: str, krita: dict[str, Any], folder: Path) -> None:
    """All nine blend modes look in Krita as our own compositing makes them."""
    assert krita
    rounding = 3 if mode in ("color", "luminosity") else 1  # Krita weighs luma by 0.299, 0.587, 0.114
    assert difference(folder, "krita", mode) <= rounding
