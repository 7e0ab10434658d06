"""Put the plug-in into one editor's profile, switch it on, and take it out again without a trace."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scumble_protocol.catalogue import Catalogue
from scumble_protocol.errors import Invalid

from . import __version__, kritarc
from .editors import Installation
from .plugin_files import PluginFile, digest, plugin_files, start_command

__all__ = ["Record", "damaged_files", "install_plugin", "read_record", "uninstall_plugin"]

RECORD = "scumble.json"
CONNECTION = "connection.json"  # the daemon's copy for a sandboxed editor


@dataclass(frozen=True)
class Record:
    """`scumble.json` in the plug-in's folder: how to start the daemon, and all that undoing needs.

    `files`: SHA-256 by path inside the profile · `folders`: those setup made, relative to the profile.
    """

    command: list[str]
    version: str
    digest: str
    files: dict[str, str]
    folders: list[str] = field(default_factory=list)
    kritarc: kritarc.Change | None = None
    kritarc_made: bool = False
    runtime: str = ""  # where a sandboxed editor finds the connection file

    def to_json(self) -> bytes:
        table = {key: value for key, value in dataclasses.asdict(self).items() if value not in ("", None)}
        return (json.dumps(table, ensure_ascii=False, indent=1) + "\n").encode()


def install_plugin(
    installation: Installation, *, catalogue: Catalogue | None = None, command: Sequence[str] | None = None
) -> str:
    """Bring the profile's plug-in to this version: "installed", "updated" or "unchanged".

    The plug-in's folder is built beside the old one and takes its place in one step.
    Raises: Invalid where something of another's stands in the way · OSError
    """
    files = plugin_files(installation.editor, catalogue or _catalogue())
    old = read_record(installation)
    _refuse_strangers(installation, files, old)
    record = Record(
        command=list(command or start_command()),
        version=__version__,
        digest=digest(files),
        files={path: hashlib.sha256(file.data).hexdigest() for path, file in files.items()},
        folders=old.folders if old else [],
        runtime=str(installation.plugin_folder) if installation.is_sandboxed else "",
    )
    record, settings = _enabled(installation, old, record)
    if old == record and settings is None and not damaged_files(installation, record):
        return "unchanged"
    with _new_folders(installation, files) as made:
        record = dataclasses.replace(record, folders=[*record.folders, *made])
        _swap_in(installation, files, record, old)
        for path, file in _outside(installation, files).items():
            _write(installation.profile / path, file)
        for path in set(old.files if old else ()) - set(files):
            (installation.profile / path).unlink(missing_ok=True)
        if settings is not None and installation.settings:
            _replace_bytes(installation.settings, settings)
    return "updated" if old else "installed"


def uninstall_plugin(installation: Installation) -> list[Path] | None:
    """Take out what `install_plugin` put in: None where nothing is installed, else the foreign files left in place.

    Raises: OSError
    """
    record = read_record(installation)
    if record is None:
        return None
    folder, profile = installation.plugin_folder, installation.profile
    if installation.settings and record.kritarc and installation.settings.is_file():
        restored = kritarc.restore(installation.settings.read_bytes(), record.kritarc)
        if record.kritarc_made and not restored.strip():
            installation.settings.unlink()
        elif restored != installation.settings.read_bytes():
            _replace_bytes(installation.settings, restored)
    for path in record.files:
        (profile / path).unlink(missing_ok=True)
    (folder / CONNECTION).unlink(missing_ok=True)
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    left = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / RECORD]
    (folder / RECORD).unlink()  # last: until here, a second try finds what the first one left
    inner = [path for path in folder.rglob("*") if path.is_dir()]
    made = [Path(os.path.normpath(profile / relative)) for relative in record.folders]
    for each in sorted({*inner, folder, *made}, key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):  # not empty: others use it by now
            each.rmdir()
    return left


def read_record(installation: Installation) -> Record | None:
    """What setup noted in the plug-in's folder, None where it has installed nothing there."""
    try:
        table: dict[str, Any] = json.loads((installation.plugin_folder / RECORD).read_text("utf-8"))
        known = {spec.name for spec in dataclasses.fields(Record)}
        table = {key: value for key, value in table.items() if key in known}
        if table.get("kritarc"):
            table["kritarc"] = kritarc.Change(**table["kritarc"])
        return Record(**table)
    except (OSError, ValueError, TypeError):
        return None


def damaged_files(installation: Installation, record: Record) -> list[str]:
    """Installed files that are missing or are no longer what was installed."""

    def is_whole(path: str, expected: str) -> bool:
        try:
            return hashlib.sha256((installation.profile / path).read_bytes()).hexdigest() == expected
        except OSError:
            return False

    return [path for path, expected in record.files.items() if not is_whole(path, expected)]


