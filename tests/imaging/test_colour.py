"""Colours go to float sRGB and come back as they were, in every depth and profile a document may have."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
import pytest
from scumble_daemon.imaging import colour, icc
from scumble_protocol.errors import Invalid

WIDE = ("adobe-rgb", "prophoto", "display-p3", "linear-srgb", "linear-rec2020")
GREY = ("grey-gamma-2.2", "grey-srgb", "linear-grey")


@pytest.fixture
def pixels() -> np.ndarray:
    """256×256×3 u16: random colours, half of the channels pushed towards black, and the corners of the cube."""
    random = np.random.default_rng(7)
    pixels = random.integers(0, 65536, (256, 256, 3), dtype=np.uint16)
    dark = pixels >> random.integers(0, 16, pixels.shape).astype(np.uint16)
    pixels = np.where(random.random(pixels.shape) < 0.5, dark, pixels)
    pixels[:16] = random.choice([0, 1, 2, 300, 65535], (16, 256, 3))
    return pixels


@pytest.mark.parametrize("name", WIDE)
def test_sixteen_bit_colours_survive_the_round_trip(name: str, pixels: np.ndarray) -> None:
    """A u16 colour in a wide or linear profile comes back as the same u16 colour, the darkest channel included."""
    profile = colour.standard_profile(name)
    native = (pixels / 65535).astype(np.float32)
    back = colour.from_srgb(colour.to_srgb(native, profile), profile, grey=False)
    assert np.abs(back * 65535.0 - pixels).max() < 0.5


@pytest.mark.parametrize("name", GREY)
def test_grey_survives_the_round_trip(name: str, pixels: np.ndarray) -> None:
    """A grey document's values become three equal channels and come back as they were."""
    profile = colour.standard_profile(name)
    grey = pixels[..., :1]
    rgb = colour.to_srgb((grey / 65535).astype(np.float32), profile)
    assert rgb.shape == (256, 256, 3)
    assert (rgb == rgb[..., :1]).all()
    back = colour.from_srgb(rgb, profile, grey=True)
    assert np.abs(back * 65535.0 - grey).max() < 0.5


def test_grey_without_a_profile_is_srgb_grey() -> None:
    """Without a profile grey values are sRGB's, and a colour becomes the grey of its luminance."""
    steps = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16, 1)
    rgb = colour.to_srgb(steps, None)
    np.testing.assert_array_equal(rgb, np.repeat(steps, 3, axis=2))
    np.testing.assert_allclose(colour.from_srgb(rgb, None, grey=True), steps, atol=1e-6)
    green = colour.from_srgb(np.array([[[0, 1, 0]]], np.float32), None, grey=True)
    assert green.item() == pytest.approx(0.7152 ** (1 / 2.4) * 1.055 - 0.055, abs=2e-3)


@pytest.mark.parametrize("name", ["adobe-rgb", "display-p3", "prophoto", "linear-rec2020", "linear-srgb"])
def test_conversion_agrees_with_littlecms(name: str, pixels: np.ndarray) -> None:
    """Inside sRGB the numbers are LittleCMS's own, but for the straight toe of pure power curves."""
    profile = colour.standard_profile(name)
    native = np.ascontiguousarray((pixels / 65535).astype(np.float32))
    theirs = imagecodecs.cms_transform(
        native, profile, colour.standard_profile("srgb"), colorspace="rgb", outcolorspace="rgb"
    )
    ours = colour.to_srgb(native, profile)
    inside = ((theirs > 0.05) & (theirs <= 1)).all(axis=2)
    assert inside.mean() > 0.02
    assert np.abs(ours - theirs)[inside].max() < 0.5 / 255


def test_wide_gamut_is_never_clipped() -> None:
    """Colours beyond sRGB lie beyond [0, 1], and brighter than white stays brighter than white."""
    green = np.array([[[0, 1, 0], [2, 2, 2]]], np.float32)
    rgb = colour.to_srgb(green, colour.standard_profile("linear-rec2020"))
    assert rgb[0, 0].min() < -0.3
    assert rgb[0, 0, 1] > 1.0
    np.testing.assert_allclose(rgb[0, 1], 2 ** (1 / 2.4) * 1.055 - 0.055, atol=1e-4)


