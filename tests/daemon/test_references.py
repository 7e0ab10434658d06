"""A reference picture, a file or another layer, through a real daemon: what the operation sees of it, and what is said
where it cannot be used."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow
from scumble_daemon.imaging import colour, picture, samples
from scumble_protocol.client import Client
from scumble_protocol.errors import Invalid
from scumble_protocol.image import BYTES_PER_SAMPLE, CHANNEL_COUNT, Bounds, Raster, Reference, ReferenceLayer
from scumble_protocol.messages import Result

from ..daemon_process import DaemonProcess, running_daemon

OPERATION = Path(__file__).parents[1] / "editors" / "operations" / "reference_test.py"
CANVAS = Bounds(0, 0, 40, 30)
ELSEWHERE = Bounds(-70, 900, 24, 16)  # a layer of another image: its place means nothing here
SHADE = (0.8, 0.4, 0.2)
PROPHOTO = colour.standard_profile("prophoto")
ADOBE = colour.standard_profile("adobe-rgb")


@pytest.fixture(scope="module")
def painter() -> Iterator[DaemonProcess]:
    with running_daemon([OPERATION]) as daemon:
        daemon.wait_for_worker()
        yield daemon


def source(client: Client, depth: str = "u8", profile: bytes | None = None) -> Raster:
    pixels = samples.from_float(np.full((30, 40, 4), 0.5, np.float32), depth)
    pixels[..., 3] = samples.FULL_SCALE[depth]
    return client.put(samples.to_bytes(pixels), CANVAS, depth, "RGBA", profile)


def shaded(depth: str, channels: str, bounds: Bounds = ELSEWHERE, alpha: float = 1) -> np.ndarray:
    """SHADE in the upper half, and twice as dark below; a grey one has the first of its numbers."""
    rgb = np.zeros((bounds.height, bounds.width, 3), np.float32) + np.array(SHADE, np.float32)
    rgb[bounds.height // 2 :] /= 2
    opacity = np.full((*rgb.shape[:2], 1), alpha, np.float32)
    parts = {
        "RGBA": (rgb, opacity),
        "BGRA": (rgb[..., ::-1], opacity),
        "RGB": (rgb,),
        "GRAYA": (rgb[..., :1], opacity),
        "GRAY": (rgb[..., :1],),
    }[channels]
    return samples.from_float(np.concatenate(parts, axis=2), depth)


def layer(client: Client, pixels: np.ndarray, depth: str, channels: str, **options: Any) -> ReferenceLayer:
    bounds = options.pop("bounds", ELSEWHERE)
    raster = client.put(samples.to_bytes(pixels), bounds, depth, channels, **options)
    return ReferenceLayer("sky", "harbour.xcf", raster)


def run(client: Client, image: Raster, **options: Any) -> Result:
    return client.run("reference_test", image, CANVAS, **options)


def seen(result: Result) -> tuple[str, str, np.ndarray]:
    """Size, depth and mean colour of what the operation was given."""
    size, depth, *mean = result.notes[0].split()
    return size, depth, np.array([float(each) for each in mean])


def painted(client: Client, result: Result) -> np.ndarray:
    """The colour of the layer that came, as the document encodes it."""
    raster = result.layers[0].raster
    pixels = np.frombuffer(client.pixels(raster), samples.DTYPES[raster.depth]).reshape(30, 40, 4)
    assert (pixels == pixels[0, 0]).all()
    return samples.to_float(pixels[0, 0])


def png(pixels: np.ndarray) -> bytes:
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels)))


@pytest.mark.parametrize("segments", [True, False], ids=["segments", "inline"])
@pytest.mark.parametrize("channels", CHANNEL_COUNT)
@pytest.mark.parametrize("depth", BYTES_PER_SAMPLE)
def test_a_layer_is_seen_in_its_own_depth_and_order(
    painter: DaemonProcess, depth: str, channels: str, segments: bool
) -> None:
    """The source's depth is another: neither is converted on the way."""
    pixels = shaded(depth, channels)
    with painter.client(segments=segments) as client:
        result = run(client, source(client, "u16"), reference_layer=layer(client, pixels, depth, channels))
        size, seen_depth, mean = seen(result)
        assert (size, seen_depth) == ("24×16", depth)
        expected = np.array(SHADE if channels[0] != "G" else [SHADE[0]] * 3) * 0.75
        np.testing.assert_allclose(mean, expected, atol={"u8": 3e-3, "f16": 5e-4}.get(depth, 2e-5))
        np.testing.assert_allclose(painted(client, result)[:3], mean, atol=1e-5)


