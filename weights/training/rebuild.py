"""From a recipe's network and batches to the file that ships: arguments, generated images, training, writing."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from . import generator, loop

IMAGES = 2000
Stage = tuple[Callable[[np.ndarray], loop.Batch], loop.Schedule]


def rebuild(
    folder: Path,
    network: Callable[[], nn.Module],
    stages: Sequence[Stage],
    glance: Callable[[nn.Module], str],
    evaluation: Callable[[nn.Module], None],
) -> None:
    """Run what the command line asks for; the model is written beside the recipe, `model.safetensors`, in float16."""
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    cache = Path(tempfile.gettempdir()) / "scumble-training"
    parser.add_argument("--cache", type=Path, default=cache, help="where generated images and checkpoints are kept")
    parser.add_argument("--longer", type=float, default=1.0, help="times the steps of every stage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="the sums depend on it, in the last bit")
    parser.add_argument("--output", type=Path, default=folder / "model.safetensors")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    images = generator.cached(arguments.cache, IMAGES)
    trained = network()
    for number, (batches, planned) in enumerate(stages, 1):
        schedule = replace(planned, steps=round(planned.steps * arguments.longer), seed=planned.seed + arguments.seed)
        checkpoint = arguments.cache / f"{folder.name}-{arguments.seed}-{number}.checkpoint"
        trained = loop.train(trained, batches(images), schedule, checkpoint, glance)
    digest = write(trained, arguments.output)
    print(f"{arguments.output.name}: {arguments.output.stat().st_size} bytes, sha256 {digest}", flush=True)
    evaluation(trained)


def write(network: nn.Module, path: Path) -> str:
    """Store the weights in float16, and load them back so that what is judged is what ships; → SHA-256 of the file."""
    state = {name: value.detach().half().contiguous() for name, value in network.state_dict().items()}
    save_file(state, path, {"format": "pt"})
    network.load_state_dict({name: value.float() for name, value in state.items()})
    return hashlib.sha256(path.read_bytes()).hexdigest()
