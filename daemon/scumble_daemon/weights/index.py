"""The models that can be fetched: what `weights/index.toml` and the user's own `weights.toml` say about them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scumble_protocol.errors import Invalid

from ..carried import carried_folder
from ..config import config_folder, tomllib

__all__ = ["Index", "Model", "WeightsFile", "read", "shipped_index", "user_index"]

FORMAT = 1
LOADERS = ("spandrel", "transformers", "own")
ROLES = ("default", "light", "heavy", "extra")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
DIGEST = re.compile(r"[0-9a-f]{64}")
MARKS_OF_OURS = (".part", ".lock", "trusted.json")  # the store's own names, beside what it keeps


@dataclass(frozen=True)
class WeightsFile:
    """One file of a model. `bytes` and `sha256` are None where nobody we trust has published them.

    `about_bytes`: for people and for the look at the free disk, never checked.
    """

    name: str
    urls: tuple[str, ...]
    bytes: int | None = None
    sha256: str | None = None
    about_bytes: int | None = None

    @property
    def expected_bytes(self) -> int | None:
        return self.bytes or self.about_bytes


@dataclass(frozen=True)
class Model:
    """What can be fetched under one id; all its files are installed or none."""

    id: str
    title: str
    operations: tuple[str, ...]
    role: str
    architecture: str
    loader: str
    licence: str
    data_note: str
    files: tuple[WeightsFile, ...]
    licence_note: str = ""
    note: str = ""
    opt_in: bool = False  # the licence needs the artist's consent, not only a look
    scale: int | None = None  # how many times it enlarges, where it does

    @property
    def expected_bytes(self) -> int | None:
        """None where the size of a file is not known even about."""
        sizes = [file.expected_bytes for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def has_exact_size(self) -> bool:
        return all(file.bytes is not None for file in self.files)


@dataclass(frozen=True)
class Index:
    models: tuple[Model, ...]

    def find(self, id: str) -> Model:
        """Raises: Invalid, with the nearest ids."""
        for model in self.models:
            if model.id == id:
                return model
        raise Invalid(f"There is no model «{id}».", _suggestion(id, [model.id for model in self.models]))

    def for_operation(self, operation: str) -> tuple[Model, ...]:
        """Raises: Invalid where no model is for it."""
        found = tuple(model for model in self.models if operation in model.operations)
        if not found:
            known = sorted({name for model in self.models for name in model.operations})
            raise Invalid(f"No model is for an operation «{operation}».", f"There are models for {', '.join(known)}.")
        return found


def shipped_index() -> Path:
    return carried_folder("weights", "index.toml") / "index.toml"


def user_index() -> Path:
    """The user's own additions, in the same form."""
    return config_folder() / "weights.toml"


def read() -> Index:
    """What is shipped, then the user's own. Raises: Invalid, naming the file and what is wrong in it."""
    models = parse(shipped_index().read_text("utf-8"), "weights/index.toml")
    own = user_index()
    try:
        text = own.read_text("utf-8")
    except FileNotFoundError:
        return Index(models)
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{own} cannot be read: {error}.", "Correct or delete the file.") from None
    return Index(_distinct((*models, *parse(text, str(own))), str(own)))


