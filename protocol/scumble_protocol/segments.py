"""Pixels in memory-mapped files of the session's folder, shared by the processes of one machine and reused.

Segments are named (`c-1` made by the client, `w-1` by a worker), never given as paths. The names, the owners and the
sizes that the other side states are checked before memory is handed out.
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Union

from .errors import Invalid, OutOfMemory
from .fields import SEGMENT_NAME
from .image import SegmentSlice

GRANULE_BYTES = 64 << 10  # sizes are rounded up to this, so that layers of nearly the same size share a segment
MAX_WASTE = 4
MAX_FREE_BYTES = 1 << 30
_ZEROS = bytes(1 << 20)


class Segment:
    """One mapped file. `memory`: its bytes, writable for whoever made it."""

    def __init__(self, name: str, descriptor: int, size: int, writable: bool) -> None:
        self.name = name
        self.size = size
        self._map = mmap.mmap(descriptor, size, access=mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ)
        self.memory = memoryview(self._map)

    def close(self) -> None:
        """Let go of the mapping; it goes for good when the last view of its memory does."""
        try:
            self.memory.release()
            self._map.close()
        except BufferError:
            pass  # someone still reads from it


class SegmentFolder:
    """A session's folder, which only this user may enter. Raises: Invalid where it cannot be used."""

    def __init__(self, path: Union[str, Path]) -> None:
        self.path = Path(path)
        self._descriptor = -1
        try:
            if os.open in os.supports_dir_fd:
                self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                status = os.fstat(self._descriptor)
                _check_owner(status, "The segment folder")
                if stat.S_IMODE(status.st_mode) & 0o022:
                    raise Invalid("Others may write to the segment folder.")
            elif not self.path.is_dir():
                raise NotADirectoryError
        except OSError as error:
            raise Invalid(f"The segment folder cannot be opened ({error}).") from None
        except Invalid:
            self.close()
            raise

    def create(self, name: str, size: int) -> Segment:
        """A new segment, its room on the disk taken at once.

        Raises: Invalid (the name is taken or is none) · OutOfMemory (no room)
        """
        try:
            descriptor = self._open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            raise
        except OSError as error:
            raise Invalid(f"The segment {name} cannot be made ({error}).") from None
        try:
            _reserve(descriptor, size)
            return Segment(name, descriptor, size, writable=True)
        except (OSError, ValueError, OverflowError) as error:
            self.unlink(name)
            raise OutOfMemory(
                f"There is no room for {max(size >> 20, 1)} MiB of pixels ({error}).", "Free some disk space or memory."
            ) from None
        finally:
            os.close(descriptor)

    def open(self, name: str, writable: bool = False, minimum_bytes: int = 0) -> Segment:
        """Raises: Invalid where it is missing, a link, someone else's, no plain file, or under `minimum_bytes`."""
        try:
            descriptor = self._open(name, os.O_RDWR if writable else os.O_RDONLY)
        except OSError as error:
            raise Invalid(f"The segment {name} cannot be opened ({os.strerror(error.errno or 0)}).") from None
        try:
            size = _check_file(os.fstat(descriptor), name, minimum_bytes)
            return Segment(name, descriptor, size, writable)
        except (OSError, ValueError) as error:
            raise Invalid(f"The segment {name} cannot be mapped ({error}).") from None
        finally:
            os.close(descriptor)

    def stat(self, name: str) -> os.stat_result:
        """Raises: Invalid where there is none."""
        try:
            if self._descriptor >= 0:
                return os.stat(_checked(name), dir_fd=self._descriptor, follow_symlinks=False)
            return os.stat(self.path / _checked(name), follow_symlinks=False)
        except OSError as error:
            raise Invalid(f"The segment {name} is gone ({os.strerror(error.errno or 0)}).") from None

    def unlink(self, name: str) -> None:
        """Remove a segment's name; who has it mapped keeps its memory. A missing one is no error."""
        try:
            if self._descriptor >= 0:
                os.unlink(_checked(name), dir_fd=self._descriptor)
            else:
                os.unlink(self.path / _checked(name))
        except OSError:
            pass  # gone already; or still mapped, which Windows refuses: the daemon deletes the folder in the end

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self, name: str, flags: int) -> int:
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        flags |= getattr(os, "O_NONBLOCK", 0)  # a pipe under a segment's name must not make us wait
        if self._descriptor >= 0:
            return os.open(_checked(name), flags, 0o600, dir_fd=self._descriptor)
        return os.open(self.path / _checked(name), flags, 0o600)


@dataclass(frozen=True)
class Lease:
    """A segment that is in use. `memory`: exactly the bytes that were asked for."""

    segment: Segment
    memory: memoryview
    slice: SegmentSlice


