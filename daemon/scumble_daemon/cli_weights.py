"""`scumble weights …`: see, fetch, verify and remove models."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from scumble_protocol.errors import Invalid

from .terminal import FAILED, AsJson, emit, errors_told

if TYPE_CHECKING:
    from .models.dropped import Dropped
    from .weights.fetch import Progress
    from .weights.index import Index, Model
    from .weights.store import Condition, Store

app = typer.Typer(help="See, fetch, verify and remove models.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="MODEL", help="One of `scumble weights list`.")]
Names = Annotated[list[str], typer.Argument(metavar="MODEL…", help="Some of `scumble weights list`.")]
MARKS = {"installed": "✓", "partial": "…", "damaged": "✗", "absent": " "}


@app.command("list")
def list_models(
    operation: Annotated[str, typer.Argument(help="Only the models for this operation.")] = "",
    installed: Annotated[bool, typer.Option("--installed", help="Only what lies on this disk.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show every model with its size, its licence, and whether it is installed; and the files of your own."""
    import dataclasses

    from .models import dropped

    with errors_told(as_json):
        index, store = _opened()
        models = index.for_operation(operation) if operation else index.models
        rows = [(model, store.condition(model)) for model in models]
        rows = [(model, condition) for model, condition in rows if condition.here_bytes or not installed]
        own = () if operation else dropped.listed(store.folder)
        if as_json:
            for model, condition in rows:
                emit("model", **_as_table(model, condition, store))
            for record in own:
                emit("dropped", **dataclasses.asdict(record))
            return
        width = max((len(model.id) for model, _ in rows), default=0)
        used = _used_operations()
        latest = ""
        for model, condition in rows:
            if model.operations[0] != latest:
                latest = model.operations[0]
                typer.echo(f"\n{latest}{'' if latest in used else f'  (chosen in {_users(model, used)})'}")
            state = condition.state if condition.state != "absent" else ""
            opt_in = " (asks first)" if model.opt_in else ""
            typer.echo(
                f"{MARKS[condition.state]} {model.id:{width}}  {state:9}  {_size(model):>8}  {model.licence}{opt_in}"
            )
            for sentence in condition.damage:
                typer.echo(f"    {sentence}")
        _list_dropped(own)
        typer.echo(f"\nFolder: {store.folder} · `scumble weights show MODEL` tells everything about one.")


@app.command()
def show(model: Name, as_json: AsJson = False) -> None:
    """Tell everything about one model: what it is for, its licence, its files and where they come from."""
    with errors_told(as_json):
        index, store = _opened()
        found = index.find(model)
        condition = store.condition(found)
        if as_json:
            emit("model", **_as_table(found, condition, store))
            return
        _explain(found, condition, store)


