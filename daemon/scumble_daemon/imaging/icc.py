"""Read the matrix and tone curves of an ICC profile, and write profiles of the same kind.

Only what describes RGB and grey editing spaces is read here; profiles built on lookup tables (scanners, printers) are
left to LittleCMS. After ICC.1:2022, sections 7–10.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cv2
import numpy as np
from scumble_protocol.errors import Invalid

D50 = (0.9642, 1.0, 0.8249)  # the profile connection space's white, ICC.1:2022 section 6.3
D65 = (0.3127, 0.3290)  # chromaticity
# The steepest way back a curve may ask for. A pure power curve is infinitely steep at black, where float32 could not
# hold a 16-bit document's darkest steps; below the limit a straight line replaces it, as other colour engines do.
STEEPEST = 64.0

_HINT = "Assign a working RGB or grey profile to the document, such as sRGB, and run again."


@dataclass(frozen=True)
class PowerCurve:
    """Encoded to linear: (a·x + b)^g + e from `d` upwards, c·x + f below; mirrored for negative values."""

    g: float
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    f: float = 0.0

    @staticmethod
    def gamma(exponent: float) -> PowerCurve:
        """A pure power curve with a straight toe, see STEEPEST."""
        if exponent <= 1:
            return PowerCurve(exponent)
        return PowerCurve(exponent, c=1 / STEEPEST, d=STEEPEST ** (-1 / (exponent - 1)))

    @property
    def is_linear(self) -> bool:
        return (self.g, self.a, self.b, self.e) == (1, 1, 0, 0) and (self.d == 0 or (self.c, self.f) == (1, 0))

    def to_linear(self, encoded: np.ndarray) -> np.ndarray:
        if self.is_linear:
            return encoded
        size = np.abs(encoded)
        power = cv2.pow(size * self.a + self.b if (self.a, self.b) != (1, 0) else size, self.g).reshape(size.shape)
        if self.e:
            power += self.e
        if self.d > 0:
            np.copyto(power, size * self.c + self.f, where=size < self.d)
        return np.copysign(power, encoded, out=power)

    def from_linear(self, linear: np.ndarray) -> np.ndarray:
        if self.is_linear:
            return linear
        size = np.abs(linear)
        power = cv2.pow(size - self.e if self.e else size, 1 / self.g).reshape(size.shape)
        if (self.a, self.b) != (1, 0):
            power -= self.b
            power *= 1 / self.a
        if self.d > 0 and self.c > 0:
            np.copyto(power, (size - self.f) / self.c, where=size < self.c * self.d + self.f)
        return np.copysign(power, linear, out=power)


@dataclass(frozen=True)
class TableCurve:
    """Encoded to linear through `table`, evenly spaced over [0, 1]; beyond it the last slope goes on."""

    table: tuple[float, ...]

    def _points(self) -> tuple[np.ndarray, np.ndarray]:
        encoded = np.linspace(0, 1, len(self.table))
        linear = np.maximum(np.maximum.accumulate(np.asarray(self.table)), encoded / STEEPEST)
        slope = max((linear[-1] - linear[-2]) / (encoded[-1] - encoded[-2]), 1 / STEEPEST)
        far = 64.0  # no editing space holds colours brighter than this
        return np.append(encoded, 1 + far), np.append(linear, linear[-1] + far * slope)

    def to_linear(self, encoded: np.ndarray) -> np.ndarray:
        xs, ys = self._points()
        return np.copysign(np.interp(np.abs(encoded), xs, ys), encoded)

    def from_linear(self, linear: np.ndarray) -> np.ndarray:
        xs, ys = self._points()
        return np.copysign(np.interp(np.abs(linear), ys, xs), linear)


Curve = PowerCurve | TableCurve
SRGB_CURVE = PowerCurve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # IEC 61966-2-1


@dataclass(frozen=True)
class Profile:
    """An RGB space (`to_xyz` 3×3, three curves) or a grey one (`to_xyz` None, one curve), relative to D50."""

    to_xyz: np.ndarray | None
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class TableProfile:
    """An RGB or grey profile that only a colour engine can evaluate."""

    is_grey: bool


def read(data: bytes) -> Profile | TableProfile:
    """Raises: Invalid where the profile is damaged or describes neither RGB nor grey."""
    try:
        return _read(bytes(data))
    except (struct.error, IndexError, KeyError, ValueError, OverflowError, np.linalg.LinAlgError) as error:
        raise Invalid("The layer's colour profile is damaged.", _HINT) from error


def _read(data: bytes) -> Profile | TableProfile:
    if data[36:40] != b"acsp":
        raise ValueError("no ICC signature")
    space = data[16:20]
    if space not in (b"RGB ", b"GRAY"):
        name = space.decode("latin-1").strip()
        raise Invalid(f"The layer's colour profile describes {name} colours.", "Convert the document to RGB first.")
    (count,) = struct.unpack_from(">I", data, 128)
    if count > 1000:
        raise ValueError("an impossible number of tags")
    tags = {}
    for index in range(count):
        name, offset, length = struct.unpack_from(">4sII", data, 132 + 12 * index)
        if offset + length > len(data):
            raise ValueError("a tag lies beyond the end")
        tags[name] = data[offset : offset + length]
    if space == b"GRAY":
        return Profile(None, (_read_curve(tags[b"kTRC"]),))
    if b"rTRC" not in tags:
        if b"A2B0" in tags or b"A2B1" in tags:
            return TableProfile(is_grey=False)
        raise ValueError("neither curves nor tables")
    columns = [struct.unpack_from(">3i", tags[name], 8) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    to_xyz = np.array(columns, np.float64).T / 65536
    if abs(np.linalg.det(to_xyz)) < 1e-6:
        raise ValueError("the primaries lie on one line")
    curves = {name: _read_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")}
    return Profile(to_xyz, tuple(curves.values()))


def _read_curve(tag: bytes) -> Curve:
    if tag[:4] == b"para":
        kind = struct.unpack_from(">H", tag, 8)[0]
        numbers = [value / 65536 for value in struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)]
        return _parametric(kind, numbers)
    if tag[:4] != b"curv":
        raise ValueError("an unknown kind of curve")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return PowerCurve(1)
    if count == 1:
        return _checked_gamma(struct.unpack_from(">H", tag, 12)[0] / 256)
    return _recognise(np.frombuffer(tag, ">u2", count, 12) / 65535)


def _checked_gamma(exponent: float) -> PowerCurve:
    if not 0.1 <= exponent <= 10:
        raise ValueError("an impossible gamma")
    return PowerCurve.gamma(exponent)


def _parametric(kind: int, numbers: list[float]) -> PowerCurve:
    g = numbers[0]
    if not 0.1 <= g <= 10 or (kind and numbers[1] <= 0):
        raise ValueError("an impossible curve")
    if kind == 0:
        return PowerCurve.gamma(g)
    a, b = numbers[1:3]
    if kind in (1, 2):  # CIE 122 and IEC 61966-3: constant below their foot
        offset = numbers[3] if kind == 2 else 0.0
        return PowerCurve(g, a, b, 0.0, max(-b / a, 0.0), offset, offset)
    c, d = numbers[3:5]
    if c <= 0 < d:
        raise ValueError("a curve that cannot be undone")
    e, f = numbers[5:7] if kind == 4 else (0.0, 0.0)
    return PowerCurve(g, a, b, c, d, e, f)


def _recognise(table: np.ndarray) -> Curve:
    """The smooth curve a table was sampled from, where there is one: its steps are finer than the table's."""
    encoded = np.linspace(0, 1, len(table), dtype=np.float64)
    candidates: list[PowerCurve] = [SRGB_CURVE]
    middle = len(table) // 2
    if 0 < table[middle] < 1:
        candidates.append(_checked_gamma(round(float(np.log(table[middle]) / np.log(encoded[middle])) * 256) / 256))
    for curve in candidates:
        if np.abs(curve.to_linear(encoded) - table).max() < 8e-5:
            return curve
    return TableCurve(tuple(table.tolist()))


