"""`python -m scumble_daemon.models.recognise FILE…`: say in a line of JSON each what a checkpoint is."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from scumble_protocol.errors import ScumbleError

from ..weights.storage import digest_of
from . import loading

ROOM_BYTES = 4 << 30  # for torch and the network's code, beside five times the file


def recognise(file: Path) -> dict[str, Any]:
    try:
        _limit_memory(ROOM_BYTES + 5 * file.stat().st_size)
        loaded = loading.load_file(file)
        return {
            "state": "recognised",
            "architecture": loaded.architecture,
            "scale": loaded.traits.network.scale,
            "digest": digest_of(file),
        }
    except (ScumbleError, OSError) as error:
        return {"state": "broken", "problem": str(error)}
    except MemoryError:
        return {"state": "broken", "problem": "it takes more memory than its size allows"}


def _limit_memory(most_bytes: int) -> None:
    """A small file can describe tensors of any size."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, resource.getrlimit(resource.RLIMIT_DATA)[1]))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps(recognise(Path(name))), flush=True)