@app.command()
def fetch(
    models: Names,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to what would be asked; for scripts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch models and verify them; what was interrupted goes on where it ended."""
    from . import config
    from .weights import fetch as fetching

    with errors_told(as_json):
        index, store = _opened()
        wanted = [index.find(name) for name in dict.fromkeys(models)]
        settings = config.read()
        patience = fetching.Patience(stall_s=settings.weights_stall_s)
        fetcher = fetching.Fetcher(store, fetching.mirrors(settings), patience)
        for model in wanted:
            if store.condition(model).state != "installed":
                _tell_licence(model, as_json)
                agreed = yes or _agreed(model, fetching.questions(store, model), as_json)
                try:
                    with _progress(model, as_json) as report:
                        fetcher.fetch(model, report, agreed)
                except KeyboardInterrupt:
                    typer.echo("What has come is kept: fetching again goes on there.", err=True)
                    raise
            if as_json:
                emit("result", model=model.id, folder=str(store.folder_of(model)))
            else:
                typer.echo(f"{model.id} is installed and verified: {store.folder_of(model)}")


@app.command()
def verify(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL…]", help="Everything that is installed, if none is named.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute every digest anew, and name what is damaged."""
    with errors_told(as_json):
        index, store = _opened()
        chosen = [index.find(name) for name in models or ()]
        if not models:
            chosen = [model for model in index.models if store.folder_of(model).exists()]
        is_bad = False
        for model in chosen:
            condition = store.verify(model)
            is_bad |= condition.state != "installed"
            if as_json:
                emit("verified", model=model.id, state=condition.state, damage=list(condition.damage))
                continue
            said = "; ".join(condition.damage) or ("as it should be" if condition.state == "installed" else "")
            typer.echo(f"{MARKS[condition.state].strip() or '✗'} {model.id}: {said or 'not installed'}")
        if not chosen and not as_json:
            typer.echo("No model is installed.")
        if is_bad:
            if not as_json:
                typer.echo("`scumble weights fetch MODEL` fetches what is damaged again.", err=True)
            raise typer.Exit(FAILED)


@app.command()
def remove(
    models: Names,
    forget: Annotated[
        bool, typer.Option("--forget", help="Also forget the digests that were remembered at the first fetch.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete models, and what has come of them so far."""
    from scumble_protocol.words import in_words

    with errors_told(as_json):
        index, store = _opened()
        for model in [index.find(name) for name in dict.fromkeys(models)]:
            freed = store.remove(model)
            forgot = forget and store.trusted.forget(model)
            if as_json:
                emit("removed", model=model.id, freed_bytes=freed, forgot=bool(forgot))
                continue
            typer.echo(f"{model.id} is removed: {in_words(freed)}." if freed else f"{model.id} was not installed.")
            if forgot:
                typer.echo(f"The remembered digests of {model.id} are forgotten.")


@app.command()
def path(model: Annotated[str, typer.Argument(metavar="[MODEL]")] = "") -> None:
    """Print the weights folder, or the folder of one installed model."""
    with errors_told(False):
        index, store = _opened()
        typer.echo(store.resolve(index.find(model)) if model else store.folder)


# --- shared ------------------------------------------------------------------------------------------------------


def _list_dropped(records: Iterable[Dropped]) -> None:
    """Checkpoints that somebody put into the folder, and what is wrong with those that cannot be used."""
    from scumble_protocol.words import in_words

    marks = {"recognised": "✓", "waiting": "…", "broken": "✗"}
    for index, record in enumerate(records):
        if not index:
            typer.echo("\nput there by you")
        kind = f"{record.architecture} ×{record.scale}" if record.scale > 1 else record.architecture
        said = {"recognised": kind, "waiting": "not looked at yet: the daemon does that"}.get(record.state, "")
        typer.echo(f"{marks[record.state]} {record.name}  {in_words(record.bytes)}  {said or record.problem}")


def _opened() -> tuple[Index, Store]:
    from . import config
    from .weights import index
    from .weights.store import Store

    return index.read(), Store.open(config.read())


def _used_operations() -> set[str]:
    from . import config, registry

    return registry.load(config.config_folder() / "operations").uses_models_for


def _users(model: Model, used: set[str]) -> str:
    """The operations in which it can be chosen, in words."""
    from .models.loading import is_for_pictures
    from .models.sources import ENHANCE

    users = [each for each in model.operations if each in used]
    users += [ENHANCE] if is_for_pictures(model.loader, model.architecture) else []
    return ", ".join(users) or "no operation of this version yet"


def _size(model: Model) -> str:
    from scumble_protocol.words import in_words

    if model.expected_bytes is None:
        return "?"
    return in_words(model.expected_bytes) if model.has_exact_size else f"≈ {in_words(model.expected_bytes)}"


def _as_table(model: Model, condition: Condition, store: Store) -> dict[str, Any]:
    import dataclasses

    table = dataclasses.asdict(model)
    for file, described in zip(model.files, table["files"], strict=True):
        described["digest"] = store.trusted.digest(model, file)
    return {**table, **dataclasses.asdict(condition), "folder": str(store.folder_of(model))}


def _explain(model: Model, condition: Condition, store: Store) -> None:
    typer.echo(f"{model.id} · {model.title}")
    typer.echo(f"for:           {', '.join(model.operations)} ({model.role})")
    typer.echo(f"chosen in:     {_users(model, _used_operations())}")
    typer.echo(f"network:       {model.architecture}, loaded by {model.loader}")
    typer.echo(f"licence:       {model.licence}")
    for title, text in (
        ("", model.licence_note),
        ("learned from:  ", model.data_note),
        ("note:          ", model.note),
    ):
        if text:
            typer.echo(f"{title or ' ' * 15}{text}")
    typer.echo(f"state:         {condition.state}, {store.folder_of(model)}")
    for sentence in condition.damage:
        typer.echo(f"               {sentence}")
    typer.echo(f"size:          {_size(model)}")
    for file in model.files:
        digest = store.trusted.digest(model, file)
        published = f"sha256 {digest}" if digest else "no digest is published: the first fetch asks"
        typer.echo(
            f"  {file.name}\n    {published}{' (remembered at the first fetch)' if not file.sha256 and digest else ''}"
        )
        for url in file.urls:
            typer.echo(f"    {url}")


def _tell_licence(model: Model, as_json: bool) -> None:
    if not as_json:
        note = f" {model.licence_note}" if model.licence_note else ""
        typer.echo(f"{model.id}: {model.title}, {_size(model)}. Licence: {model.licence}.{note}", err=True)


def _agreed(model: Model, questions: tuple[str, ...], as_json: bool) -> bool:
    """Whether there was something to agree to and the artist did. Raises: Invalid where the answer is no."""
    if not questions or as_json or not sys.stdin.isatty():
        return False  # the fetcher refuses where it has to
    for question in questions:
        typer.echo(question, err=True)
    if not typer.confirm(f"Fetch {model.id}?", err=True):
        raise Invalid(f"{model.id} was not fetched.")
    return True


@contextlib.contextmanager
def _progress(model: Model, as_json: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar with speed and time left on a terminal, JSON lines where they were asked for, silence elsewhere."""
    if as_json:
        yield lambda now: emit(
            "progress",
            model=model.id,
            stage=now.stage,
            file=now.file,
            fraction=now.fraction,
            done_bytes=now.done_bytes,
            whole_bytes=now.whole_bytes,
        )
        return
    if not sys.stderr.isatty():
        yield lambda now: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(model.id, total=None)

        def update(now: Progress) -> None:
            said = {"waiting": "Another Scumble fetches it …", "checking": f"Checking {now.file}"}
            total = now.whole_bytes if now.stage != "waiting" else None
            bar.update(task, description=said.get(now.stage, now.file), completed=now.done_bytes, total=total)

        yield update