# --- writing -----------------------------------------------------------------------------------------------------

BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def primaries_to_xyz(primaries: tuple[tuple[float, float], ...], white: tuple[float, float] = D65) -> np.ndarray:
    """The 3×3 matrix from linear RGB to XYZ, adapted to D50 after Bradford."""
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T
    source = np.array([white[0] / white[1], 1.0, (1 - white[0] - white[1]) / white[1]])
    matrix = columns * np.linalg.solve(columns, source)
    scale = np.diag((BRADFORD @ np.array(D50)) / (BRADFORD @ source))
    return np.linalg.solve(BRADFORD, scale @ BRADFORD) @ matrix


SRGB_TO_XYZ = primaries_to_xyz(((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)))


def write(description: str, to_xyz: np.ndarray | None, curve: PowerCurve) -> bytes:
    """A version 4 profile: a display's RGB space, or a grey one where `to_xyz` is None."""
    tags = {
        b"desc": _text(description),
        b"cprt": _text("No copyright, use freely"),
        b"wtpt": _xyz(D50),
    }
    if to_xyz is None:
        tags[b"kTRC"] = _curve(curve)
    else:
        tags |= {name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), to_xyz.T, strict=True)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(curve))
    offset = 132 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, offset + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    space = b"GRAY" if to_xyz is None else b"RGB "
    header = struct.pack(
        ">I4s4s4s4s4s", 128 + len(table) + len(body), bytes(4), b"\x04\x30\0\0", b"mntr", space, b"XYZ "
    )
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3i", *(round(value * 65536) for value in D50))
    return header.ljust(128, b"\0") + table + body


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">III2s2sII", 0, 1, 12, b"en", b"GB", len(encoded), 28) + encoded


def _xyz(values: tuple[float, ...] | np.ndarray) -> bytes:
    return b"XYZ " + struct.pack(">I3i", 0, *(round(float(value) * 65536) for value in values))


def _curve(curve: PowerCurve) -> bytes:
    if curve == PowerCurve.gamma(curve.g):
        numbers, kind = (curve.g,), 0
    else:
        numbers, kind = (curve.g, curve.a, curve.b, curve.c, curve.d), 3
    return b"para" + struct.pack(f">IHH{len(numbers)}i", 0, kind, 0, *(round(value * 65536) for value in numbers))
