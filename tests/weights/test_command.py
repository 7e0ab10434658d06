"""`scumble weights …`: what an artist or a script sees, with real processes that wait, are killed and go on."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from scumble_daemon.weights.index import Model, WeightsFile
from scumble_daemon.weights.store import Store

from ..daemon_process import wait_until
from .conftest import BODY, as_toml, file_of, model_of, scumble
from .web_server import Served, WebServer


def write_index(home: Path, model: Model) -> None:
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "weights.toml").write_text(as_toml(model))


@pytest.fixture
def model(web: WebServer, served: Served, tmp_path: Path) -> Model:
    """A model that the user's own `weights.toml` names, and that every process of a test knows therefore."""
    model = model_of(file_of("a.pth", BODY, web.url("a.pth")))
    write_index(tmp_path, model)
    return model


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    argv = scumble(*arguments)
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def start(*arguments: object) -> subprocess.Popen[str]:
    # What a background shell has us ignore, our children would ignore too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        scumble(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_from_the_list_to_a_verified_file_and_back(model: Model, store: Store) -> None:
    """List, show, fetch, path, verify, remove: each says what is now the case, with status 0."""
    listed = run("list", "denoise")
    assert listed.returncode == 0
    assert any(line.split() == ["tiny", "300", "kB", "MIT"] for line in listed.stdout.splitlines()), listed.stdout
    assert "upscale" not in listed.stdout
    shown = run("show", "tiny").stdout
    assert all(text in shown for text in ("MIT", "Nothing", str(model.files[0].sha256), model.files[0].urls[0]))
    missing = run("path", "tiny")
    assert missing.returncode == 1
    assert "`scumble weights fetch tiny`" in missing.stderr
    fetched = run("fetch", "tiny")
    assert fetched.returncode == 0, fetched.stderr
    assert "Licence: MIT" in fetched.stderr
    assert "tiny is installed" in fetched.stdout
    assert run("path", "tiny").stdout.strip() == str(store.folder / "tiny")
    assert run("path").stdout.strip() == str(store.folder)
    assert (store.folder / "tiny" / "a.pth").read_bytes() == BODY
    assert "installed" in run("list", "--installed").stdout
    verified = run("verify")
    assert (verified.returncode, verified.stdout) == (0, "✓ tiny: as it should be\n")
    assert "300 kB" in run("remove", "tiny").stdout
    assert not (store.folder / "tiny").exists()
    assert "was not installed" in run("remove", "tiny").stdout
    assert "No model is installed" in run("verify").stdout


def test_damage_is_named_with_status_one(model: Model, store: Store) -> None:
    """`verify` and `list` name the file, and fetching again mends it."""
    assert run("fetch", "tiny").returncode == 0
    (store.folder / "tiny" / "a.pth").write_bytes(BODY[::-1])
    verified = run("verify", "tiny")
    assert verified.returncode == 1
    assert "✗ tiny: a.pth is not what was fetched" in verified.stdout
    assert "✗ tiny" in run("list", "--installed").stdout
    assert run("fetch", "tiny").returncode == 0
    assert run("verify", "tiny").returncode == 0


def test_json_is_one_object_a_line(model: Model, store: Store) -> None:
    """Progress, results and failures, for scripts and for the editors' dialogs to come."""
    lines = [json.loads(line) for line in run("fetch", "tiny", "--json").stdout.splitlines()]
    assert {line["type"] for line in lines[:-1]} == {"progress"}
    assert lines[0]["whole_bytes"] == len(BODY)
    assert lines[-1] == {"type": "result", "model": "tiny", "folder": str(store.folder / "tiny")}
    (entry,) = [json.loads(line) for line in run("list", "--installed", "--json").stdout.splitlines()]
    assert (entry["id"], entry["state"], entry["here_bytes"]) == ("tiny", "installed", len(BODY))
    assert entry["files"][0]["digest"] == model.files[0].sha256
    assert json.loads(run("verify", "--json").stdout)["state"] == "installed"
    assert json.loads(run("show", "tiny", "--json").stdout)["licence"] == "MIT"
    assert json.loads(run("remove", "tiny", "--json").stdout)["freed_bytes"] == len(BODY)


@pytest.mark.parametrize(
    ("id", "operation", "where"),
    [
        ("scunet-real-psnr", "denoise", "denoise, enhance_with_model"),
        ("style-mosaic", "stylize", "stylize, enhance_with_model"),
        ("big-lama", "erase_object", "erase_object"),
        ("gfpgan-v1.4", "restore_face", "no operation of this version yet"),
    ],
)
def test_it_says_where_a_model_can_be_chosen(model: Model, id: str, operation: str, where: str) -> None:
    """The index knows some before their operation is there: nobody fetches 200 MB to find that out."""
    assert f"chosen in:     {where}\n" in run("show", id).stdout
    heading = run("list", operation).stdout.splitlines()[1]
    assert heading == (operation if operation in where else f"{operation}  (chosen in {where})")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fetch", "tny"], "Did you mean tiny"),
        (["show", "nothing-like-it"], "weights list"),
        (["list", "dnoise"], "There are models for"),
        (["path", "tny"], "no model «tny»"),
        (["verify", "tny"], "no model «tny»"),
        (["remove", "tny"], "no model «tny»"),
        (["fetch"], "MODEL"),
    ],
)
def test_bad_input_is_status_two(model: Model, arguments: list[str], says: str) -> None:
    """On one line, without a traceback."""
    done = run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_index_of_the_users_is_named(tmp_path: Path, model: Model) -> None:
    """File and key, status 2."""
    file = tmp_path / "config" / "weights.toml"
    file.write_text(file.read_text().replace("licence =", "license ="))
    done = run("list")
    assert done.returncode == 2
    assert f"{file}: tiny: «licence»" in done.stderr


