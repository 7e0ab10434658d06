"""What each pixel of a picture shows, the sky among it: the library's own network, from files of an older version.

Jain, Li, Chiu, Hassani, Orlov, Shi: OneFormer: One Transformer to Rule Universal Image Segmentation (CVPR 2023).
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING

from scumble_protocol.errors import MissingModel

from .. import pretrained
from ..networks import Loaded, Tasked
from ..tensors import Report, read_tensors

if TYPE_CHECKING:
    from ..sources import Installed

WEIGHTS, WORDS, JOINS = "pytorch_model.bin", "vocab.json", "merges.txt"
TASK = "the task is semantic"  # what it is told to do, as its authors word it
FIRST, LAST, END_OF_WORD = "<|startoftext|>", "<|endoftext|>", "</w>"
SHORTEST_PX, LONGEST_PX = 512, 2048  # of a picture's sides, as it was trained on ADE20K
MULTIPLE = 32


def load(model: Installed, report: Report) -> Loaded:
    """Raises: MissingModel, Invalid, Unsupported; ValueError where the task cannot be told."""
    config = pretrained.read_config(model.folder)
    kind = pretrained.kind_of(model.folder)
    weights, words, joins = (_file(model, name) for name in (WEIGHTS, WORDS, JOINS))
    length = int(config.get("task_seq_len", 77))
    task = _numbers(TASK, json.loads(words.read_text("utf-8")), joins.read_text("utf-8").splitlines())
    if len(task) > length:
        raise ValueError(f"the task takes {len(task)} numbers, not {length}")
    module = pretrained.build(kind, config, read_tensors(weights, report))
    return Tasked(module, model.architecture, (*task, *[0] * (length - len(task))))


def fitted(size: tuple[int, int]) -> tuple[int, int]:
    """The size, height and width, at which it is shown a picture of `size`."""
    scale = min(SHORTEST_PX / min(size), LONGEST_PX / max(size))
    height, width = (max(MULTIPLE, round(side * scale / MULTIPLE) * MULTIPLE) for side in size)
    return height, width


def _file(model: Installed, name: str) -> Path:
    for file in model.files:
        if file.name == name:
            return file
    raise MissingModel(f"{model.id} has no file {name}.", "Correct its entry.")


def _numbers(text: str, words: dict[str, int], joins: list[str]) -> list[int]:
    """Those of a text of plain small letters: pairs are joined, the most frequent first. After Sennrich et al. 2016."""
    order = {tuple(line.split()): index for index, line in enumerate(joins) if not line.startswith("#")}
    found = [FIRST]
    for word in text.split():
        parts = [*word[:-1], word[-1] + END_OF_WORD]
        while len(parts) > 1:
            pairs = enumerate(itertools.pairwise(parts))
            known = [(order[pair], at) for at, pair in pairs if pair in order]
            if not known:
                break
            at = min(known)[1]
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        found += parts
    missing = [part for part in (*found, LAST) if part not in words]
    if missing:
        raise ValueError(f"{WORDS} has no number for «{missing[0]}»")
    return [words[part] for part in (*found, LAST)]
