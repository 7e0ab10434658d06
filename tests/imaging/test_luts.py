"""LUT files give the numbers that OpenColorIO gives, and broken ones say which line is wrong."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from scumble_daemon.imaging import lut_files, luts
from scumble_protocol.errors import Invalid

ocio: Any = importlib.import_module("PyOpenColorIO")  # its stubs leave most names out
TOLERANCE = 1 / 255


def colours(count: int = 128, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """count×count×3 random colours, the grid's own points and the corners among them."""
    random = np.random.default_rng(11)
    rgb = random.uniform(low, high, (count, count, 3)).astype(np.float32)
    rgb[0] = random.choice([low, high], (count, 3))
    rgb[1] = random.integers(0, 17, (count, 3)) / 16
    rgb[2] = rgb[2, :, :1]  # greys lie on the diagonal that all six tetrahedra share
    return rgb


def rows(table: np.ndarray) -> str:
    return "\n".join("{:.7f} {:.7f} {:.7f}".format(*row) for row in table.reshape(-1, 3))


def wild_cube(size: int) -> np.ndarray:
    """A cube no two cells of which agree, so that a wrong order of channels or corners cannot pass."""
    return np.random.default_rng(size).random((size, size, size, 3), dtype=np.float32)


def by_opencolorio(text: str, rgb: np.ndarray, folder: Path) -> np.ndarray:
    file = folder / "reference.cube"
    file.write_text(text)
    transform = ocio.FileTransform(src=str(file), interpolation=ocio.INTERP_TETRAHEDRAL)
    processor = ocio.Config.CreateRaw().getProcessor(transform)
    result = rgb.copy()
    processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS).applyRGB(result)
    return result


@pytest.mark.parametrize("size", [2, 3, 17, 33, 64])
def test_a_cube_gives_opencolorios_numbers(size: int, tmp_path: Path) -> None:
    """Tetrahedral interpolation in a cube of any size, channels in the right order."""
    text = f"LUT_3D_SIZE {size}\n{rows(wild_cube(size))}\n"
    ours = luts.apply(lut_files.read(text.encode(), "wild.cube"), colours())
    np.testing.assert_allclose(ours, by_opencolorio(text, colours(), tmp_path), atol=TOLERANCE / 10)


@pytest.mark.parametrize("size", [2, 7, 256, 4096])
def test_curves_give_opencolorios_numbers(size: int, tmp_path: Path) -> None:
    """A one-dimensional table, one curve a channel."""
    text = f"LUT_1D_SIZE {size}\n{rows(np.random.default_rng(size).random((size, 3)))}\n"
    ours = luts.apply(lut_files.read(text.encode(), "curves.cube"), colours())
    np.testing.assert_allclose(ours, by_opencolorio(text, colours(), tmp_path), atol=TOLERANCE)


@pytest.mark.parametrize("kind", ["LUT_1D_SIZE 9", "LUT_3D_SIZE 9"])
def test_a_domain_of_its_own(kind: str, tmp_path: Path) -> None:
    """DOMAIN_MIN and DOMAIN_MAX, different for each channel."""
    table = wild_cube(9) if "3D" in kind else np.random.default_rng(9).random((9, 3))
    text = f"{kind}\nDOMAIN_MIN -0.5 0 0.1\nDOMAIN_MAX 2 1.5 0.9\n{rows(table)}\n"
    rgb = np.clip(colours(128, -0.5, 2.0), [-0.5, 0, 0.1], [2, 1.5, 0.9]).astype(np.float32)
    ours = luts.apply(lut_files.read(text.encode(), "domain.cube"), rgb)
    np.testing.assert_allclose(ours, by_opencolorio(text, rgb, tmp_path), atol=TOLERANCE)


def test_curves_in_front_of_a_cube(tmp_path: Path) -> None:
    """Resolve's files hold both, each with an input range, in one list of numbers."""
    shaper = np.repeat(np.linspace(0, 1, 33)[:, None] ** 0.4, 3, axis=1)
    text = (
        f"LUT_1D_SIZE 33\nLUT_1D_INPUT_RANGE 0.0 4.0\nLUT_3D_SIZE 5\nLUT_3D_INPUT_RANGE 0.0 1.0\n"
        f"{rows(shaper)}\n{rows(wild_cube(5))}\n"
    )
    rgb = colours(128, 0.0, 4.0)
    ours = luts.apply(lut_files.read(text.encode(), "shaped.cube"), rgb)
    np.testing.assert_allclose(ours, by_opencolorio(text, rgb, tmp_path), atol=TOLERANCE)


