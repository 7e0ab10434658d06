"""A folder of pairs, pictures before and after: found, checked, and read as they are learned from.

Three layouts are known: `input/NAME.*` beside `output/NAME.*`; `A/` beside `B/`; and, as pix2pix has them, files with
the one on the left and the other on the right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Reference

from ..imaging import reference
from ..models.devices import ram_bytes

FOLDERS = (("input", "output"), ("A", "B"))
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
LEAST_PX = 32  # of a picture's shorter side
KEPT_SHARE = 0.2  # of the computer's memory, for pictures that have been read
LAYOUTS = (
    "Put the pictures into pairs/input and pairs/output, under the same names, or into A and B; or put files into the "
    "folder itself that have the one on the left and the other on the right."
)

Report = Callable[[int, int], None]
"""`report(looked at, of how many)`; may raise to end it."""


@dataclass(frozen=True)
class Pair:
    """`given`, `wanted`: files; the same where one file has both, side by side."""

    name: str
    given: Path
    wanted: Path

    @property
    def is_side_by_side(self) -> bool:
        return self.given == self.wanted


@dataclass(frozen=True)
class Problem:
    """Why something in the folder is not learned from. `sentence` names the file."""

    name: str
    sentence: str


@dataclass(frozen=True)
class Found:
    pairs: tuple[Pair, ...]
    problems: tuple[Problem, ...]


def find(folder: Path, is_reversed: bool = False) -> Found:
    """By names alone; nothing is opened. `is_reversed`: the second is given, the first wanted. Raises: Invalid."""
    try:
        entries = {entry.name: entry for entry in folder.iterdir()}
    except OSError as error:
        raise Invalid(f"{folder} cannot be read: {error.strerror or error}.", "Name a folder of pairs.") from None
    for first, second in FOLDERS:
        has = [name for name in (first, second) if name in entries and entries[name].is_dir()]
        if len(has) == 2:
            found = _in_two_folders(entries[first], entries[second])
            break
        if has:
            missing = second if has == [first] else first
            raise Invalid(f"{folder} has a folder {has[0]}, but none called {missing}.", LAYOUTS)
    else:
        files = [file for file in sorted(entries.values()) if _is_picture(file)]
        found = Found(tuple(Pair(file.name, file, file) for file in files), ())
    if not found.pairs:
        partnerless = f" {found.problems[0].sentence}" if found.problems else ""
        raise Invalid(f"There are no pairs in {folder}.{partnerless}", LAYOUTS)
    if is_reversed and not found.pairs[0].is_side_by_side:
        found = Found(tuple(Pair(each.name, each.wanted, each.given) for each in found.pairs), found.problems)
    return found


def _in_two_folders(first: Path, second: Path) -> Found:
    problems: list[Problem] = []
    firsts, seconds = (_by_stem(folder, problems) for folder in (first, second))
    pairs = [Pair(stem, file, seconds[stem]) for stem, file in firsts.items() if stem in seconds]
    for ours, theirs, where in ((firsts, seconds, second), (seconds, firsts, first)):
        for stem, file in ours.items():
            if stem not in theirs:
                sentence = f"{file.parent.name}/{file.name} has no partner in {where.name}/."
                problems.append(Problem(stem, sentence))
    return Found(tuple(pairs), tuple(sorted(problems, key=lambda each: each.name)))


def _by_stem(folder: Path, problems: list[Problem]) -> dict[str, Path]:
    try:
        files = sorted(file for file in folder.iterdir() if _is_picture(file))
    except OSError as error:
        raise Invalid(f"{folder} cannot be read: {error.strerror or error}.", "See who may read it.") from None
    found: dict[str, Path] = {}
    for file in files:
        if file.stem in found:
            sentence = f"{folder.name}/{file.name} has the same name as {found[file.stem].name}, which is taken."
            problems.append(Problem(file.stem, sentence))
        found.setdefault(file.stem, file)
    return found


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in PICTURES and not file.name.startswith(".") and file.is_file()


class Pictures:
    """The pairs that can be learned from, read from the disk once where memory allows.

    `pictures[n]`: given and wanted, H×W×3 uint8 sRGB each, of one size.
    """

    def __init__(self, pairs: Sequence[Pair], is_reversed: bool = False) -> None:
        self.pairs = tuple(pairs)
        self._is_reversed = is_reversed
        self._kept: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._room_bytes = int(ram_bytes() * KEPT_SHARE)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Raises: Invalid, naming the file."""
        pair = self.pairs[index]
        if pair.name not in self._kept:
            both = self._read(pair)
            size = both[0].nbytes + both[1].nbytes
            if size > self._room_bytes:
                return both
            self._room_bytes -= size
            self._kept[pair.name] = both
        return self._kept[pair.name]

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return (self[index] for index in range(len(self)))

    def checked(self, report: Report) -> tuple[Problem, ...]:
        """Open each once; those that cannot be learned from are left out, and named. Raises: what `report` raises."""
        good, problems = [], []
        for index, pair in enumerate(self.pairs):
            report(index, len(self.pairs))
            try:
                self[index]
                good.append(pair)
            except Invalid as error:
                problems.append(Problem(pair.name, error.message))
        self.pairs = tuple(good)
        return tuple(problems)

    def parted(self, held: int, seed: int) -> tuple[Pictures, Pictures]:
        """Those to learn from, and `held` of them to be judged by; the same for the same names and seed."""
        order = sorted(self.pairs, key=lambda pair: hashlib.sha256(f"{seed}/{pair.name}".encode()).digest())
        return self._some(sorted(order[held:], key=lambda pair: pair.name)), self._some(order[:held])

    def first(self, count: int) -> Pictures:
        return self._some(self.pairs[:count])

    def digest(self) -> str:
        """Changes when another picture is learned from, or in another size of file."""
        lines = [f"{pair.name} {pair.given.stat().st_size} {pair.wanted.stat().st_size}" for pair in self.pairs]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def _some(self, pairs: Sequence[Pair]) -> Pictures:
        some = Pictures(pairs, self._is_reversed)
        some._kept = self._kept  # what has been read is read for both
        some._room_bytes = self._room_bytes // 2
        return some

    def _read(self, pair: Pair) -> tuple[np.ndarray, np.ndarray]:
        given = _picture(pair.given)
        if pair.is_side_by_side:
            middle, is_odd = divmod(given.shape[1], 2)
            if is_odd:
                raise Invalid(
                    f"{pair.given.name} is {given.shape[1]} pixels wide, which is no two pictures side by side."
                )
            both = given[:, :middle], given[:, middle:]
            both = both[::-1] if self._is_reversed else both
        else:
            both = given, _picture(pair.wanted)
        if both[0].shape != both[1].shape:
            sizes = " and ".join(f"{each.shape[1]} × {each.shape[0]}" for each in both)
            raise Invalid(
                f"{pair.given.parent.name}/{pair.given.name} and {pair.wanted.parent.name}/{pair.wanted.name} "
                f"differ in size: {sizes}."
            )
        if min(both[0].shape[:2]) < LEAST_PX:
            height, width = both[0].shape[:2]
            raise Invalid(f"{pair.name} is too small: {width} × {height}, less than {LEAST_PX} pixels.")
        return np.ascontiguousarray(both[0]), np.ascontiguousarray(both[1])


def _picture(file: Path) -> np.ndarray:
    """H×W×3 uint8, sRGB. Raises: Invalid, naming the file and its folder."""
    name = f"{file.parent.name}/{file.name}"
    try:
        image = reference.open_picture(Reference(name, file.read_bytes()), None)
    except OSError as error:
        raise Invalid(f"{name} cannot be read: {error.strerror or error}.") from None
    except MemoryError:
        raise Invalid(f"{name} is too large for this computer's memory.") from None
    return (np.clip(image.rgb, 0, 1) * 255 + 0.5).astype(np.uint8)
