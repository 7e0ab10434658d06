"""Field codecs: how each kind of message field is packed, and which limits unpacking enforces.

A codec's `pack` turns a value into plain msgpack values, handing pixels and files to the `Blobs` it is given; its
`unpack` does the reverse on data nobody has vouched for, and raises `Invalid` before anything large is allocated.
"""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any, Callable, Dict, List, Sequence, Tuple, Type, TypeVar, Union

from .errors import Invalid
from .image import (
    BLEND_MODES,
    BYTES_PER_SAMPLE,
    CHANNEL_COUNT,
    MAX_PIXELS,
    MAX_SIDE_PX,
    Bounds,
    Layer,
    Point,
    Raster,
    Reference,
    ReferenceLayer,
    SegmentSlice,
)

MAX_TEXT = 4096
MAX_ITEMS = 4096
MAX_BLOBS = 256
MAX_REFERENCE_BYTES = 256 << 20
MAX_PROFILE_BYTES = 16 << 20
MAX_DEPTH = 12
COORDINATE_LIMIT = 1 << 30

SEGMENT_NAME = re.compile(r"[a-z]{1,8}-[0-9]{1,9}\Z")
DIGEST = re.compile(r"[0-9a-f]{64}\Z")

_Bytes = (bytes, bytearray, memoryview)
_Kind = TypeVar("_Kind")


class Blobs:
    """The raw frames that follow a header, collected while packing or looked up while unpacking."""

    def __init__(self, frames: Sequence[Any] = ()) -> None:
        self.frames: List[Any] = list(frames)

    def add(self, data: Any) -> int:
        self.frames.append(data)
        return len(self.frames) - 1

    def get(self, index: Any) -> memoryview:
        if type(index) is not int or not 0 <= index < len(self.frames):
            raise Invalid(f"The message names frame {index!r}, but has {len(self.frames)}.")
        return memoryview(self.frames[index]).cast("B")


@dataclasses.dataclass(frozen=True)
class Codec:
    pack: Callable[[Any, Blobs], Any]
    unpack: Callable[[Any, Blobs], Any]


def _field(codec: Codec, **default: Any) -> Any:
    return dataclasses.field(metadata={"codec": codec}, **default)


def _default(value: Any) -> Dict[str, Any]:
    if value is dataclasses.MISSING:
        return {}
    if isinstance(value, dict):
        return {"default_factory": dict}
    return {"default": value}


def _same(value: Any, _blobs: Blobs) -> Any:
    return value


