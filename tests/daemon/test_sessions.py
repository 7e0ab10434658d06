"""Where pixels lie: in a folder of this user alone, or nowhere on the disk."""

from __future__ import annotations

import os
from pathlib import Path

from scumble_daemon.sessions import Sessions


def test_a_session_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """0700, under the runtime folder where the client is in a sandbox, and gone with the session."""
    sessions = Sessions(tmp_path)
    session = sessions.open(b"client", "editor", wants_segments=True, sandboxed=True)
    folder = Path(session.folder)
    assert folder.parent == tmp_path / "segments"
    assert folder.stat().st_mode & 0o777 == 0o700
    sessions.close(session)
    assert not folder.exists()


def test_no_pixels_go_through_a_link_that_somebody_laid(tmp_path: Path) -> None:
    """Where the segments' folder is a link, pixels travel inline, and nothing behind the link is touched."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "99999999-left-by-a-dead-daemon").mkdir(parents=True)
    (tmp_path / "segments").symlink_to(elsewhere)
    before = sorted(os.listdir(elsewhere))
    session = Sessions(tmp_path).open(b"client", "editor", wants_segments=True, sandboxed=True)
    assert session.folder == ""
    assert sorted(os.listdir(elsewhere)) == before
