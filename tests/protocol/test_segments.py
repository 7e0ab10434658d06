"""Segments share memory between processes of one user, and give nobody a way out of their folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scumble_protocol import segments
from scumble_protocol.errors import Invalid, OutOfMemory
from scumble_protocol.image import SegmentSlice
from scumble_protocol.segments import GRANULE_BYTES, SegmentFolder, SegmentPool, SegmentViews


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "session"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def folder(place: Path) -> Iterator[SegmentFolder]:
    opened = SegmentFolder(place)
    yield opened
    opened.close()


def test_bytes_cross_to_another_process_and_back(folder: SegmentFolder, place: Path) -> None:
    """What one process writes into its segment another reads, and answers in a segment of its own."""
    lease = SegmentPool(folder, "c").allocate(100_000)
    lease.memory[:] = os.urandom(100_000)
    script = (
        "import sys; from scumble_protocol.segments import *; from scumble_protocol.image import SegmentSlice\n"
        "folder = SegmentFolder(sys.argv[1]); data = bytes(SegmentViews(folder).view(SegmentSlice('c-1', 0, 100000)))\n"
        "lease = SegmentPool(folder, 'w').allocate(100000); lease.memory[:] = data[::-1]; print(lease.slice.segment)"
    )
    other = subprocess.run([sys.executable, "-c", script, str(place)], capture_output=True, text=True, check=True)
    answer = SegmentViews(folder).view(SegmentSlice(other.stdout.strip(), 0, 100_000))
    assert bytes(answer) == bytes(lease.memory)[::-1]


def test_a_view_is_read_only_and_shares_memory(folder: SegmentFolder) -> None:
    """A reader sees later writes without asking again, and cannot write."""
    lease = SegmentPool(folder, "c").allocate(64)
    view = SegmentViews(folder).view(SegmentSlice("c-1", 8, 4))
    lease.memory[8:12] = b"abcd"
    assert bytes(view) == b"abcd"
    with pytest.raises(TypeError):
        view[0] = 1


# --- names and files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "c", "c-", "-1", "C-1", "c-1 ", "c-1\n", "../c-1", "c/1", "/c-1", "c-1234567890", "c-1\0", "ü-1"]
)
def test_a_name_is_a_name_and_never_a_path(folder: SegmentFolder, place: Path, name: str) -> None:
    """Nothing but letters, a dash and a number is opened, made, asked after or deleted."""
    (place.parent / "c-1").write_bytes(b"outside")
    for act in (
        lambda: folder.open(name),
        lambda: folder.create(name, 64),
        lambda: folder.stat(name),
        lambda: folder.unlink(name),
        lambda: SegmentViews(folder).view(SegmentSlice(name, 0, 1)),
    ):
        with pytest.raises(Invalid):
            act()
    assert (place.parent / "c-1").read_bytes() == b"outside"


def test_links_are_not_followed(folder: SegmentFolder, place: Path) -> None:
    """A link under a segment's name leads nowhere, for reading and for making."""
    secret = place.parent / "secret"
    secret.write_bytes(b"s" * 4096)
    (place / "c-1").symlink_to(secret)
    with pytest.raises(Invalid):
        folder.open("c-1")
    with pytest.raises(Invalid):
        SegmentViews(folder).view(SegmentSlice("c-1", 0, 4))
    lease = SegmentPool(folder, "c").allocate(64)
    assert lease.slice.segment != "c-1"
    assert secret.read_bytes() == b"s" * 4096


def test_only_plain_files_are_segments(folder: SegmentFolder, place: Path) -> None:
    """A folder or a pipe under a segment's name is refused at once; a pipe does not make anybody wait."""
    (place / "c-1").mkdir()
    os.mkfifo(place / "c-2")
    for name in ("c-1", "c-2"):
        with pytest.raises(Invalid):
            folder.open(name)
        with pytest.raises(Invalid):
            SegmentViews(folder).view(SegmentSlice(name, 0, 1))