def test_neutral_stays_neutral() -> None:
    """The rounded numbers in a profile tint no grey."""
    for name in WIDE:
        rgb = colour.to_srgb(np.full((1, 1, 3), 0.5, np.float32), colour.standard_profile(name))
        assert np.ptp(rgb) < 1e-6


def test_srgb_passes_untouched() -> None:
    """No profile, our sRGB, LittleCMS's sRGB and a table-based sRGB all mean: nothing to convert."""
    rgb = np.random.default_rng(1).random((8, 8, 3), dtype=np.float32)
    table = icc.SRGB_CURVE.to_linear(np.linspace(0, 1, 1024))
    for profile in (None, colour.standard_profile("srgb"), imagecodecs.cms_profile("srgb"), with_table("srgb", table)):
        assert colour.to_srgb(rgb, profile) is rgb
        assert colour.from_srgb(rgb, profile, grey=False) is rgb


@pytest.mark.parametrize("kind", ["gamma", "film"])
def test_tables_are_curves_too(kind: str, pixels: np.ndarray) -> None:
    """Profiles that hold their tone curve as a table convert without loss as well."""
    x = np.linspace(0, 1, 1024)
    profile = with_table("adobe-rgb", x**2.2 if kind == "gamma" else 0.3 * x + 0.7 * x**3)
    native = (pixels / 65535).astype(np.float32)
    rgb = colour.to_srgb(native, profile)
    assert np.abs(rgb - native).max() > 0.02
    assert np.abs(colour.from_srgb(rgb, profile, grey=False) * 65535.0 - pixels).max() < 0.5


def test_damaged_profiles_say_what_to_do() -> None:
    """Truncated, scrambled and empty profiles raise `Invalid` with advice, never anything else."""
    whole = colour.standard_profile("adobe-rgb")
    random = np.random.default_rng(3)
    scrambled = bytearray(whole)
    scrambled[132:400] = random.bytes(268)
    flat = whole.replace(b"XYZ \0\0\0\0", b"XYZ \0\0\0\1")
    flat = flat[: flat.index(b"XYZ \0\0\0\1") + 8] + bytes(len(flat) - flat.index(b"XYZ \0\0\0\1") - 8)
    for damaged in (b"", b"ICC", whole[:100], whole[:-60], bytes(scrambled), flat):
        with pytest.raises(Invalid) as caught:
            colour.to_srgb(np.zeros((1, 1, 3), np.float32), damaged)
        assert "profile" in caught.value.hint or "Assign" in caught.value.hint


def test_a_profile_of_another_kind_of_colour_is_refused() -> None:
    """A CMYK or Lab profile on RGB pixels names what it is and says to convert."""
    for space in (b"CMYK", b"Lab "):
        profile = bytearray(colour.standard_profile("srgb"))
        profile[16:20] = space
        with pytest.raises(Invalid, match=space.decode().strip()):
            colour.to_srgb(np.zeros((1, 1, 3), np.float32), bytes(profile))


def test_hidden_pixels_take_the_nearest_colour() -> None:
    """Where alpha is 0 stands the colour of the nearest pixel that shows; what shows is not touched."""
    rgb = np.random.default_rng(2).random((9, 9, 3), dtype=np.float32)
    alpha = np.zeros((9, 9), np.float32)
    alpha[:, 0], alpha[:, 8] = 1, 0.25
    extended = colour.extend_under_transparency(rgb, alpha)
    np.testing.assert_array_equal(extended[:, [0, 8]], rgb[:, [0, 8]])
    np.testing.assert_array_equal(extended[4, 1:4], np.repeat(rgb[4:5, 0], 3, axis=0))
    np.testing.assert_array_equal(extended[4, 5:8], np.repeat(rgb[4:5, 8], 3, axis=0))
    assert colour.extend_under_transparency(rgb, np.ones_like(alpha)) is rgb
    assert colour.extend_under_transparency(rgb, np.zeros_like(alpha)) is rgb


