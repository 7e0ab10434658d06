"""Between a document's own colour encoding and float sRGB, without clipping and without loss."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from scumble_protocol.errors import Invalid

from . import icc

CHUNK_PIXELS = 1 << 16  # a chunk of doubles stays in the processor's cache: twice as fast
LUMINANCE = icc.SRGB_TO_XYZ[1] / icc.SRGB_TO_XYZ[1].sum()


def to_srgb(native_colour: np.ndarray, profile: bytes | None) -> np.ndarray:
    """H×W×3 float32, sRGB-encoded, from H×W×(3|1) in the encoding of `profile` (None: sRGB already).

    Colours outside sRGB lie outside [0, 1]: the curve is mirrored below 0 and goes on above 1. Raises: Invalid.
    """
    if profile is None and native_colour.shape[2] == 3:
        return native_colour
    space = _space(profile)
    if space.is_srgb and native_colour.shape[2] == 3:
        return native_colour
    out = np.empty((*native_colour.shape[:2], 3), np.float32)
    return _by_chunks(space.decode, native_colour, out)


def from_srgb(rgb: np.ndarray, profile: bytes | None, grey: bool) -> np.ndarray:
    """The inverse of `to_srgb`: H×W×3, or for a `grey` document H×W×1 of the same luminance. Raises: Invalid."""
    space = _space(profile)
    if space.is_srgb and not grey:
        return rgb
    out = np.empty((*rgb.shape[:2], 1 if grey else 3), np.float32)
    return _by_chunks(space.encode_grey if grey else space.encode, rgb, out)


def extend_under_transparency(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`rgb` with the colour of the nearest pixel that shows wherever `alpha` is 0: no halo can come from there."""
    shows = alpha > 0
    if shows.all() or not shows.any():
        return rgb
    _, labelled = cv2.distanceTransformWithLabels(
        (~shows).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = np.asarray(labelled, np.int32)
    nearest = np.zeros(int(labels.max()) + 1, np.int64)  # label → flat index of the showing pixel it stands for
    nearest[labels[shows]] = np.flatnonzero(shows)
    extended = rgb.copy()
    extended[~shows] = rgb.reshape(-1, 3)[nearest[labels[~shows]]]
    return extended


def standard_profile(name: str) -> bytes:
    """ICC bytes of a common editing space, see STANDARD_SPACES."""
    description, to_xyz, curve = STANDARD_SPACES[name]
    return icc.write(description, to_xyz, curve)


_DISPLAY_P3 = icc.primaries_to_xyz(((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)))  # SMPTE EG 432-1
_ADOBE = icc.primaries_to_xyz(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)))  # Adobe RGB (1998)
_PROPHOTO = icc.primaries_to_xyz(((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), (0.3457, 0.3585))  # ROMM
_REC2020 = icc.primaries_to_xyz(((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)))  # ITU-R BT.2020
_LINEAR = icc.PowerCurve(1)

STANDARD_SPACES: dict[str, tuple[str, np.ndarray | None, icc.PowerCurve]] = {
    "srgb": ("sRGB", icc.SRGB_TO_XYZ, icc.SRGB_CURVE),
    "linear-srgb": ("Linear sRGB", icc.SRGB_TO_XYZ, _LINEAR),
    "display-p3": ("Display P3", _DISPLAY_P3, icc.SRGB_CURVE),
    "adobe-rgb": ("Compatible with Adobe RGB (1998)", _ADOBE, icc.PowerCurve.gamma(563 / 256)),
    "prophoto": ("ROMM RGB, gamma 1.8", _PROPHOTO, icc.PowerCurve.gamma(1.8)),
    "linear-rec2020": ("Linear Rec. 2020", _REC2020, _LINEAR),
    "grey-gamma-2.2": ("Grey, gamma 2.2", None, icc.PowerCurve.gamma(2.2)),
    "grey-srgb": ("Grey, sRGB curve", None, icc.SRGB_CURVE),
    "linear-grey": ("Linear grey", None, _LINEAR),
}


# --- spaces ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Space:
    """How one profile's colours become sRGB-encoded floats and back; `to_linear_srgb` is None for grey."""

    curves: tuple[icc.Curve, ...]
    to_linear_srgb: np.ndarray | None
    is_srgb: bool

    def decode(self, native: np.ndarray) -> np.ndarray:
        if native.shape[2] == 1 and self.curves[0] == icc.SRGB_CURVE:
            return np.repeat(native, 3, axis=2)
        linear = self._through_curves(native, "to_linear")
        if linear.shape[2] == 1:
            return np.repeat(icc.SRGB_CURVE.from_linear(linear), 3, axis=2)
        if self.to_linear_srgb is not None:
            linear = cv2.transform(linear, self.to_linear_srgb)
        return icc.SRGB_CURVE.from_linear(linear)

    def encode(self, rgb: np.ndarray) -> np.ndarray:
        linear = icc.SRGB_CURVE.to_linear(rgb)
        if self.to_linear_srgb is not None:
            linear = cv2.transform(linear, np.linalg.inv(self.to_linear_srgb))
        return self._through_curves(linear, "from_linear")

    def encode_grey(self, rgb: np.ndarray) -> np.ndarray:
        luminance = icc.SRGB_CURVE.to_linear(rgb) @ LUMINANCE
        return self._through_curves(luminance[..., None], "from_linear")

    def _through_curves(self, values: np.ndarray, direction: str) -> np.ndarray:
        if values.shape[2] == 1 or all(curve == self.curves[0] for curve in self.curves):
            return getattr(self.curves[0], direction)(values)
        each = zip(self.curves, np.moveaxis(values, 2, 0), strict=True)
        return np.stack([getattr(curve, direction)(np.ascontiguousarray(plane)) for curve, plane in each], axis=2)


class _TableSpace:
    """A profile built on tables, through LittleCMS: within sRGB, and the way back is as good as its tables."""

    is_srgb = False

    def __init__(self, profile: bytes) -> None:
        import imagecodecs

        self._profile = profile
        self._srgb = standard_profile("srgb")
        self._transform = imagecodecs.cms_transform

    def decode(self, native: np.ndarray) -> np.ndarray:
        return self._convert(native.astype(np.float32), self._profile, self._srgb)

    def encode(self, rgb: np.ndarray) -> np.ndarray:
        return self._convert(rgb.astype(np.float32), self._srgb, self._profile)

    def encode_grey(self, rgb: np.ndarray) -> np.ndarray:
        raise Invalid("The grey layer has an RGB profile.", "Assign a grey profile to the document and run again.")

    def _convert(self, colours: np.ndarray, source: bytes, target: bytes) -> np.ndarray:
        colours = np.ascontiguousarray(np.repeat(colours, 3, axis=2) if colours.shape[2] == 1 else colours)
        try:
            return self._transform(colours, source, target, colorspace="rgb", outcolorspace="rgb")
        except (RuntimeError, ValueError) as error:
            raise Invalid("The layer's colour profile is damaged.", "Assign another one and run again.") from error


def _space(profile: bytes | None) -> _Space | _TableSpace:
    if profile is None:
        return _Space((icc.SRGB_CURVE,), None, is_srgb=True)
    return _read_space(hashlib.sha256(profile).digest(), _Unhashed(profile))


class _Unhashed:
    """Profile bytes that stay out of a cache's key: the digest beside them is the key."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unhashed)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=32)
def _read_space(_digest: bytes, profile: _Unhashed) -> _Space | _TableSpace:
    read = icc.read(profile.data)
    if isinstance(read, icc.TableProfile):
        return _TableSpace(bytes(profile.data))
    if read.to_xyz is None:
        return _Space(read.curves, None, is_srgb=False)
    matrix = np.linalg.solve(icc.SRGB_TO_XYZ, read.to_xyz)
    white = matrix.sum(axis=1, keepdims=True)
    if np.abs(white - 1).max() < 0.01:
        matrix /= white  # the profile's rounded numbers must not tint what is neutral
    off_srgb = np.abs(matrix - np.eye(3)).max()
    if off_srgb < 2e-3 and all(_is_srgb_curve(curve) for curve in read.curves):
        return _Space(read.curves, None, is_srgb=True)
    return _Space(read.curves, None if off_srgb < 1e-3 else matrix, is_srgb=False)


def _is_srgb_curve(curve: icc.Curve) -> bool:
    steps = np.linspace(0, 1, 256)[:, None]
    return bool(np.abs(curve.to_linear(steps) - icc.SRGB_CURVE.to_linear(steps)).max() < 1e-4)


def _by_chunks(convert: Callable[[np.ndarray], np.ndarray], source: np.ndarray, out: np.ndarray) -> np.ndarray:
    """In doubles: float32 would cost a saturated 16-bit colour's dark channel up to three steps."""
    rows = max(1, CHUNK_PIXELS // max(1, source.shape[1]))
    for top in range(0, source.shape[0], rows):
        out[top : top + rows] = convert(np.ascontiguousarray(source[top : top + rows], dtype=np.float64))
    return out