def test_what_does_not_come_is_status_one(model: Model, served: Served) -> None:
    """What is not the user's mistake, as JSON where that was asked for."""
    served.status = 404
    done = run("fetch", "tiny", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1])["code"] == "missing-model"


def test_a_script_agrees_with_yes_and_a_terminal_is_asked(tmp_path: Path, model: Model, web: WebServer) -> None:
    """No digest is published: without --yes a script is refused; at a terminal the answer counts."""
    write_index(tmp_path, model_of(WeightsFile("a.pth", (web.url("a.pth"),))))
    refused = run("fetch", "tiny")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert web.requests == []
    status, shown = at_terminal(b"n\n", "fetch", "tiny")
    assert status == 2
    assert b"published a digest" in shown
    assert web.requests == []
    status, shown = at_terminal(b"y\n", "fetch", "tiny")
    assert status == 0, shown
    assert "remembered at the first fetch" in run("show", "tiny").stdout
    assert run("remove", "tiny", "--forget").returncode == 0
    assert run("fetch", "tiny", "--yes").returncode == 0


def at_terminal(typed: bytes, *arguments: str) -> tuple[int, bytes]:
    """The exit status, and all that was shown, of a command that runs at a terminal where `typed` is typed."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(scumble(*arguments), env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, typed)
    shown = b""
    while True:
        try:
            more = os.read(ours, 4096)
        except OSError:  # the other end was closed
            break
        if not more:
            break
        shown += more
    os.close(ours)
    return process.wait(60), shown


def test_a_terminal_shows_a_bar(model: Model, served: Served) -> None:
    """What has come and what is to come, drawn while it comes."""
    served.hold_at = 65_536

    def release() -> None:
        served.held.wait(60)
        threading.Event().wait(0.5)  # a bar is drawn ten times a second
        served.go_on.set()

    thread = threading.Thread(target=release)
    thread.start()
    status, shown = at_terminal(b"", "fetch", "tiny")
    thread.join()
    assert status == 0, shown
    assert "━".encode() in shown
    assert b"/300.0 kB" in shown


# --- processes ---------------------------------------------------------------------------------------------------


def one_waits_for_the_other(served: Served) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Two fetches of the same model: the first in the middle of it, the second told to wait."""
    served.hold_at = 65_536
    first = start("fetch", "tiny", "--json")
    assert served.held.wait(60)
    second = start("fetch", "tiny", "--json")
    assert second.stdout
    assert json.loads(second.stdout.readline())["stage"] == "waiting"
    return first, second


def test_two_at_once_fetch_it_once(model: Model, served: Served, web: WebServer, store: Store) -> None:
    """The second process waits for the first, says so, and uses what it brought."""
    first, second = one_waits_for_the_other(served)
    served.go_on.set()
    said = [process.communicate(timeout=60) for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0], said
    assert web.requests == ["a.pth"]
    assert (store.folder / "tiny" / "a.pth").read_bytes() == BODY


def test_the_second_takes_over_when_the_first_dies(model: Model, served: Served, web: WebServer) -> None:
    """Killed while another one waits: that one goes on with what has come, at once."""
    first, second = one_waits_for_the_other(served)
    wait_until(lambda: _came(model), "the first bytes on the disk")
    first.kill()
    first.communicate()
    served.hold_at = None
    served.go_on.set()
    assert second.wait(60) == 0
    second.communicate()
    assert web.requests == ["a.pth", "a.pth bytes=65536-"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_what_was_ended_in_the_middle_goes_on_there(
    model: Model, served: Served, web: WebServer, store: Store, how: signal.Signals
) -> None:
    """Killed, or Ctrl+C: nothing is installed, the list says how it stands, and the rest is all that is fetched."""
    served.hold_at = 65_536
    process = start("fetch", "tiny")
    assert served.held.wait(60)
    wait_until(lambda: _came(model), "the first bytes on the disk")
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    if how == signal.SIGINT:
        assert process.returncode == 1
        assert "What has come is kept" in said
        assert "Traceback" not in said
    assert not (store.folder / "tiny").exists()
    assert "partial" in run("list", "denoise").stdout
    served.hold_at = None
    served.go_on.set()
    assert run("fetch", "tiny").returncode == 0
    assert web.requests == ["a.pth", "a.pth bytes=65536-"]
    assert (store.folder / "tiny" / "a.pth").read_bytes() == BODY


def _came(model: Model) -> bool:
    part = Store(Path(os.environ["SCUMBLE_HOME"]) / "weights").staging_of(model) / "a.pth.part"
    return part.exists() and part.stat().st_size == 65_536


# --- doctor ------------------------------------------------------------------------------------------------------


def test_the_doctor_names_damaged_models_and_a_broken_index(model: Model, store: Store, tmp_path: Path) -> None:
    """How many are installed and where; which are damaged; what is wrong with `weights.toml`."""
    from scumble_daemon.doctor_weights import weights_findings

    assert run("fetch", "tiny").returncode == 0
    (finding,) = weights_findings()
    assert finding.level == "good"
    assert "1 of" in finding.what
    assert str(store.folder) in finding.what
    (store.folder / "tiny" / "a.pth").write_bytes(b"")
    damaged, _ = weights_findings()
    assert (damaged.level, damaged.advice) == ("bad", "`scumble weights fetch tiny` fetches it again.")
    (tmp_path / "config" / "weights.toml").write_text("format = 0")
    (broken,) = weights_findings()
    assert broken.level == "bad"
    assert "weights.toml" in broken.what