@pytest.mark.parametrize(("level", "dtype"), [(2, np.uint8), (3, np.uint16), (4, np.uint8), (4, np.uint16)])
def test_a_hald_picture_is_the_same_cube(level: int, dtype: type, tmp_path: Path) -> None:
    """A Hald CLUT of 8 or 16 bits gives what OpenColorIO gives for the same colours as a cube."""
    size, full = level**2, np.iinfo(dtype).max
    table = np.rint(wild_cube(size) * full).astype(dtype)
    png = imagecodecs.png_encode(table.reshape(level**3, level**3, 3))
    ours = luts.apply(lut_files.read(png, "film.png"), colours())
    text = f"LUT_3D_SIZE {size}\n{rows(table / full)}\n"
    np.testing.assert_allclose(ours, by_opencolorio(text, colours(), tmp_path), atol=TOLERANCE / 10)


def test_a_grey_hald_picture_makes_a_grey_photo() -> None:
    """Black-and-white film saved as a greyscale or RGBA picture works like the RGB one."""
    grey = np.random.default_rng(4).integers(0, 256, (8, 8), dtype=np.uint8)
    expected = luts.apply(lut_files.read(imagecodecs.png_encode(np.dstack([grey] * 3)), "a.png"), colours())
    with_alpha = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    for picture in (grey, with_alpha):
        result = luts.apply(lut_files.read(imagecodecs.png_encode(picture), "a.png"), colours())
        np.testing.assert_array_equal(result, expected)


def test_the_largest_cube_there_is() -> None:
    """A cube of 256 steps, and the level-16 Hald picture that holds one, are read and applied."""
    steps = np.linspace(0, 65535, 256).astype(np.uint16)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    picture = (65535 - np.stack([red, green, blue], axis=-1)).reshape(4096, 4096, 3)
    lut = lut_files.read(imagecodecs.png_encode(picture, level=0), "inverse.png")
    np.testing.assert_allclose(luts.apply(lut, colours()), 1 - colours(), atol=1e-4)


def test_what_lies_outside_keeps_its_excess() -> None:
    """Beyond the domain the edge's change is applied and the excess stays: no wide-gamut colour is flattened."""
    half = lut_files.read(b"LUT_3D_SIZE 2\n" + rows(_identity(2) * 0.5).encode(), "half.cube")
    rgb = np.array([[[-0.25, 0.5, 1.5]]], np.float32)
    np.testing.assert_allclose(luts.apply(half, rgb), [[[-0.25, 0.25, 1.0]]], atol=1e-6)


def test_strength_mixes_with_the_original() -> None:
    """Strength 0 changes nothing, 0.5 goes half of the way."""
    lut = lut_files.read(f"LUT_3D_SIZE 4\n{rows(wild_cube(4))}".encode(), "wild.cube")
    rgb = colours()
    np.testing.assert_allclose(luts.apply(lut, rgb, 0.0), rgb, atol=1e-7)
    np.testing.assert_allclose(luts.apply(lut, rgb, 0.5), (rgb + luts.apply(lut, rgb)) / 2, atol=1e-6)


def test_files_as_they_are_found_in_the_wild() -> None:
    """BOM, CRLF or CR, comments, tabs, blank lines, vendors' words, UTF-16 and a title in Latin-1 are all read."""
    plain = f"LUT_3D_SIZE 2\n{rows(wild_cube(2))}\n"
    expected = luts.apply(lut_files.read(plain.encode(), "a.cube"), colours())
    decorated = '# made by hand\n\nTITLE "Café"\n#LUT_3D_SIZE 9\nMAKER x y z\n' + plain.replace(" ", "\t").replace(
        "\n", "   # here\n\n"
    )
    for data in (
        b"\xef\xbb\xbf" + plain.encode(),
        plain.replace("\n", "\r\n").encode(),
        plain.replace("\n", "\r").encode(),
        decorated.encode(),
        decorated.encode("latin-1"),
        decorated.encode("utf-16"),
    ):
        np.testing.assert_array_equal(luts.apply(lut_files.read(data, "a.cube"), colours()), expected)
    assert lut_files.read(decorated.encode(), "a.cube").title == "Café"
    assert lut_files.read(plain.encode(), "a.cube").title == "a"


