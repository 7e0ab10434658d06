"""Read look-up tables from `.cube` files and from Hald CLUT pictures.

`.cube` after the Cube LUT Specification 1.0 by Adobe, with what Resolve adds to it: a one-dimensional table in front of
a cube in the same file, LUT_1D_INPUT_RANGE and LUT_3D_INPUT_RANGE. Hald CLUT after Eskil Steenberg: a square PNG of
side n³ that holds a cube of n² steps.
"""

from __future__ import annotations

import math
import re
import struct
import warnings
from dataclasses import dataclass, field

import numpy as np
from scumble_protocol.errors import Invalid

from .luts import Cube, Curve, Lut, Triple

SIZES_1D = (2, 65536)
SIZES_3D = (2, 256)
HALD_LEVELS = range(2, 17)  # 16: a picture of 4096 × 4096, a cube of 256

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EXPORT_AGAIN = "Export the LUT again as a .cube file, or choose another one."


def read(data: bytes | bytearray | memoryview, name: str) -> Lut:
    """The table in a file's bytes; `name` is for messages. Raises: Invalid, naming the line where there is one."""
    data = bytes(data)
    if data.startswith(PNG_SIGNATURE):
        return _read_hald(data, name)
    if name.lower().endswith(".png"):
        raise Invalid(f"«{name}» is not a PNG picture.", "Choose a Hald CLUT saved as PNG, or a .cube file.")
    return _read_cube(_decode(data, name), name)


# --- .cube -------------------------------------------------------------------------------------------------------


@dataclass
class _Header:
    """What stands above the numbers; `line` is where they begin, counted from 0."""

    title: str = ""
    size_1d: int = 0
    size_3d: int = 0
    line: int = 0
    low: Triple = (0.0, 0.0, 0.0)
    high: Triple = (1.0, 1.0, 1.0)
    ranges: dict[str, tuple[Triple, Triple]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.size_1d + self.size_3d**3


def _decode(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data:
        raise Invalid(f"«{name}» is not a .cube file: it holds binary data.", _EXPORT_AGAIN)
    return data.decode("utf-8-sig", "replace")


def _read_cube(text: str, name: str) -> Lut:
    lines = re.split(r"\r\n|\r|\n", text)
    header = _read_header(lines, name)
    table = _read_table(lines, header, name)
    curve = cube = None
    if header.size_1d:
        low, high = header.ranges.get("LUT_1D_INPUT_RANGE", (header.low, header.high))
        curve = Curve(table[: header.size_1d], low, high)
    if header.size_3d:
        both = curve is not None  # then the domain is the curve's, and the cube takes what the curve gives
        plain = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)) if both else (header.low, header.high)
        low, high = header.ranges.get("LUT_3D_INPUT_RANGE", plain)
        cube = Cube(table[header.size_1d :].reshape(*[header.size_3d] * 3, 3), low, high)
    return Lut(header.title or name.rsplit(".", 1)[0], curve, cube)


