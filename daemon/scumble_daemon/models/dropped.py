"""Models that somebody put into the weights folder: recognised once, in a process of their own, and remembered.

A model is a checkpoint, or a folder of the transformers library: config.json and safetensors.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..locks import try_lock
from ..weights.storage import write_whole
from ..weights.store import PART, VERIFIED
from .pretrained import CONFIG, weight_files
from .tensors import CHECKPOINTS

RECORDS = ".dropped.json"
LOCK = ".dropped.lock"
QUIET_S = 2.0  # a file that has not grown for so long is looked at, if it ends as its kind has to
ABANDONED_S = 60.0  # and one that does not is cut short
RECOGNISE_S = 120.0
LARGEST_HEADER = 100 << 20  # of a safetensors file, after its specification


@dataclass(frozen=True)
class Dropped:
    """What is known of one file or folder.

    `state`: "recognised" | "waiting" | "broken" · `problem`: why it is not offered · `loader`: as in the index.
    """

    name: str
    bytes: int
    mtime_ns: int
    state: str
    problem: str = ""
    architecture: str = ""
    scale: int = 1
    digest: str = ""
    loader: str = "spandrel"

    def is_current(self, folder: Path) -> bool:
        now = _facts(folder / self.name)
        return now is not None and (now.bytes, now.mtime_ns) == (self.bytes, self.mtime_ns)


def read_records(folder: Path) -> tuple[Dropped, ...]:
    """What has been found out so far, about files that may have changed since."""
    try:
        table = json.loads((folder / RECORDS).read_text("utf-8"))
        return tuple(Dropped(**record) for record in table)
    except (OSError, ValueError, TypeError):
        return ()


def listed(folder: Path) -> tuple[Dropped, ...]:
    """The files that lie there now with what is known of each; nothing is opened."""
    known = {record.name: record for record in read_records(folder) if record.is_current(folder)}
    found = [known.get(file.name) or _facts(file) for file in _checkpoints(folder)]
    return tuple(record for record in found if record is not None)


def rescan(folder: Path) -> tuple[tuple[Dropped, ...], bool]:
    """The files that lie there now, new ones recognised; and whether to look again soon, since one is still growing.

    One process at a time does it; another one gets what that found. Takes seconds where there is a new file.
    """
    files = _checkpoints(folder)
    known = {record.name: record for record in read_records(folder) if record.is_current(folder)}
    if not files and not (folder / RECORDS).exists():
        return (), False
    pending, fresh = False, []
    for file in files:
        if file.name in known and known[file.name].state != "waiting":
            continue
        record = _facts(file)
        if record is None:
            continue
        trouble = _incomplete(file)
        age_s = time.time() - record.mtime_ns / 1e9
        if age_s < QUIET_S or (trouble and age_s < ABANDONED_S):
            known[file.name], pending = record, True
        elif trouble:
            known[file.name] = _replace(
                record,
                state="broken",
                problem=f"it is not whole: {trouble}" if file.is_dir() else f"it is cut short: {trouble}",
            )
        else:
            fresh.append(record)
    names = {file.name for file in files}
    with _alone(folder) as is_alone:
        if fresh and is_alone:
            for record in _recognised(folder, fresh):
                known[record.name] = record
        elif fresh:
            pending = True
        found = tuple(sorted((record for name, record in known.items() if name in names), key=lambda each: each.name))
        if is_alone and found != read_records(folder):
            with contextlib.suppress(OSError):
                write_whole(folder / RECORDS, json.dumps([asdict(record) for record in found], indent=1).encode())
    return found, pending


@contextlib.contextmanager
def _alone(folder: Path) -> Any:
    try:
        held = try_lock(folder / LOCK)
    except OSError:
        held = None
    try:
        yield held is not None
    finally:
        if held is not None:
            held.close()


def files_of(model: Path) -> tuple[Path, ...]:
    """What a dropped model is read from: the file itself, or the files of a folder that can be."""
    if not model.is_dir():
        return (model,)
    config = model / CONFIG
    return (*([config] if config.is_file() else []), *weight_files(model))


def _checkpoints(folder: Path) -> list[Path]:
    try:
        entries = sorted(entry for entry in folder.iterdir() if entry.name[0] != ".")
    except OSError:
        return []
    return [entry for entry in entries if (_is_folder_of_files(entry) if entry.is_dir() else _is_checkpoint(entry))]


def _is_checkpoint(file: Path) -> bool:
    return file.suffix.lower() in CHECKPOINTS and file.is_file()


def _is_folder_of_files(folder: Path) -> bool:
    """Not one that was fetched, or is being fetched."""
    is_fetched = (folder / VERIFIED).exists() or folder.name.endswith(PART)
    with contextlib.suppress(OSError):
        return not is_fetched and bool(files_of(folder))
    return False


def _facts(model: Path) -> Dropped | None:
    with contextlib.suppress(OSError):
        found = [file.stat() for file in files_of(model)]
        if found:
            latest = max(each.st_mtime_ns for each in found)
            return Dropped(model.name, sum(each.st_size for each in found), latest, "waiting")
    return None


def _incomplete(model: Path) -> str:
    """What is missing; "" where nothing is, or nobody can tell."""
    if not model.is_dir():
        return _cut_short(model)
    if not (model / CONFIG).is_file():
        return f"{CONFIG} is missing"
    found = weight_files(model)
    missing = [] if found else ["any .safetensors file"]
    for table in model.glob("*.safetensors.index.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            parts = set(json.loads(table.read_text("utf-8"))["weight_map"].values())
            missing += sorted(parts - {file.name for file in found})
    if missing:
        return f"{missing[0]} is missing"
    return next((f"{file.name}: {trouble}" for file in found if (trouble := _cut_short(file))), "")


def _cut_short(file: Path) -> str:
    """What is missing of a file that says itself how long it is; "" where nothing is, or nobody can tell."""
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            start = opened.read(8)
            if file.suffix.lower() != ".safetensors":
                if start[:2] != b"PK":
                    return ""  # an old pickle: it does not say
                opened.seek(max(0, size - (1 << 16) - 22))
                return "" if b"PK\x05\x06" in opened.read() else "its table of contents is missing"
            header = int.from_bytes(start, "little")
            if len(start) < 8 or header > LARGEST_HEADER:
                return "" if len(start) == 8 else "its header is missing"
            table = json.loads(opened.read(header))
        end = max((entry["data_offsets"][1] for name, entry in table.items() if name != "__metadata__"), default=0)
        return "" if size >= 8 + header + end else f"{size} bytes instead of {8 + header + end}"
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return ""  # whatever is wrong with it: reading it in earnest will say


def _recognised(folder: Path, records: list[Dropped]) -> list[Dropped]:
    """Load each once, in a process that may die of it."""
    found = []
    while records:
        argv = [sys.executable, "-m", "scumble_daemon.models.recognise", *(str(folder / each.name) for each in records)]
        try:
            run = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=RECOGNISE_S,
                check=False,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
            said = run.stdout
        except subprocess.TimeoutExpired as error:
            said = error.stdout or b""
        except OSError:
            return found
        answers = [json.loads(line) for line in said.splitlines() if line.startswith(b"{")]
        for record, answer in zip(records, answers, strict=False):
            found.append(_replace(record, **answer))
        records = records[len(answers) :]
        if records:  # it died of this one
            found.append(_replace(records[0], state="broken", problem="reading it takes too much time or memory"))
            records = records[1:]
    return found


def _replace(record: Dropped, **news: Any) -> Dropped:
    return Dropped(**{**asdict(record), **news})
