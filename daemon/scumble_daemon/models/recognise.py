"""`python -m scumble_daemon.models.recognise MODEL…`: say in a line of JSON each what a checkpoint or folder is."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from scumble_protocol.errors import ScumbleError

from . import loading, pretrained
from .dropped import files_of
from .networks import ImageNetwork
from .sources import Installed, digest
from .tensors import read_tensors

OUR_OWN = {  # what no library knows, most of it the authors' own checkpoints, by a tensor that only they have
    "model.10.conv_block.1.weight": "Pix2PixResNet",
    "model.model.1.model.1.weight": "Pix2PixUNet",
    "bb.patch_embed.proj.weight": "BiRefNet",
    "conv.blocks.0.CAB.body.0.weight": "ShadowFormer",
    "join_norm.scale": "Painter",
    "synthesis.b4.conv1.conv1.weight": "MIGAN",
    "head.scale": "DynamicUNet",
    "refinements.0.skip.weight": "ClickNet",
    "image_encoder.trunk.pos_embed": "Sam2",
    "image_encoder.pos_embed": "Sam",
}
ROOM_BYTES = 4 << 30  # for torch and the network's code, beside five times the file


def recognise(path: Path) -> dict[str, Any]:
    try:
        files = files_of(path)
        _limit_memory(ROOM_BYTES + 5 * sum(file.stat().st_size for file in files))
        loader, architecture = _kind_of(path)
        model = Installed(path.name, path.name, (), "own", files, loader, architecture)
        loaded = loading.load(model) if architecture else loading.load_file(path)
        return {
            "state": "recognised",
            "architecture": loaded.architecture,
            "scale": loaded.traits.network.scale if isinstance(loaded, ImageNetwork) else 1,
            "digest": digest(model),
            "loader": loader,
        }
    except (ScumbleError, OSError) as error:
        return {"state": "broken", "problem": str(error)}
    except MemoryError:
        return {"state": "broken", "problem": "it takes more memory than its size allows"}


def _kind_of(path: Path) -> tuple[str, str]:
    """Loader and architecture; that of a file is spandrel's to find out, but where a name in it tells another."""
    if path.is_dir():
        return "transformers", pretrained.kind_of(path).architecture
    tensors = read_tensors(path)
    table = tensors.get("model") or tensors.get("state_dict") or tensors
    names = {str(name).removeprefix("module.") for name in table}
    for name, architecture in OUR_OWN.items():
        if name in names:
            return "own", architecture
    return "spandrel", ""


def _limit_memory(most_bytes: int) -> None:
    """A small file can describe tensors of any size."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, resource.getrlimit(resource.RLIMIT_DATA)[1]))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps(recognise(Path(name))), flush=True)
