"""The pixels of each session as the worker sees them: views of the client's segments, reused segments of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scumble_protocol.errors import Invalid, OutOfMemory
from scumble_protocol.image import Raster, SegmentSlice
from scumble_protocol.segments import SegmentFolder, SegmentPool, SegmentViews

from ..context import private_bytes

KEPT_BYTES = 256 << 20  # of segments for jobs to come, in and out: a layer of 4096 × 4096 floats


@dataclass(frozen=True)
class Pixels:
    """How one job's pixels come in and go out: through the session's segments, or inline where it has none."""

    views: SegmentViews | None = None
    pool: SegmentPool | None = None

    def open(self, raster: Raster) -> Raster:
        """The same raster with its bytes at hand, uncopied. Raises: Invalid where the segment is not as promised."""
        if not isinstance(raster.data, SegmentSlice):
            return raster
        if self.views is None:
            raise Invalid("The job names a segment, but the session has none.", "Send the pixels with the message.")
        return replace(raster, data=self.views.view(raster.data))

    def like(self, image: Raster) -> Pixels:
        """Results go out the way the image came in: a sandboxed client may not see the folder it was offered."""
        return self if isinstance(image.data, SegmentSlice) else replace(self, pool=None)

    def room(self, large_bytes: int) -> Room:
        return Room(self.pool, large_bytes)

    def store(self, raster: Raster) -> Raster:
        """Put the raster's bytes where the client can read them without the server touching them, if there is room."""
        if self.pool is None or isinstance(raster.data, SegmentSlice):
            return raster
        try:
            lease = self.pool.allocate(raster.nbytes)
        except OutOfMemory:  # of the disk: inline needs none of it
            return raster
        np.frombuffer(lease.memory, np.uint8)[:] = np.frombuffer(raster.data, np.uint8)  # pyright: ignore
        return replace(raster, data=lease.slice)


class Room:
    """Room for results that an operation fills itself: a large one where the client will read it, so that it is never
    there twice. What was made in a `with` block that fails is given back."""

    def __init__(self, pool: SegmentPool | None, large_bytes: int) -> None:
        self._pool = pool
        self._large_bytes = large_bytes
        self._leases: list[SegmentSlice] = []

    def make(self, length: int) -> tuple[memoryview, memoryview | SegmentSlice]:
        """Writable bytes, and what a `Raster` of them has as its data."""
        if self._pool is not None and length > self._large_bytes:
            with contextlib.suppress(OutOfMemory):
                lease = self._pool.allocate(length)
                self._leases.append(lease.slice)
                return lease.memory, lease.slice
        return private_bytes(length)

    def __enter__(self) -> Room:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._pool is not None:
            for slice in self._leases:
                self._pool.release(slice.segment)


class SessionSegments:
    """The open segments of every live session. A client that stops releasing has its own folder fill up, no other's."""

    def __init__(self) -> None:
        self._sessions: dict[str, Pixels] = {}

    def of(self, session: str, folder: str) -> Pixels:
        if not folder:
            return Pixels()
        if session not in self._sessions:
            shared = SegmentFolder(Path(folder))
            views, pool = SegmentViews(shared, KEPT_BYTES), SegmentPool(shared, "w", KEPT_BYTES)
            self._sessions[session] = Pixels(views, pool)
        return self._sessions[session]

    def release(self, session: str, names: Sequence[str]) -> None:
        pixels = self._sessions.get(session)
        if pixels is not None and pixels.pool is not None and pixels.views is not None:
            for name in names:
                pixels.pool.release(name)
            pixels.views.tidy()

    def forget(self, session: str) -> None:
        pixels = self._sessions.pop(session, None)
        if pixels is not None:
            assert pixels.views is not None
            assert pixels.pool is not None
            pixels.views.close()
            pixels.pool.close()
