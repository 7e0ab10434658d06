"""Record the frames of samples that have no recording yet: `python -m tests.wire.record`.

A recording is a msgpack list of the message's frames, as they were sent. Those that exist are left as they are: they
are what daemons and plug-ins out there send, and have to decode for ever.
"""

from __future__ import annotations

from pathlib import Path

import msgpack
from scumble_protocol import wire
from scumble_protocol.messages import VERSION

from .samples import SAMPLES

FOLDER = Path(__file__).parent / f"v{VERSION}"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, message in SAMPLES.items():
        path = FOLDER / f"{name}.msgpack"
        if not path.exists():
            path.write_bytes(bytes(msgpack.packb([bytes(frame) for frame in wire.encode(message)]) or b""))
            print(f"recorded {path.name}")


if __name__ == "__main__":
    main()
