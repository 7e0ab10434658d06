"""Finished results by what they were made from, so that the same click twice costs nothing."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scumble_protocol.image import Bounds, Layer, Raster, SegmentSlice
from scumble_protocol.messages import Submit


@dataclass(frozen=True)
class Finished:
    """What an operation gave, already in the document's own representation. `is_whole`: it was not finished early."""

    layers: tuple[Layer, ...]
    selection: Raster | None
    notes: tuple[str, ...]
    document: Bounds | None = None
    is_whole: bool = True

    @property
    def nbytes(self) -> int:
        return sum(raster.nbytes for raster in self._rasters)

    @property
    def can_be_kept(self) -> bool:
        """Not where some of it lies where the client reads it: once that is done it will be written over."""
        return self.is_whole and not any(isinstance(raster.data, SegmentSlice) for raster in self._rasters)

    @property
    def _rasters(self) -> list[Raster]:
        rasters = [self.selection, *(layer.raster for layer in self.layers), *(layer.mask for layer in self.layers)]
        return [raster for raster in rasters if raster is not None]


class ResultCache:
    """Least recently used out first, within a budget of bytes."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self._entries: OrderedDict[str, Finished] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> Finished | None:
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: str, finished: Finished) -> None:
        if finished.nbytes > self.budget_bytes or key in self._entries:
            return
        self._entries[key] = finished
        self._bytes += finished.nbytes
        while self._bytes > self.budget_bytes:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= oldest.nbytes


def key(submit: Submit, image: bytes, version: int, parameters: dict[str, object], models: Sequence[str] = ()) -> str:
    """Digest of (operation, version, canonical parameters, every input, the `models` there are to choose from); the
    rasters' bytes have to be at hand, and those of the layer are known by the digest `image`."""
    digest = hashlib.sha256()
    plain = {
        "operation": submit.operation,
        "version": version,
        "parameters": parameters,
        "models": list(models),
        "canvas": repr(submit.canvas),
        "points": repr(submit.points),
        "box": repr(submit.box),
        "source": submit.source,
        "reference": submit.reference.name if submit.reference else None,
        "layer": [submit.reference_layer.name, submit.reference_layer.document] if submit.reference_layer else None,
        "rasters": [repr(replace(raster, data=b"")) for raster in submit.rasters],
    }
    digest.update(json.dumps(plain, sort_keys=True).encode())
    digest.update(image)
    for raster in submit.rasters:
        if raster is not submit.image:
            digest.update(raster.data)  # pyright: ignore[reportArgumentType]
    if submit.reference is not None:
        digest.update(submit.reference.data)
    return digest.hexdigest()
