"""Read and write picture files in their own depth, with their colour profile."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import MAX_PIXELS, SRGB, Raster

from . import colour, composite, png, samples

READ_HINT = "Scumble reads PNG, JPEG, TIFF and WebP pictures."
SIZE_HINT = "Use a smaller picture."
WRITE_HINT = "Choose a name that ends in .png, .tif, .jpg or .webp."
JPEG_QUALITY = 95

TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ORIENTATION = 0x0112  # the EXIF and TIFF tag
EXTRA_ASSOCIATED = 1  # TIFF: alpha that the colours were multiplied by


def read(path: str | os.PathLike[str]) -> tuple[Raster, bytes | None]:
    """The first picture in a file, turned upright, placed at (0, 0), and its ICC profile. Raises: Invalid."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _read(file, path.name)
    except OSError as error:
        raise _unreadable(path.name, error) from error


def decode(data: bytes | bytearray | memoryview, name: str) -> tuple[Raster, bytes | None]:
    """As `read`, of a file's bytes. Raises: Invalid."""
    try:
        return _read(io.BytesIO(data), name)
    except OSError as error:
        raise _unreadable(name, error) from error


def write(path: str | os.PathLike[str], raster: Raster, profile: bytes | None) -> None:
    """Write `raster` in the format its name asks for. Raises: Invalid.

    PNG keeps 8 and 16 bits, and stores float depths as 16 bits, clipped to [0, 1]; TIFF keeps every depth; JPEG and
    WebP hold 8 bits, and JPEG shows transparency as white. The file appears whole or not at all.
    """
    path = Path(path)
    encode = _ENCODERS.get(path.suffix.lower())
    if encode is None:
        raise Invalid(f"«{path.name}» has no picture format that Scumble writes.", WRITE_HINT)
    save_whole(path, encode(samples.view(raster), profile))


def save_whole(path: Path, data: bytes) -> None:
    """Write a file so that it appears complete or not at all. Raises: Invalid."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise Invalid(f"«{path.name}» cannot be written: {reason}.", "Choose another folder or make room.") from error


def to_depth(pixels: np.ndarray, depth: str) -> np.ndarray:
    """H×W×C samples in another depth; unchanged where it is the same."""
    if pixels.dtype == samples.DTYPES[depth]:
        return pixels
    return samples.from_float(samples.to_float(pixels), depth)


def for_png(pixels: np.ndarray) -> np.ndarray:
    """Integer samples as they are, float samples in 16 bits."""
    return pixels if pixels.dtype in (np.uint8, np.uint16) else to_depth(pixels, "u16")


# --- reading -----------------------------------------------------------------------------------------------------


def _read(file: BinaryIO, name: str) -> tuple[Raster, bytes | None]:
    start = file.read(4)
    file.seek(0)
    pixels, profile, orientation = (_read_tiff if start in TIFF_SIGNATURES else _read_with_pillow)(file, name)
    digest = hashlib.sha256(profile).hexdigest() if profile else SRGB
    return composite.from_array(_upright(pixels, orientation), profile=digest), profile or None


def _unreadable(name: str, error: OSError) -> Invalid:
    reason = error.strerror or "it is damaged, cut short, or no picture"
    return Invalid(f"«{name}» cannot be read: {reason}.", READ_HINT)


def _read_with_pillow(file: BinaryIO, name: str) -> tuple[np.ndarray, bytes | None, int]:
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow's own limit is below what photographers stitch
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened = Image.open(file)
    except Image.DecompressionBombError as error:
        raise Invalid(f"«{name}» has too many pixels; Scumble takes up to {MAX_PIXELS} in all.", SIZE_HINT) from error
    except (UnidentifiedImageError, SyntaxError) as error:
        raise Invalid(f"«{name}» is no picture that Scumble can read.", READ_HINT) from error
    with opened as picture:
        _check_size(name, *picture.size)
        profile = picture.info.get("icc_profile")
        try:
            orientation = picture.getexif().get(ORIENTATION, 1)
            pixels = _decode(file, name, picture)
        except (SyntaxError, ValueError, EOFError, IndexError) as error:  # what Pillow raises for damaged pictures
            raise Invalid(f"«{name}» is damaged or cut short.", READ_HINT) from error
    return pixels, profile, orientation


def _decode(file: BinaryIO, name: str, picture) -> np.ndarray:
    if picture.mode in ("CMYK", "LAB", "HSV"):
        raise Invalid(f"«{name}» is a {picture.mode} picture.", "Convert it to RGB first.")
    if picture.format == "PNG" and picture.mode not in ("1", "P"):
        return _decode_png(file, name)
    if picture.mode.startswith("I"):  # grey of more than 8 bits
        return np.clip(np.asarray(picture), 0, 65535).astype(np.uint16)[..., None]
    wanted = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "RGB": "RGB", "RGBX": "RGB", "YCbCr": "RGB"}
    mode = wanted.get(picture.mode, "RGBA")
    if picture.mode == "P" and "transparency" not in picture.info:
        mode = "RGB"
    return np.atleast_3d(np.asarray(picture.convert(mode)))


def _decode_png(file: BinaryIO, name: str) -> np.ndarray:
    """Pillow reduces 16-bit colour to 8 bits; libpng does not."""
    import imagecodecs

    file.seek(0)
    try:
        return np.atleast_3d(imagecodecs.png_decode(file.read()))
    except (imagecodecs.PngError, ValueError) as error:
        raise Invalid(f"«{name}» is damaged or cut short.", READ_HINT) from error


def _read_tiff(file: BinaryIO, name: str) -> tuple[np.ndarray, bytes | None, int]:
    import tifffile

    try:
        with tifffile.TiffFile(file) as tiff:
            page = tiff.pages.first
            _check_size(name, page.imagewidth, page.imagelength)
            if page.photometric not in (tifffile.PHOTOMETRIC.RGB, *_GREYS, tifffile.PHOTOMETRIC.YCBCR):
                kind = tifffile.PHOTOMETRIC(page.photometric).name.lower()
                kind = {"separated": "CMYK", "palette": "indexed", "cielab": "Lab"}.get(kind, kind)
                raise Invalid(f"«{name}» is a TIFF of {kind} colours.", "Convert it to RGB first.")
            pixels = page.asarray()
            profile = page.tags.valueof(34675)
            orientation = page.tags.valueof(ORIENTATION, 1)
            if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
                pixels = np.moveaxis(pixels, 0, 2)
            inverted = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
            colours = 1 if page.photometric in _GREYS else 3
            extra = page.extrasamples
    except (tifffile.TiffFileError, ValueError, KeyError, IndexError, RuntimeError, TypeError) as error:
        raise Invalid(f"«{name}» is damaged, cut short, or of a kind Scumble cannot read.", READ_HINT) from error
    pixels = _known_depth(name, np.atleast_3d(pixels))
    alpha = bool(extra) and pixels.shape[2] > colours
    pixels = pixels[..., : colours + alpha]
    if inverted:
        pixels = samples.DTYPES["u8"](255) - pixels if pixels.dtype == np.uint8 else 65535 - pixels
    if alpha and extra[0] == EXTRA_ASSOCIATED:
        pixels = _straighten(pixels)
    return pixels, profile, orientation


_GREYS = (0, 1)  # MINISWHITE, MINISBLACK


def _known_depth(name: str, pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.float64:
        return pixels.astype(np.float32)
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype == np.uint32:
        return (pixels >> 16).astype(np.uint16)
    if pixels.dtype not in samples.DTYPES.values():
        raise Invalid(f"«{name}» holds samples of type {pixels.dtype}.", "Save it with 8, 16 or 32 bits.")
    return pixels


def _straighten(pixels: np.ndarray) -> np.ndarray:
    """Colours that were multiplied by alpha → straight ones, in the same depth."""
    values = samples.to_float(pixels)
    alpha = values[..., -1:]
    values[..., :-1] = np.divide(values[..., :-1], alpha, out=np.zeros_like(values[..., :-1]), where=alpha > 0)
    depth = next(name for name, dtype in samples.DTYPES.items() if dtype == pixels.dtype)
    return samples.from_float(values, depth)


def _check_size(name: str, width: int, height: int) -> None:
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise Invalid(f"«{name}» is {width} × {height} pixels; Scumble takes up to {MAX_PIXELS} in all.", SIZE_HINT)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """EXIF orientation 1 to 8 undone."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


