"""A real web server that behaves, or misbehaves in a way of its own, for each file it has."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BLOCK_BYTES = 64 << 10


@dataclass
class Served:
    """One file, and what is wrong with the way it is served; `body` may be replaced between two requests."""

    body: bytes
    etag: str | None = ""  # "": from the body; None: no validator at all
    ranges: bool = True
    heeds_if_range: bool = True
    status: int = 200
    location: str = ""
    kind: str = "application/octet-stream"
    promised: int | None = None  # the length that the headers claim for the whole file
    has_length: bool = True
    cut_at: list[int] = field(default_factory=list)  # each answer ends the connection there, one after the other
    hold_at: int | None = None  # no more than this is sent until `go_on` is set
    go_on: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    pause_s: float = 0  # between two blocks
    between: Callable[[], None] = lambda: None  # called after the first block


class WebServer:
    """`requests`: «path range», in the order they came."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.files: dict[str, Served] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.is_ending = False
        owner = self

        class Handler(_Handler):
            server_state = owner

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def url(self, path: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/{path}"

    def serve(self, path: str, body: bytes, **faults: Any) -> Served:
        self.files[path] = Served(body, **faults)
        return self.files[path]

    def close(self) -> None:
        self.is_ending = True
        for served in self.files.values():
            served.go_on.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextlib.contextmanager
def serving(certificate: Path | None = None) -> Iterator[WebServer]:
    server = WebServer(certificate)
    try:
        yield server
    finally:
        server.close()


class _Handler(http.server.BaseHTTPRequestHandler):
    server_state: WebServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("://")[2].partition("/")[2] if "://" in self.path else self.path[1:]
        self.server_state.requests.append(f"{path} {self.headers.get('Range', '')}".strip())
        self.server_state.headers.append(dict(self.headers))
        self.close_connection = True
        served = self.server_state.files.get(path)
        if served is None:
            self.send_error(404)
        elif served.location:
            self.send_response(served.status)
            self.send_header("Location", served.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif served.status != 200:
            self.send_error(served.status)
        else:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                self._send(served)

    def _send(self, served: Served) -> None:
        body = served.body
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"' if served.etag == "" else served.etag
        start = self._start(served, etag)
        if start is not None and start >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200 if start is None else 206)
        whole = len(body) if served.promised is None else served.promised
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        if served.has_length:
            self.send_header("Content-Length", str(whole - (start or 0)))
        if etag:
            self.send_header("ETag", etag)
        self.send_header("Content-Type", served.kind)
        self.send_header("Connection", "close")
        self.end_headers()
        self._write(served, body, start or 0)

    def _start(self, served: Served, etag: str | None) -> int | None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        is_other = served.heeds_if_range and self.headers.get("If-Range", etag) != etag
        if not asked or not served.ranges or is_other:
            return None
        return int(asked[1])

    def _write(self, served: Served, body: bytes, start: int) -> None:
        end = served.cut_at.pop(0) if served.cut_at else len(body)
        here = start
        while here < end:
            stop = min(here + BLOCK_BYTES, end)
            if served.hold_at is not None and here < served.hold_at:
                stop = min(stop, served.hold_at)
            self.wfile.write(body[here:stop])
            self.wfile.flush()
            if here == start:
                served.between()
            here = stop
            time.sleep(served.pause_s)
            if here == served.hold_at:
                served.held.set()
                while not (served.go_on.is_set() or self.server_state.is_ending):
                    time.sleep(0.01)

    def log_message(self, format: str, *args: Any) -> None:
        """Quietly."""