GOOD = f"LUT_3D_SIZE 2\n{rows(wild_cube(2))}\n"
BROKEN = {
    "one row short": (GOOD.rsplit("\n", 2)[0] + "\n", "7 of 8"),
    "one row too many": (GOOD + "0 0 0\n", "Line 10"),
    "a word among the numbers": (GOOD.replace("\n", "\n0.1 oops 0.3\n", 1), "Line 2.*oops"),
    "nan": (GOOD.replace("\n", "\nnan 0 0\n", 1), "Line 2"),
    "infinity": (GOOD + "inf 0 0", "Line 10"),
    "too large": (GOOD.replace("\n", "\n1e39 0 0\n", 1), "Line 2"),
    "two numbers": (GOOD.replace("\n", "\n\n# two\n0.1 0.2\n", 1), "Line 4"),
    "four numbers": (GOOD.replace("\n", "\n0.1 0.2 0.3 0.4\n", 1), "Line 2"),
    "decimal commas": (GOOD.replace("\n", "\n0,1 0,2 0,3\n", 1), "Line 2.*comma"),
    "no size": ("0 0 0\n1 1 1\n", "neither"),
    "size 1": ("LUT_3D_SIZE 1\n0 0 0\n", "Line 1.*2 to 256"),
    "a huge cube": ("LUT_3D_SIZE 100000\n0 0 0\n", "Line 1.*2 to 256"),
    "a size of many digits": (f"LUT_1D_SIZE {'9' * 4000}\n0 0 0\n", "Line 1.*65536"),
    "a negative size": ("LUT_3D_SIZE -2\n0 0 0\n", "Line 1"),
    "a size in words": ("TITLE x\nLUT_3D_SIZE two\n", "Line 2"),
    "an empty domain": ("DOMAIN_MIN 1 1 1\n" + GOOD, "domain"),
    "a domain with a hole": ("DOMAIN_MIN 0 0\n" + GOOD, "Line 1"),
    "video levels": ("LUT_IN_VIDEO_RANGE\n" + GOOD, "Line 1.*video"),
    "empty": ("", "neither"),
    "prose": ("Dear reader,\nthis is no LUT.\n", "neither"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_cubes_name_the_line_and_the_remedy(fault: str) -> None:
    """Every fault is an `Invalid` that names the file, the line where there is one, and what to do."""
    text, expected = BROKEN[fault]
    with pytest.raises(Invalid, match=expected) as caught:
        lut_files.read(text.encode(), "broken.cube")
    assert "broken.cube" in caught.value.message
    assert caught.value.hint


def test_broken_pictures_say_what_is_wrong() -> None:
    """A cut-off PNG, a photo that is no Hald CLUT and other files named .png are refused with a reason."""
    whole = imagecodecs.png_encode(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    photo = imagecodecs.png_encode(np.zeros((60, 64, 3), np.uint8))
    for data, expected in (
        (whole[:-2000], "cut short"),
        (whole[:20], "cut short"),
        (photo, "64 × 60"),
        (b"\xff\xd8\xff\xe0 JFIF", "not a PNG"),
    ):
        with pytest.raises(Invalid, match=expected) as caught:
            lut_files.read(data, "film.png")
        assert caught.value.hint


def test_a_picture_that_claims_to_be_huge_is_refused_unread() -> None:
    """The size in a PNG's header is checked before anything is decoded."""
    small = bytearray(imagecodecs.png_encode(np.zeros((8, 8, 3), np.uint8)))
    small[16:24] = (100_000).to_bytes(4, "big") * 2
    with pytest.raises(Invalid, match="100000 × 100000"):
        lut_files.read(bytes(small), "film.png")


def test_binary_data_is_no_cube() -> None:
    """A file of another kind with the name of a cube is recognised."""
    with pytest.raises(Invalid, match="binary"):
        lut_files.read(b"\x7fELF\0\0\0\0", "film.cube")


def _identity(size: int) -> np.ndarray:
    steps = np.linspace(0, 1, size, dtype=np.float32)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    return np.stack([red, green, blue], axis=-1)
