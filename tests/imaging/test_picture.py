"""Picture files are read and written in their own depth, upright, with their profile; broken ones are explained."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from scumble_daemon.imaging import colour, composite, picture, samples
from scumble_protocol.errors import Invalid

ADOBE = colour.standard_profile("adobe-rgb")
GREY = colour.standard_profile("grey-gamma-2.2")


def noise(dtype: type, channels: int) -> np.ndarray:
    random = np.random.default_rng(channels)
    if np.issubdtype(dtype, np.floating):
        return (random.random((12, 17, channels)) * 2 - 0.5).astype(dtype)
    return random.integers(0, np.iinfo(dtype).max + 1, (12, 17, channels), dtype=dtype)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [
        (".png", np.uint8),
        (".png", np.uint16),
        (".tif", np.uint8),
        (".tif", np.uint16),
        (".tiff", np.float16),
        (".tiff", np.float32),
    ],
)
def test_pictures_come_back_as_they_went(suffix: str, dtype: type, channels: int, tmp_path: Path) -> None:
    """Every sample, the depth, the channels and the profile survive writing and reading."""
    pixels, profile = noise(dtype, channels), GREY if channels < 3 else ADOBE
    picture.write(tmp_path / f"a{suffix}", composite.from_array(pixels), profile)
    raster, read_profile = picture.read(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(samples.view(raster), pixels)
    assert samples.view(raster).dtype == dtype
    assert read_profile == profile
    assert len(raster.profile) == 64
    assert os.listdir(tmp_path) == [f"a{suffix}"], "no temporary file may stay"


def test_others_read_what_is_written(tmp_path: Path) -> None:
    """Pillow and tifffile find the pixels and the profile where they belong."""
    pixels = noise(np.uint8, 4)
    for name in ("a.png", "a.tif", "a.webp"):
        picture.write(tmp_path / name, composite.from_array(pixels), ADOBE)
        with Pillow.open(tmp_path / name) as opened:
            assert opened.info["icc_profile"] == ADOBE
            assert opened.mode == "RGBA"
            if name != "a.webp":
                np.testing.assert_array_equal(np.asarray(opened), pixels)
    picture.write(tmp_path / "plain.png", composite.from_array(pixels), None)
    with Pillow.open(tmp_path / "plain.png") as opened:
        assert "icc_profile" not in opened.info


def test_a_float_picture_becomes_a_16_bit_png(tmp_path: Path) -> None:
    """PNG has no float samples: 16 bits, clipped, are the nearest it has."""
    pixels = noise(np.float32, 3)
    picture.write(tmp_path / "a.png", composite.from_array(pixels), None)
    raster, _ = picture.read(tmp_path / "a.png")
    assert raster.depth == "u16"
    np.testing.assert_allclose(samples.view(raster) / 65535, np.clip(pixels, 0, 1), atol=1 / 65535)


def test_jpeg_shows_transparency_as_white(tmp_path: Path) -> None:
    """JPEG knows no alpha; what is transparent becomes white, as on paper."""
    pixels = np.zeros((16, 16, 4), np.uint8)
    picture.write(tmp_path / "a.jpg", composite.from_array(pixels), ADOBE)
    raster, profile = picture.read(tmp_path / "a.jpg")
    assert profile == ADOBE
    assert samples.view(raster).min() > 250


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_pictures_stand_upright(suffix: str, orientation: int, tmp_path: Path) -> None:
    """The camera's orientation tag is applied, as Pillow applies it."""
    photo = np.kron(np.array([[250, 20, 120], [70, 200, 160]], np.uint8), np.ones((16, 16), np.uint8))
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, photo, extratags=[(0x0112, "H", 1, orientation, True)])
    else:
        Pillow.fromarray(photo).save(path, exif=exif)
    upright = Pillow.fromarray(photo)
    turn = {
        2: Pillow.Transpose.FLIP_LEFT_RIGHT,
        3: Pillow.Transpose.ROTATE_180,
        4: Pillow.Transpose.FLIP_TOP_BOTTOM,
        5: Pillow.Transpose.TRANSPOSE,
        6: Pillow.Transpose.ROTATE_270,
        7: Pillow.Transpose.TRANSVERSE,
        8: Pillow.Transpose.ROTATE_90,
    }.get(orientation)
    upright = np.asarray(upright if turn is None else upright.transpose(turn))
    raster, _ = picture.read(path)
    shown = samples.view(raster)[..., 0]
    assert shown.shape == upright.shape
    assert np.abs(shown.astype(int) - upright).max() < 20


