"""What is to be known of a process that is not ours to wait for."""

from __future__ import annotations

import os
import sys


def is_alive(pid: int, on_windows: bool) -> bool:
    """Whether there is such a process. `on_windows` is the answer there, where signal 0 would be Ctrl+C."""
    if sys.platform == "win32":
        return on_windows
    try:
        os.kill(pid, 0)
    except PermissionError:  # it is, and somebody else's
        return True
    except OSError:
        return False
    return True
