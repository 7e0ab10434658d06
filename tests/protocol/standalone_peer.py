"""A scripted daemon in a process of its own, started by `standalone_peer.py [seconds to wait first]`."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.protocol.peer import Peer


def main() -> None:
    time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 0)
    home = Path(os.environ["SCUMBLE_HOME"])
    facts = {"session": os.getsid(0), "cwd": os.getcwd(), "environment": dict(os.environ)}
    (home / "started.json").write_text(json.dumps(facts), "utf-8")
    peer = Peer(home)
    peer.publish("ipc")
    peer.wait()


if __name__ == "__main__":
    main()
