"""Rebuild the domain that ships from nothing: `python weights/domain-toon/recipe.py`."""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from scumble_daemon.models.architectures.dynamic_unet import compact  # noqa: E402
from training import loop, rebuild, translator  # noqa: E402

PICTURES = 360
WIDTH = 32
# Many crops a step at first, then many steps of few: most is learned from where lines have to be.
STAGES = (
    (8, loop.Schedule(steps=1000, rate=2e-3, averaging=0.995, falling=1e-6)),
    (4, loop.Schedule(steps=3000, rate=2e-3, averaging=0.995, falling=1e-6, seed=1)),
    (4, loop.Schedule(steps=2500, rate=2e-3, averaging=0.995, seed=2)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    cache = Path(tempfile.gettempdir()) / "scumble-training"
    parser.add_argument("--cache", type=Path, default=cache, help="where pairs and checkpoints are kept")
    parser.add_argument("--longer", type=float, default=1.0, help="times the steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="the sums depend on it, in the last bit")
    parser.add_argument("--output", type=Path, default=FOLDER / "model.safetensors")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    made = translator.grounds(arguments.cache, PICTURES)
    trained = translator.network(WIDTH)
    for number, (crops, planned) in enumerate(STAGES, 1):
        steps = round(planned.steps * arguments.longer)
        schedule = replace(planned, steps=steps, seed=planned.seed + len(STAGES) * arguments.seed)
        checkpoint = arguments.cache / f"domain-toon-{arguments.seed}-{number}.checkpoint"
        trained = loop.train(trained, translator.batches(made, crops), schedule, checkpoint, translator.glance)
    assert isinstance(trained, translator.Fed)
    rebuild.round_off(trained)
    save_file(compact(trained.net), arguments.output, {"format": "pt", "styles": ",".join(translator.STYLES)})
    digest = hashlib.sha256(arguments.output.read_bytes()).hexdigest()
    print(f"{arguments.output.name}: {arguments.output.stat().st_size} bytes, sha256 {digest}", flush=True)
    translator.judge(trained)


if __name__ == "__main__":
    main()
