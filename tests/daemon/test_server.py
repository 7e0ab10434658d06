"""The daemon as a whole: it answers whatever its worker does, and outlives every accident."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from scumble_protocol import messages, wire
from scumble_protocol.client import Client
from scumble_protocol.errors import (
    Busy,
    Cancelled,
    DaemonUnavailable,
    Internal,
    Invalid,
    OutOfMemory,
    Unauthorised,
    WorkerCrashed,
)
from scumble_protocol.image import Bounds, Raster, SegmentSlice

from ..daemon_process import DaemonProcess, environment, running_daemon, state_of, suspend, wait_until

CANVAS = Bounds(0, 0, 32, 32)
PIXELS = bytes(range(256)) * 15 + bytes([255] * 256)  # 32 × 32 RGBA, partly opaque


def submit(client: Client, operation: str, priority: str = "interactive", **parameters: Any) -> str:
    image = client.put(PIXELS, CANVAS, "u8", "RGBA")
    return client.submit(operation, image, CANVAS, parameters=parameters, priority=priority, source="photo")


def next_of(client: Client, kind: type, job: str = "") -> Any:
    """The next message of a kind (of one job), others passed over."""
    for _ in range(600):
        message = client.poll(0.1)
        if message is not None and isinstance(message, kind) and job in ("", message.id):
            return message
    raise TimeoutError(f"no {kind.__name__}")


def end_of(client: Client, job: str) -> messages.Result | messages.Failure:
    for _ in range(1200):
        message = client.poll(0.1)
        if isinstance(message, (messages.Result, messages.Failure)) and message.id == job:
            return message
    raise TimeoutError(f"job {job} did not end")


def works(daemon: DaemonProcess) -> bool:
    """Whether a new client's job is done."""
    with daemon.client() as client:
        end = end_of(client, submit(client, "slow", seconds=0))
        assert isinstance(end, messages.Result), (end, daemon.log())
        return True


# --- cancel ------------------------------------------------------------------------------------------------------


def test_a_running_job_stops_at_its_next_step(daemon: DaemonProcess) -> None:
    """A cooperative cancel ends the job and leaves the worker alive, with all it keeps warm."""
    before = daemon.wait_for_worker()
    with daemon.client() as client:
        job = submit(client, "slow", seconds=300)
        next_of(client, messages.Progress, job)
        client.cancel(job)
        end = end_of(client, job)
    assert isinstance(end, messages.Failure)
    assert end.code == "cancelled"
    assert daemon.wait_for_worker() == before


def test_a_job_stuck_in_c_code_is_stopped_all_the_same(own_daemon: DaemonProcess) -> None:
    """When the job cannot look up, its process is killed; the artist gets the same answer and the next job runs."""
    before = own_daemon.wait_for_worker()
    with own_daemon.client() as client:
        job = submit(client, "stuck")
        next_of(client, messages.Progress, job)
        client.cancel(job)
        end = end_of(client, job)
        assert isinstance(end, messages.Failure)
        assert end.code == "cancelled"
        assert isinstance(end_of(client, submit(client, "slow", seconds=0)), messages.Result)
    assert own_daemon.wait_for_worker() != before


def test_a_waiting_job_can_be_cancelled(daemon: DaemonProcess) -> None:
    """A queued job ends at once and never runs; the one before it goes on."""
    with daemon.client() as client:
        first, second = submit(client, "slow", seconds=300), submit(client, "slow", seconds=0)
        next_of(client, messages.Progress, first)
        client.cancel(second)
        end = end_of(client, second)
        assert isinstance(end, messages.Failure)
        assert end.code == "cancelled"
        assert client.status()["workers"][0]["operation"] == "slow"
        client.cancel(first)
        end_of(client, first)


def test_a_cancel_while_the_worker_is_still_starting(own_daemon: DaemonProcess) -> None:
    """A job that waits for the worker's imports is cancelled like any other."""
    with own_daemon.client() as client:
        worker = own_daemon.wait_for_worker()
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not is_alive(worker), "the worker's end")
        job = submit(client, "slow", seconds=300)
        client.cancel(job)
        end = end_of(client, job)
        assert isinstance(end, messages.Failure)
        assert end.code == "cancelled"
    assert works(own_daemon)


