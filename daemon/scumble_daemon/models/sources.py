"""Which models are here: shipped with Scumble, fetched, or dropped into the weights folder."""

from __future__ import annotations

import builtins
import contextlib
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scumble_protocol.errors import Invalid, MissingModel

from ..carried import carried_folder
from ..config import tomllib
from ..weights.index import Index, Model
from ..weights.storage import digest_of
from ..weights.store import Store
from .dropped import Dropped, files_of, read_records
from .loading import is_for_pictures, knows

ENHANCE = "enhance_with_model"
FILE = "model.safetensors"
PAINTER, TRANSLATOR = "Painter", "DynamicUNet"  # of styles and domains that `scumble train` made
CARD = "model.toml"  # beside it: what the model is
MOST_PICTURE_BYTES = 50_000  # each goes into the catalogue
FOR_ONE_OPERATION = {
    "Sam2": "select_object",
    "Sam": "select_object",
    "ClickNet": "select_object",
    "BiRefNet": "remove_background",
    "ShadowFormer": "remove_shadow",
    "VitMatte": "refine_edge",
    "OneFormer": "replace_sky",
    PAINTER: "stylize",
    TRANSLATOR: "translate_domain",
}
ALSO_FOR = {  # beside all that any other network is for
    "TransformerNet": "stylize",
    "AnimeGANv2": "translate_domain",
    "Pix2PixResNet": "translate_domain",  # trained as a TRANSLATOR is, to compare with it
    "Pix2PixUNet": "translate_domain",
}
GIVES_WAY = ("ClickNet",)  # to any other network for the same operation
# What "auto" prefers: on a GPU the best, on a processor what ends within a minute.
PREFERENCES = {
    True: ("default", "heavy", "light", "shipped", "extra", "own"),
    False: ("light", "shipped", "default", "extra", "heavy", "own"),
}


@dataclass(frozen=True)
class Installed:
    """A model that can be used now.

    `role`: one of PREFERENCES · `files`: all in one folder, as the index orders them · `loader`, `architecture`: what
    `loading` makes of them · `digests`: sha256 of each file, empty until they were computed · `mix`: how much of the
    first file, where two are mixed.
    """

    id: str
    title: str
    operations: tuple[str, ...]
    role: str
    files: tuple[Path, ...]
    loader: str
    architecture: str
    scale: int = 1
    digests: tuple[str, ...] = ()
    mix: float = 0.5

    @property
    def is_mixed(self) -> bool:
        """Whether it is the same network trained twice, and the artist chooses in between."""
        return self.loader == "spandrel" and len(self.files) == 2

    @property
    def file(self) -> Path:
        """The only one, or the first."""
        return self.files[0]

    @property
    def folder(self) -> Path:
        return self.file.parent

    @property
    def picture(self) -> builtins.bytes:
        """A small PNG of what it does, which lies beside its file under the same name; b"" where there is none."""
        with contextlib.suppress(OSError):
            file = self.file.with_suffix(".png")
            if file.stat().st_size <= MOST_PICTURE_BYTES:
                return file.read_bytes()
        return b""

    @property
    def bytes(self) -> int:
        """Of the files: about what it takes in memory. Raises: MissingModel."""
        try:
            return sum(file.stat().st_size for file in self.files)
        except OSError as error:
            raise MissingModel(f"The model {self.id} is gone: {error.filename}.", "Choose another.") from None

    @property
    def key(self) -> str:
        """Another file under the same name is another model."""
        with contextlib.suppress(OSError):
            found = [file.stat() for file in self.files]
            mix = f"#{self.mix}" if self.is_mixed else ""
            return f"{self.id}@{'+'.join(f'{each.st_size}-{each.st_mtime_ns}' for each in found)}{mix}"
        return f"{self.id}@gone"


@dataclass(frozen=True)
class Offer:
    """A choice of a parameter `model`. `picture`: a small PNG that shows what it does, or nothing."""

    id: str
    title: str
    picture: bytes = b""


@dataclass(frozen=True)
class Shelf:
    """All that is here at one moment, and what could be fetched."""

    installed: tuple[Installed, ...] = ()
    known: tuple[Model, ...] = ()
    folder: Path = Path()

    def of(self, operation: str) -> tuple[Installed, ...]:
        return tuple(
            model for model in self.installed if operation in model.operations and suits(model.architecture, operation)
        )

    def offers(self, operation: str) -> list[Offer]:
        """For a form: those that are here, then those that could be."""
        here = self.of(operation)
        offers = [Offer(model.id, model.title, model.picture) for model in here]
        names = {model.id for model in here}
        if operation != ENHANCE:
            fetchable = [
                each
                for each in self.known
                if operation in each.operations and suits(each.architecture, operation) and each.id not in names
            ]
            offers += [Offer(each.id, f"{each.title} (not installed)") for each in fetchable]
        return offers

    def choose(self, operation: str, wanted: str, scale: int | None, on_gpu: bool) -> Installed:
        """`wanted`: an id, or "auto" for the best; `scale`: what it has to enlarge by, or a multiple of it.

        Raises: MissingModel, saying what to fetch.
        """
        fitting = [model for model in self.of(operation) if scale is None or model.scale % scale == 0]
        if wanted == "auto":
            if fitting:
                order = PREFERENCES[on_gpu]

                def rank(model: Installed) -> tuple[int, bool, int]:
                    distance = abs(model.scale - (scale or 1))
                    return distance, model.architecture in GIVES_WAY, order.index(model.role)

                return min(fitting, key=rank)
            what = f" that enlarges {scale} times" if scale else ""
            raise MissingModel(f"No model for this is installed{what}.", self._advice(operation, scale))
        for model in self.of(operation):
            if model.id == wanted:
                if model not in fitting:
                    raise Invalid(
                        f"The model {model.id} enlarges {model.scale} times, not {scale}.",
                        "Choose another model, or a smaller factor.",
                    )
                return model
        if any(model.id == wanted for model in self.known):
            raise MissingModel(f"The model {wanted} is not installed.", _way_to_fetch(wanted))
        raise MissingModel(f"There is no model «{wanted}» any more.", "Choose another, or «Automatic».")

    def fingerprint(self) -> list[str]:
        """Changes whenever "auto" or a name could mean another file."""
        return [model.key for model in self.installed]

    def _advice(self, operation: str, scale: int | None) -> str:
        if operation == ENHANCE:
            return f"Put a checkpoint, a .safetensors or .pth file, into {self.folder}."
        known = [model for model in self.known if operation in model.operations and (model.scale or 1) == (scale or 1)]
        best = next((model for role in ("light", "default") for model in known if model.role == role), None)
        return _way_to_fetch(best.id) if best else f"Put one into {self.folder}."


