"""Proxies and certificates as the environment names them, with a real proxy and a real certificate."""

from __future__ import annotations

import contextlib
import http.server
import select
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from scumble_daemon.weights.errors import FetchFailed
from scumble_daemon.weights.fetch import Fetcher
from scumble_daemon.weights.store import Store

from .conftest import QUICK, file_of, ignore, model_of, noise
from .web_server import WebServer, serving

BODY = noise(200_000)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For 127.0.0.1, signed by nobody but itself; the key is in the same file."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    key = file.with_name("key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(file)]
    subprocess.run([*command, *names], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + key.read_bytes())
    return file


@pytest.fixture
def secure(certificate: Path) -> Iterator[WebServer]:
    with serving(certificate) as server:
        server.serve("a.pth", BODY)
        yield server


class _Proxy(http.server.BaseHTTPRequestHandler):
    """Passes http on, and opens tunnels for https; notes both in `seen`."""

    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(f"GET {self.path}")
        host, _, path = self.path.removeprefix("http://").partition("/")
        self._join(host, f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())

    def do_CONNECT(self) -> None:
        self.seen.append(f"CONNECT {self.path}")
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self._join(self.path, b"")

    def _join(self, address: str, first: bytes) -> None:
        host, _, port = address.partition(":")
        self.close_connection = True
        with socket.create_connection((host, int(port))) as there:
            there.sendall(first)
            ends = {there: self.connection, self.connection: there}
            while True:
                for readable in select.select(list(ends), [], [], 30)[0]:
                    data = readable.recv(65536)
                    if not data:
                        return
                    ends[readable].sendall(data)

    def log_message(self, format: str, *args: object) -> None:
        """Quietly."""


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """Its address, and what it was asked for."""
    seen: list[str] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Proxy", (_Proxy,), {"seen": seen}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with contextlib.closing(server.socket):
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()
        thread.join()


def fetched(store: Store, server: WebServer) -> bytes:
    model = model_of(file_of("a.pth", BODY, server.url("a.pth")))
    return (Fetcher(store, patience=QUICK).fetch(model, ignore) / "a.pth").read_bytes()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_http_goes_through_the_proxy_of_the_environment(
    store: Store, web: WebServer, proxy: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """In the spellings that other programs know."""
    web.serve("a.pth", BODY)
    address, seen = proxy
    monkeypatch.setenv(name, address)
    assert fetched(store, web) == BODY
    assert seen == [f"GET {web.url('a.pth')}"]


def test_https_goes_through_a_tunnel_and_the_certificate_counts_inside_it(
    store: Store,
    secure: WebServer,
    certificate: Path,
    proxy: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """HTTPS_PROXY and SSL_CERT_FILE together, as a company's network needs them."""
    address, seen = proxy
    monkeypatch.setenv("HTTPS_PROXY", address)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fetched(store, secure) == BODY
    assert seen == [f"CONNECT 127.0.0.1:{secure.port}"]


def test_no_proxy_is_honoured(store: Store, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts in it are asked directly, whatever proxy is set."""
    web.serve("a.pth", BODY)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert fetched(store, web) == BODY


def test_a_proxy_that_is_not_there_is_named(store: Store, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise one would look for the fault at the far end."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with pytest.raises(FetchFailed, match=r"cannot be reached through the proxy 127\.0\.0\.1:1"):
        fetched(store, web)


def test_a_socks_proxy_is_refused_with_a_word(store: Store, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not gone around: whoever set it may have reasons."""
    web.serve("a.pth", BODY)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(FetchFailed, match="speaks SOCKS"):
        fetched(store, web)
    assert web.requests == []


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_of_the_environment_are_trusted(
    store: Store, secure: WebServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """And without one of these names the same server is not."""
    with pytest.raises(FetchFailed, match=r"certificate of 127\.0\.0\.1 is not trusted") as raised:
        fetched(store, secure)
    assert "SSL_CERT_FILE" in raised.value.hint
    assert secure.requests == []
    monkeypatch.setenv(name, str(certificate))
    assert fetched(store, secure) == BODY


def test_a_certificate_that_cannot_be_read_is_named(
    store: Store, secure: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable and the file, instead of a distrust that nobody understands."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    with pytest.raises(FetchFailed, match=r"REQUESTS_CA_BUNDLE=.*gone\.pem cannot be used"):
        fetched(store, secure)


def test_https_never_leads_on_to_http(
    store: Store, secure: WebServer, web: WebServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the digest would notice: who listens on the way need not know what is fetched."""
    web.serve("a.pth", BODY)
    secure.serve("a.pth", b"", status=302, location=web.url("a.pth"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(FetchFailed, match="which is not safe"):
        fetched(store, secure)
    assert web.requests == []


def test_http_may_lead_on_to_https(
    store: Store, secure: WebServer, web: WebServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Becoming safer is always allowed."""
    web.serve("a.pth", b"", status=302, location=secure.url("a.pth"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert fetched(store, web) == BODY