def test_cancelling_what_has_ended_does_nothing(daemon: DaemonProcess) -> None:
    """A cancel that comes too late, or for a job nobody knows, is no error."""
    with daemon.client() as client:
        job = submit(client, "slow", seconds=0)
        assert isinstance(end_of(client, job), messages.Result)
        client.cancel(job)
        client.cancel("never was")
        assert client.ping() > 0


# --- accidents ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "error"), [("signal", WorkerCrashed), ("exception", Internal), ("memory", OutOfMemory)]
)
def test_a_job_that_dies_takes_nothing_with_it(daemon: DaemonProcess, how: str, error: type[Exception]) -> None:
    """A crash, a fault of ours and a lack of memory each fail that one job with words, and the next job works."""
    with daemon.client() as client:
        image = client.put(PIXELS, CANVAS, "u8", "RGBA")
        with pytest.raises(error) as raised:
            client.run("crash", image, CANVAS, parameters={"how": how})
        assert "Traceback" not in str(raised.value)
        assert raised.value.hint  # type: ignore[attr-defined]
        assert isinstance(end_of(client, submit(client, "slow", seconds=0)), messages.Result)


def test_a_worker_killed_in_mid_job(own_daemon: DaemonProcess) -> None:
    """The job fails clearly; jobs that waited behind it are done by the next worker."""
    with own_daemon.client() as client:
        worker = own_daemon.wait_for_worker()
        first, second = submit(client, "slow", seconds=300), submit(client, "slow", seconds=0)
        next_of(client, messages.Progress, first)
        os.kill(worker, signal.SIGKILL)
        end = end_of(client, first)
        assert isinstance(end, messages.Failure)
        assert end.code == "worker-crashed"
        assert isinstance(end_of(client, second), messages.Result)


def test_a_job_is_not_lost_to_a_worker_that_dies_before_taking_it(own_daemon: DaemonProcess) -> None:
    """The worker hangs and dies with the job still on its way to it: the next worker does the job."""
    with own_daemon.client() as client:
        worker = own_daemon.wait_for_worker()
        suspend(worker)
        job = submit(client, "slow", seconds=0)
        wait_until(lambda: client.status()["workers"][0]["operation"], "the job to be handed over")
        os.kill(worker, signal.SIGKILL)
        assert isinstance(end_of(client, job), messages.Result)


def test_a_daemon_killed_in_mid_job(own_daemon: DaemonProcess) -> None:
    """The client learns of it at once; the worker ends by itself; a new daemon serves the next job and tidies up."""
    worker = own_daemon.wait_for_worker()
    client = own_daemon.client()
    folder = Path(client.welcome.segments)
    job = submit(client, "slow", seconds=300)
    next_of(client, messages.Progress, job)
    assert own_daemon.process is not None
    own_daemon.process.kill()
    own_daemon.process.wait()
    with pytest.raises(DaemonUnavailable):
        end_of(client, job)
    client.close()
    wait_until(lambda: not is_alive(worker), "the orphaned worker's end")
    (own_daemon.home / "runtime" / "connection.json").unlink()
    own_daemon.start()
    assert works(own_daemon)
    assert not folder.exists()


def is_alive(pid: int) -> bool:
    try:
        return state_of(Path(f"/proc/{pid}")) != "Z"
    except OSError:  # there is no such process, or none any more
        return False