def test_each_side_has_its_own_profile(painter: DaemonProcess) -> None:
    """A ProPhoto layer as the reference of an Adobe RGB document gives its colour, in the document's encoding."""
    with painter.client() as client:
        pixels = shaded("f32", "RGBA")
        for _ in range(2):  # the profiles travel with the first job only
            given = layer(client, pixels, "f32", "RGBA", profile=PROPHOTO)
            result = run(client, source(client, "f32", ADOBE), reference_layer=given)
            found = painted(client, result)[:3]
            expected = colour.to_srgb(pixels[..., :3], PROPHOTO).mean((0, 1))
            np.testing.assert_allclose(seen(result)[2], expected, atol=2e-6)
            np.testing.assert_allclose(
                found, colour.from_srgb(expected[None, None].astype(np.float32), ADOBE, False)[0, 0], atol=1e-5
            )


def test_the_layer_that_is_worked_on_can_be_its_own_reference(painter: DaemonProcess) -> None:
    """The same memory twice: it is given back once the job is over, and once only."""
    with painter.client() as client:
        image = source(client)
        for _ in range(3):
            result = run(client, image, reference_layer=ReferenceLayer("photo", "a.xcf", image))
            assert seen(result)[0] == "40×30"
            client.release(result)
            image = source(client)
        assert image.data.segment == "c-1"  # pyright: ignore[reportAttributeAccessIssue]


def test_one_pixel_and_a_mostly_transparent_layer_are_enough(painter: DaemonProcess) -> None:
    """Only what shows counts."""
    with painter.client() as client:
        spot = Bounds(5, 5, 1, 1)
        dot = layer(client, shaded("u16", "BGRA", spot), "u16", "BGRA", bounds=spot)
        size, _, mean = seen(run(client, source(client), reference_layer=dot))
        assert size == "1×1"
        np.testing.assert_allclose(mean, np.array(SHADE) / 2, atol=2e-5)
        sparse = shaded("u8", "RGBA")
        sparse[..., 3] = 0
        sparse[0, 0, 3] = 1
        _, _, mean = seen(run(client, source(client), reference_layer=layer(client, sparse, "u8", "RGBA")))
        np.testing.assert_allclose(mean, SHADE, atol=3e-3)


def test_the_recipe_tells_which_layer_or_file_it_was(painter: DaemonProcess) -> None:
    """By name and document, and by the digest of its samples or bytes: never a path, never the pixels."""
    pixels, file = shaded("u8", "RGBA"), png(shaded("u8", "RGB"))
    with painter.client() as client:
        of_layer = run(client, source(client), reference_layer=layer(client, pixels, "u8", "RGBA"))
        of_file = run(client, source(client), reference=Reference("style.png", file))
        assert of_layer.layers[0].recipe["reference"] == {
            "layer": "sky",
            "document": "harbour.xcf",
            "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
        }
        assert of_file.layers[0].recipe["reference"] == {
            "name": "style.png",
            "sha256": hashlib.sha256(file).hexdigest(),
        }


def test_another_reference_is_another_job(painter: DaemonProcess) -> None:
    """A finished result is taken again for the same layer only."""
    with painter.client() as client:
        results = [
            run(
                client, source(client), reference_layer=layer(client, shaded(depth, "RGBA", alpha=alpha), depth, "RGBA")
            )
            for depth, alpha in (("u8", 0.4), ("u8", 0.4), ("u8", 0.6), ("u16", 0.6))
        ]
    assert [result.timings["cached"] for result in results] == [False, True, False, False]


# --- files -------------------------------------------------------------------------------------------------------


def files() -> dict[str, bytes]:
    """The same picture as every kind of file that can hold it."""
    made = {"deep.png": png(shaded("u16", "RGB")), "grey.png": png(shaded("u8", "GRAY")[..., 0])}
    for kind, options in {"png": {}, "webp": {"lossless": True}, "jpeg": {"quality": 100}, "tiff": {}}.items():
        stream = io.BytesIO()
        Pillow.fromarray(shaded("u8", "RGB")).save(stream, kind, **options)
        made[f"photo.{kind}"] = stream.getvalue()
    return made


@pytest.mark.parametrize("name", files())
def test_a_file_is_seen_as_it_is(painter: DaemonProcess, name: str) -> None:
    """PNG, JPEG, TIFF and WebP; 16 bits stay 16 bits."""
    with painter.client() as client:
        size, depth, mean = seen(run(client, source(client), reference=Reference(name, files()[name])))
    assert (size, depth) == ("24×16", "u16" if name == "deep.png" else "u8")
    expected = np.array([SHADE[0]] * 3 if name == "grey.png" else SHADE) * 0.75
    np.testing.assert_allclose(mean, expected, atol={"u16": 2e-5}.get(depth, 6e-3))


