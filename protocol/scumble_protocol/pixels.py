"""Where a client's pixels lie: in the session's segments, or inline where the folder cannot be shared."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Dict, Iterable, Iterator, List, Optional, Set, Union

from .errors import Invalid, OutOfMemory
from .image import MAX_PIXELS, MAX_SIDE_PX, SRGB, Bounds, Raster, SegmentSlice
from .messages import Preview, Result
from .segments import SegmentFolder, SegmentPool, SegmentViews


@dataclass(frozen=True)
class OutgoingRaster:
    """Room for a layer's pixels. `memory`: exactly `raster.nbytes`, to be written into · `raster`: for the job."""

    raster: Raster
    memory: memoryview


class SessionPixels:
    """Hands out memory to write layers into, and shows the pixels of results."""

    def __init__(self, folder: str = "") -> None:
        """`folder`: the session's segments; "" or one that cannot be used: pixels travel inline."""
        self._folder: Optional[SegmentFolder] = None
        self._pool: Optional[SegmentPool] = None
        self._views: Optional[SegmentViews] = None
        self._uses: "Counter[str]" = Counter()  # by how many open jobs
        self._profiles: Dict[str, bytes] = {}
        self._known: Set[str] = set()
        if folder:
            try:
                self._folder = SegmentFolder(folder)
            except Invalid:
                return
            self._pool = SegmentPool(self._folder, "c")
            self._views = SegmentViews(self._folder)

    @property
    def shares_memory(self) -> bool:
        return self._pool is not None

    def raster(self, bounds: Bounds, depth: str, channels: str, profile: Optional[bytes] = None) -> OutgoingRaster:
        name = digest(profile) if profile else SRGB
        if profile:
            self._profiles[name] = bytes(profile)
        nbytes = Raster(bounds, depth, channels, b"", name).nbytes
        if bounds.is_empty:
            raise Invalid("There are no pixels in an empty rectangle.")
        if max(bounds.width, bounds.height) > MAX_SIDE_PX or bounds.area > MAX_PIXELS:
            raise Invalid(
                f"A layer of {bounds.width} × {bounds.height} pixels is too large.",
                f"At most {MAX_PIXELS >> 20} megapixels can be sent: use a smaller layer.",
            )
        if self._pool is not None:
            try:
                lease = self._pool.allocate(nbytes)
                return OutgoingRaster(Raster(bounds, depth, channels, lease.slice, name), lease.memory)
            except (OutOfMemory, Invalid):
                pass  # the disk is full or the folder is not writable from here: inline works, only more slowly
        try:
            memory = memoryview(bytearray(nbytes))
        except MemoryError:
            raise OutOfMemory(f"There is no memory for {nbytes >> 20} MiB of pixels.", "Use a smaller layer.") from None
        return OutgoingRaster(Raster(bounds, depth, channels, memory, name), memory)

    def view(self, raster: Raster) -> memoryview:
        """The pixels of a result, read-only and uncopied. Raises: Invalid where their segment is gone or too short."""
        if not isinstance(raster.data, SegmentSlice):
            return memoryview(raster.data).cast("B").toreadonly()
        if self._views is None:
            raise Invalid("The result lies in a segment, but this session has none.")
        return self._views.view(raster.data)

    # --- who uses what -------------------------------------------------------------------------------------------

    def hold(self, names: Set[str]) -> None:
        """A job takes these segments. Raises: Invalid where one was given back already."""
        mine = self._pool.used if self._pool is not None else []
        for name in names:
            if name not in mine:
                raise Invalid(f"The pixels in {name} were given back with the job before.", "Send them anew.")
        self._uses.update(names)

    def let_go(self, names: Set[str]) -> None:
        """A job that had these segments is over."""
        for name in names:
            self._uses[name] -= 1
            if self._uses[name] <= 0:
                del self._uses[name]
                if self._pool is not None:
                    self._pool.release(name)

    def discard(self, raster: Raster) -> None:
        """Give back room that was never submitted."""
        if isinstance(raster.data, SegmentSlice) and not self._uses[raster.data.segment] and self._pool is not None:
            self._pool.release(raster.data.segment)

    # --- profiles ------------------------------------------------------------------------------------------------

    def unsent_profiles(self, rasters: Iterable[Raster]) -> Dict[str, bytes]:
        """The bytes of the rasters' profiles that the daemon has not. Raises: Invalid where nobody has."""
        unsent = {raster.profile for raster in rasters} - self._known - {SRGB}
        for name in unsent - set(self._profiles):
            raise Invalid(f"The colour profile {name[:12]}… was never given.")
        return {name: self._profiles[name] for name in unsent}

    def profiles_arrived(self, names: Set[str]) -> None:
        self._known |= names

    def close(self) -> None:
        if self._views is not None:
            self._views.close()
        if self._pool is not None:
            self._pool.close()
        if self._folder is not None:
            self._folder.close()
        self._pool = self._views = self._folder = None


def digest(profile: Union[bytes, bytearray, memoryview]) -> str:
    """The name of an ICC profile on the wire."""
    return hashlib.sha256(profile).hexdigest()


def rasters_of(message: Union[Result, Preview]) -> Iterator[Raster]:
    for layer in message.layers:
        yield layer.raster
        if layer.mask is not None:
            yield layer.mask
    beside = message.picture if isinstance(message, Preview) else message.selection
    if beside is not None:
        yield beside


def segments_of(rasters: Iterator[Raster]) -> List[str]:
    """The names of the segments that these lie in, each once."""
    return sorted({raster.data.segment for raster in rasters if isinstance(raster.data, SegmentSlice)})
