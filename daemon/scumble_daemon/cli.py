"""`scumble …`: the only place that prints, together with `cli_weights`, and `cli_train` with what that runs."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from scumble_protocol.errors import DaemonUnavailable

from . import cli_train, cli_weights
from .terminal import FAILED, AsJson, emit, errors_told

app = typer.Typer(
    name="scumble",
    help="Neural image operations inside GIMP and Krita, from one resident local daemon.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(cli_weights.app, name="weights")
app.add_typer(cli_train.app, name="train")


def main() -> None:
    """Exit status: 0 done, 2 bad input, 1 anything else."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(encoding="utf-8", errors="replace")  # pyright: ignore[reportAttributeAccessIssue]
    app()


@app.command()
def serve() -> None:
    """Run the daemon in this terminal. The editors start it by themselves when they need it."""
    from . import server

    raise typer.Exit(server.serve_here(typer.echo))


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say whether the daemon runs, and what it is doing."""
    from scumble_protocol.words import in_words

    with errors_told(as_json), _client(start=False) as client:
        found = client.status()
        if as_json:
            typer.echo(json.dumps(found))
            return
        typer.echo(f"Scumble {found['version']} runs (process {found['pid']}), up {found['uptime_s']:.0f} s")
        typer.echo(f"connected: {', '.join(found['sessions']) or 'nobody'} · waiting jobs: {len(found['queued'])}")
        if found.get("fetching"):
            typer.echo(f"fetching:  {', '.join(found['fetching'])}")
        for worker in found["workers"]:
            doing = f", running {worker['operation']}" if worker["operation"] else ""
            typer.echo(f"worker on {worker['device']}: {worker['state']} (process {worker['pid']}){doing}")
            for model in worker["models"]:
                used = ", in use" if model["in_use"] else ""
                typer.echo(f"    warm: {model['title']}, {in_words(model['bytes'])}{used}")


@app.command()
def free(as_json: AsJson = False) -> None:
    """Let go of the warm models, so that other programs get the memory; the next job loads its model again."""
    with errors_told(as_json):
        try:
            with _client(start=False) as client:
                freed = client.free()
        except DaemonUnavailable:
            if not as_json:
                typer.echo("The daemon is not running: no model is kept warm.")
            return
        if as_json:
            emit("freed", models=list(freed.models), in_use=list(freed.in_use), bytes=freed.bytes)
            return
        typer.echo(freed.words)


@app.command()
def stop() -> None:
    """End the daemon."""
    with errors_told(False):
        try:
            with _client(start=False) as client:
                fetching = client.status().get("fetching", [])
                client.stop()
        except DaemonUnavailable:
            typer.echo("The daemon was not running.")
            return
        typer.echo("The daemon has ended.")
        if fetching:
            typer.echo(f"It was fetching {', '.join(fetching)}: what has come is kept.")


@app.command()
def ops(
    operation: Annotated[str, typer.Argument(help="Tell everything about this one.")] = "", as_json: AsJson = False
) -> None:
    """List the operations, or explain one with its parameters."""
    with errors_told(as_json), _client() as client:
        catalogue = client.catalogue()
        if as_json:
            table = catalogue.to_json()["operations"]
            chosen = [entry for entry in table if not operation or entry["id"] == operation]
            typer.echo(json.dumps(chosen if not operation else (chosen or [catalogue.find(operation)])[0]))
            return
        if not operation:
            width = max(len(entry.id) for entry in catalogue.visible)
            for entry in catalogue.visible:
                typer.echo(f"{entry.id:{width}}  {entry.menu} ▸ {entry.title}: {entry.description}")
            return
        _explain(catalogue.find(operation))


@app.command()
def run(
    operation: Annotated[str, typer.Argument(help="One of `scumble ops`.")],
    photo: Annotated[Path, typer.Argument(help="The picture: PNG, JPEG, TIFF or WebP.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="result.ora: layers · result.png, .tif: the composite.")
    ] = None,
    layers: Annotated[
        Path | None, typer.Option(help="Write every layer, mask and selection into this folder, with result.json.")
    ] = None,
    selection: Annotated[
        Path | None, typer.Option(help="A grey picture of the same size: white is selected, grey is feather.")
    ] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="A parameter: name=value.")] = None,
    reference: Annotated[
        Path | None, typer.Option(help="A file to take beside the picture: a look, a picture.")
    ] = None,
    point: Annotated[list[str] | None, typer.Option(help="x,y to include, x,y,- to exclude.")] = None,
    box: Annotated[str, typer.Option(help="x0,y0,x1,y1")] = "",
    preview: Annotated[
        Path | None, typer.Option(help="While it runs, write the picture so far into this PNG, again and again.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run an operation on a picture file, through the same daemon and protocol as the editors.

    Ctrl+C cancels. Where an operation gets better step by step, the first Ctrl+C ends it with what there is so far, and
    a second one cancels.
    """
    from . import run_command
    from .interrupts import Interrupts

    request = run_command.Request(
        operation, photo, output, layers, selection, tuple(settings or ()), reference, tuple(point or ()), box, preview
    )
    with (
        errors_told(as_json),
        Interrupts(lambda text: typer.echo(text, err=True)) as interrupts,
        _progress(as_json) as on_progress,
        _client(on_wait=lambda text: on_progress(-1, text)) as client,
    ):
        outcome = run_command.run(client, request, on_progress, interrupts)
    if as_json:
        files = [str(file) for file in outcome.files]
        emit(
            "result",
            files=files,
            layers=list(outcome.layers),
            notes=list(outcome.notes),
            timings=outcome.timings,
            finished_at=outcome.finished_at,
        )
        return
    if outcome.finished_at < 1:
        typer.echo(f"Finished early, with {outcome.finished_at:.0%} of the work done.")
    for note in outcome.notes:
        typer.echo(note)
    for file in outcome.files:
        typer.echo(f"wrote {file}")