def parse(text: str, where: str) -> tuple[Model, ...]:
    """The models of one index file. Raises: Invalid."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{where} cannot be read: {error}.", "Correct the file.") from None
    if table.pop("format", None) != FORMAT:
        raise Invalid(f"{where}: it has to say `format = {FORMAT}`.", "Correct the file, or update Scumble.")
    entries = table.pop("model", [])
    if table or not isinstance(entries, list):
        raise Invalid(f"{where}: only [[model]] tables belong here.", "Correct the file.")
    return _distinct(tuple(_model(entry, where) for entry in entries), where)


# --- checked once, here ------------------------------------------------------------------------------------------


def _distinct(models: tuple[Model, ...], where: str) -> tuple[Model, ...]:
    seen: set[str] = set()
    for model in models:
        if model.id.lower() in seen:  # folders on some systems know no case
            raise Invalid(f"{where}: the id «{model.id}» is there twice.", "Give every model an id of its own.")
        seen.add(model.id.lower())
    return models


def _model(entry: Any, where: str) -> Model:
    facts = _Facts(entry, where, "a model")
    id = facts.text("id")
    facts.where = f"{where}: {id}"
    facts.require(_is_name(id), "id")
    files = facts.take("files", list)
    facts.require(bool(files), "files")
    model = Model(
        id=id,
        title=facts.text("title"),
        operations=facts.texts("operations"),
        role=facts.one_of("role", ROLES),
        architecture=facts.text("architecture"),
        loader=facts.one_of("loader", LOADERS),
        licence=facts.text("licence"),
        data_note=facts.text("data_note"),
        files=tuple(_file(file, facts.where) for file in files),
        licence_note=facts.text("licence_note", ""),
        note=facts.text("note", ""),
        opt_in=facts.take("opt_in", bool, False),
        scale=facts.take("scale", int, None),
    )
    facts.nothing_left()
    names = [file.name.lower() for file in model.files]
    facts.require(len(names) == len(set(names)), "files")
    return model


def _file(entry: Any, where: str) -> WeightsFile:
    facts = _Facts(entry, where, "a file")
    name = facts.text("name")
    facts.where = f"{where}/{name}"
    facts.require(_is_name(name), "name")
    urls = facts.texts("urls")
    facts.require(all(is_web_address(url) for url in urls), "urls")
    file = WeightsFile(
        name,
        urls,
        facts.take("bytes", int, None),
        facts.take("sha256", str, None),
        facts.take("about_bytes", int, None),
    )
    facts.nothing_left()
    for key in ("bytes", "about_bytes"):
        facts.require(getattr(file, key) is None or getattr(file, key) > 0, key)
    facts.require(file.sha256 is None or bool(DIGEST.fullmatch(file.sha256)), "sha256")
    return file


class _Facts:
    """The keys of one table, taken one by one; what is left over at the end was misspelt."""

    def __init__(self, entry: Any, where: str, what: str) -> None:
        self.where = where
        if not isinstance(entry, Mapping):
            raise Invalid(f"{where}: {what} is a table.", "Correct the file.")
        self._left = dict(entry)

    def take(self, key: str, kind: type, *otherwise: Any) -> Any:
        if key not in self._left and otherwise:
            return otherwise[0]
        value = self._left.pop(key, None)
        self.require(type(value) is kind, key)
        return value

    def text(self, key: str, *otherwise: str) -> str:
        value = self.take(key, str, *otherwise)
        self.require(bool(value) or value in otherwise, key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.take(key, list)
        self.require(bool(values) and all(isinstance(value, str) and value for value in values), key)
        return tuple(values)

    def one_of(self, key: str, known: tuple[str, ...]) -> str:
        value = self.take(key, str)
        self.require(value in known, key)
        return value

    def require(self, is_right: bool, key: str) -> None:
        if not is_right:
            raise Invalid(f"{self.where}: «{key}» is missing or wrong.", "Correct the file.")

    def nothing_left(self) -> None:
        for key in self._left:
            raise Invalid(f"{self.where}: the key «{key}» is unknown.", "Correct the file.")


def _is_name(text: str) -> bool:
    """Usable as the name of a file or folder everywhere, and never a way out of the folder."""
    is_ours = text.endswith(".") or any(mark in text.lower() for mark in MARKS_OF_OURS)
    return bool(NAME.fullmatch(text)) and not is_ours


def is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    is_printable = all(33 <= ord(character) < 127 for character in url)
    return parts.scheme in ("https", "http") and has_host and is_printable and "@" not in parts.netloc


def _suggestion(id: str, known: list[str]) -> str:
    near = [name for name in known if id and id.lower() in name]
    near += [name for name in difflib.get_close_matches(id.lower(), known, n=3, cutoff=0.5) if name not in near]
    others = "`scumble weights list` shows all."
    return f"Did you mean {' or '.join(near[:3])}? {others}" if near else others
