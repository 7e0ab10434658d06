"""Daemon and plug-in find each other, whoever was there first and whatever lies about from before."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from scumble_protocol import connection
from scumble_protocol.client import Client
from scumble_protocol.connection import Connection
from scumble_protocol.errors import DaemonUnavailable, Unauthorised

from .peer import TOKEN, Peer
from .test_catalogue import CATALOGUE, LUT

HERE = Connection(("ipc:///run/s", "tcp://127.0.0.1:1"), "secret", 4711, "0.1.0")
STANDALONE = Path(__file__).parent / "standalone_peer.py"
PEER = f"{sys.executable} {STANDALONE}"


# --- the connection file -----------------------------------------------------------------------------------------


def test_the_file_is_read_as_it_was_written(home: Path) -> None:
    """Endpoints, token, pid and version; for this user's eyes alone, whatever the umask; no draft is left."""
    previous = os.umask(0)
    try:
        HERE.write(connection.make_private(home / "runtime"))
        HERE.write(home / "runtime")
    finally:
        os.umask(previous)
    assert Connection.read() == Connection.read(home / "runtime") == HERE
    assert [path.name for path in (home / "runtime").iterdir()] == ["connection.json"]
    assert (home / "runtime/connection.json").stat().st_mode & 0o777 == 0o600
    assert (home / "runtime").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"endpoints": 7}', '{"endpoints": [], "token": "x"}', "\xff"]
)
def test_a_damaged_file_counts_as_none(home: Path, text: str) -> None:
    """A crash while writing, or anything else: the daemon is looked for as if there were no file."""
    folder = connection.make_private(home / "runtime")
    (folder / "connection.json").write_bytes(text.encode("latin-1"))
    (folder / "connection.json").chmod(0o600)
    assert Connection.read() is None


def test_a_file_others_may_have_written_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint somebody else has chosen could read the artist's pictures."""
    folder = connection.make_private(home / "runtime")
    HERE.write(folder)
    (folder / "connection.json").chmod(0o622)
    with pytest.raises(Unauthorised, match="others"):
        Connection.read()
    (folder / "connection.json").chmod(0o600)
    stranger = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: stranger)
    with pytest.raises(Unauthorised, match="another user"):
        Connection.read()


def test_a_runtime_folder_others_may_write_to_is_refused(home: Path) -> None:
    """So is a link; a folder that others can only look into is closed to them."""
    open_to_all = home / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (home / "link").symlink_to(home)
    for folder in (open_to_all, home / "link"):
        with pytest.raises(Unauthorised):
            connection.make_private(folder)
    open_to_all.chmod(0o755)
    assert connection.make_private(open_to_all).stat().st_mode & 0o777 == 0o700


# --- folders -----------------------------------------------------------------------------------------------------


def test_scumble_home_holds_everything(home: Path) -> None:
    """One variable moves all folders at once."""
    assert connection.runtime_folder() == home / "runtime"
    assert connection.cache_folder() == home / "cache"


