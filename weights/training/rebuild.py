"""From a recipe's network and batches to the file that ships: arguments, generated images, training, writing."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from . import generator, loop

IMAGES = 2000


@dataclass(frozen=True)
class Stage:
    """`images_seed`: which set of generated images it sees."""

    batches: Callable[[np.ndarray], loop.Batch]
    schedule: loop.Schedule
    images_seed: int = 0


def rebuild(
    folder: Path,
    network: Callable[[], nn.Module],
    stages: Sequence[Stage],
    glance: Callable[[nn.Module], str],
    evaluation: Callable[[nn.Module], None],
) -> None:
    """Run what the command line asks for; the model is written beside the recipe, `model.safetensors`, in float16."""
    parser = arguments_of(folder / "model.safetensors")
    parser.add_argument("--after", type=int, default=0, help="go on after this stage, from OUTPUT")
    arguments = begun(parser)
    trained = network()
    if arguments.after:
        trained.load_state_dict({name: value.float() for name, value in load_file(arguments.output).items()})
    for number, stage in list(enumerate(stages, 1))[arguments.after :]:
        planned = stage.schedule
        schedule = replace(planned, steps=round(planned.steps * arguments.longer), seed=planned.seed + arguments.seed)
        checkpoint = arguments.cache / f"{folder.name}-{arguments.seed}-{number}.checkpoint"
        images = generator.cached(arguments.cache, IMAGES, seed=stage.images_seed)
        trained = loop.train(trained, stage.batches(images), schedule, checkpoint, glance)
        round_off(trained)
    write(trained, arguments.output)
    told(arguments.output.name, arguments.output)
    evaluation(trained)


def arguments_of(
    output: Path, description: str | None = None, output_help: str | None = None
) -> argparse.ArgumentParser:
    """What every recipe can be told. `output`: where the model goes if nothing is said."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    cache = Path(tempfile.gettempdir()) / "scumble-training"
    parser.add_argument(
        "--cache", type=Path, default=cache, help="where what it learns from, and checkpoints, are kept"
    )
    parser.add_argument("--longer", type=float, default=1.0, help="times the steps, of every stage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="the sums depend on it, in the last bit")
    parser.add_argument("--output", type=Path, default=output, help=output_help)
    return parser


def begun(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The command line's, and torch set by them."""
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    return arguments


def told(name: str, file: Path) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    print(f"{name}: {file.stat().st_size} bytes, sha256 {digest}", flush=True)


def round_off(network: nn.Module) -> None:
    """To what a file in float16 holds: so a stage can go on from a file, and what is judged is what ships."""
    network.load_state_dict({name: value.half().float() for name, value in network.state_dict().items()})


def write(network: nn.Module, path: Path) -> None:
    """Store the weights in float16."""
    state = {name: value.detach().half().contiguous() for name, value in network.state_dict().items()}
    save_file(state, path, {"format": "pt"})