def with_table(name: str, table: np.ndarray) -> bytes:
    """A standard profile whose three curves are replaced by one table of u16 samples."""
    profile = bytearray(colour.standard_profile(name))
    samples = np.rint(table * 65535).astype(">u2").tobytes()
    tag = b"curv" + struct.pack(">II", 0, len(table)) + samples
    (count,) = struct.unpack_from(">I", profile, 128)
    for index in range(count):
        if profile[132 + 12 * index : 136 + 12 * index] in (b"rTRC", b"gTRC", b"bTRC"):
            struct.pack_into(">II", profile, 136 + 12 * index, len(profile), len(tag))
    struct.pack_into(">I", profile, 0, len(profile) + len(tag))
    return bytes(profile + tag)


def test_profiles_built_on_tables_go_through_littlecms() -> None:
    """A scanner's profile, tables instead of curves, converts there and back as well as its tables allow."""
    profile = table_profile()
    random = np.random.default_rng(5)
    native = random.uniform(0.1, 0.9, (32, 32, 3)).astype(np.float32)
    rgb = colour.to_srgb(native, profile)
    np.testing.assert_allclose(rgb, native, atol=0.02)  # the tables describe sRGB
    np.testing.assert_allclose(colour.from_srgb(rgb, profile, grey=False), native, atol=0.06)  # 33 steps from Lab back
    with pytest.raises(Invalid, match="grey"):
        colour.from_srgb(rgb, profile, grey=True)
    with pytest.raises(Invalid):
        colour.to_srgb(native, profile.replace(b"mft2", b"none"))


def table_profile() -> bytes:
    """sRGB, written as an RGB scanner's profile: only the tables A2B0 and B2A0, to Lab and back."""
    steps = np.linspace(0, 1, 17)
    rgb = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    xyz = icc.SRGB_CURVE.to_linear(rgb) @ icc.SRGB_TO_XYZ.T / icc.D50
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    lab = np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)
    encoded = np.stack([lab[..., 0] * 652.8, (lab[..., 1] + 128) * 256, (lab[..., 2] + 128) * 256], axis=-1)

    fine = np.linspace(0, 65535, 33)
    back = np.stack(np.meshgrid(fine / 652.8, fine / 256 - 128, fine / 256 - 128, indexing="ij"), axis=-1)
    fy = (back[..., 0] + 16) / 116
    f = np.stack([fy + back[..., 1] / 500, fy, fy - back[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, (116 * f - 16) * 27 / 24389) * icc.D50
    linear = np.ascontiguousarray(xyz @ np.linalg.inv(icc.SRGB_TO_XYZ).T)
    device = np.clip(icc.SRGB_CURVE.from_linear(linear), 0, 1) * 65535

    def lut16(table: np.ndarray) -> bytes:
        identity = struct.pack(">9i", *(65536 * (i in (0, 4, 8)) for i in range(9)))
        straight = struct.pack(">6H", *(0, 65535) * 3)
        head = b"mft2" + struct.pack(">IBBBB", 0, 3, 3, len(table), 0)
        return head + identity + struct.pack(">HH", 2, 2) + straight + np.rint(table).astype(">u2").tobytes() + straight

    whole = bytearray(colour.standard_profile("srgb"))
    tags = {b"A2B0": lut16(encoded), b"B2A0": lut16(device)}
    for name in (b"desc", b"cprt", b"wtpt"):
        at = whole.index(name, 132)
        offset, length = struct.unpack_from(">II", whole, at + 4)
        tags[name] = bytes(whole[offset : offset + length])
    table, body = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    header = bytearray(whole[:128])
    struct.pack_into(">I4sI4s4s4s", header, 0, 128 + len(table) + len(body), b"", 0x02400000, b"scnr", b"RGB ", b"Lab ")
    return bytes(header) + table + body
