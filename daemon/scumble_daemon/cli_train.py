"""`scumble train …`: models of the artist's own."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from scumble_protocol.errors import Invalid

from . import config
from .terminal import AsJson, errors_told
from .training_run import Run

if TYPE_CHECKING:
    import numpy as np

app = typer.Typer(help="Train a model of your own.", no_args_is_help=True)

LEAST_PX = 64  # of the picture's shorter side
STYLE_PX = 512  # its longer side, as it is learned from
SHOWN_PX = 96  # of it in a list


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
        _Style(picture, name, (steps, pictures, seed), replace, as_json).run()


@app.command()
def domain(
    pairs: Annotated[Path, typer.Argument(help="A folder: input/ and output/, A/ and B/, or files side by side.")],
    name: Annotated[str, typer.Option(help="What the model is called; otherwise as the folder is.")] = "",
    network: Annotated[
        str, typer.Option(help="dynamic-unet; or pix2pix-unet, pix2pix-resnet6: with a PatchGAN, to compare with.")
    ] = "",
    encoder: Annotated[
        str, typer.Option(help="Of dynamic-unet: resnet18, resnet34, small; otherwise by the device.")
    ] = "",
    steps: Annotated[int, typer.Option(min=0, max=10_000_000, help="More look better; 0: by the device.")] = 0,
    crop: Annotated[int, typer.Option(help="The side of what it sees at once, in pixels; 0: by the device.")] = 0,
    batch: Annotated[int, typer.Option(min=0, max=1024, help="Crops of a step; 0: by the device.")] = 0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Another number, another result.")] = 0,
    rate: Annotated[float, typer.Option(min=0, max=1, help="How fast it learns at first; 0: as is usual.")] = 0.0,
    zoom: Annotated[
        float, typer.Option(min=1, max=16, help="How far it looks closer; 1 for a change of pixels, as a filter's.")
    ] = 4.0,
    is_reversed: Annotated[bool, typer.Option("--reverse", help="From output to input, from right to left.")] = False,
    in_full: Annotated[bool, typer.Option("--full-precision", help="In fp32, where half of it would do.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where the pictures to look at go; otherwise beside PAIRS.")] = None,
    encoder_from: Annotated[
        Path | None, typer.Option(help="torchvision's file of that encoder, which has learned on ImageNet.")
    ] = None,
    start_from: Annotated[Path | None, typer.Option(help="A model trained here before, to go on from.")] = None,
    keep_every: Annotated[float, typer.Option(min=0, help="Minutes between two times that it is kept.")] = 3.0,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of a model of that name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn from pairs of pictures how to turn the one kind into the other; interrupted, it goes on where it was.

    Beside it lie samples from early on, a sheet of pairs that were held back, and a plot of the loss.
    """
    with errors_told(as_json):
        from .domain_run import DomainRun, Wish

        wish = Wish(
            pairs,
            name,
            network,
            encoder,
            steps,
            crop,
            batch,
            seed,
            rate,
            zoom,
            is_reversed,
            in_full,
            out,
            encoder_from,
            start_from,
            keep_every * 60,
        )
        DomainRun(wish, replace, as_json).run()


@app.command()
def pairs(
    first: Annotated[Path, typer.Argument(help="A StyleGAN2 that makes pictures as they are.")],
    second: Annotated[Path, typer.Argument(help="One that went on from it, with pictures as they shall become.")],
    folder: Annotated[Path, typer.Argument(help="Where the pairs go: a new folder.")],
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many pairs.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Another number, other pictures.")] = 0,
    truncation: Annotated[float, typer.Option(min=0, max=1, help="1: as varied as they come; less: safer.")] = 0.7,
    shares: Annotated[
        str, typer.Option(help="How much of SECOND, by resolution: 16=0.5,32=0.5. 4 and 8: none; from 64 on: all.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make pairs to train from, by two StyleGAN2 checkpoints: of one, and of the blend of both by resolution.

    Checkpoints in rosinality's or NVIDIA's (ADA, PyTorch) names, as safetensors or as files of tensors; nothing in them
    is ever run.
    """
    with errors_told(as_json):
        from .pairs_run import PairsRun

        PairsRun(first, second, folder, count, seed, truncation, shares, as_json).run()


class _Style(Run):
    def __init__(self, picture: Path, name: str, plan: tuple[int, int, int], replace: bool, as_json: bool) -> None:
        super().__init__("style", name or picture.stem, replace, as_json)
        self._style = _opened(picture)
        self._planned = plan

    def run(self) -> None:
        self.say("starting", f"Learning «{self.name}» from a picture. First, pictures to practise on are made…")
        import torch

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
        practised = training.exercises(self._style, plan, lambda share: None)
        self.train(apprentice, practised, plan.steps, training.key(self._style, plan, first_file))
        self.say("trained", f"«{self.name}» is learned: Stylize offers it now.", file=str(self.file))

    def show(self) -> None:
        """The middle of the painting stands for the style in the editors' lists; they do without if it cannot."""
        from PIL import Image

        from .training import sheet
        from .weights.storage import write_whole

        side = min(self._style.shape[:2])
        top, left = ((length - side) // 2 for length in self._style.shape[:2])
        middle = (self._style[top : top + side, left : left + side] * 255 + 0.5).astype("uint8")
        shown = sheet.png(Image.fromarray(middle).resize((SHOWN_PX, SHOWN_PX)))
        with contextlib.suppress(OSError):
            write_whole(self.picture, shown)


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
