"""Bring one file from one url onto the disk, going on where an earlier try ended if it is still the same file."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scumble_protocol.words import in_words

from .errors import DiskFull, SourceFailed, SourceRefused
from .storage import CHUNK_BYTES, size_of, write_whole
from .web import LOGIN_HINT, NETWORK_HINT, Web

SPARE_BYTES = 64 << 20  # a disk filled to the last byte helps nobody
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(frozen=True)
class Origin:
    """Where a partial file came from; `validator`: the ETag or date the server knows it by, "" if there is none."""

    url: str
    validator: str


@dataclass(frozen=True)
class Wanted:
    """One file: where its partial lies, and what is known about it beforehand."""

    part: Path
    bytes: int | None
    is_pinned: bool  # its digest is known: a partial of somebody else would be found out

    @property
    def origin_file(self) -> Path:
        return self.part.with_name(f"{self.part.name}.json")

    def origin(self) -> Origin | None:
        try:
            table = json.loads(self.origin_file.read_text("utf-8"))
            return Origin(str(table["url"]), str(table["validator"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def discard(self) -> None:
        for path in (self.part, self.origin_file):
            path.unlink(missing_ok=True)


def download(web: Web, url: str, wanted: Wanted, on_bytes: Callable[[int], None]) -> bool:
    """One try; afterwards `wanted.part` holds as many bytes as were promised. Whether an earlier partial is in it.

    Raises: SourceFailed, SourceRefused, DiskFull, OSError; what has arrived stays, unless it is of another file.
    """
    start = _start(url, wanted)
    if start and start == wanted.bytes:
        return True
    with web.get(url, _range_headers(url, wanted, start)) as reply:
        host = urlsplit(url).hostname or url
        _refuse_pages(reply.headers, host)
        if reply.status == 416:
            wanted.discard()
            raise SourceFailed(f"{host} has another file now")
        start = _accepted_start(reply, url, wanted, start)
        whole = _whole_bytes(reply, start)
        if wanted.bytes is not None and whole is not None and whole != wanted.bytes:
            raise SourceRefused(f"{host} has a file of {whole} bytes, the index says {wanted.bytes}")
        end = wanted.bytes or whole
        if end is None:
            raise SourceRefused(f"{host} does not say how large the file is")
        require_room(wanted.part.parent, end - start)
        with wanted.part.open("ab" if start else "wb") as file:  # emptied before its origin is another
            origin = Origin(url, _validator(reply.headers))
            write_whole(wanted.origin_file, json.dumps(asdict(origin)).encode())
            came = start
            on_bytes(came)
            while chunk := _read(reply, host):
                came += len(chunk)
                if came > end:
                    file.close()
                    wanted.discard()
                    raise SourceRefused(f"{host} sends more than the {end} bytes that it should")
                file.write(chunk)
                on_bytes(came)
            file.flush()
            os.fsync(file.fileno())
        if came < end:
            raise SourceFailed(f"{host} broke off after {came} of {end} bytes", NETWORK_HINT)
    return start > 0


def require_room(folder: Path, more_bytes: int) -> None:
    """Raises: DiskFull."""
    free = shutil.disk_usage(folder).free
    if more_bytes + SPARE_BYTES > free:
        raise DiskFull(
            f"{in_words(more_bytes)} are needed, but on the disk with {folder.parent} only {in_words(free)} are free.",
            "Make room, or set weights_folder in config.toml to a larger disk.",
        )


# --- going on where it ended -------------------------------------------------------------------------------------


def _start(url: str, wanted: Wanted) -> int:
    """How much of the partial may be kept: only what a digest or the server itself will vouch for."""
    came = size_of(wanted.part)
    origin = wanted.origin()
    is_known_again = origin is not None and origin.url == url and bool(origin.validator)
    is_too_long = wanted.bytes is not None and came > wanted.bytes
    if came and (is_too_long or not (wanted.is_pinned or is_known_again)):
        wanted.discard()
        return 0
    return came


def _range_headers(url: str, wanted: Wanted, start: int) -> dict[str, str]:
    if not start:
        return {}
    headers = {"Range": f"bytes={start}-"}
    origin = wanted.origin()
    if origin is not None and origin.url == url and origin.validator:
        headers["If-Range"] = origin.validator
    return headers


def _accepted_start(reply: http.client.HTTPResponse, url: str, wanted: Wanted, start: int) -> int:
    """Where the body begins: at `start` if the server goes on with the same file, else at 0."""
    host = urlsplit(url).hostname or url
    if reply.status != 206:
        return 0
    now, origin = _validator(reply.headers), wanted.origin()
    if origin is not None and origin.url == url and origin.validator and now not in ("", origin.validator):
        wanted.discard()
        raise SourceFailed(f"{host} has another file now")
    found = CONTENT_RANGE.fullmatch(reply.headers.get("Content-Range", ""))
    if not start or not found or int(found[1]) != start:
        raise SourceRefused(f"{host} answers with another part than it was asked for")
    return start


def _whole_bytes(reply: http.client.HTTPResponse, start: int) -> int | None:
    found = CONTENT_RANGE.fullmatch(reply.headers.get("Content-Range", ""))
    if start and found:
        return int(found[3])
    length = reply.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _validator(headers: Message[str, str]) -> str:
    etag = headers.get("ETag", "")
    if etag and not etag.startswith("W/"):  # a weak one may stand for other bytes
        return etag
    return headers.get("Last-Modified", "")


# --- the body ----------------------------------------------------------------------------------------------------


def _refuse_pages(headers: Message[str, str], host: str) -> None:
    if headers.get_content_type() in ("text/html", "application/xhtml+xml") and "Content-Type" in headers:
        raise SourceRefused(f"{host} answers with a page instead of the file", LOGIN_HINT)
    if headers.get("Content-Encoding", "identity") != "identity":
        raise SourceRefused(f"{host} sends the file packed although it was asked not to")


def _read(reply: Any, host: str) -> bytes:
    """What has come by now, b"" at the end. The connection's time-out is for each wait, so a stall ends it."""
    try:
        return reply.read1(CHUNK_BYTES)
    except TimeoutError:
        raise SourceFailed(f"{host} has stopped sending", NETWORK_HINT) from None
    except http.client.IncompleteRead as error:
        return error.partial
    except (http.client.HTTPException, OSError, ValueError):
        with contextlib.suppress(OSError):
            reply.close()
        raise SourceFailed(f"{host} broke the connection off", NETWORK_HINT) from None
