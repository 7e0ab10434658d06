"""Krita's settings: our one line is switched on and taken out again, and every other byte stays."""

from __future__ import annotations

import pytest
from scumble_daemon import kritarc

from .home_folder import KRITARC

KRITARCS = {
    "no [python]": b"[MainWindow]\nState=A\n",
    "empty": b"",
    "[python] with others": KRITARC,
    "[python] last, no newline": b"[theme]\nx=1\n\n[python]",
    "no newline at the end": b"[theme]\nTheme=dark",
    "a blank line at the end": b"[theme]\nTheme=dark\n\n",
    "Windows line ends": KRITARC.replace(b"\n", b"\r\n"),
    "switched off": b"[python]\nenable_scumble=false\nenable_other=true\n",
    "switched on": b"[python]\nenable_scumble=true\n",
    "not UTF-8": b"[a]\nname=\xe9\xff\n",
    "the name in another group": b"[other]\nenable_scumble=false\n\n[python]\nenable_x=true\n",
}


@pytest.mark.parametrize("name", KRITARCS)
def test_kritarc_is_switched_on_and_restored_byte_for_byte(name: str) -> None:
    """Only our own line changes, whatever the rest of the file looks like; restoring gives back the same bytes."""
    before = KRITARCS[name]
    after, change = kritarc.enable(before)
    assert kritarc.is_enabled(after)
    lines = after.splitlines()
    assert [line for line in before.splitlines() if b"scumble" not in line and line.strip()] == [
        line for line in lines if b"scumble" not in line and line.strip() and (line != b"[python]" or line in before)
    ]
    assert kritarc.enable(after)[0] == after
    assert kritarc.restore(after, change) == before
