"""config.toml, the environment over it, and the bounded cache."""

from __future__ import annotations

from pathlib import Path

import pytest
from scumble_daemon import config
from scumble_daemon.cache import Finished, ResultCache
from scumble_protocol.errors import Invalid
from scumble_protocol.image import Bounds, Layer, Raster


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    (tmp_path / "config").mkdir()
    return tmp_path / "config" / "config.toml"


def test_without_a_file_the_defaults_hold(file: Path) -> None:
    """Nobody has to write a configuration."""
    assert config.read() == config.Config()


def test_the_environment_overrides_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a shell says counts more than what a file says, and both more than the defaults."""
    file.write_text('max_queued = 3\ncancel_grace_s = 2\nconnection_copies = ["/a", "/b"]\n')
    monkeypatch.setenv("SCUMBLE_MAX_QUEUED", "5")
    read = config.read()
    assert (read.max_queued, read.cancel_grace_s, read.connection_copies) == (5, 2.0, ("/a", "/b"))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("max_queued = 'many'", "max_queued"),
        ("nonsense = 1", "nonsense"),
        ("max_queued = ", "config.toml"),
        ('devices = ["gpu"]', "no device «gpu»"),
    ],
)
def test_a_broken_file_is_named_with_its_key(file: Path, text: str, named: str) -> None:
    """The message says which file and which key, and what to do."""
    file.write_text(text)
    with pytest.raises(Invalid, match=named) as raised:
        config.read()
    assert raised.value.hint


def finished(nbytes: int) -> Finished:
    return Finished((Layer("x", Raster(Bounds(0, 0, nbytes, 1), "u8", "GRAY", bytes(nbytes))),), None, ())


def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    """It never holds more than its budget, and what is asked for stays."""
    cache = ResultCache(100)
    for name in ("a", "b"):
        cache.put(name, finished(50))
    assert cache.get("a")
    cache.put("c", finished(50))
    assert (bool(cache.get("a")), bool(cache.get("b")), bool(cache.get("c"))) == (True, False, True)
    cache.put("too large", finished(101))
    assert cache.get("too large") is None
    assert cache.get("a"), "what does not fit drives nothing out"
