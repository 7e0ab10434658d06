"""The two doors of the wire: `encode(message) -> frames` and `decode(frames) -> message`.

A message is one header frame (msgpack: `v`, `type` and the message's own fields) and its blobs as raw frames.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Sequence

from .errors import Invalid, Unsupported
from .fields import MAX_BLOBS, Blobs
from .messages import NAMES, TYPES, VERSION, Message

try:  # in an editor: the pure-Python copy that `scumble setup` put beside this package
    from ._vendor import msgpack  # type: ignore[import-not-found]
except ImportError:
    import msgpack

MAX_HEADER_BYTES = 4 << 20


def encode(message: Message) -> List[Any]:
    """Turn a message into frames: `[header, blob 0, …, blob n]`. Blobs are the caller's own buffers, uncopied."""
    blobs = Blobs()
    header: Dict[str, Any] = {"v": VERSION, "type": NAMES[type(message)]}
    for spec in dataclasses.fields(message):
        header[spec.name] = spec.metadata["codec"].pack(getattr(message, spec.name), blobs)
    return [msgpack.packb(header, use_bin_type=True), *blobs.frames]


def decode(frames: Sequence[Any]) -> Message:
    """Read frames from anyone, checked before anything is allocated.

    Fields this version does not know are ignored. Blobs stay the buffers they came in, as memoryviews.
    Raises: Invalid · Unsupported (another protocol version, an unknown message type)
    """
    header = read_header(frames)
    version, name = header.get("v"), header.get("type")
    if version != VERSION:
        raise Unsupported(
            f"This Scumble speaks protocol version {VERSION}, the other side {version!r}.",
            "Update both: run `scumble setup` again, then restart the editor.",
        )
    kind = TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Unsupported(f"Unknown message type {name!r}.", "The other side is newer: update Scumble.")
    blobs = Blobs(frames[1:])
    values = {}
    for spec in dataclasses.fields(kind):
        if spec.name in header:
            try:
                values[spec.name] = spec.metadata["codec"].unpack(header[spec.name], blobs)
            except Invalid as error:
                raise Invalid(f"{name}.{spec.name}: {error.message}", error.hint) from None
        elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
            raise Invalid(f"The message {name} lacks «{spec.name}».")
    return kind(**values)


def read_header(frames: Sequence[Any]) -> Dict[str, Any]:
    """The header as a plain table, enough to learn which request a message that does not decode belongs to."""
    if not frames:
        raise Invalid("An empty message.")
    if len(frames) > 1 + MAX_BLOBS:
        raise Invalid(f"A message of {len(frames)} frames; at most {1 + MAX_BLOBS} are read.")
    size = memoryview(frames[0]).nbytes
    if size > MAX_HEADER_BYTES:
        raise Invalid(f"A header of {size} bytes; at most {MAX_HEADER_BYTES} are read.")
    try:
        header = msgpack.unpackb(bytes(frames[0]), raw=False, strict_map_key=True)
    except Exception as error:  # msgpack raises half a dozen unrelated kinds on bad data
        raise Invalid(f"The header is not msgpack: {type(error).__name__}.") from None
    if not isinstance(header, dict):
        raise Invalid("The header is not a table.")
    return header
