"""`scumble train …`: models of the artist's own."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from scumble_protocol.errors import Internal, Invalid

from .terminal import AsJson, emit, errors_told

if TYPE_CHECKING:
    import numpy as np

    from .training.style import Apprentice, Exercise, Plan

app = typer.Typer(help="Train a model of your own.", no_args_is_help=True)

LEAST_PX = 64  # of the picture's shorter side
STYLE_PX = 512  # its longer side, as it is learned from
TELL_S = 20.0  # between two lines


@app.callback()
def train() -> None:
    """Train a model of your own."""


@app.command()
def style(
    picture: Annotated[Path, typer.Argument(help="A painting, a drawing, a photo of a texture: any picture file.")],
    name: Annotated[str, typer.Option(help="What the style is called; otherwise as the file is.")] = "",
    steps: Annotated[int, typer.Option(min=1, max=100_000, help="More look better, and take longer.")] = 500,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Another number, another result.")] = 0,
    pictures: Annotated[int, typer.Option(min=1, help="How many it practises on; they are made from formulas.")] = 48,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of a style of that name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn a style from one picture: Stylize offers it as soon as it is there, in the editors too."""
    with errors_told(as_json):
        _Training(picture, name, (steps, pictures, seed), replace, as_json).run()


class _Training:
    """One run: it says what it does, and goes on where another one like it was interrupted."""

    def __init__(self, picture: Path, name: str, plan: tuple[int, int, int], replace: bool, as_json: bool) -> None:
        from . import config

        self._as_json, self._told_s, self._cannot_keep = as_json, 0.0, False
        self.name = (name or picture.stem).strip()
        self.folder = config.weights_folder(config.read())
        self.file = self.folder / f"{self.name}.safetensors"
        if self.name.startswith(".") or self.name != Path(self.name).name or not self.name:
            raise Invalid(f"A style cannot be called «{self.name}».", "Give it a --name without slashes.")
        if self.file.exists() and not replace:
            raise Invalid(
                f"There is a style called «{self.name}» already.", "Give this one another --name, or add --replace."
            )
        self._with_disk(lambda: self.folder.mkdir(parents=True, exist_ok=True))
        self._style = _opened(picture)
        self._planned = plan

    def run(self) -> None:
        self._say("starting", f"Learning «{self.name}» from a picture. First, pictures to practise on are made…")
        import torch

        from . import config
        from .carried import carried_folder
        from .models import devices, loading
        from .models.architectures.painter import ARCHITECTURE
        from .models.sources import Installed
        from .training import style as training

        plan = training.Plan(*self._planned)
        device = devices.find(config.read().devices[0]).torch
        first_file = carried_folder("weights", "index.toml") / "paint-oil" / "model.safetensors"
        first: Any = loading.load(Installed("", "", (), "", (first_file,), "own", ARCHITECTURE)).module
        torch.manual_seed(plan.seed)
        apprentice = training.Apprentice(self._style, first, plan, device)
        self._kept = config.cache_folder() / "training" / f"{training.key(self._style, plan, first_file)}.state"
        self._take_up(apprentice)
        practised = training.exercises(self._style, plan, lambda share: None)
        try:
            self._learn(apprentice, practised, plan)
        except KeyboardInterrupt:
            self._keep(apprentice.state())
            raise
        self._with_disk(lambda: self._write(apprentice.file()))
        with contextlib.suppress(OSError):
            self._kept.unlink(missing_ok=True)
        self._say("trained", f"«{self.name}» is learned: Stylize offers it now.", file=str(self.file))

    def _learn(self, apprentice: Apprentice, practised: list[Exercise], plan: Plan) -> None:
        from .training.style import seconds_a_step

        each_s = seconds_a_step(apprentice, practised)
        left_s = each_s * (plan.steps - apprentice.done)
        self._say(
            "estimate",
            f"{plan.steps - apprentice.done} steps of {each_s:.2f} s: this will take about {_in_minutes(left_s)} here. "
            "Ctrl+C ends it, and the same command goes on there.",
            seconds=round(left_s),
        )
        begun_s, begun_at = time.monotonic(), apprentice.done
        self._told_s = begun_s

        def report(done: int, loss: float) -> None:
            now_s = time.monotonic()
            if now_s - self._told_s < TELL_S and done < plan.steps:
                return
            self._told_s = now_s
            left_s = (now_s - begun_s) / (done - begun_at) * (plan.steps - done)
            left = f", about {_in_minutes(left_s)} left" if done < plan.steps else ""
            self._say(
                "step", f"step {done} of {plan.steps}{left}", done=done, steps=plan.steps, distance=round(loss, 4)
            )

        apprentice.learn(practised, plan.steps, report, self._keep)

    def _keep(self, state: bytes) -> None:
        """That it cannot be kept is no reason to end."""
        from .weights.storage import write_whole

        try:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._kept, state)
        except OSError as error:
            if not self._cannot_keep:
                self._cannot_keep = True
                self._say(
                    "warning",
                    f"What is learned so far cannot be kept: {error.strerror or error} ({self._kept.parent}). "
                    "It goes on, but must not be interrupted.",
                )

    def _take_up(self, apprentice: Apprentice) -> None:
        if not self._kept.exists():
            return
        try:
            apprentice.take_up(self._kept.read_bytes())
        except Exception:  # a file that was cut short is as good as none, whatever torch says of it
            self._say("warning", "What was learned before cannot be read: it begins anew.")
            return
        self._say("resumed", f"It goes on at step {apprentice.done}, where it was interrupted.", done=apprentice.done)

    def _write(self, content: bytes) -> None:
        from .weights.storage import write_whole

        write_whole(self.file, content)

    def _with_disk(self, write: Any) -> None:
        """Raises: Internal, in words."""
        try:
            write()
        except OSError as error:
            raise Internal(
                f"«{self.name}» cannot be written to {self.folder}: {error.strerror or error}.",
                "Make room, or set weights_folder in config.toml, and run the same command again.",
            ) from None

    def _say(self, kind: str, sentence: str, **fields: Any) -> None:
        if self._as_json:
            emit(kind, message=sentence, **fields)
        else:
            typer.echo(sentence)


def _opened(file: Path) -> np.ndarray:
    """H×W×3 float32, what shows of the picture, reduced. Raises: Invalid."""
    import numpy as np
    from scumble_protocol.image import Reference

    from .imaging import masks, reference

    try:
        data = file.read_bytes()
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror or error}.", "Name a picture's file.") from None
    image = reference.open_picture(Reference(file.name, data), None)
    shown = masks.extent(image.alpha > 0, image.bounds).relative_to(image.bounds)
    if min(shown.width, shown.height) < LEAST_PX:
        raise Invalid(
            f"{file.name} shows only {shown.width} × {shown.height} pixels, too few to learn a style from.",
            f"Take a picture of {LEAST_PX} × {LEAST_PX} or more.",
        )
    part = slice(shown.y, shown.bottom), slice(shown.x, shown.right)
    return np.clip(image.reduced(*part, masks.fitted_size((shown.height, shown.width), STYLE_PX)), 0, 1)


def _in_minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes"
