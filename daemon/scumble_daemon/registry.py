"""Where operations declare themselves, once; the catalogue, forms, checks and command-line options come from here."""

from __future__ import annotations

import base64
import importlib
import importlib.util
import inspect
import logging
import pkgutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pydantic
from scumble_protocol import catalogue
from scumble_protocol.catalogue import Catalogue, Inputs, ReferenceInput
from scumble_protocol.errors import Invalid
from scumble_protocol.parameters import check_all

from .carried import carried_folder
from .context import Context
from .imaging.image import Image, NewDocument, NewLayer, NewSelection

__all__ = ["Field", "Inputs", "ModelField", "Operation", "OperationParams", "ReferenceInput", "load", "operation"]

Offers = Callable[[str], "list[tuple[str, str, bytes]]"]
"""The models for an operation: id, title, and a small PNG that shows what it does (b"": there is none)."""

AUTOMATIC = ("auto", "Automatic")
CLASSICAL = ("classical", "Without a model")
OFFERED_FOR = "modelsFor"  # in a schema as it was declared; a catalogue has the models themselves there
FIRST_CHOICE = "firstChoice"  # likewise: id and title of the one that stands before them
PICTURED_BY = "picturedBy"  # likewise: a folder with a picture for each choice
GOES_WITHOUT = "goesWithout"  # likewise: whether there is a way that needs no model


