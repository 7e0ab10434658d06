"""Hypothesis strategies for every message of the protocol, within the limits that PROTOCOL.md states."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from hypothesis import strategies as st
from scumble_protocol import messages
from scumble_protocol.errors import CODES
from scumble_protocol.fields import COORDINATE_LIMIT
from scumble_protocol.image import (
    BLEND_MODES,
    BYTES_PER_SAMPLE,
    CHANNEL_COUNT,
    Bounds,
    Layer,
    Point,
    Raster,
    Reference,
    ReferenceLayer,
    SegmentSlice,
)

texts = st.text(max_size=60)
digests = st.binary(max_size=8).map(lambda data: hashlib.sha256(data).hexdigest())
coordinates = st.integers(-COORDINATE_LIMIT, COORDINATE_LIMIT)
bounds = st.builds(Bounds, coordinates, coordinates, *2 * [st.integers(1, COORDINATE_LIMIT)])
plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
tables = st.dictionaries(texts, plain_values, max_size=5)


@st.composite
def rasters(draw: st.DrawFn, channels: tuple[str, ...] = tuple(CHANNEL_COUNT)) -> Raster:
    area = Bounds(draw(coordinates), draw(coordinates), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    empty = Raster(area, draw(st.sampled_from(tuple(BYTES_PER_SAMPLE))), draw(st.sampled_from(channels)), b"")
    if draw(st.booleans()):
        name = draw(st.from_regex(r"[cw]-[0-9]{1,9}", fullmatch=True))
        data: Any = SegmentSlice(name, draw(st.integers(0, 1 << 40)), empty.nbytes)
    else:
        data = draw(st.binary(min_size=empty.nbytes, max_size=empty.nbytes))
    return dataclasses.replace(empty, data=data, profile=draw(st.just("") | digests))


masks = rasters(channels=("GRAY",))
layers = st.builds(
    Layer,
    name=texts,
    raster=rasters(),
    mask=st.none() | masks,
    blend_mode=st.sampled_from(BLEND_MODES),
    opacity=st.floats(0, 1),
    recipe=tables,
    visible=st.booleans(),
)
layer_stacks = st.lists(layers, max_size=3).map(tuple)
points = st.builds(Point, *2 * [st.floats(-1e9, 1e9)], st.booleans())

_FIELDS: dict[tuple[type, str], st.SearchStrategy[Any]] = {
    (messages.Hello, "segments"): st.booleans(),
    (messages.Hello, "sandboxed"): st.booleans(),
    (messages.Submit, "image"): rasters(),
    (messages.Submit, "canvas"): bounds,
    (messages.Submit, "parameters"): tables,
    (messages.Submit, "selection"): st.none() | masks,
    (messages.Submit, "points"): st.lists(points, max_size=4).map(tuple),
    (messages.Submit, "box"): st.none() | bounds,
    (messages.Submit, "reference"): st.none() | st.builds(Reference, texts, st.binary(max_size=50)),
    (messages.Submit, "reference_layer"): st.none() | st.builds(ReferenceLayer, texts, texts, rasters()),
    (messages.Submit, "priority"): st.sampled_from(messages.PRIORITIES),
    (messages.Submit, "profiles"): st.dictionaries(digests, st.binary(max_size=50), max_size=2),
    (messages.Submit, "previews"): st.integers(0, messages.MOST_PREVIEW_PX),
    (messages.Release, "segments"): st.lists(texts, max_size=4).map(tuple),
    (messages.Welcome, "pid"): st.integers(0, 1 << 32),
    (messages.Catalogue, "catalogue"): tables,
    (messages.Status, "status"): tables,
    (messages.Freed, "models"): st.lists(texts, max_size=4).map(tuple),
    (messages.Freed, "in_use"): st.lists(texts, max_size=4).map(tuple),
    (messages.Freed, "bytes"): st.integers(0, 1 << 50),
    (messages.Accepted, "position"): st.integers(0, 1 << 20),
    (messages.Progress, "fraction"): st.floats(-1, 1),
    (messages.Preview, "layers"): layer_stacks,
    (messages.Preview, "picture"): st.none() | rasters(),
    (messages.Preview, "place"): st.none() | bounds,
    (messages.Result, "layers"): layer_stacks,
    (messages.Result, "selection"): st.none() | masks,
    (messages.Result, "document"): st.none() | bounds,
    (messages.Result, "notes"): st.lists(texts, max_size=3).map(tuple),
    (messages.Result, "timings"): st.dictionaries(texts, st.floats(0, 1e6), max_size=4),
    (messages.GetModels, "watch"): st.booleans(),
    (messages.FetchModel, "agreed"): st.booleans(),
    (messages.Models, "models"): st.lists(tables, max_size=3).map(tuple),
    (messages.Fetching, "done_bytes"): st.integers(0, 1 << 50),
    (messages.Fetching, "whole_bytes"): st.integers(-1, 1 << 50),
    (messages.Removed, "bytes"): st.integers(0, 1 << 50),
    (messages.Failure, "code"): st.sampled_from(tuple(CODES)),
}


def message_of(kind: type) -> st.SearchStrategy[Any]:
    """Any valid message of one kind."""
    return st.builds(kind, **{spec.name: _FIELDS.get((kind, spec.name), texts) for spec in dataclasses.fields(kind)})


any_message = st.sampled_from(tuple(messages.TYPES.values())).flatmap(message_of)
