"""Who is connected: one session a client, with its folder for pixels and the colour profiles it has sent."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from scumble_protocol.connection import make_private
from scumble_protocol.errors import Invalid, ScumbleError
from scumble_protocol.image import SRGB
from scumble_protocol.messages import Submit

from .processes import is_alive

SHARED_MEMORY = Path("/dev/shm")
MAX_PROFILES = 64


@dataclass
class Session:
    """`client`: the ROUTER identity · `folder`: where its segments lie, "" where its pixels travel inline."""

    id: str
    client: bytes
    name: str
    folder: str
    profiles: dict[str, bytes] = field(default_factory=dict)

    def complete(self, submit: Submit) -> dict[str, bytes]:
        """Learn the profiles that came with a job; return those the job needs. Raises: Invalid."""
        self.profiles.update(submit.profiles)
        while len(self.profiles) > MAX_PROFILES:
            del self.profiles[next(iter(self.profiles))]
        needed = {raster.profile for raster in submit.rasters} - {SRGB}
        if not needed <= set(self.profiles):
            raise Invalid("A layer's colour profile was not sent with it.", "Restart the editor, then run again.")
        return {name: self.profiles[name] for name in needed}


def segments_root(runtime: Path, sandboxed: bool) -> Path:
    """Memory-backed where that is at hand: a file system on a disk would write every picture out."""
    if sys.platform.startswith("linux") and not sandboxed and os.access(SHARED_MEMORY, os.W_OK):
        return SHARED_MEMORY / f"scumble-{os.getuid()}"
    return runtime / "segments"


class Sessions:
    """Every open session; folders are made for this user alone and removed with their session."""

    def __init__(self, runtime: Path) -> None:
        self._runtime = runtime
        self._by_client: dict[bytes, Session] = {}
        for root in {segments_root(runtime, False), segments_root(runtime, True)}:
            _remove_leftovers(root)

    def __iter__(self):
        return iter(list(self._by_client.values()))

    def __len__(self) -> int:
        return len(self._by_client)

    def find(self, client: bytes) -> Session | None:
        return self._by_client.get(client)

    def open(self, client: bytes, name: str, wants_segments: bool, sandboxed: bool) -> Session:
        id = f"{os.getpid()}-{secrets.token_hex(4)}"
        folder = ""
        if wants_segments:
            with contextlib.suppress(OSError, ScumbleError):  # no room or no right to: pixels then travel inline
                root = make_private(segments_root(self._runtime, sandboxed))
                folder = str(make_private(root / id))
        session = Session(id, client, name, folder)
        self._by_client[client] = session
        return session

    def close(self, session: Session) -> None:
        self._by_client.pop(session.client, None)
        if session.folder:
            shutil.rmtree(session.folder, ignore_errors=True)

    def close_all(self) -> None:
        for session in self:
            self.close(session)


def _remove_leftovers(root: Path) -> None:
    """Delete the folders of daemons that were killed before they could."""
    is_ours = root.is_dir() and not root.is_symlink()  # others may write to where it lies
    for folder in root.glob("*-*") if is_ours else ():
        pid = folder.name.split("-")[0]
        # On Windows the lock says that no other daemon of this user runs
        if pid.isdigit() and int(pid) != os.getpid() and not is_alive(int(pid), on_windows=False):
            shutil.rmtree(folder, ignore_errors=True)