def test_float_files_orientation_and_profiles_are_respected(painter: DaemonProcess, tmp_path: Path) -> None:
    """A TIFF of floats keeps what lies beyond white; a turned JPEG stands upright; an ICC profile is applied."""
    pixels = shaded("f32", "RGB") * 4
    raster = Raster(Bounds(0, 0, 24, 16), "f32", "RGB", samples.to_bytes(pixels))
    picture.write(tmp_path / "bright.tif", raster, PROPHOTO)
    exif = Pillow.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Pillow.fromarray(shaded("u8", "RGB")).save(stream, "jpeg", exif=exif)
    with painter.client() as client:
        bright = Reference("bright.tif", (tmp_path / "bright.tif").read_bytes())
        _, depth, mean = seen(run(client, source(client, "f32"), reference=bright))
        assert depth == "f32"
        np.testing.assert_allclose(mean, colour.to_srgb(pixels, PROPHOTO).mean((0, 1)), atol=1e-5)
        turned = run(client, source(client), reference=Reference("turned.jpg", stream.getvalue()))
        assert seen(turned)[0] == "16×24"


# --- what cannot be used -------------------------------------------------------------------------------------------


def bomb() -> bytes:
    """A small file that says it is a picture of 900 megapixels."""
    small = bytearray(png(shaded("u8", "RGB")))
    small[16:24] = (30000).to_bytes(4, "big") * 2
    small[29:33] = zlib.crc32(bytes(small[12:29])).to_bytes(4, "big")
    return bytes(small)


BROKEN = {
    "empty.png": (b"", "no picture"),
    "letter.txt": (b"Dear reader", "no picture"),
    "cut.png": (png(shaded("u16", "RGB"))[:60], "damaged"),
    "cut.tif": (files()["photo.tiff"][:40], "damaged"),
    "bomb.png": (bomb(), "30000 × 30000 pixels|too many pixels"),
    "clear.png": (png(shaded("u8", "RGBA", alpha=0)), "«clear.png» is fully transparent"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_no_picture_is_named(painter: DaemonProcess, name: str) -> None:
    """In words, with what to do; the daemon goes on."""
    data, words = BROKEN[name]
    with painter.client() as client:
        with pytest.raises(Invalid, match=words) as refused:
            run(client, source(client), reference=Reference(name, data))
        assert name in refused.value.message
        assert refused.value.hint
        assert run(client, source(client), reference=Reference("photo.png", files()["photo.png"])).layers


def test_layers_that_cannot_be_used_are_told(painter: DaemonProcess) -> None:
    """Transparent ones, and those whose profile is damaged: it is the reference that is named, not the source."""
    with painter.client() as client:
        clear = layer(client, shaded("f32", "RGBA", alpha=0), "f32", "RGBA")
        with pytest.raises(Invalid, match="The reference layer is fully transparent"):
            run(client, source(client), reference_layer=clear)
        odd = layer(client, shaded("u8", "RGBA"), "u8", "RGBA", profile=b"no profile at all")
        with pytest.raises(Invalid, match="The reference layer has a colour profile that cannot be used"):
            run(client, source(client), reference_layer=odd)


def test_none_two_or_one_that_is_not_wanted_are_refused(painter: DaemonProcess) -> None:
    """What the operation declared is kept to."""
    with painter.client() as client:
        with pytest.raises(Invalid, match=r"needs a picture: Colours of\. Choose a layer or a file"):
            run(client, source(client))
        given, file = layer(client, shaded("u8", "RGB"), "u8", "RGB"), Reference("a.png", files()["photo.png"])
        with pytest.raises(Invalid, match="one reference, not two"):
            run(client, source(client), reference_layer=given, reference=file)
        other = layer(client, shaded("u8", "RGB"), "u8", "RGB")
        with pytest.raises(Invalid, match="takes no layer as its reference"):
            client.run("apply_lut", source(client), CANVAS, reference_layer=other)


def test_a_profile_that_nobody_sent_is_refused(painter: DaemonProcess) -> None:
    """The reference's as well as the image's."""
    with painter.client() as client:
        foreign = Raster(ELSEWHERE, "u8", "RGB", samples.to_bytes(shaded("u8", "RGB")), "0" * 64)
        with pytest.raises(Invalid, match="never given"):
            run(client, source(client), reference_layer=ReferenceLayer("sky", "", foreign))


def test_the_command_line_takes_a_file(painter: DaemonProcess, tmp_path: Path) -> None:
    """`--reference` as ever; `scumble ops` says that it may be a picture."""
    (tmp_path / "photo.png").write_bytes(files()["grey.png"])
    (tmp_path / "style.png").write_bytes(files()["deep.png"])
    done = painter.cli("run", "reference_test", tmp_path / "photo.png", "-o", tmp_path / "r.png",
                       "--reference", tmp_path / "style.png")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "24×16 u16" in done.stdout + done.stderr
    assert ".webp" in painter.cli("ops", "reference_test").stdout
    refused = painter.cli("run", "reference_test", tmp_path / "photo.png", "-o", tmp_path / "r.png")
    assert refused.returncode == 2
    assert "needs a picture" in refused.stderr
