"""`scumble train pairs`: two StyleGAN2 checkpoints become a folder of pairs to train from."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scumble_protocol.errors import Internal, Invalid

from . import config
from .terminal import say
from .training_run import TELL_S, in_minutes

if TYPE_CHECKING:
    from .training.blend import Series
    from .training.stylegan2 import Generator

NOTE = "pairs.json"  # in the folder: what its pairs are from


@dataclass(frozen=True)
class PairsRun:
    """`first`, `second`: checkpoints · `shares`: as `blend.parsed` reads them."""

    first: Path
    second: Path
    folder: Path
    count: int
    seed: int
    truncation: float
    shares: str
    as_json: bool

    def run(self) -> None:
        """Raises: Invalid, MissingModel, Unsupported, Internal."""
        self._say("starting", f"Reading {self.first.name} and {self.second.name}…")
        from .models import devices
        from .models.tensors import read_tensors
        from .training import blend, stylegan2

        shares = blend.parsed(self.shares)
        series = blend.Series(self.count, self.seed, self.truncation)
        first, second = (stylegan2.of_checkpoint(read_tensors(file), file.name) for file in (self.first, self.second))
        device = devices.find(config.read().devices[0]).torch
        mixed = blend.blended(first, second, shares).to(device)
        first.to(device)
        try:
            self._claim(shares)
            self._estimate(first, mixed, series, device)
            blend.write_pairs(first, mixed, series, self.folder, device, self._reporter())
        except OSError as error:
            raise Internal(
                f"The pairs cannot be written to {self.folder}: {error.strerror or error}.",
                "Make room, or name another folder, and run the same command again: what is there stays.",
            ) from None
        self._say(
            "written",
            f"{self.count} pairs of {first.side_px} pixels lie in {self.folder}. Look at them, and delete what is not "
            "as it should be: both files of a pair. Then `scumble train domain` learns from them.",
            folder=str(self.folder),
            pairs=self.count,
        )

    def _estimate(self, first: Generator, second: Generator, series: Series, device: Any) -> None:
        from .training import blend

        blend.pair(first, second, series, 0, device)
        begun = time.monotonic()
        blend.pair(first, second, series, 0, device)
        each_s = time.monotonic() - begun
        there = self._there()
        left = max(0, self.count - there)
        self._say(
            "estimate",
            f"{left} pairs of {each_s:.2f} s: this will take about {in_minutes(left * each_s)} here. Ctrl+C ends it, "
            f"and the same command goes on there{f'; {there} are there already' if there else ''}.",
            seconds=round(left * each_s),
            there=there,
        )

    def _there(self) -> int:
        from .training.pairs import FOLDERS

        return min(sum(1 for _ in (self.folder / name).glob("*.png")) for name in FOLDERS[0])

    def _claim(self, shares: dict[int, float]) -> None:
        """Note what the pairs are from; a folder of others is left alone. Raises: Invalid, OSError."""
        from .weights.storage import digest_of, write_whole

        facts = json.dumps([digest_of(self.first), digest_of(self.second), self.seed, self.truncation, shares])
        source = hashlib.sha256(facts.encode()).hexdigest()
        note = self.folder / NOTE
        with contextlib.suppress(FileNotFoundError):
            try:
                is_ours = json.loads(note.read_text("utf-8")).get("source") == source
            except (ValueError, AttributeError):
                is_ours = False
            if not is_ours:
                raise Invalid(
                    f"{self.folder} has pairs of other generators, or made in another way.", "Name another folder."
                )
            return
        if self.folder.exists() and any(self.folder.iterdir()):
            raise Invalid(f"{self.folder} is not empty.", "Name another folder.")
        self.folder.mkdir(parents=True, exist_ok=True)
        table = {"source": source, "first": self.first.name, "second": self.second.name, "seed": self.seed}
        write_whole(note, json.dumps(table | {"truncation": self.truncation, "shares": shares}, indent=1).encode())

    def _reporter(self) -> Any:
        told_s = time.monotonic()

        def report(done: int) -> None:
            nonlocal told_s
            if time.monotonic() - told_s >= TELL_S or done == self.count:
                told_s = time.monotonic()
                self._say("step", f"pair {done} of {self.count}", done=done, pairs=self.count)

        return report

    def _say(self, kind: str, sentence: str, **fields: Any) -> None:
        say(self.as_json, kind, sentence, **fields)