# --- writing -----------------------------------------------------------------------------------------------------


def _encode_png(pixels: np.ndarray, profile: bytes | None) -> bytes:
    return png.encode(for_png(pixels), profile)


def _encode_tiff(pixels: np.ndarray, profile: bytes | None) -> bytes:
    import tifffile

    file = io.BytesIO()
    channels = pixels.shape[2]
    tifffile.imwrite(
        file,
        pixels[..., 0] if channels == 1 else pixels,
        photometric="rgb" if channels > 2 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        predictor=True,
        iccprofile=profile,
        metadata=None,
        software="Scumble",
    )
    return file.getvalue()


def _encode_jpeg(pixels: np.ndarray, profile: bytes | None) -> bytes:
    values = samples.to_float(pixels)
    if values.shape[2] in (2, 4):
        values = 1 - values[..., -1:] * (1 - values[..., :-1])
    return _encode_with_pillow(values, profile, "JPEG", quality=JPEG_QUALITY, subsampling=0)


def _encode_webp(pixels: np.ndarray, profile: bytes | None) -> bytes:
    values = samples.to_float(pixels)
    if values.shape[2] < 3:  # WebP knows no grey, and a grey profile would not fit what it knows
        values = np.concatenate([colour.to_srgb(values[..., :1], profile), values[..., 1:]], axis=2)
        profile = None
    return _encode_with_pillow(values, profile, "WEBP", quality=JPEG_QUALITY)


def _encode_with_pillow(values: np.ndarray, profile: bytes | None, kind: str, **options: int) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    pixels = samples.from_float(values, "u8")
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    picture.save(file, kind, icc_profile=profile, **options)
    return file.getvalue()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_ENCODERS = {
    ".png": _encode_png,
    ".tif": _encode_tiff,
    ".tiff": _encode_tiff,
    ".jpg": _encode_jpeg,
    ".jpeg": _encode_jpeg,
    ".webp": _encode_webp,
}