class OperationParams(pydantic.BaseModel):
    """The base of every operation's `Params`: frozen, and closed to names it does not declare."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


def Field(  # noqa: N802 - stands where pydantic's own Field would
    default: Any,
    *,
    title: str,
    description: str = "",
    ge: float | None = None,
    le: float | None = None,
    slider: tuple[float, float] | None = None,
    titles: Iterable[str] = (),
    pictures: str = "",
) -> Any:
    """A parameter. `ge`/`le`: the hard range · `slider`: what a slider offers · `titles`: of a Literal's choices ·
    `pictures`: a folder of `weights/` with a small PNG for each of those, CHOICE.png."""
    extra: dict[str, Any] = {}
    if slider:
        extra["slider"] = list(slider)
    if titles:
        extra["enumTitles"] = list(titles)
    if pictures:
        extra[PICTURED_BY] = pictures
    return pydantic.Field(default, title=title, description=description, ge=ge, le=le, json_schema_extra=extra or None)


def ModelField(  # noqa: N802 - as Field
    operation: str,
    goes_without: bool = False,
    title: str = "Model",
    first: tuple[str, str] = AUTOMATIC,
    description: str = "Automatic takes the best one that is installed and suits your computer.",
) -> Any:
    """A parameter that chooses among the models for `operation`, which come and go while the daemon runs.

    `goes_without`: the operation has a way of its own, which can be chosen and is taken where no model is installed ·
    `first`: id and title of what is taken where nothing is chosen: a model, or what the operation makes of that word.
    """
    extra: dict[str, Any] = {OFFERED_FOR: operation, FIRST_CHOICE: list(first)}
    if goes_without:
        extra[GOES_WITHOUT] = True
        description = f"{description} Where none is, it works without."
    return pydantic.Field(first[0], title=title, description=description, json_schema_extra=extra)


Function = Callable[[Image, Any, Context], "list[NewLayer] | NewDocument | NewSelection"]


@dataclass(frozen=True)
class Operation:
    """A declared operation: its catalogue entry, its parameter model, its function."""

    entry: catalogue.Operation
    params: type[OperationParams]
    function: Function
    raw: bool = False  # works on the editor's own samples: no look at transparency, nothing cached
    models_for: frozenset[str] = frozenset()  # the operations among whose models its parameters choose

    def check(self, values: dict[str, Any]) -> OperationParams:
        """The parameters as the function takes them. Raises: Invalid, naming the parameter."""
        return self.params(**check_all(self.entry.parameters, values))


_declared: dict[str, Operation] = {}


def operation(
    id: str,
    *,
    title: str,
    menu: str,
    inputs: Inputs | None = None,
    gives: str = "layers",
    version: int = 1,
    hidden: bool = False,
    raw: bool = False,
    progressive: bool = False,
) -> Callable[[Function], Function]:
    """Declare the decorated function as the operation `id`; file, function and id have to agree.

    The module's docstring is the description artists read; its class `Params` holds the parameters. `progressive`: it
    gets better step by step, calls `context.preview` on its way, and stops where `context.should_finish` says so.
    """

    def declare(function: Function) -> Function:
        module = inspect.getmodule(function)
        assert module is not None
        params = getattr(module, "Params", None)
        if function.__name__ != id or module.__name__.rsplit(".", 1)[-1] != id:
            raise ValueError(f"operation «{id}»: the file and the function have to be called {id} as well")
        if not (isinstance(params, type) and issubclass(params, OperationParams)):
            raise ValueError(f"operation «{id}»: {module.__name__} has to define class Params(OperationParams)")
        if not module.__doc__:
            raise ValueError(f"operation «{id}»: {module.__name__} has to open with a docstring")
        entry = catalogue.Operation(
            id=id,
            title=title,
            menu=menu,
            description=" ".join(inspect.cleandoc(module.__doc__).split("\n\n")[0].split()),
            version=version,
            hidden=hidden,
            gives=gives,
            inputs=inputs or Inputs(),
            schema=_schema(params),
            progressive=progressive,
        )
        _ = _with_offers(
            entry, lambda _: []
        ).parameters  # read back once here, so that a field no form can draw fails at load
        models_for = {each[OFFERED_FOR] for each in entry.schema["properties"].values() if OFFERED_FOR in each}
        _declared[id] = Operation(entry, params, function, raw, frozenset(models_for))
        return function

    return declare


def _schema(params: type[OperationParams]) -> dict[str, Any]:
    schema = params.model_json_schema()
    properties = schema.get("properties", {})
    for entry in properties.values():
        if "const" in entry:  # a Literal of one choice
            entry["enum"] = [entry.pop("const")]
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _with_offers(entry: catalogue.Operation, offers: Offers) -> catalogue.Operation:
    properties = {}
    for name, schema in entry.schema.get("properties", {}).items():
        plain = dict(schema)
        operation = plain.pop(OFFERED_FOR, None)
        beside = [CLASSICAL] if plain.pop(GOES_WITHOUT, False) else []
        first = tuple(plain.pop(FIRST_CHOICE, AUTOMATIC))
        if operation is not None:
            offered = offers(operation)
            models = [first, *((id, title) for id, title, _ in offered if id != first[0]), *beside]
            plain |= {"enum": [id for id, _ in models], "enumTitles": [title for _, title in models]}
            _show(plain, {id: picture for id, _, picture in offered})
        if folder := plain.pop(PICTURED_BY, ""):
            files = {file.stem: file for file in (carried_folder("weights", "index.toml") / folder).glob("*.png")}
            _show(plain, {choice: files[choice].read_bytes() for choice in plain["enum"] if choice in files})
        properties[name] = plain
    return replace(entry, schema={**entry.schema, "properties": properties})


def _show(schema: dict[str, Any], pictures: dict[str, bytes]) -> None:
    if any(pictures.values()):
        coded = (base64.b64encode(pictures.get(choice, b"")).decode() for choice in schema["enum"])
        schema["enumPictures"] = list(coded)


class Registry:
    """Every operation there is, by id."""

    def __init__(self, operations: dict[str, Operation], offers: Offers = lambda operation: []) -> None:
        self._declared = operations
        self.offer(offers)

    def offer(self, offers: Offers) -> None:
        """Make the catalogue anew, with the models that there are now."""
        self._operations = {
            id: replace(each, entry=_with_offers(each.entry, offers)) for id, each in self._declared.items()
        }
        ordered = sorted(self._operations.values(), key=lambda each: (each.entry.menu, each.entry.title))
        self.catalogue = Catalogue(tuple(each.entry for each in ordered))

    @property
    def uses_models_for(self) -> set[str]:
        """The operations whose models are chosen somewhere; the index may have models for others."""
        return set[str]().union(*(each.models_for for each in self._declared.values()))

    def find(self, id: str) -> Operation:
        """Raises: Invalid."""
        try:
            return self._operations[id]
        except KeyError:
            raise Invalid(f"There is no operation «{id}».", "`scumble ops` lists them.") from None


def load(extra: Path | None = None) -> Registry:
    """Import every operation file of `operations/`, and those of the folder `extra` (the user's own).

    A file of the user's that cannot be loaded is logged and left out: it must not take the others away.
    """
    from . import operations

    for module in pkgutil.iter_modules(operations.__path__):
        importlib.import_module(f"{operations.__name__}.{module.name}")
    for file in sorted(extra.glob("*.py")) if extra and extra.is_dir() else ():
        try:
            _import_file(f"{operations.__name__}.{file.stem}", file)
        except Exception:
            logging.getLogger(__name__).exception("the operation file %s cannot be loaded", file)
    return Registry(dict(_declared))


def _import_file(name: str, file: Path) -> None:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