def _read_header(lines: list[str], name: str) -> _Header:
    header = _Header(line=len(lines))
    for number, line in enumerate(lines, 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if words[0][0] in "+-.0123456789" or _is_number(words[0]):
            header.line = number - 1
            break
        _read_keyword(header, words, line, f"Line {number} of «{name}»")
    if not header.rows:
        raise Invalid(f"«{name}» is not a .cube file: it says neither LUT_1D_SIZE nor LUT_3D_SIZE.", _EXPORT_AGAIN)
    for low, high in ((header.low, header.high), *header.ranges.values()):
        if any(a >= b for a, b in zip(low, high, strict=True)):
            raise Invalid(f"The domain of «{name}» runs from {low} to {high}: from has to lie below to.", _EXPORT_AGAIN)
    return header


def _read_keyword(header: _Header, words: list[str], line: str, where: str) -> None:
    keyword, values = words[0], words[1:]
    if keyword == "TITLE":
        header.title = line.strip()[len("TITLE") :].strip().strip('"')
    elif keyword == "LUT_1D_SIZE":
        header.size_1d = _size(values, SIZES_1D, where)
    elif keyword == "LUT_3D_SIZE":
        header.size_3d = _size(values, SIZES_3D, where)
    elif keyword == "DOMAIN_MIN":
        header.low = _triple(values, where)
    elif keyword == "DOMAIN_MAX":
        header.high = _triple(values, where)
    elif keyword in ("LUT_1D_INPUT_RANGE", "LUT_3D_INPUT_RANGE"):
        low, high = _numbers(values, 2, where)
        header.ranges[keyword] = ((low, low, low), (high, high, high))
    elif keyword in ("LUT_IN_VIDEO_RANGE", "LUT_OUT_VIDEO_RANGE"):
        raise Invalid(f"{where}: the LUT is made for video levels.", "Export it for full (data) levels.")
    # Every other word is a vendor's own; the specification says to read on.


def _size(values: list[str], limits: tuple[int, int], where: str) -> int:
    if len(values) != 1 or not values[0].isdecimal() or not limits[0] <= int(values[0][:9]) <= limits[1]:
        written = " ".join(values)[:40]
        raise Invalid(f"{where} gives the size «{written}»; it has to be {limits[0]} to {limits[1]}.", _EXPORT_AGAIN)
    return int(values[0])


def _triple(values: list[str], where: str) -> Triple:
    r, g, b = _numbers(values, 3, where)
    return r, g, b


def _numbers(values: list[str], count: int, where: str) -> list[float]:
    numbers = [float(value) for value in values if _is_number(value)]
    if len(numbers) != count or len(values) != count or not all(map(math.isfinite, numbers)):
        raise Invalid(f"{where} needs {count} numbers, but says «{' '.join(values)[:60]}».", _EXPORT_AGAIN)
    return numbers


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word  # which Python would take


def _read_table(lines: list[str], header: _Header, name: str) -> np.ndarray:
    """n×3 float32. Numpy reads the numbers at once; only where that fails are the lines looked at one by one."""
    body = lines[header.line :]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an empty table is answered below
            table = np.loadtxt(body, np.float32, comments="#", ndmin=2, max_rows=header.rows + 1)
    except ValueError:
        table = None
    if table is None or table.shape != (header.rows, 3) or not np.isfinite(table).all():
        _explain(body, header, name)
    assert table is not None
    return table


def _explain(body: list[str], header: _Header, name: str) -> None:
    """Raises: Invalid, for the first line that is wrong."""
    rows = 0
    for number, line in enumerate(body, header.line + 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        rows += 1
        if rows > header.rows:
            raise Invalid(f"Line {number} of «{name}» is one too many: its size says {header.rows}.", _EXPORT_AGAIN)
        where = f"Line {number} of «{name}»"
        if any("," in word for word in words):
            raise Invalid(f"{where} has a comma in its numbers: «{line.strip()[:60]}».", "Write 0.5 and not 0,5.")
        numbers = _numbers(words, 3, where)
        if max(map(abs, numbers)) > float(np.finfo(np.float32).max):
            raise Invalid(f"{where} has a number that is too large.", _EXPORT_AGAIN)
    raise Invalid(f"«{name}» ends after {rows} of {header.rows} colours: the file is cut short.", _EXPORT_AGAIN)


# --- Hald CLUT ---------------------------------------------------------------------------------------------------


def _read_hald(data: bytes, name: str) -> Lut:
    cut_short = Invalid(f"The picture «{name}» is damaged or cut short.", "Copy or download the file again.")
    if len(data) < 33:
        raise cut_short
    width, height = struct.unpack_from(">II", data, 16)
    level = round(width ** (1 / 3))
    if width != height or level**3 != width or level not in HALD_LEVELS:
        raise Invalid(
            f"The picture «{name}» is {width} × {height} pixels, and so no Hald CLUT.",
            "Those are square: 8, 27, 64, 125, 216, 343, 512, 729, 1000 … pixels a side.",
        )
    import imagecodecs

    try:
        pixels = imagecodecs.png_decode(data)
    except (imagecodecs.PngError, ValueError) as error:
        raise cut_short from error
    if pixels.shape[:2] != (height, width):
        raise cut_short
    pixels = np.atleast_3d(pixels)
    colours = pixels[..., :3] if pixels.shape[2] >= 3 else np.repeat(pixels[..., :1], 3, axis=2)
    table = colours.reshape(*[level**2] * 3, 3).astype(np.float32) / np.iinfo(pixels.dtype).max
    return Lut(name.rsplit(".", 1)[0], cube=Cube(table))
