"""The weights folder: what is installed, whole or not at all, and whether it is still what was fetched.

<id>/          a model's files, and `.verified.json`: size, time and digest of each when it was last looked at
<id>.part/     a model that is being fetched: verified files, and `<file>.part` with what came so far
trusted.json   digests that nobody has published, as they came at the first fetch
.locks/        one fetch of a model at a time
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from scumble_protocol.errors import Busy, Invalid, MissingModel

from ..config import Config, weights_folder
from ..locks import try_lock
from .errors import disk_trouble
from .index import Model, WeightsFile
from .storage import digest_of, flush_folder, size_of, write_whole
from .trust import Trusted

VERIFIED = ".verified.json"
PART = ".part"
LOOK_AGAIN_S = 0.1

State = Literal["installed", "partial", "damaged", "absent"]
OnBytes = Callable[[int], None]


@dataclass(frozen=True)
class Condition:
    """`here_bytes`: what lies on the disk · `damage`: a sentence for each file that is not as it should be."""

    state: State
    here_bytes: int = 0
    damage: tuple[str, ...] = ()


class Store:
    """One weights folder. Reading needs no lock; whoever changes a model holds `locked`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trusted = Trusted(folder)

    @staticmethod
    def open(config: Config) -> Store:
        return Store(weights_folder(config))

    def folder_of(self, model: Model) -> Path:
        return self.folder / model.id

    def staging_of(self, model: Model) -> Path:
        return self.folder / f"{model.id}{PART}"

    def resolve(self, model: Model) -> Path:
        """The folder with the model's files, ready to be loaded. Raises: MissingModel."""
        condition = self.condition(model)
        if condition.state == "installed":
            return self.folder_of(model)
        what = "is damaged" if condition.state == "damaged" else "is not installed"
        raise MissingModel(f"The model {model.id} {what}.", f"`scumble weights fetch {model.id}` gets it.")

    def condition(self, model: Model) -> Condition:
        """Quick: a file's digest is computed only if its size or time is not what it was when it was verified."""
        return self._look(model, lambda count: None, anew=False)

    def verify(self, model: Model, on_bytes: OnBytes = lambda count: None) -> Condition:
        """The same, with every digest computed from what is on the disk now."""
        return self._look(model, on_bytes, anew=True)

    # --- changing -------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def locked(self, model: Model, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
        """Be the only process that changes this model.

        Raises: Busy where another one does, unless `on_wait` is given: then wait until it has finished.
        """
        try:
            (self.folder / ".locks").mkdir(parents=True, exist_ok=True)
            held = try_lock(self.folder / ".locks" / f"{model.id}.lock")
            if held is None and on_wait is None:
                raise Busy(f"{model.id} is being fetched just now.", "Try again when that has ended.")
            if held is None and on_wait is not None:
                on_wait()
            while held is None:
                time.sleep(LOOK_AGAIN_S)
                held = try_lock(self.folder / ".locks" / f"{model.id}.lock")
        except OSError as error:
            raise disk_trouble(error, self.folder) from None
        with contextlib.closing(held):
            yield

    def begin(self, model: Model) -> Path:
        """The folder to fetch into; good files of a damaged model are moved there, the others deleted.

        Raises: Invalid where there are files of somebody else · OSError
        """
        staging, folder = self.staging_of(model), self.folder_of(model)
        staging.mkdir(exist_ok=True)
        for file in model.files:  # of an earlier fetch
            staged = staging / file.name
            if staged.exists() and digest_of(staged) != self.trusted.digest(model, file):
                staged.unlink()
        if folder.exists():
            self._refuse_strangers(model)
            verified = self._verified(model)
            for file in model.files:
                if not self._damage(model, file, verified, lambda count: None):
                    os.replace(folder / file.name, staging / file.name)
            self._delete_installed(model)
        return staging

    def install(self, model: Model) -> Path:
        """Give the fetched files their place, all at once. Raises: OSError."""
        staging = self.staging_of(model)
        names = {file.name for file in model.files}
        for stray in staging.iterdir():
            if stray.name not in names:
                stray.unlink()
        facts = {file.name: _facts(staging / file.name, str(self.trusted.digest(model, file))) for file in model.files}
        write_whole(staging / VERIFIED, json.dumps(facts, indent=1).encode())
        flush_folder(staging)
        os.replace(staging, self.folder_of(model))
        flush_folder(self.folder)
        return self.folder_of(model)

    def remove(self, model: Model) -> int:
        """Delete the model, and what has come of it so far; the bytes that are free now. Raises: Busy."""
        freed = self.condition(model).here_bytes
        if not freed and not self.staging_of(model).exists():
            return 0
        with self.locked(model):
            try:
                self._delete_installed(model)
                if self.staging_of(model).exists():
                    shutil.rmtree(self.staging_of(model))
            except OSError as error:
                raise disk_trouble(error, self.folder) from None
        return freed

    # --- looking --------------------------------------------------------------------------------------------------

    def _look(self, model: Model, on_bytes: OnBytes, anew: bool) -> Condition:
        folder = self.folder_of(model)
        here = sum(size_of(folder / file.name) for file in model.files)
        if not any((folder / file.name).exists() for file in model.files):
            staging = self.staging_of(model)
            names = {name for file in model.files for name in (file.name, file.name + PART)}
            came = sum(size_of(staging / name) for name in names)
            return Condition("partial" if came else "absent", came)
        before = self._verified(model)
        verified = {} if anew else dict(before)
        seen = 0
        damage = []
        for file in model.files:
            found = self._damage(model, file, verified, lambda count, seen=seen: on_bytes(seen + count))
            damage += [found] if found else []
            seen += size_of(folder / file.name)
        if verified != before:
            with contextlib.suppress(OSError):  # a folder that cannot be written can still be read
                write_whole(folder / VERIFIED, json.dumps(verified, indent=1).encode())
        return Condition("damaged" if damage else "installed", here, tuple(damage))

    def _damage(self, model: Model, file: WeightsFile, verified: dict[str, Any], on_bytes: OnBytes) -> str:
        """What is wrong with one installed file, "" where nothing is; `verified` is believed and brought up to date."""
        path = self.folder_of(model) / file.name
        expected = self.trusted.digest(model, file)
        recorded = verified.pop(file.name, None)
        try:
            if expected is None:
                return f"{file.name} was never confirmed"
            facts = _facts(path, expected)
            if file.bytes is not None and facts["bytes"] != file.bytes:
                return f"{file.name} has {facts['bytes']} bytes instead of {file.bytes}"
            if recorded != facts and digest_of(path, on_bytes) != expected:
                return f"{file.name} is not what was fetched: its digest is another"
        except FileNotFoundError:
            return f"{file.name} is missing"
        except OSError as error:
            return f"{file.name} cannot be read: {error.strerror or error}"
        verified[file.name] = facts
        return ""

    def _verified(self, model: Model) -> dict[str, Any]:
        try:
            table = json.loads((self.folder_of(model) / VERIFIED).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return table if isinstance(table, dict) else {}

    def _refuse_strangers(self, model: Model) -> None:
        ours = {VERIFIED, *(file.name for file in model.files)}
        for path in self.folder_of(model).iterdir():
            if path.name not in ours:
                raise Invalid(f"{path} was not put there by Scumble, and is in the way.", "Move it elsewhere.")

    def _delete_installed(self, model: Model) -> None:
        folder = self.folder_of(model)
        for name in (VERIFIED, *(file.name for file in model.files)):
            (folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something of the user's is in it
            folder.rmdir()


def _facts(path: Path, sha256: str) -> dict[str, Any]:
    found = path.stat()
    return {"bytes": found.st_size, "mtime_ns": found.st_mtime_ns, "sha256": sha256}
