"""Switch a Krita plug-in on and off in kritarc, and leave every other byte of the file as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEADER = re.compile(rb"^[ \t]*\[python\][ \t]*\r?$", re.M)
NEXT_HEADER = re.compile(rb"^[ \t]*\[", re.M)
LINE = re.compile(rb"^[ \t]*enable_scumble(?:\[\$\w+\])?[ \t]*=[ \t]*(?P<value>[^\r\n]*)", re.M)


@dataclass(frozen=True)
class Change:
    """What `enable` did. `previous`: the value there was, None without a line · `group_added`: [python] is new too."""

    previous: str | None
    group_added: bool = False


def is_enabled(data: bytes) -> bool:
    line = _line(data)
    return line is not None and line["value"].strip() == b"true"


def enable(data: bytes) -> tuple[bytes, Change]:
    """The file with the plug-in switched on, and what `restore` needs to undo it."""
    line = _line(data)
    if line is not None:
        changed = data[: line.start("value")] + b"true" + data[line.end("value") :]
        return changed, Change(line["value"].decode("utf-8", "replace"))
    end = b"\r\n" if b"\r\n" in data else b"\n"
    header = HEADER.search(data)
    if header is None:
        if not data:
            return b"[python]" + end + b"enable_scumble=true" + end, Change(None, group_added=True)
        added = end + b"[python]" + end + b"enable_scumble=true"
        return data + added + (end if data.endswith(b"\n") else b""), Change(None, group_added=True)
    after = data.find(b"\n", header.start()) + 1
    if after == 0:  # the header is the file's last line and nothing ends it
        return data + end + b"enable_scumble=true", Change(None)
    return data[:after] + b"enable_scumble=true" + end + data[after:], Change(None)


def restore(data: bytes, change: Change) -> bytes:
    """The file as it was before `enable`, whatever else Krita has written into it since."""
    line = _line(data)
    if line is None:
        return data
    if change.previous is not None:
        return data[: line.start("value")] + change.previous.encode() + data[line.end("value") :]
    data = _without_line(data, line.start())
    header = HEADER.search(data)
    if not change.group_added or header is None or _group(data, header).strip():
        return data
    data = _without_line(data, header.start())
    before = data[: header.start()]
    for blank in (b"\r\n\r\n", b"\n\n"):
        if before.endswith(blank):  # the empty line that parted the group from the one above it
            cut = len(blank) // 2
            return before[:-cut] + data[header.start() :]
    return data


def _line(data: bytes) -> re.Match[bytes] | None:
    header = HEADER.search(data)
    if header is None:
        return None
    following = NEXT_HEADER.search(data, header.end())
    return LINE.search(data, header.end(), following.start() if following else len(data))


def _group(data: bytes, header: re.Match[bytes]) -> bytes:
    following = NEXT_HEADER.search(data, header.end())
    return data[header.end() : following.start() if following else len(data)]


def _without_line(data: bytes, start: int) -> bytes:
    end = data.find(b"\n", start) + 1
    if end:
        return data[:start] + data[end:]
    kept = data[:start]  # the last line, with nothing to end it: it goes together with the end of the line before
    for newline in (b"\r\n", b"\n"):
        if kept.endswith(newline):
            return kept[: -len(newline)]
    return kept