def test_another_users_segment_is_refused(folder: SegmentFolder, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file or a folder that belongs to somebody else is not used. (Here it is we who become somebody else.)"""
    (place / "c-1").write_bytes(bytes(4096))
    stranger = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: stranger)
    with pytest.raises(Invalid, match="another user"):
        folder.open("c-1")
    with pytest.raises(Invalid, match="another user"):
        SegmentViews(folder).view(SegmentSlice("c-1", 0, 1))
    with pytest.raises(Invalid, match="another user"):
        SegmentFolder(place)


def test_a_folder_others_can_write_to_is_refused(place: Path) -> None:
    """Nor is one that is a link, or missing."""
    (place.parent / "link").symlink_to(place)
    for path in (place.parent / "link", place.parent / "missing"):
        with pytest.raises(Invalid):
            SegmentFolder(path)
    place.chmod(0o777)
    with pytest.raises(Invalid, match="write"):
        SegmentFolder(place)


def test_a_new_segment_is_its_makers_alone(folder: SegmentFolder, place: Path) -> None:
    """Mode 0600, whatever the umask."""
    previous = os.umask(0)
    try:
        folder.create("c-1", 64)
    finally:
        os.umask(previous)
    assert (place / "c-1").stat().st_mode & 0o777 == 0o600


# --- sizes -------------------------------------------------------------------------------------------------------


def test_a_segment_that_is_missing_or_short_is_invalid(folder: SegmentFolder, place: Path) -> None:
    """The promised bytes have to be there before anybody touches them; an empty file has none."""
    views = SegmentViews(folder)
    with pytest.raises(Invalid):
        views.view(SegmentSlice("c-1", 0, 1))
    (place / "c-1").write_bytes(bytes(100))
    assert len(views.view(SegmentSlice("c-1", 90, 10))) == 10
    for slice in (SegmentSlice("c-1", 0, 101), SegmentSlice("c-1", 100, 1), SegmentSlice("c-1", 1 << 40, 1 << 40)):
        with pytest.raises(Invalid, match="100 bytes"):
            views.view(slice)
    (place / "c-2").write_bytes(b"")
    with pytest.raises(Invalid):
        folder.open("c-2")


def test_a_segment_that_shrinks_is_invalid_not_the_end(place: Path) -> None:
    """A file cut after it was mapped: the next look refuses it. In a process of its own, for a SIGBUS would kill it."""
    script = (
        "import os, sys; from scumble_protocol.segments import *; from scumble_protocol.image import SegmentSlice\n"
        "from scumble_protocol.errors import Invalid\n"
        "folder = SegmentFolder(sys.argv[1]); lease = SegmentPool(folder, 'c').allocate(1 << 20)\n"
        "views = SegmentViews(folder); whole = SegmentSlice('c-1', 0, 1 << 20); assert len(bytes(views.view(whole)))\n"
        "os.truncate(sys.argv[1] + '/c-1', 4096)\n"
        "try: bytes(views.view(whole))\n"
        "except Invalid: print(len(bytes(views.view(SegmentSlice('c-1', 0, 4096)))))"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(place)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "4096"), ended.stderr


def test_a_segment_made_anew_under_an_old_name_is_seen(folder: SegmentFolder, place: Path) -> None:
    """A kept mapping is not mistaken for another file of the same name, and a deleted one is gone."""
    views = SegmentViews(folder)
    (place / "c-1").write_bytes(b"old" * 100)
    old = views.view(SegmentSlice("c-1", 0, 3))
    (place / "new").write_bytes(b"new" * 100)
    (place / "new").rename(place / "c-1")
    assert bytes(views.view(SegmentSlice("c-1", 0, 3))) == b"new"
    assert bytes(old) == b"old"  # a view that was handed out stays what it was
    (place / "c-1").unlink()
    with pytest.raises(Invalid, match="gone"):
        views.view(SegmentSlice("c-1", 0, 3))


def test_no_room_is_an_error_and_leaves_no_file(folder: SegmentFolder, place: Path) -> None:
    """Room is taken when a segment is made; more than there is fails then, and not at the first write."""
    with pytest.raises(OutOfMemory, match="no room"):
        folder.create("c-1", 1 << 60)
    assert not (place / "c-1").exists()
    assert folder.create("c-1", 64).size == 64


def test_room_is_really_taken(folder: SegmentFolder, place: Path) -> None:
    """A segment is no sparse file: its blocks are there before the first pixel is."""
    folder.create("c-1", 1 << 20)
    assert (place / "c-1").stat().st_blocks * 512 >= 1 << 20


# --- the pool ----------------------------------------------------------------------------------------------------


def test_segments_are_reused(folder: SegmentFolder, place: Path) -> None:
    """The same memory serves layer after layer; only as many files are made as are in use at once."""
    pool = SegmentPool(folder, "c")
    for _ in range(20):
        first, second = pool.allocate(300_000), pool.allocate(299_000)
        assert (first.memory.nbytes, second.memory.nbytes) == (300_000, 299_000)
        assert first.slice.segment != second.slice.segment
        pool.release(first.slice.segment)
        pool.release(second.slice.segment)
    assert len(list(place.iterdir())) == 2


def test_the_smallest_that_fits_is_taken(folder: SegmentFolder) -> None:
    """A small layer does not occupy a large segment when a small one is free."""
    pool = SegmentPool(folder, "c")
    sizes = {nbytes: pool.allocate(nbytes).slice.segment for nbytes in (4 << 20, 1 << 20, 2 << 20)}
    for name in sizes.values():
        pool.release(name)
    assert pool.allocate((1 << 20) - 5).slice.segment == sizes[1 << 20]
    assert pool.allocate((1 << 20) + 5).slice.segment == sizes[2 << 20]
    tiny = pool.allocate(10)
    assert tiny.slice.segment not in sizes.values()  # 4 MiB for ten bytes would be a waste
    assert tiny.segment.size == GRANULE_BYTES


def test_free_segments_are_bounded(folder: SegmentFolder, place: Path) -> None:
    """Beyond the bound the least recently used free segments are deleted; used ones are never touched."""
    pool = SegmentPool(folder, "c", max_free_bytes=2 << 20)
    leases = [pool.allocate(1 << 20) for _ in range(5)]
    for lease in leases[:4]:
        pool.release(lease.slice.segment)
    assert pool.free_bytes == 2 << 20
    assert sorted(path.name for path in place.iterdir()) == ["c-3", "c-4", "c-5"]
    leases[4].memory[:4] = b"mine"
    pool.close()
    assert list(place.iterdir()) == []
    assert bytes(leases[4].memory[:4]) == b"mine"


def test_a_large_segment_is_not_made_beside_free_small_ones(folder: SegmentFolder, place: Path) -> None:
    """What the bound leaves room for stays; a segment beyond the bound is alone."""
    pool = SegmentPool(folder, "c", max_free_bytes=4 << 20)
    for lease in [pool.allocate(1 << 20) for _ in range(3)]:
        pool.release(lease.slice.segment)
    pool.allocate(2 << 20)
    assert pool.free_bytes == 2 << 20
    pool.allocate(8 << 20)
    assert pool.free_bytes == 0
    assert sum(file.stat().st_size for file in place.iterdir()) == 10 << 20


def test_views_are_bounded_and_those_of_deleted_segments_go(folder: SegmentFolder) -> None:
    """A reader that keeps a mapping keeps its memory, even that of a file that its maker has deleted."""
    pool, views = SegmentPool(folder, "c"), SegmentViews(folder, max_bytes=2 << 20)
    leases = [pool.allocate(1 << 20) for _ in range(3)]
    for number, lease in enumerate(leases):
        lease.memory[0] = number + 1
    seen = [views.view(lease.slice) for lease in leases]
    assert views.mapped_bytes == 2 << 20
    assert [view[0] for view in seen] == [1, 2, 3], "what was handed out stays good"
    assert views.view(leases[0].slice)[0] == 1
    large = views.view(pool.allocate(8 << 20).slice)
    assert views.mapped_bytes == large.nbytes == 8 << 20
    pool.close()
    views.tidy()
    assert views.mapped_bytes == 0
    assert large[0] == 0


def test_a_name_released_twice_is_free_once(folder: SegmentFolder) -> None:
    """The other side may say Release again, or name what it never had: two jobs never share a segment."""
    pool = SegmentPool(folder, "w")
    name = pool.allocate(64).slice.segment
    for said in (name, name, "w-99", "nonsense"):
        pool.release(said)
    assert pool.allocate(64).slice.segment == name
    assert pool.allocate(64).slice.segment != name


def test_two_pools_of_one_folder_never_meet(folder: SegmentFolder) -> None:
    """A worker started after a crash goes round the names its forerunner has left."""
    first, second = SegmentPool(folder, "w"), SegmentPool(folder, "w")
    names = [pool.allocate(64).slice.segment for pool in (first, second, first, second)]
    assert len(set(names)) == 4


def test_free_segments_make_room_when_it_runs_out(folder: SegmentFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the pool first gives up what lies free, then says that there is no room."""
    pool = SegmentPool(folder, "c")
    held = pool.allocate(1 << 20)
    pool.release(held.slice.segment)
    reserve = segments._reserve

    def limited(descriptor: int, size: int) -> None:
        if size + sum(path.stat().st_blocks * 512 for path in folder.path.iterdir()) > 8 << 20:
            raise OSError(28, "No space left on device")
        reserve(descriptor, size)

    monkeypatch.setattr(segments, "_reserve", limited)
    assert pool.allocate(8 << 20).memory.nbytes == 8 << 20
    assert pool.free_bytes == 0
    with pytest.raises(OutOfMemory):
        pool.allocate(1 << 20)
