"""A web server, a weights folder and a model whose files lie on that server."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scumble_daemon.weights.fetch import Fetcher, Patience, Progress
from scumble_daemon.weights.index import Model, WeightsFile
from scumble_daemon.weights.store import Store

from .web_server import Served, WebServer, serving

QUICK = Patience(stall_s=0.5, tries=3, pause_s=0.01)
FROM_THE_SHELL = ("proxy", "ssl_cert", "ca_bundle", "scumble_")


def noise(count: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(count)


BODY, OTHER = noise(300_000), noise(300_000, seed=2)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What this machine says about proxies, certificates and folders does not count."""
    for name in list(os.environ):
        if any(part in name.lower() for part in FROM_THE_SHELL):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serving() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "weights")


@pytest.fixture
def fetcher(store: Store) -> Fetcher:
    return Fetcher(store, patience=QUICK)


@pytest.fixture
def served(web: WebServer) -> Served:
    return web.serve("a.pth", BODY)


@pytest.fixture
def model(web: WebServer, served: Served) -> Model:
    return model_of(file_of("a.pth", BODY, web.url("a.pth")))


@pytest.fixture
def unpinned(web: WebServer, served: Served) -> Model:
    return model_of(WeightsFile("a.pth", (web.url("a.pth"),)))


def file_of(name: str, body: bytes, *urls: str, is_pinned: bool = True) -> WeightsFile:
    digest = hashlib.sha256(body).hexdigest()
    return WeightsFile(name, urls, len(body), digest) if is_pinned else WeightsFile(name, urls)


def model_of(*files: WeightsFile, **facts: Any) -> Model:
    plain = Model("tiny", "Tiny", ("denoise",), "light", "Tiny", "spandrel", "MIT", "Nothing", files)
    return replace(plain, **facts)


@contextlib.contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.fail("filling a file system of its own needs root")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def ignore(progress: Progress) -> None:
    """For fetches whose progress is not what is tested."""


def as_toml(model: Model) -> str:
    """The model as an entry of `weights.toml`."""
    lines = [
        "format = 1",
        "[[model]]",
        f'id = "{model.id}"',
        f'title = "{model.title}"',
        f"operations = {list(model.operations)}",
        f'role = "{model.role}"',
        f'architecture = "{model.architecture}"',
        f'loader = "{model.loader}"',
        f'licence = "{model.licence}"',
        f'licence_note = "{model.licence_note}"',
        f'data_note = "{model.data_note}"',
        f"opt_in = {str(model.opt_in).lower()}",
    ]
    for file in model.files:
        lines += ["[[model.files]]", f'name = "{file.name}"', f"urls = {list(file.urls)}"]
        lines += [f"bytes = {file.bytes}"] if file.bytes else []
        lines += [f'sha256 = "{file.sha256}"'] if file.sha256 else []
    return "\n".join(lines) + "\n"


def scumble(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "scumble_daemon", "weights", *map(str, arguments)]