def _expect(value: Any, kind: Union[Type[_Kind], Tuple[Type[_Kind], ...]], what: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Invalid(f"Expected {what}, got {type(value).__name__}.")
    return value


def _expect_map(value: Any, what: str) -> Dict[str, Any]:
    _expect(value, dict, what)
    if not all(isinstance(key, str) for key in value):
        raise Invalid(f"The keys of {what} have to be text.")
    return value


def _expect_list(value: Any, what: str, length: int = -1) -> Sequence[Any]:
    _expect(value, (list, tuple), what)
    if length >= 0 and len(value) != length:
        raise Invalid(f"Expected {what} of {length}, got {len(value)}.")
    if len(value) > MAX_ITEMS:
        raise Invalid(f"Too many items in {what}: {len(value)}, at most {MAX_ITEMS}.")
    return value


def _text(value: Any) -> str:
    _expect(value, str, "text")
    if len(value) > MAX_TEXT:
        raise Invalid(f"A text of {len(value)} characters is too long (at most {MAX_TEXT}).")
    return value


def _integer(value: Any, minimum: int, maximum: int) -> int:
    _expect(value, int, "a whole number")
    if not minimum <= value <= maximum:
        raise Invalid(f"{value} is outside {minimum} … {maximum}.")
    return value


def _number(value: Any, minimum: float, maximum: float) -> float:
    _expect(value, (int, float), "a number")
    if not math.isfinite(value) or not minimum <= value <= maximum:
        raise Invalid(f"{value} is outside {minimum} … {maximum}.")
    return float(value)


def _choice(value: Any, choices: Sequence[str], what: str) -> str:
    if value not in choices:
        raise Invalid(f"{value!r} is no {what}; known are {', '.join(choices)}.")
    return value


def check_plain(value: Any, depth: int = 0) -> Any:
    """Return `value` if it is plain JSON data of bounded depth; raise `Invalid` otherwise."""
    if depth > MAX_DEPTH:
        raise Invalid(f"The data is nested more than {MAX_DEPTH} deep.")
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Invalid(f"{value} is not a finite number.")
        return value
    if isinstance(value, (list, tuple)):
        return [check_plain(item, depth + 1) for item in value]
    return {key: check_plain(item, depth + 1) for key, item in _expect_map(value, "a table").items()}


# --- simple fields -----------------------------------------------------------------------------------------------


def text(default: Any = dataclasses.MISSING) -> Any:
    return _field(Codec(_same, lambda value, _: _text(value)), **_default(default))


def integer(minimum: int, maximum: int, default: Any = dataclasses.MISSING) -> Any:
    return _field(Codec(_same, lambda value, _: _integer(value, minimum, maximum)), **_default(default))


def number(minimum: float, maximum: float, default: Any = dataclasses.MISSING) -> Any:
    return _field(Codec(_same, lambda value, _: _number(value, minimum, maximum)), **_default(default))


def boolean(default: Any = dataclasses.MISSING) -> Any:
    return _field(Codec(_same, lambda value, _: _expect(value, bool, "true or false")), **_default(default))


def choice(choices: Sequence[str], default: Any = dataclasses.MISSING) -> Any:
    return _field(Codec(_same, lambda value, _: _choice(value, choices, "choice")), **_default(default))


def plain(default: Any = dataclasses.MISSING) -> Any:
    """A table of plain JSON values."""
    return _field(Codec(_same, lambda value, _: check_plain(_expect_map(value, "a table"))), **_default(default))


def tables() -> Any:
    """A list of tables of plain JSON values."""

    def unpack(value: Any, _blobs: Blobs) -> Tuple[Dict[str, Any], ...]:
        items = _expect_list(value, "a list of tables")
        return tuple(check_plain(_expect_map(item, "a table")) for item in items)

    return _field(Codec(lambda value, _: list(value), unpack), default=())


def texts() -> Any:
    def unpack(value: Any, _blobs: Blobs) -> Tuple[str, ...]:
        return tuple(_text(item) for item in _expect_list(value, "a list of texts"))

    return _field(Codec(lambda value, _: list(value), unpack), default=())


# --- geometry ----------------------------------------------------------------------------------------------------


def _pack_bounds(value: Bounds, _blobs: Blobs) -> List[int]:
    return [value.x, value.y, value.width, value.height]


def _unpack_bounds(value: Any, _blobs: Blobs) -> Bounds:
    x, y, width, height = _expect_list(value, "bounds", 4)
    return Bounds(
        _integer(x, -COORDINATE_LIMIT, COORDINATE_LIMIT),
        _integer(y, -COORDINATE_LIMIT, COORDINATE_LIMIT),
        _integer(width, 1, COORDINATE_LIMIT),
        _integer(height, 1, COORDINATE_LIMIT),
    )


def _optional(codec: Codec) -> Codec:
    return Codec(
        lambda value, blobs: None if value is None else codec.pack(value, blobs),
        lambda value, blobs: None if value is None else codec.unpack(value, blobs),
    )


def _maybe(codec: Codec, optional: bool) -> Any:
    return _field(_optional(codec), default=None) if optional else _field(codec)


def bounds(optional: bool = False) -> Any:
    return _maybe(Codec(_pack_bounds, _unpack_bounds), optional)


def points() -> Any:
    def pack(value: Sequence[Point], _blobs: Blobs) -> List[List[Any]]:
        return [[point.x, point.y, point.include] for point in value]

    def unpack(value: Any, _blobs: Blobs) -> Tuple[Point, ...]:
        read = []
        for item in _expect_list(value, "points"):
            x, y, include = _expect_list(item, "a point", 3)
            limit = float(COORDINATE_LIMIT)
            read.append(
                Point(_number(x, -limit, limit), _number(y, -limit, limit), _expect(include, bool, "true or false"))
            )
        return tuple(read)

    return _field(Codec(pack, unpack), default=())


# --- pixels and files --------------------------------------------------------------------------------------------


def _pack_raster(value: Raster, blobs: Blobs) -> Dict[str, Any]:
    data = value.data
    if isinstance(data, SegmentSlice):
        where: Any = [data.segment, data.offset, data.length]
    else:
        where = blobs.add(data)
    return {
        "bounds": _pack_bounds(value.bounds, blobs),
        "depth": value.depth,
        "channels": value.channels,
        "profile": value.profile,
        "data": where,
    }


def _unpack_raster(value: Any, blobs: Blobs) -> Raster:
    table = _expect_map(value, "an image")
    area = _unpack_bounds(table.get("bounds"), blobs)
    if area.width > MAX_SIDE_PX or area.height > MAX_SIDE_PX or area.area > MAX_PIXELS:
        raise Invalid(
            f"An image of {area.width} × {area.height} pixels is too large.",
            f"At most {MAX_PIXELS >> 20} megapixels can be sent: use a smaller layer.",
        )
    profile = _text(table.get("profile", ""))
    if profile and not DIGEST.match(profile):
        raise Invalid("A colour profile is named by its sha256 digest.")
    depth = _choice(table.get("depth"), tuple(BYTES_PER_SAMPLE), "sample depth")
    channels = _choice(table.get("channels"), tuple(CHANNEL_COUNT), "channel order")
    where = table.get("data")
    data: Any
    if isinstance(where, (list, tuple)):
        segment, offset, length = _expect_list(where, "a segment slice", 3)
        if not isinstance(segment, str) or not SEGMENT_NAME.match(segment):
            raise Invalid("A segment is given by its name, such as «c-1».")
        data = SegmentSlice(segment, _integer(offset, 0, 1 << 40), _integer(length, 1, 1 << 40))
        actual = data.length
    else:
        data = blobs.get(where)
        actual = data.nbytes
    read = Raster(area, depth, channels, data, profile)
    if actual != read.nbytes:
        raise Invalid(
            f"An image of {area.width} × {area.height} {channels} {depth} has {read.nbytes} bytes, not {actual}."
        )
    return read


def raster(optional: bool = False) -> Any:
    return _maybe(Codec(_pack_raster, _unpack_raster), optional)


def layers() -> Any:
    mask_codec = _optional(Codec(_pack_raster, _unpack_raster))

    def pack(value: Sequence[Layer], blobs: Blobs) -> List[Dict[str, Any]]:
        return [
            {
                "name": layer.name,
                "raster": _pack_raster(layer.raster, blobs),
                "mask": mask_codec.pack(layer.mask, blobs),
                "blend_mode": layer.blend_mode,
                "opacity": layer.opacity,
                "recipe": layer.recipe,
                "visible": layer.visible,
            }
            for layer in value
        ]

    def unpack(value: Any, blobs: Blobs) -> Tuple[Layer, ...]:
        read = []
        for item in _expect_list(value, "layers"):
            table = _expect_map(item, "a layer")
            read.append(
                Layer(
                    name=_text(table.get("name")),
                    raster=_unpack_raster(table.get("raster"), blobs),
                    mask=mask_codec.unpack(table.get("mask"), blobs),
                    blend_mode=_choice(table.get("blend_mode"), BLEND_MODES, "blend mode"),
                    opacity=_number(table.get("opacity"), 0, 1),
                    recipe=check_plain(_expect_map(table.get("recipe"), "a recipe")),
                    visible=_expect(table.get("visible", True), bool, "true or false"),
                )
            )
        return tuple(read)

    return _field(Codec(pack, unpack), default=())


def reference() -> Any:
    def pack(value: Reference, blobs: Blobs) -> List[Any]:
        return [value.name, blobs.add(value.data)]

    def unpack(value: Any, blobs: Blobs) -> Reference:
        name, index = _expect_list(value, "a reference file", 2)
        data = blobs.get(index)
        if data.nbytes > MAX_REFERENCE_BYTES:
            raise Invalid(
                f"The file {name} has {data.nbytes >> 20} MiB.", f"At most {MAX_REFERENCE_BYTES >> 20} MiB can be sent."
            )
        return Reference(_text(name), data)

    return _field(_optional(Codec(pack, unpack)), default=None)


def reference_layer() -> Any:
    def pack(value: ReferenceLayer, blobs: Blobs) -> List[Any]:
        return [value.name, value.document, _pack_raster(value.raster, blobs)]

    def unpack(value: Any, blobs: Blobs) -> ReferenceLayer:
        name, document, image = _expect_list(value, "a reference layer", 3)
        return ReferenceLayer(_text(name), _text(document), _unpack_raster(image, blobs))

    return _field(_optional(Codec(pack, unpack)), default=None)


def blob_map() -> Any:
    """ICC profiles by their sha256 digest."""

    def pack(value: Dict[str, Any], blobs: Blobs) -> Dict[str, int]:
        return {digest: blobs.add(data) for digest, data in value.items()}

    def unpack(value: Any, blobs: Blobs) -> Dict[str, bytes]:
        read = {}
        for digest, index in _expect_map(value, "the profiles").items():
            data = blobs.get(index)
            if not DIGEST.match(digest) or data.nbytes > MAX_PROFILE_BYTES:
                raise Invalid("A colour profile is named by its sha256 digest and has at most 16 MiB.")
            read[digest] = bytes(data)
        return read

    return _field(Codec(pack, unpack), default_factory=dict)