class SegmentPool:
    """The writer's side: segments made, handed out, taken back and used again."""

    def __init__(self, folder: SegmentFolder, prefix: str, max_free_bytes: int = MAX_FREE_BYTES) -> None:
        self._folder = folder
        self._prefix = prefix
        self._max_free_bytes = max_free_bytes
        self._free: "OrderedDict[str, Segment]" = OrderedDict()  # least recently used first
        self._used: Dict[str, Segment] = {}
        self._number = 0

    def allocate(self, nbytes: int) -> Lease:
        """Room for `nbytes`, in the smallest free segment that fits and is not far too large, or in a new one.

        Raises: OutOfMemory
        """
        largest = max(nbytes, GRANULE_BYTES) * MAX_WASTE
        fitting = [each for each in reversed(self._free.values()) if nbytes <= each.size <= largest]
        if fitting:
            segment = min(fitting, key=lambda each: each.size)  # of equal ones the last used: it is warm
            del self._free[segment.name]
        else:
            size = -(-max(nbytes, 1) // GRANULE_BYTES) * GRANULE_BYTES
            self._trim(max(0, self._max_free_bytes - size))  # what did not fit is not kept beside what does
            segment = self._create(size)
        self._used[segment.name] = segment
        return Lease(segment, segment.memory[:nbytes], SegmentSlice(segment.name, 0, nbytes))

    def release(self, name: str) -> None:
        """Take a segment back; a name that is not in use is no error (the other side may say it twice)."""
        segment = self._used.pop(name, None)
        if segment is not None:
            self._free[name] = segment
            self._trim(self._max_free_bytes)

    @property
    def used(self) -> List[str]:
        return list(self._used)

    @property
    def free_bytes(self) -> int:
        return sum(segment.size for segment in self._free.values())

    def close(self) -> None:
        """Delete every segment, the used ones too."""
        for segment in [*self._free.values(), *self._used.values()]:
            self._drop(segment)
        self._free.clear()
        self._used.clear()

    def _create(self, size: int) -> Segment:
        for attempt in (1, 2):
            try:
                return self._create_next(size)
            except OutOfMemory:
                if attempt == 2 or not self._free:
                    raise
                self._trim(0)  # what lies free may be just the room that is missing
        raise AssertionError

    def _create_next(self, size: int) -> Segment:
        while True:
            self._number += 1
            try:
                return self._folder.create(f"{self._prefix}-{self._number}", size)
            except FileExistsError:
                continue  # made by another worker of this session, or by one that has crashed

    def _trim(self, limit_bytes: int) -> None:
        while self._free and self.free_bytes > limit_bytes:
            self._drop(self._free.popitem(last=False)[1])

    def _drop(self, segment: Segment) -> None:
        segment.close()
        self._folder.unlink(segment.name)


class SegmentViews:
    """The reader's side: read-only views of segments that the other side names; the last used stay mapped."""

    def __init__(self, folder: SegmentFolder, max_bytes: int = MAX_FREE_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._mapped: "OrderedDict[str, Any]" = OrderedDict()  # least recently used first

    def view(self, where: SegmentSlice) -> memoryview:
        """The bytes of `where`, read-only.

        The size is looked at each time before memory is handed out, for touching pages behind a file's end kills the
        process. Raises: Invalid
        """
        name, end = where.segment, where.offset + where.length
        try:
            status = self._folder.stat(name)
        except Invalid:
            self._mapped.pop(name, None)
            raise
        identity = (status.st_dev, status.st_ino, status.st_size)
        _check_file(status, name, end)
        known = self._mapped.get(name)
        if known is None or known[0] != identity:
            self._mapped[name] = known = (identity, self._folder.open(name, minimum_bytes=end))
        self._mapped.move_to_end(name)
        while len(self._mapped) > 1 and self.mapped_bytes > self._max_bytes:
            self._mapped.popitem(last=False)
        return known[1].memory[where.offset : end]

    @property
    def mapped_bytes(self) -> int:
        return sum(segment.size for _, segment in self._mapped.values())

    def tidy(self) -> None:
        """Let go of segments that their maker has deleted: their memory is free only when nobody has them mapped."""
        for name in list(self._mapped):
            try:
                self._folder.stat(name)
            except Invalid:
                del self._mapped[name]

    def forget(self, name: str) -> None:
        self._mapped.pop(name, None)

    def close(self) -> None:
        """Let go of the mappings; views that were handed out stay good."""
        self._mapped.clear()


def _checked(name: str) -> str:
    if not SEGMENT_NAME.match(name):
        raise Invalid(f"{name!r} is no segment's name.")
    return name


def _check_owner(status: os.stat_result, what: str) -> None:
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        raise Invalid(f"{what} belongs to another user.")


def _check_file(status: os.stat_result, name: str, minimum_bytes: int) -> int:
    if not stat.S_ISREG(status.st_mode):
        raise Invalid(f"The segment {name} is not a plain file.")
    _check_owner(status, f"The segment {name}")
    if status.st_size < max(minimum_bytes, 1):
        raise Invalid(f"The segment {name} has {status.st_size} bytes, not the {minimum_bytes} that were promised.")
    return status.st_size


def _reserve(descriptor: int, size: int) -> None:
    """Take the room now: a full disk has to be an error here, not a SIGBUS at the first write."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
            return
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
    written = 0
    while written < size:
        written += os.write(descriptor, _ZEROS[: size - written])
