"""What all commands have in common: JSON lines, and errors that become a sentence and an exit status."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from scumble_protocol.errors import Invalid, ScumbleError, Unsupported

BAD_INPUT, FAILED = 2, 1

AsJson = Annotated[bool, typer.Option("--json", help="Print machine-readable JSON, one object a line.")]


def emit(kind: str, **fields: Any) -> None:
    typer.echo(json.dumps({"type": kind, **fields}, ensure_ascii=False))


def say(as_json: bool, kind: str, sentence: str, **fields: Any) -> None:
    """A sentence for people, or an object of that type for programs, with the sentence as its `message`."""
    if as_json:
        emit(kind, message=sentence, **fields)
    else:
        typer.echo(sentence)


@contextlib.contextmanager
def errors_told(as_json: bool) -> Iterator[None]:
    """Turn what went wrong into a sentence and an exit status."""
    try:
        yield
    except ScumbleError as error:
        if as_json:
            emit("failure", code=error.code, message=error.message, hint=error.hint)
        else:
            typer.echo(f"scumble: {error}", err=True)
        raise typer.Exit(BAD_INPUT if isinstance(error, (Invalid, Unsupported)) else FAILED) from None
    except KeyboardInterrupt:
        typer.echo("scumble: cancelled", err=True)
        raise typer.Exit(FAILED) from None