@app.command()
def doctor() -> None:
    """Look at everything that can be wrong, and say what to do about it."""
    from . import doctor as examination

    worst = 0
    for finding in examination.examine():
        mark = {"good": "✓", "warning": "!", "bad": "✗"}[finding.level]
        typer.echo(f"{mark} {finding.what}")
        if finding.advice:
            typer.echo(f"    → {finding.advice}")
        worst = max(worst, finding.level == "bad")
    raise typer.Exit(FAILED if worst else 0)


@app.command()
def setup(
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Take the plug-ins out of the editors again.")] = False,
) -> None:
    """Put the plug-ins into the editors of this computer, and say what was done."""
    from . import setup as installer

    with errors_told(False):
        raise typer.Exit(installer.run(typer.echo, uninstall=uninstall))


@app.command()
def logs(
    lines: Annotated[int, typer.Option("-n", help="How many lines of each log.")] = 40,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as lines are written.")] = False,
) -> None:
    """Show what the daemon and its worker have written to their logs."""
    from . import config

    files = [config.log_folder() / name for name in ("daemon.log", "worker.log", "worker-stderr.log")]
    places = {}
    for file in files:
        text = file.read_text("utf-8", "replace") if file.exists() else ""
        places[file] = len(text)
        typer.echo(f"── {file}")
        typer.echo("\n".join(text.splitlines()[-lines:]))
    with contextlib.suppress(KeyboardInterrupt):
        while follow:
            time.sleep(0.5)
            for file in filter(Path.exists, files):
                text = file.read_text("utf-8", "replace")
                typer.echo(text[places[file] :], nl=False)
                places[file] = len(text)


# --- shared ------------------------------------------------------------------------------------------------------


def _client(start: bool = True, on_wait: Callable[[str], None] = lambda text: None) -> Any:
    from scumble_protocol.client import Client

    command = [sys.executable, "-m", "scumble_daemon", "serve"]
    return Client.connect(
        name="scumble (command line)", start=start, on_wait=on_wait, transport="pyzmq", command=command
    )


@contextlib.contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[float, str], None]]:
    """A progress bar on a terminal, JSON lines where they were asked for, silence elsewhere."""
    if as_json:
        yield lambda fraction, stage: emit("progress", fraction=fraction, stage=stage)
        return
    if not sys.stderr.isatty():
        yield lambda fraction, stage: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Waiting …", total=None)

        def update(fraction: float, stage: str) -> None:
            known = fraction >= 0
            bar.update(task, description=stage, total=1.0 if known else None, completed=fraction if known else 0)

        yield update


def _explain(entry: Any) -> None:
    typer.echo(f"{entry.id} · {entry.menu} ▸ {entry.title}\n{entry.description}\n")
    takes = [f"selection ({entry.inputs.selection})"]
    takes += ["--point"] * entry.inputs.points + ["--box"] * entry.inputs.box
    if entry.inputs.reference:
        reference = entry.inputs.reference
        takes.append(f"--reference {reference.title} ({', '.join(reference.extensions)})")
    typer.echo(f"takes: {', '.join(takes)} · gives: {entry.gives}")
    for parameter in entry.parameters:
        span = ", ".join(value for value, _ in parameter.choices)
        if parameter.minimum is not None or parameter.maximum is not None:
            span = f"{parameter.minimum:g} … {parameter.maximum:g}"
        typer.echo(f"  --set {parameter.name}={parameter.default}  {parameter.title}. {parameter.description} {span}")
