"""An OpenRaster file holds the source and the layers, each with its place, mode, opacity, depth and profile."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow
from scumble_daemon.imaging import colour, composite, openraster, samples
from scumble_protocol.errors import Invalid
from scumble_protocol.image import BLEND_MODES, Bounds, Layer

CANVAS = Bounds(0, 0, 40, 30)
PROFILE = colour.standard_profile("display-p3")


def noise(channels: int, height: int = 30, width: int = 40) -> np.ndarray:
    return np.random.default_rng(channels).integers(0, 65536, (height, width, channels), dtype=np.uint16)


def written(folder: Path, layers: list[Layer], profile: bytes | None = PROFILE) -> zipfile.ZipFile:
    source = composite.from_array(noise(3))
    openraster.write(folder / "a.ora", CANVAS, source, "photo <&>", layers, "Results\x07", profile)
    return zipfile.ZipFile(folder / "a.ora")


def stack(archive: zipfile.ZipFile) -> ElementTree.Element:
    found = ElementTree.fromstring(archive.read("stack.xml")).find("stack")
    assert found is not None
    return found


def test_the_archive_follows_the_specification(tmp_path: Path) -> None:
    """The mimetype comes first and uncompressed; merged picture and thumbnail are there."""
    archive = written(tmp_path, [])
    first = archive.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
    assert archive.read("mimetype") == b"image/openraster"
    image = ElementTree.fromstring(archive.read("stack.xml"))
    assert (image.get("w"), image.get("h")) == ("40", "30")
    np.testing.assert_array_equal(imagecodecs.png_decode(archive.read("mergedimage.png")), noise(3))
    with Pillow.open(io.BytesIO(archive.read("Thumbnails/thumbnail.png"))) as thumbnail:
        assert max(thumbnail.size) <= 256


def test_layers_lie_in_a_group_above_the_source(tmp_path: Path) -> None:
    """The uppermost layer comes first; names, offsets and opacities are the layers' own; 16 bits and ICC stay."""
    below = Layer("below", composite.from_array(noise(4, 5, 6), -2, 3), opacity=0.25)
    above = Layer("Übermalung", composite.from_array(noise(4, 7, 8), 30, 28))
    archive = written(tmp_path, [below, above])
    group, source = stack(archive)
    assert (group.tag, group.get("name")) == ("stack", "Results ")
    assert (source.tag, source.get("name"), source.get("x")) == ("layer", "photo <&>", "0")
    first, second = group
    assert [first.get("name"), second.get("name")] == ["Übermalung", "below"]
    assert (second.get("x"), second.get("y"), second.get("opacity")) == ("-2", "3", "0.25")
    assert (first.get("opacity"), first.get("composite-op")) == ("1", "svg:src-over")
    for entry, pixels in ((second, noise(4, 5, 6)), (first, noise(4, 7, 8)), (source, noise(3))):
        data = archive.read(entry.get("src") or "")
        np.testing.assert_array_equal(imagecodecs.png_decode(data), pixels)
        with Pillow.open(io.BytesIO(data)) as opened:
            assert opened.info["icc_profile"] == PROFILE


def test_a_hidden_layer_is_there_and_shows_nothing(tmp_path: Path) -> None:
    """Its eye is closed in the stack; the merged picture is the source's."""
    hidden = Layer("later", composite.from_array(noise(4)), visible=False)
    archive = written(tmp_path, [hidden, Layer("now", composite.from_array(noise(4, 2, 2)))])
    now, later = stack(archive)[0]
    assert [each.get("visibility") for each in (now, later)] == ["visible", "hidden"]
    np.testing.assert_array_equal(imagecodecs.png_decode(archive.read(later.get("src") or "")), noise(4))
    merged = imagecodecs.png_decode(archive.read("mergedimage.png"))
    np.testing.assert_array_equal(merged[2:], noise(3)[2:])


@pytest.mark.parametrize("mode", [mode for mode in BLEND_MODES if mode != "normal"])
def test_layers_that_blend_stand_directly_above_the_source(mode: str, tmp_path: Path) -> None:
    """In a group that GIMP isolates they would blend with nothing."""
    archive = written(tmp_path, [Layer("light", composite.from_array(noise(4)), blend_mode=mode)])
    light, source = stack(archive)
    assert light.get("name") == "Results : light"
    assert light.get("composite-op") == openraster.COMPOSITE_OPS[mode]
    assert source.get("name") == "photo <&>"


def test_the_mask_is_part_of_alpha(tmp_path: Path) -> None:
    """OpenRaster has no masks: coverage is multiplied into alpha, and the layer ends where its mask ends."""
    mask = np.zeros((10, 10, 1), np.uint8)
    mask[:, :5] = 128
    layer = Layer("cut", composite.from_array(noise(3)), mask=composite.from_array(mask, 4, 6))
    archive = written(tmp_path, [layer])
    (cut,) = stack(archive)[0]
    assert (cut.get("x"), cut.get("y")) == ("4", "6")
    pixels = imagecodecs.png_decode(archive.read(cut.get("src") or ""))
    np.testing.assert_array_equal(pixels[..., :3], noise(3)[6:16, 4:14])
    assert set(np.unique(pixels[..., 3])) == {0, round(128 / 255 * 65535)}
    merged = imagecodecs.png_decode(archive.read("mergedimage.png"))
    np.testing.assert_array_equal(
        merged, samples.view(composite.flatten(CANVAS, composite.from_array(noise(3)), [layer]))
    )


def test_a_place_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    """A missing folder gives advice, and nothing is left half-written."""
    with pytest.raises(Invalid, match="cannot be written"):
        written(tmp_path / "nowhere", [])
    assert not list(tmp_path.iterdir())