def test_a_client_that_vanishes_takes_its_jobs_with_it(own_daemon: DaemonProcess) -> None:
    """An editor that is killed leaves neither a running job nor a segment behind."""
    script = (
        "import sys, time\n"
        "from scumble_protocol.client import Client\n"
        "from scumble_protocol.image import Bounds\n"
        "client = Client.connect(name='doomed', start=False)\n"
        "area = Bounds(0, 0, 8, 8)\n"
        "for _ in range(2):\n"
        "    client.submit('slow', client.put(bytes([255]) * 256, area, 'u8', 'RGBA'), area,\n"
        "                  parameters={'seconds': 300})\n"
        "print(client.welcome.segments, flush=True)\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], env=own_daemon.env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    with own_daemon.client() as client:
        wait_until(lambda: client.status()["workers"][0]["operation"], "the job to run")
        assert folder.exists()
        process.kill()
        process.wait()
        wait_until(lambda: client.status()["sessions"] == ["test"], "the session's end")
        wait_until(lambda: not client.status()["workers"][0]["operation"], "the job's end")
        assert client.status()["queued"] == []
    process.stdout.close()
    assert not folder.exists()
    assert works(own_daemon)


def test_an_operation_file_that_cannot_be_loaded_harms_no_other(tmp_path: Path) -> None:
    """A user's broken operation file is left out and logged."""
    broken = tmp_path / "broken.py"
    broken.write_text("this is not Python")
    with running_daemon([broken]) as daemon:
        with daemon.client() as client:
            assert "identity" in [entry.id for entry in client.catalogue().operations]
        assert "broken.py" in daemon.log()


# --- pixels ------------------------------------------------------------------------------------------------------


def test_a_segment_that_shrinks(daemon: DaemonProcess) -> None:
    """A segment cut short after it was announced is refused in words, and the daemon and its worker live on."""
    worker = daemon.wait_for_worker()
    with daemon.client() as client:
        image = client.put(bytes([255]) * (256 * 256 * 4), Bounds(0, 0, 256, 256), "u8", "RGBA")
        assert isinstance(image.data, SegmentSlice)
        os.truncate(Path(client.welcome.segments) / image.data.segment, 4096)
        with pytest.raises(Invalid, match="not the 262144 that were promised"):
            client.run("identity", image, CANVAS)
    assert works(daemon)
    assert daemon.wait_for_worker() == worker


@pytest.mark.parametrize("trick", ["missing", "link"])
def test_a_segment_that_is_not_one(daemon: DaemonProcess, trick: str, tmp_path: Path) -> None:
    """A name without a file, or a link to somebody's file, is refused."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 4096)
    with daemon.client() as client:
        if trick == "link":
            (Path(client.welcome.segments) / "c-77").symlink_to(secret)
        image = Raster(CANVAS, "u8", "RGBA", SegmentSlice("c-77", 0, 4096))
        client._pixels.hold = lambda names: None  # type: ignore[method-assign]  # the client itself would not let us
        with pytest.raises(Invalid, match="segment c-77 is"):
            client.run("identity", image, CANVAS)
    assert works(daemon)


def test_released_segments_are_used_again(daemon: DaemonProcess) -> None:
    """Twenty results in a row need no twenty segments: fresh pages would cost ten times the copy."""
    with daemon.client() as client:
        for _ in range(20):
            result = client.run("identity", client.put(PIXELS, CANVAS, "u8", "RGBA"), CANVAS)
            client.release(result)
        assert len(list(Path(client.welcome.segments).iterdir())) <= 4


def test_a_full_disk_is_no_reason_to_fail(daemon: DaemonProcess) -> None:
    """Where no room for segments is left, the pixels of both directions travel inline."""
    if os.geteuid() != 0:
        pytest.fail("filling a file system of its own needs root")
    with daemon.client() as client:
        folder = client.welcome.segments
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", folder], check=True)
        try:
            client._pixels = type(client._pixels)(folder)
            big = bytes([255]) * (256 * 256 * 4)
            area = Bounds(0, 0, 256, 256)
            result = client.run("identity", client.put(big, area, "u8", "RGBA"), area)
            assert bytes(client.pixels(result.layers[0].raster)) == big
        finally:
            client._pixels.close()
            subprocess.run(["umount", "-l", folder], check=True)


# --- the queue ---------------------------------------------------------------------------------------------------


def test_an_interactive_job_overtakes_a_batch(daemon: DaemonProcess) -> None:
    """What an artist waits for goes before what runs in the background."""
    with daemon.client() as client:
        running = submit(client, "slow", seconds=300)
        next_of(client, messages.Progress, running)
        batch = submit(client, "slow", priority="batch", seconds=0)
        click = submit(client, "slow", seconds=0.01)
        client.cancel(running)
        ended = []
        while len(ended) < 3:
            message = client.poll(10)
            assert message is not None
            if isinstance(message, (messages.Result, messages.Failure)):
                ended.append(message.id)
    assert ended == [running, click, batch]


def test_a_newer_preview_replaces_a_running_and_a_waiting_one(daemon: DaemonProcess) -> None:
    """Dragging a slider does not pile up work: the older previews end as cancelled, the newest is made."""
    with daemon.client() as client:
        running = submit(client, "slow", priority="preview", seconds=300)
        next_of(client, messages.Progress, running)
        waiting = submit(client, "slow", priority="preview", seconds=299)
        newest = submit(client, "slow", priority="preview", seconds=0)
        ends = {}
        while len(ends) < 3:
            message = client.poll(10)
            assert message is not None
            if isinstance(message, (messages.Result, messages.Failure)):
                ends[message.id] = message
    assert isinstance(ends[newest], messages.Result)
    assert [ends[running].code, ends[waiting].code] == ["cancelled", "cancelled"]


def test_the_queue_has_an_end() -> None:
    """A job too many is refused as busy, with what to do."""
    with running_daemon(SCUMBLE_MAX_QUEUED="2") as daemon, daemon.client() as client:
        first = submit(client, "slow", seconds=300)
        next_of(client, messages.Progress, first)
        for _ in range(2):
            submit(client, "slow", seconds=0)
        with pytest.raises(Busy, match="2 jobs are waiting"):
            client.run("slow", client.put(PIXELS, CANVAS, "u8", "RGBA"), CANVAS)


# --- answering ---------------------------------------------------------------------------------------------------


def test_the_daemon_answers_while_a_job_holds_its_worker(own_daemon: DaemonProcess) -> None:
    """Ping, status and catalogue are answered by a second client while the worker cannot run a single thread."""
    with own_daemon.client() as client, own_daemon.client() as other:
        job = submit(client, "stuck")
        next_of(client, messages.Progress, job)
        assert other.ping() > 0
        assert other.catalogue().find("identity").hidden
        assert other.status()["workers"][0]["operation"] == "stuck"


def test_the_server_imports_nothing_heavy() -> None:
    """Neither torch nor numpy nor pydantic is loaded by what must start in an instant and never block."""
    code = (
        "import sys, scumble_daemon.server; "
        "print([name for name in ('torch', 'numpy', 'pydantic', 'cv2', 'typer') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_files_are_for_this_user_alone(daemon: DaemonProcess) -> None:
    """The connection file is 0600, its folder and the segments' folder are 0700."""
    runtime = daemon.home / "runtime"
    assert stat.S_IMODE((runtime / "connection.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    with daemon.client() as client:
        assert stat.S_IMODE(Path(client.welcome.segments).stat().st_mode) == 0o700


def test_there_is_one_daemon(daemon: DaemonProcess) -> None:
    """A second `serve` says so and ends well; the first one is not disturbed."""
    again = daemon.cli("serve")
    assert (again.returncode, again.stdout.count("running already")) == (0, 1)
    assert works(daemon)


def test_two_editors_that_start_at_once_find_the_same_daemon() -> None:
    """Both start one, one of them serves, both are served."""
    with running_daemon() as daemon:
        daemon.stop()
        command = [sys.executable, "-m", "scumble_daemon", "serve"]
        pids, errors = [], []

        def open_one() -> None:
            try:
                with Client.connect(name="editor", command=command) as client:
                    pids.append(client.welcome.pid)
            except Exception as error:
                errors.append(error)

        with environment(SCUMBLE_HOME=str(daemon.home)):
            threads = [threading.Thread(target=open_one) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        try:
            assert errors == []
            assert len(set(pids)) == 1
        finally:
            daemon.cli("stop")


def test_the_catalogue_is_on_disk_for_the_editors(daemon: DaemonProcess) -> None:
    """Menus can be drawn without a daemon: the file holds what the daemon answers."""
    with daemon.client() as client:
        answered = client.catalogue()
    table = json.loads((daemon.home / "cache" / "catalogue.json").read_text())
    assert table["digest"] == answered.digest


def test_stop_leaves_nothing_behind(own_daemon: DaemonProcess) -> None:
    """After `scumble stop`: no process, no connection file, no socket, no segments."""
    worker = own_daemon.wait_for_worker()
    client = own_daemon.client()
    folder = Path(client.welcome.segments)
    assert own_daemon.cli("stop").returncode == 0
    assert own_daemon.process is not None
    own_daemon.process.wait(20)
    assert not folder.exists()
    assert sorted(path.name for path in (own_daemon.home / "runtime").iterdir()) == ["daemon.lock"]
    wait_until(lambda: not is_alive(worker), "the worker's end")
    client.close()


# --- strangers ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def stranger(daemon: DaemonProcess) -> Iterator[Callable[..., messages.Message]]:
    """A bare DEALER: `ask(frames)` sends anything and gives the answer."""
    assert daemon.connection is not None
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, 20_000)
    socket.connect(daemon.connection.endpoints[0])

    def ask(*frames: bytes) -> messages.Message:
        socket.send_multipart(frames)
        return wire.decode(socket.recv_multipart())

    try:
        yield ask
    finally:
        socket.close()
        context.term()


@pytest.mark.parametrize("frames", [(b"",), (b"\xc1",), (b"\x80",), (b"garbage", b"more"), (b"\x81\xa1v\x01",)])
def test_malformed_messages_get_an_answer(daemon: DaemonProcess, frames: tuple[bytes, ...]) -> None:
    """Anything at all gets a Failure, never silence and never the daemon's end."""
    with stranger(daemon) as ask:
        answer = ask(*frames)
    assert isinstance(answer, messages.Failure)
    assert answer.code in ("invalid", "unsupported")
    assert works(daemon)


def test_nothing_is_done_without_the_token(daemon: DaemonProcess) -> None:
    """Before a valid hello, every message is refused, a stop above all; a wrong token opens nothing."""
    with stranger(daemon) as ask:
        for message in (messages.Stop(id="1"), messages.GetStatus(id="1"), messages.Hello(id="1", token="guess")):
            answer = ask(*wire.encode(message))
            assert isinstance(answer, messages.Failure)
            assert answer.code == "unauthorised"
    assert works(daemon)


def test_a_client_with_an_old_token_is_told_so(daemon: DaemonProcess) -> None:
    """A copied or outdated connection file gives a clear error."""
    assert daemon.connection is not None
    table = {**json.loads((daemon.home / "runtime" / "connection.json").read_text()), "token": "stale"}
    home = daemon.home / "other"
    (home / "runtime").mkdir(parents=True, mode=0o700)
    file = home / "runtime" / "connection.json"
    file.write_text(json.dumps(table))
    file.chmod(0o600)
    with environment(SCUMBLE_HOME=str(home)), pytest.raises(Unauthorised, match="token"):
        Client.connect(name="test", start=False)


def test_another_protocol_version_is_named(daemon: DaemonProcess) -> None:
    """A newer client learns which versions meet, and what to do."""
    import msgpack

    with stranger(daemon) as ask:
        answer = ask(msgpack.packb({"v": 9, "type": "hello", "id": "1", "token": ""}))
    assert isinstance(answer, messages.Failure)
    assert (answer.id, answer.code) == ("1", "unsupported")
    assert "9" in answer.message


def test_a_flood_does_not_silence_the_daemon(daemon: DaemonProcess) -> None:
    """While one client floods it with nonsense, another is served."""
    stop = threading.Event()

    def flood() -> None:
        with stranger(daemon) as ask:
            latest = time.monotonic() + 30
            while not stop.is_set() and time.monotonic() < latest:
                ask(b"nonsense")

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        assert works(daemon)
    finally:
        stop.set()
        thread.join()


def test_cancelled_is_raised_by_a_blocking_run(daemon: DaemonProcess) -> None:
    """`Client.run` turns the artist's cancel into Cancelled."""
    with daemon.client() as client, pytest.raises(Cancelled):
        client.run(
            "slow",
            client.put(PIXELS, CANVAS, "u8", "RGBA"),
            CANVAS,
            parameters={"seconds": 300},
            is_cancelled=lambda: True,
        )