def test_the_runtime_folder_is_the_systems_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$SCUMBLE_RUNTIME; $XDG_RUNTIME_DIR where it exists; else a folder named after the user, whatever TMPDIR says."""
    for name in ("SCUMBLE_HOME", "SCUMBLE_RUNTIME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert connection.runtime_folder() == tmp_path / "scumble"
    for missing in (str(tmp_path / "none"), ""):
        monkeypatch.setenv("XDG_RUNTIME_DIR", missing)
        assert connection.runtime_folder() == Path(f"/tmp/scumble-{os.getuid()}")
    monkeypatch.setenv("SCUMBLE_RUNTIME", str(tmp_path / "mine"))
    assert connection.runtime_folder() == tmp_path / "mine"


def test_the_cache_folder_is_the_systems_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$XDG_CACHE_HOME, or .cache."""
    for name in ("SCUMBLE_HOME", "SCUMBLE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert connection.cache_folder() == tmp_path / ".cache/scumble"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "c"))
    assert connection.cache_folder() == tmp_path / "c/scumble"


def test_setup_tells_a_sandboxed_editor_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What setup wrote beside the package gives the command and the folder; a damaged note counts as none."""
    for name in ("SCUMBLE_HOME", "SCUMBLE_RUNTIME", "SCUMBLE_COMMAND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(connection, "__file__", str(tmp_path / "plugin/scumble_protocol/connection.py"))
    (tmp_path / "plugin/scumble_protocol").mkdir(parents=True)
    note = tmp_path / "plugin/scumble.json"
    note.write_text(json.dumps({"command": ["/venv/python", "serve"], "runtime": str(tmp_path / "copy")}), "utf-8")
    assert connection.runtime_folder() == tmp_path / "copy"
    assert connection.start_command() == ["/venv/python", "serve"]
    monkeypatch.setenv("SCUMBLE_COMMAND", "'/a path/python' -m x")
    assert connection.start_command() == ["/a path/python", "-m", "x"]
    monkeypatch.delenv("SCUMBLE_COMMAND")
    for text in ("[]", "{", '{"command": "serve"}'):
        note.write_text(text, "utf-8")
        with pytest.raises(DaemonUnavailable, match="where Scumble is installed"):
            connection.start_command()


def test_the_newest_readable_catalogue_counts(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Menus come from the daemon's cache or from the copy beside the plug-in, whichever is newer and whole."""
    monkeypatch.setattr(connection, "__file__", str(tmp_path / "scumble_protocol/connection.py"))
    shipped, cached = tmp_path / "scumble_protocol/catalogue.json", home / "cache/catalogue.json"
    assert connection.load_catalogue().operations == ()
    for path in (shipped, cached):
        path.parent.mkdir()
    shipped.write_text(json.dumps(CATALOGUE.to_json()), "utf-8")
    os.utime(shipped, (1000, 1000))
    assert connection.load_catalogue() == CATALOGUE
    newer = type(CATALOGUE)((LUT,))
    cached.write_text(json.dumps(newer.to_json()), "utf-8")
    assert connection.load_catalogue() == newer
    os.utime(cached, (900, 900))
    assert connection.load_catalogue() == CATALOGUE
    for text in ("", "7", '{"format": 2}', '{"format": 1, "operations": [3]}'):
        shipped.write_text(text, "utf-8")
        assert connection.load_catalogue() == newer


# --- starting ----------------------------------------------------------------------------------------------------


def test_an_editors_libraries_do_not_reach_the_daemon() -> None:
    """What AppImages, Snaps and editors set for themselves is dropped; the user's own settings are kept."""
    editors = {
        "PYTHONPATH": "/editor",
        "PYTHONHOME": "/editor",
        "LD_LIBRARY_PATH": "/editor",
        "LD_PRELOAD": "/editor.so",
        "QT_PLUGIN_PATH": "/editor",
        "GI_TYPELIB_PATH": "/editor",
        "APPDIR": "/tmp/.mount_krita",
        "SNAP": "/snap/gimp/1",
        "SSL_CERT_FILE": "/tmp/.mount_krita/certs.pem",
    }
    users = {
        "HOME": "/home/me",
        "PATH": "/usr/bin:/tmp/.mount_krita/bin",
        "SCUMBLE_HOME": "/s",
        "XDG_RUNTIME_DIR": "/run/user/1",
        "CUDA_VISIBLE_DEVICES": "1",
        "https_proxy": "http://proxy",
    }
    assert connection.clean_environment({**editors, **users}) == users
    assert connection.clean_environment({"SSL_CERT_FILE": "/etc/own.pem"}) == {"SSL_CERT_FILE": "/etc/own.pem"}


def test_a_client_starts_the_daemon_and_waits_for_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process is started, detached and with a clean environment; the wait is told of; the next client finds it."""
    monkeypatch.setenv("SCUMBLE_COMMAND", f"{PEER} 0.3")
    monkeypatch.setenv("PYTHONPATH", "/editor")
    told: list[str] = []
    with Client.connect(name="first", on_wait=told.append) as first:
        facts = json.loads((home / "started.json").read_text("utf-8"))
        with Client.connect(name="second", on_wait=told.append) as second:
            assert second.welcome.pid == first.welcome.pid
        first.stop()
    assert set(told) == {"Starting Scumble…"}
    assert len(told) > 1
    assert facts["session"] == first.welcome.pid  # a session of its own: GIMP ends its plug-ins' groups
    assert facts["session"] != os.getsid(0)
    assert "PYTHONPATH" not in facts["environment"]
    assert facts["environment"]["SCUMBLE_HOME"] == str(home)


def test_a_wait_can_be_called_off(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `on_wait` raises ends the wait: the artist pressed Cancel."""
    monkeypatch.setenv("SCUMBLE_COMMAND", f"{PEER} 0.5")

    def cancel(_text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Client.connect(name="test", on_wait=cancel)
    while Connection.read() is None:  # what was started comes up all the same, for the next click
        time.sleep(0.01)
    with Client.connect(name="test", start=False) as client:
        client.stop()


@pytest.mark.parametrize("start", [True, False])
def test_without_a_daemon_the_error_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch, start: bool) -> None:
    """Not to be started, not installed, not to be found, ending at once: each has its own words and a hint."""
    if not start:
        with pytest.raises(DaemonUnavailable, match="not running") as raised:
            Client.connect(name="test", start=False)
        assert "scumble serve" in raised.value.hint
        return
    with pytest.raises(DaemonUnavailable, match="scumble setup"):
        Client.connect(name="test")
    monkeypatch.setenv("SCUMBLE_COMMAND", f"{home}/no/such/python -m scumble_daemon")
    with pytest.raises(DaemonUnavailable, match="could not be started"):
        Client.connect(name="test")
    monkeypatch.setenv("SCUMBLE_COMMAND", f"{sys.executable} -c 'raise SystemExit(7)'")
    with pytest.raises(DaemonUnavailable, match="exit status 7"):
        Client.connect(name="test")
    monkeypatch.setenv("SCUMBLE_COMMAND", f"{sys.executable} -c 'import time; time.sleep(3)'")
    with pytest.raises(DaemonUnavailable, match="did not start in") as raised:
        Client.connect(name="test", timeout_s=0.4)
    assert "scumble doctor" in raised.value.hint


def test_a_stale_file_counts_as_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed daemon leaves its file and its socket behind; a new one is started all the same."""
    dead = Peer(home)
    dead.publish("ipc")
    dead.close()
    assert Connection.read() is not None
    with pytest.raises(DaemonUnavailable, match="No Scumble daemon answers"):
        Client.connect(name="test", start=False)
    monkeypatch.setenv("SCUMBLE_COMMAND", PEER)
    with Client.connect(name="test") as client:
        client.stop()


def test_a_daemon_that_met_another_one_is_started_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that ends at once because the old daemon, just stopping, still held the lock is tried once more."""
    script = f"""
import os, runpy, sys
if not os.path.exists({str(home / "met")!r}):
    open({str(home / "met")!r}, "w").close()
    sys.exit(0)
sys.argv[1:] = []
runpy.run_path({str(STANDALONE)!r}, run_name="__main__")
"""
    (home / "start.py").write_text(script, "utf-8")
    monkeypatch.setenv("SCUMBLE_COMMAND", f"{sys.executable} {home}/start.py")
    with Client.connect(name="test") as client:
        client.stop()


def test_endpoints_are_tried_in_their_order(home: Path, peers: Callable[..., Peer]) -> None:
    """Where the socket's folder cannot be seen, the next endpoint serves."""
    peer = peers()
    Connection(("ipc:///nowhere/s", "vsock://1:2", peer.endpoints["tcp"]), TOKEN, 1, "0").write(peer.runtime)
    with Client.connect(name="test", start=False) as client:
        client.ping()


def test_a_file_that_is_replaced_while_we_knock_is_read_again(home: Path, peers: Callable[..., Peer]) -> None:
    """A token that has just become old is no reason to bother the artist."""
    from scumble_protocol.messages import Failure, Hello, Message

    def script(peer: Peer, message: Message) -> bool:
        if isinstance(message, Hello) and message.token == "old":
            peer.publish("ipc")
            peer.say(Failure(message.id, "unauthorised", "Old."))
            return True
        return False

    peer = peers(script)
    peer.publish("ipc", token="old")
    started: list[str] = []
    with Client.connect(name="test", on_wait=started.append, start=False) as client:
        client.ping()


def test_two_clients_at_once_are_both_served(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads, each with a session of its own, to one daemon."""
    monkeypatch.setenv("SCUMBLE_COMMAND", PEER)
    with Client.connect(name="first") as first:
        seen: list[float] = []

        def ask() -> None:
            with Client.connect(name="second") as second:
                seen.extend(second.ping() for _ in range(20))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        first.stop()
    assert len(seen) == 60
