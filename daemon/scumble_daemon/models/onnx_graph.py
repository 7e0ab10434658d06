"""Read an ONNX file: its nodes in the order in which they run, and the tensors they take. Nothing is run.

The file is a protobuf message (https://protobuf.dev/programming-guides/encoding/) whose fields have the numbers of
`onnx.proto` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Only what networks of ours need is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_protocol.errors import Invalid, MissingModel

if TYPE_CHECKING:
    import torch

MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INITIALIZER = 1, 5
NODE_INPUT, NODE_OPERATION = 1, 4
TENSOR_DIMS, TENSOR_TYPE, TENSOR_FLOATS, TENSOR_NAME, TENSOR_RAW = 1, 2, 4, 8, 9
FLOAT = 1  # of TensorProto.DataType
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
LARGEST_BYTES = 2 << 30  # a protobuf message cannot be larger


@dataclass(frozen=True)
class Node:
    operation: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    nodes: tuple[Node, ...]
    tensors: dict[str, torch.Tensor]


def read(file: Path) -> Graph:
    """Raises: MissingModel, Invalid."""
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise ValueError("it is too large")
        return _graph(memoryview(file.read_bytes()))
    except FileNotFoundError:
        raise MissingModel(f"{file.name} is gone.", f"It was in {file.parent}.") from None
    except (ValueError, IndexError, OSError) as error:
        raise Invalid(f"{file.name} is no ONNX file: {error}.", "Fetch it again.") from None


def _graph(content: memoryview) -> Graph:
    nodes: list[Node] = []
    tensors = {}
    for part in (value for number, value in _fields(content) if number == MODEL_GRAPH):
        for number, value in _fields(part):
            if number == GRAPH_NODE:
                nodes.append(_node(value))
            elif number == GRAPH_INITIALIZER:
                name, tensor = _tensor(value)
                if tensor is not None:
                    tensors[name] = tensor
    if not nodes:
        raise ValueError("it has no graph")
    return Graph(tuple(nodes), tensors)


def _node(content: memoryview) -> Node:
    fields = list(_fields(content))
    inputs = tuple(_text(value) for number, value in fields if number == NODE_INPUT)
    return Node(next((_text(value) for number, value in fields if number == NODE_OPERATION), ""), inputs)


def _tensor(content: memoryview) -> tuple[str, torch.Tensor | None]:
    """Its name and what it holds, in fp32; None for other kinds of numbers: they are shapes and the like."""
    import torch

    dims: list[int] = []
    held: dict[int, Any] = {}
    for number, value in _fields(content):
        if number == TENSOR_DIMS:
            dims += _varints(value) if isinstance(value, memoryview) else [value]
        else:
            held[number] = value
    name = _text(held[TENSOR_NAME]) if TENSOR_NAME in held else ""
    raw = held.get(TENSOR_RAW, held.get(TENSOR_FLOATS))
    if held.get(TENSOR_TYPE) != FLOAT or not isinstance(raw, memoryview):
        return name, None
    if len(raw) != 4 * math.prod(dims):
        raise ValueError(f"the tensor {name} has {len(raw)} bytes for {dims}")
    return name, torch.frombuffer(bytearray(raw), dtype=torch.float32).reshape(dims)


# --- protobuf ----------------------------------------------------------------------------------------------------


def _fields(content: memoryview) -> Iterator[tuple[int, Any]]:
    """Numbers and values of a message's fields: ints, or what has a length as it stands there."""
    if not isinstance(content, memoryview):
        raise ValueError("a number stands where a message should")
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, place = _varint(content, place)
        else:
            if kind == BYTES:
                length, place = _varint(content, place)
            elif kind in FIXED_BYTES:
                length = FIXED_BYTES[kind]
            else:
                raise ValueError("it has a field of an unknown kind")
            value, place = content[place : place + length], place + length
            if place > len(content):
                raise ValueError("it is cut short")
        yield number, value


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for step in range(10):
        byte = content[place + step]
        value |= (byte & 0x7F) << (7 * step)
        if byte < 0x80:
            return value, place + step + 1
    raise ValueError("a number does not end")


def _varints(content: memoryview) -> list[int]:
    values, place = [], 0
    while place < len(content):
        value, place = _varint(content, place)
        values.append(value)
    return values


def _text(value: Any) -> str:
    return bytes(value).decode("utf-8") if isinstance(value, memoryview) else ""
