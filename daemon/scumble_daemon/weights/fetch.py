"""Fetch a model: every file verified before it gets its name, and all of them in place or none."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from scumble_protocol.errors import Invalid

from ..config import Config, config_file
from .download import Wanted, download, require_room
from .errors import DiskFull, FetchFailed, SourceFailed, SourceRefused, disk_trouble
from .index import Model, WeightsFile, is_web_address
from .storage import digest_of, flush_folder, size_of
from .store import PART, Store
from .web import Unreachable, Web

REPORT_EVERY_S = 0.1


@dataclass(frozen=True)
class Progress:
    """`stage`: "waiting" for another process | "fetching" | "checking"; the bytes are the whole model's."""

    stage: str
    file: str = ""
    done_bytes: int = 0
    whole_bytes: int | None = None

    @property
    def fraction(self) -> float:
        """-1 where it is not known."""
        return min(self.done_bytes / self.whole_bytes, 1.0) if self.whole_bytes else -1.0


Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Patience:
    """How much is borne before a source is given up; bytes that are new give new patience."""

    stall_s: float = 30.0
    tries: int = 4
    pause_s: float = 1.0  # after the first failure; doubled after each further one


def questions(store: Store, model: Model) -> tuple[str, ...]:
    """What the artist has to agree to before this model is fetched, in sentences; empty where there is nothing."""
    asked = []
    if model.opt_in:
        asked.append(f"Licence: {model.licence}. {model.licence_note or 'It asks for your consent.'}")
    unknown = [file.name for file in model.files if store.trusted.digest(model, file) is None]
    if unknown:
        asked.append(
            f"Nobody we trust has published a digest of {', '.join(unknown)}: what comes now cannot be checked. "
            "It will be remembered, and later copies have to be the same."
        )
    return tuple(asked)


def mirrors(config: Config) -> tuple[tuple[str, str], ...]:
    """`weights_mirrors` as (beginning of a url, what takes its place). Raises: Invalid."""
    pairs = []
    for setting in config.weights_mirrors:
        original, _, mirror = (part.strip() for part in setting.partition("="))
        if not (is_web_address(original) and is_web_address(mirror)):
            raise Invalid(
                f"{config_file()}: «{setting}» in weights_mirrors is no mirror.",
                'Write "https://original.example = https://mirror.example".',
            )
        pairs.append((original.rstrip("/") + "/", mirror.rstrip("/") + "/"))
    return tuple(pairs)


class Fetcher:
    """`mirrored`: from `mirrors`; a mirror is asked before what it stands for."""

    def __init__(
        self, store: Store, mirrored: tuple[tuple[str, str], ...] = (), patience: Patience | None = None
    ) -> None:
        self._store = store
        self._mirrored = mirrored
        self._patience = patience or Patience()
        self._web = Web(self._patience.stall_s)

    def fetch(self, model: Model, report: Report, agreed: bool = False) -> Path:
        """The folder with the model's files, fetched if it was not there; waits for a process that does the same.

        Raises: Invalid where there are `questions` and nobody `agreed` · FetchFailed · DiskFull
        """
        store = self._store
        with store.locked(model, on_wait=lambda: report(Progress("waiting"))):
            if store.condition(model).state == "installed":
                return store.folder_of(model)
            if not agreed and (asked := questions(store, model)):
                raise Invalid(f"{model.id}: {' '.join(asked)}", "Agree with --yes.")
            try:
                staging = store.begin(model)
                self._require_room(model, staging)
                for file in model.files:
                    if not (staging / file.name).exists():
                        self._fetch_file(model, file, staging, _Throttled(report, model, staging, file))
                return store.install(model)
            except OSError as error:
                raise disk_trouble(error, store.folder) from None
            finally:
                with contextlib.suppress(OSError):
                    store.staging_of(model).rmdir()  # where nothing has come

    def _require_room(self, model: Model, staging: Path) -> None:
        """Before the first byte is asked for."""
        here = sum(size_of(staging / name) for file in model.files for name in (file.name, file.name + PART))
        require_room(staging, max(0, sum(file.expected_bytes or 0 for file in model.files) - here))

    def _fetch_file(self, model: Model, file: WeightsFile, staging: Path, report: _Throttled) -> None:
        digest = self._store.trusted.digest(model, file)
        wanted = Wanted(staging / (file.name + PART), file.bytes, digest is not None)
        failures: list[SourceFailed] = []
        for url in self._sources(file):
            try:
                sha256 = self._from(url, wanted, digest, report)
            except SourceFailed as failure:
                failures.append(failure)
                continue
            if digest is None:
                self._store.trusted.remember(model, file, sha256)
            wanted.part.replace(staging / file.name)
            wanted.origin_file.unlink(missing_ok=True)
            flush_folder(staging)
            return
        hint = next((failure.hint for failure in failures if failure.hint), "")
        if all(isinstance(failure, Unreachable) for failure in failures):
            hint += f" Or fetch it where there is a network, and copy that weights folder to {self._store.folder}."
        kept = "What has come is kept: fetching again goes on there." if size_of(wanted.part) else ""
        why = "; ".join(dict.fromkeys(str(failure) for failure in failures))
        raise FetchFailed(f"{model.id} could not be fetched: {why}.", " ".join(filter(None, (hint.strip(), kept))))

    def _from(self, url: str, wanted: Wanted, digest: str | None, report: _Throttled) -> str:
        """Try one url until the file is there and right; its digest. Raises: SourceFailed · DiskFull · OSError"""
        most, tries = size_of(wanted.part), 0
        while True:
            try:
                was_resumed = download(self._web, url, wanted, report.fetching)
                found = digest_of(wanted.part, report.checking)
                if digest in (None, found):
                    return found
                wanted.discard()
                said = f"what {urlsplit(url).hostname} has is not the file: its digest is {found}, not {digest}"
                raise SourceFailed(said) if was_resumed else SourceRefused(said)  # the fault may lie in the partial
            except SourceRefused:
                raise
            except SourceFailed as failure:
                came = size_of(wanted.part)
                tries = 1 if came > most else tries + 1
                is_away = isinstance(failure, Unreachable) and came == 0
                if tries >= self._patience.tries or is_away:
                    raise
                most = max(most, came)
                time.sleep(self._patience.pause_s * 2 ** (tries - 1))

    def _sources(self, file: WeightsFile) -> Iterator[str]:
        for url in file.urls:
            yield from (mirror + url[len(was) :] for was, mirror in self._mirrored if url.startswith(was))
        yield from file.urls


class _Throttled:
    """Reports ten times a second at most, in bytes of the whole model."""

    def __init__(self, report: Report, model: Model, staging: Path, file: WeightsFile) -> None:
        self._report = report
        self._file = file
        self._before = sum(size_of(staging / other.name) for other in model.files if other is not file)
        self._whole = model.expected_bytes
        self._latest = -REPORT_EVERY_S

    def fetching(self, count: int) -> None:
        self._say("fetching", self._before + count)

    def checking(self, count: int) -> None:
        self._say("checking", self._before + count)

    def _say(self, stage: str, done_bytes: int) -> None:
        now = time.monotonic()
        if now - self._latest >= REPORT_EVERY_S:
            self._latest = now
            self._report(Progress(stage, self._file.name, done_bytes, self._whole))


__all__ = ["DiskFull", "FetchFailed", "Fetcher", "Patience", "Progress", "mirrors", "questions"]