def test_indexed_and_bilevel_pictures_are_read_as_colours(tmp_path: Path) -> None:
    """Palettes, with and without transparency, and black-and-white pictures."""
    photo = Pillow.fromarray(np.kron(noise(np.uint8, 3)[:4, :4], np.ones((4, 4, 1), np.uint8)))
    photo.quantize(16).save(tmp_path / "a.png")
    assert picture.read(tmp_path / "a.png")[0].channels == "RGB"
    photo.quantize(16).save(tmp_path / "t.png", transparency=0)
    raster, _ = picture.read(tmp_path / "t.png")
    assert raster.channels == "RGBA"
    assert samples.view(raster)[..., 3].min() == 0
    photo.convert("1").save(tmp_path / "b.png")
    assert set(np.unique(samples.view(picture.read(tmp_path / "b.png")[0]))) == {0, 255}


def test_tiffs_of_other_programs(tmp_path: Path) -> None:
    """Planes apart, big-endian samples, white as zero, and colours multiplied by alpha."""
    pixels = noise(np.uint16, 3)
    tifffile.imwrite(
        tmp_path / "p.tif", np.moveaxis(pixels, 2, 0), photometric="rgb", planarconfig="separate", byteorder=">"
    )
    np.testing.assert_array_equal(samples.view(picture.read(tmp_path / "p.tif")[0]), pixels)
    grey = noise(np.uint8, 1)
    tifffile.imwrite(tmp_path / "w.tif", grey[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(samples.view(picture.read(tmp_path / "w.tif")[0]), 255 - grey)
    premultiplied = np.array([[[64, 32, 0, 128], [0, 0, 0, 0]]], np.uint8)
    tifffile.imwrite(tmp_path / "m.tif", premultiplied, photometric="rgb", extrasamples=["assocalpha"])
    straight = samples.view(picture.read(tmp_path / "m.tif")[0])
    assert straight.tolist() == [[[128, 64, 0, 128], [0, 0, 0, 0]]]


def broken_files(folder: Path) -> dict[str, str]:
    """Files nobody can use → what the message has to say."""
    photo = Pillow.fromarray(np.kron(noise(np.uint8, 3), np.ones((8, 8, 1), np.uint8)))
    photo.convert("CMYK").save(folder / "cmyk.jpg")
    photo.convert("CMYK").save(folder / "cmyk.tif")
    for name in ("whole.png", "whole.jpg", "whole.tif", "whole.webp"):
        photo.save(folder / name)
        data = (folder / name).read_bytes()
        (folder / f"cut-{name}").write_bytes(data[: len(data) // 2])
        (folder / f"head-{name}").write_bytes(data[:12])
    (folder / "empty.png").write_bytes(b"")
    (folder / "letter.png").write_text("Dear reader")
    (folder / "folder.png").mkdir()
    cut = {path.name: "cannot be read|damaged|no picture" for path in folder.glob("cut-*")}
    cut |= {path.name: "cannot be read|damaged|no picture" for path in folder.glob("head-*")}
    return cut | {
        "cmyk.jpg": "CMYK",
        "cmyk.tif": "CMYK",
        "empty.png": "no picture",
        "letter.png": "no picture",
        "folder.png": "directory",
        "missing.png": "No such file",
    }


def test_unreadable_files_are_explained(tmp_path: Path) -> None:
    """CMYK, truncated, empty, missing and foreign files are named, with what can be done."""
    for name, expected in broken_files(tmp_path).items():
        with pytest.raises(Invalid) as caught:
            picture.read(tmp_path / name)
        assert re.search(expected, caught.value.message), f"{name}: {caught.value}"
        assert name in caught.value.message
        assert caught.value.hint


def test_unwritable_places_are_explained(tmp_path: Path) -> None:
    """An unknown ending or a missing folder leaves nothing behind."""
    raster = composite.from_array(noise(np.uint8, 3))
    with pytest.raises(Invalid, match=r"a\.xyz"):
        picture.write(tmp_path / "a.xyz", raster, None)
    with pytest.raises(Invalid, match="cannot be written"):
        picture.write(tmp_path / "nowhere" / "a.png", raster, None)
    assert not list(tmp_path.iterdir())