# --- the steps of an installation --------------------------------------------------------------------------------


def _catalogue() -> Catalogue:
    from . import config, registry

    return registry.load(config.config_folder() / "operations").catalogue


def _refuse_strangers(installation: Installation, files: Mapping[str, PluginFile], old: Record | None) -> None:
    folder = installation.plugin_folder
    if folder.is_symlink() or (old is None and folder.exists() and any(folder.iterdir())):
        raise Invalid(
            f"{folder} was not put there by `scumble setup`.", "Move it away, then run `scumble setup` again."
        )
    for path, file in _outside(installation, files).items():
        target = installation.profile / path
        if not (old and path in old.files) and target.exists() and target.read_bytes() != file.data:
            raise Invalid(f"{target} was not put there by `scumble setup`.", "Move it away, then run it again.")


def _enabled(installation: Installation, old: Record | None, record: Record) -> tuple[Record, bytes | None]:
    """The record with what happens to kritarc, and kritarc's new bytes where they change."""
    if installation.settings is None:
        return record, None
    exists = installation.settings.is_file()
    before = installation.settings.read_bytes() if exists else b""
    after, change = kritarc.enable(before)
    made = not exists
    if old and old.kritarc and change.previous is not None:  # the line is still ours: what stood there first counts
        change, made = old.kritarc, old.kritarc_made
    record = dataclasses.replace(record, kritarc=change, kritarc_made=made)
    return record, after if after != before else None


def _outside(installation: Installation, files: Mapping[str, PluginFile]) -> dict[str, PluginFile]:
    inside = installation.plugin_folder.relative_to(installation.profile).as_posix() + "/"
    return {path: file for path, file in files.items() if not path.startswith(inside)}


@contextlib.contextmanager
def _new_folders(installation: Installation, files: Mapping[str, PluginFile]) -> Iterator[list[str]]:
    """Make the folders that are missing above the plug-in; yields them, and removes them again after a failure."""
    needed = {installation.plugin_folder.parent}
    needed |= {(installation.profile / path).parent for path in _outside(installation, files)}
    if installation.settings:
        needed.add(installation.settings.parent)
    missing = {parent for folder in needed for parent in (folder, *folder.parents) if not parent.exists()}
    made = sorted(missing, key=lambda path: len(path.parts))
    try:
        for folder in made:
            folder.mkdir(mode=0o700)
        yield [os.path.relpath(folder, installation.profile) for folder in made]
    except BaseException:
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _swap_in(installation: Installation, files: Mapping[str, PluginFile], record: Record, old: Record | None) -> None:
    folder, prefix = installation.plugin_folder, installation.plugin_folder.relative_to(installation.profile)
    for leftover in folder.parent.glob(".scumble-*"):  # of an attempt that was cut short
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".scumble-", dir=folder.parent, ignore_cleanup_errors=True) as workplace:
        fresh, aside = Path(workplace) / "new", Path(workplace) / "old"
        for path, file in files.items():
            if Path(path).is_relative_to(prefix):
                _write(fresh / Path(path).relative_to(prefix), file)
        _write(fresh / RECORD, PluginFile(record.to_json()))
        _outdate_pluginrc(folder / "scumble.py", fresh / "scumble.py")
        if old:
            ours = {Path(path).relative_to(prefix) for path in old.files if prefix in Path(path).parents}
            _carry_over(folder, fresh, {Path(RECORD), *ours})
        if folder.exists():
            folder.rename(aside)
        try:
            fresh.rename(folder)
        except OSError:
            if aside.exists():
                aside.rename(folder)
            raise


def _outdate_pluginrc(old: Path, new: Path) -> None:
    """GIMP asks a plug-in for its procedures again only when the entry file's time, in seconds, has changed."""
    if old.exists() and new.exists() and int(old.stat().st_mtime) == int(new.stat().st_mtime):
        later = int(new.stat().st_mtime) + 1
        os.utime(new, (later, later))


def _carry_over(folder: Path, fresh: Path, ours: set[Path]) -> None:
    """Keep files that somebody else put into the plug-in's folder."""
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        is_kept = path.is_file() and relative not in ours and "__pycache__" not in relative.parts
        if is_kept and not (fresh / relative).exists():
            (fresh / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, fresh / relative)


def _write(target: Path, file: PluginFile) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(file.data)
    target.chmod(0o755 if file.executable else 0o644)


def _replace_bytes(target: Path, data: bytes) -> None:
    """Replace the file in one step, through links (kept dotfiles often are), with its mode."""
    target = target.resolve()
    fresh = target.with_name(f".{target.name}.scumble")
    fresh.write_bytes(data)
    if target.exists():
        shutil.copymode(target, fresh)
    fresh.replace(target)