def _way_to_fetch(model: str) -> str:
    return f"Fetch {model} under Scumble's Models in your editor, or with `scumble weights fetch {model}`."


def look(index: Index, store: Store, shipped: Path | None = None) -> Shelf:
    """What is here now, from names, sizes and small tables; digests only of what changed. Raises: Invalid."""
    known = tuple(model for model in index.models if knows(model.loader, model.architecture))
    installed = (
        *_shipped(shipped or carried_folder("weights", "index.toml")),
        *_fetched(known, store),
        *_dropped(store),
    )
    distinct = {model.id: model for model in reversed(installed)}  # an id of ours is not taken by a file
    return Shelf(tuple(distinct.values())[::-1], known, store.folder)


def suits(architecture: str, operation: str) -> bool:
    """Whether what runs such a network is what the operation needs, whatever an index says that it is for."""
    only = FOR_ONE_OPERATION.get(architecture)
    if only:
        return operation == only
    return operation not in FOR_ONE_OPERATION.values() or ALSO_FOR.get(architecture) == operation


def digest(model: Installed) -> str:
    """sha256 of its file; of several, that of what `sha256sum` prints for them in the index's order."""
    digests = model.digests or tuple(_digest(model.key, file) for file in model.files)
    if len(digests) == 1:
        return digests[0]
    lines = (f"{digest}  {file.name}\n" for digest, file in zip(digests, model.files, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@cache
def _digest(_key: str, file: Path) -> str:
    return digest_of(file)


def _shipped(folder: Path) -> list[Installed]:
    """Folders of `weights/` with a card and a file."""
    found = []
    for card in sorted(folder.glob(f"*/{CARD}")):
        file = card.with_name(FILE)
        if not file.is_file():
            continue
        try:
            facts: dict[str, Any] = tomllib.loads(card.read_text("utf-8"))
            loader = facts.get("loader", "spandrel")
            for_all = (ENHANCE,) if is_for_pictures(loader, facts["architecture"]) else ()
            found.append(
                Installed(
                    card.parent.name,
                    facts["title"],
                    (*facts["operations"], *for_all),
                    "shipped",
                    (file,),
                    loader,
                    facts["architecture"],
                    int(facts.get("scale", 1)),
                    (facts["sha256"],) if "sha256" in facts else (),
                )
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Invalid(f"{card} cannot be read: {error}.", "Install Scumble again.") from None
    return found


def _fetched(known: tuple[Model, ...], store: Store) -> list[Installed]:
    found = []
    for model in known:
        if store.condition(model).state != "installed":
            continue
        digests = tuple(str(store.trusted.digest(model, file)) for file in model.files)
        for_all = (ENHANCE,) if is_for_pictures(model.loader, model.architecture) else ()
        files = tuple(store.folder_of(model) / file.name for file in model.files)
        found.append(
            Installed(
                model.id,
                model.title,
                (*model.operations, *for_all),
                model.role,
                files,
                model.loader,
                model.architecture,
                model.scale or 1,
                digests,
            )
        )
    return found


def _dropped(store: Store) -> list[Installed]:
    return [
        _as_installed(record, store.folder)
        for record in read_records(store.folder)
        if record.state == "recognised" and record.is_current(store.folder)
    ]


def operations_of(record: Dropped) -> tuple[str, ...]:
    """What a dropped model can be chosen for."""
    if record.architecture in FOR_ONE_OPERATION:
        return (FOR_ONE_OPERATION[record.architecture],)
    if record.architecture in ALSO_FOR:
        return (ENHANCE, ALSO_FOR[record.architecture])
    return (ENHANCE, "upscale") if record.scale > 1 else (ENHANCE,)


def _as_installed(record: Dropped, folder: Path) -> Installed:
    title = f"{record.name} ({record.architecture}{f' ×{record.scale}' if record.scale > 1 else ''})"
    if record.architecture in (PAINTER, TRANSLATOR):
        title = f"{Path(record.name).stem} (your own)"
    return Installed(
        record.name,
        title,
        operations_of(record),
        "own",
        files_of(folder / record.name),
        record.loader,
        record.architecture,
        record.scale,
        (record.digest,),
    )
