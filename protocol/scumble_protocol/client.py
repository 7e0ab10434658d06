"""One session with the daemon, as both plug-ins, the command line and a remote daemon use it."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional, Sequence, Set, Type, TypeVar, Union

from . import catalogue, connection, messages, transport, wire
from .errors import Cancelled, DaemonUnavailable, Unauthorised, from_code
from .image import Bounds, Point, Raster, Reference
from .messages import Accepted, Failure, Message, Preview, Progress, Result, Welcome
from .pixels import OutgoingRaster, SessionPixels, digest, rasters_of, segments_of

__all__ = ["Client", "OutgoingRaster", "digest"]

POLL_S = 0.05
TRY_S = 2.0  # one attempt at a connection; the next may find a daemon that has come up meanwhile

_JobMessage = (Accepted, Progress, Preview, Result, Failure)
_Reply = TypeVar("_Reply")


def _ignore(*_arguments: Any) -> None:
    pass


def _never() -> bool:
    return False


@dataclass
class _Job:
    segments: Set[str]
    profiles: Set[str]
    sent_at: float
    accepted: bool = False
    abandoned: bool = False  # nobody waits for its end any more, but its pixels are still the daemon's


class Client:
    """One session. Not thread-safe: one thread owns it. A context manager; leaving it ends the session and its jobs.

    Every method may raise DaemonUnavailable; then all open jobs are lost, and a new Client is needed.
    """

    accept_within_s = 5.0  # silence after a Submit means: no daemon
    silence_s = 10.0
    cancel_grace_s = 2.0

    def __init__(self, carrier: transport.Transport, token: str, name: str, segments: bool = True) -> None:
        """Opens a session over `carrier`. Raises: Unauthorised · Unsupported · DaemonUnavailable"""
        self._carrier = carrier
        self._numbers = itertools.count(1)
        self._jobs: Dict[str, _Job] = {}
        self._pending: Deque[Message] = deque()
        self._heard_at = time.monotonic()
        self._pinged_at: Optional[float] = None
        self._lost: Optional[DaemonUnavailable] = None
        self._pixels = SessionPixels()
        hello = messages.Hello(
            self._next_id("hello"), token, name, segments=segments, sandboxed=connection.is_sandboxed()
        )
        self.welcome: Welcome = self._ask(hello, Welcome, self.accept_within_s)
        self._pixels = SessionPixels(self.welcome.segments if segments else "")

    @classmethod
    def connect(
        cls,
        *,
        name: str,
        start: bool = True,
        on_wait: Callable[[str], None] = _ignore,
        timeout_s: float = 20.0,
        transport: str = "zmtp",
        segments: bool = True,
    ) -> "Client":
        """Find the daemon, or start it, and open a session.

        `on_wait` is called about every 50 ms while the daemon starts. Raises: DaemonUnavailable, with a hint that says
        what to do · Unauthorised · Unsupported
        """
        deadline = time.monotonic() + timeout_s
        process = None
        while True:
            left_s = deadline - time.monotonic()
            found = connection.Connection.read()
            trouble: Exception = DaemonUnavailable("Scumble's daemon is not running.", "Start it with `scumble serve`.")
            if found is not None:
                try:
                    return cls._open(found, name, transport, segments, max(0.1, min(TRY_S, left_s)))
                except DaemonUnavailable as error:  # a stale file: its daemon has died, or is about to be replaced
                    trouble = error
                except Unauthorised:
                    if connection.Connection.read() == found:
                        raise
            if not start:
                raise trouble
            if process is None:
                process = connection.start_daemon()
            elif process.poll() not in (None, 0):
                raise DaemonUnavailable(
                    f"Scumble could not be started (exit status {process.returncode}).", "`scumble doctor` says why."
                )
            if time.monotonic() >= deadline:
                raise DaemonUnavailable(
                    f"Scumble did not start within {timeout_s:.0f} seconds.", "`scumble doctor` says why."
                )
            on_wait("Starting Scumble…")
            time.sleep(POLL_S)

    @classmethod
    def _open(cls, found: connection.Connection, name: str, kind: str, segments: bool, timeout_s: float) -> "Client":
        # The pid is not asked whether it lives: from inside a sandbox it means another process or none.
        trouble: DaemonUnavailable = DaemonUnavailable("The connection file names no endpoint.")
        for endpoint in found.endpoints:
            try:
                carrier = transport.connect(endpoint, kind, timeout_s)
            except DaemonUnavailable as error:
                trouble = error
                continue
            try:
                return cls(carrier, found.token, name, segments)
            except BaseException:
                carrier.close()
                raise
        raise trouble

    def fileno(self) -> int:
        """For the editor's event loop. When it is readable, call `poll()` until it gives None."""
        return self._carrier.fileno()

    # --- pixels --------------------------------------------------------------------------------------------------

    def raster(self, bounds: Bounds, depth: str, channels: str, profile: Optional[bytes] = None) -> OutgoingRaster:
        """Room for a layer's pixels; `profile`: ICC bytes, None for sRGB. It is given back when its job ends."""
        return self._pixels.raster(bounds, depth, channels, profile)

    def put(self, data: Any, bounds: Bounds, depth: str, channels: str, profile: Optional[bytes] = None) -> Raster:
        """`raster`, filled with a copy of `data`."""
        room = self.raster(bounds, depth, channels, profile)
        room.memory[:] = memoryview(data).cast("B")
        return room.raster

    def discard(self, raster: Raster) -> None:
        """Give back room that will not be submitted after all."""
        self._pixels.discard(raster)

    def pixels(self, raster: Raster) -> memoryview:
        """A result's pixels, read-only and uncopied; valid until `release`."""
        return self._pixels.view(raster)

    def release(self, result: Union[Result, Preview]) -> None:
        """Give a result's segments back to the daemon. Nothing happens for one that came inline."""
        names = segments_of(rasters_of(result))
        if names and self._lost is None:
            self._send(messages.Release(self._next_id("release"), tuple(names)))

    # --- jobs ----------------------------------------------------------------------------------------------------

    def submit(
        self,
        operation: str,
        image: Raster,
        canvas: Bounds,
        *,
        parameters: Optional[Mapping[str, Any]] = None,
        selection: Optional[Raster] = None,
        points: Sequence[Point] = (),
        box: Optional[Bounds] = None,
        reference: Optional[Reference] = None,
        source: str = "",
        priority: str = "interactive",
    ) -> str:
        """Send a job; its id. The answers come by `poll`."""
        profiles = self._pixels.unsent_profiles(image)
        job = self._next_id("job")
        held = set(segments_of(iter([image] if selection is None else [image, selection])))
        self._pixels.hold(held)
        submit = messages.Submit(
            id=job,
            operation=operation,
            image=image,
            canvas=canvas,
            parameters=dict(parameters or {}),
            selection=selection,
            points=tuple(points),
            box=box,
            reference=reference,
            source=source,
            priority=priority,
            catalogue_digest=self.welcome.catalogue_digest,
            profiles=profiles,
        )
        try:
            self._send(submit)
        except BaseException:
            self._pixels.let_go(held)
            raise
        self._jobs[job] = _Job(held, set(profiles), time.monotonic())
        return job

    def cancel(self, job: str) -> None:
        """Ask for a job's end; it still ends with a Failure (code "cancelled"), or a Result that was faster."""
        self._send(messages.Cancel(job))

    def poll(self, timeout_s: float = 0) -> Optional[Message]:
        """The next Accepted, Progress, Preview, Result or Failure of a job, in order; None: none came in time."""
        deadline = time.monotonic() + timeout_s
        while not self._pending:
            if not self._read(max(0.0, deadline - time.monotonic())):
                self._check_silence()
                if time.monotonic() >= deadline:
                    return None
        return self._pending.popleft()

    def run(
        self,
        operation: str,
        image: Raster,
        canvas: Bounds,
        *,
        on_progress: Callable[[float, str], None] = _ignore,
        is_cancelled: Callable[[], bool] = _never,
        on_preview: Callable[[Preview], None] = _ignore,
        **job: Any,
    ) -> Result:
        """Submit a job (as `submit` does) and wait for its end. `is_cancelled` is asked at least every 50 ms.

        A Preview is released when `on_preview` returns.
        Raises: Cancelled · what the daemon answered · DaemonUnavailable
        """
        waited_for = self.submit(operation, image, canvas, **job)
        give_up_at: Optional[float] = None
        others: List[Message] = []
        try:
            while True:
                message = self.poll(POLL_S)
                if message is not None and message.id != waited_for:
                    others.append(message)
                elif isinstance(message, Progress):
                    on_progress(message.fraction, message.stage)
                elif isinstance(message, Preview):
                    on_preview(message)
                    self.release(message)
                elif isinstance(message, Result):
                    if give_up_at is None:
                        return message
                    self.release(message)
                    raise Cancelled("The job was cancelled.")
                elif isinstance(message, Failure):
                    raise from_code(message.code, message.message, message.hint)
                if give_up_at is None and is_cancelled():
                    self.cancel(waited_for)
                    give_up_at = time.monotonic() + self.cancel_grace_s
                if give_up_at is not None and time.monotonic() >= give_up_at:
                    raise Cancelled("The job was cancelled.")
        except BaseException:
            self._abandon(waited_for)
            raise
        finally:
            self._pending.extendleft(reversed(others))

    # --- the daemon itself ---------------------------------------------------------------------------------------

    def catalogue(self) -> catalogue.Catalogue:
        reply = self._ask(messages.GetCatalogue(self._next_id("catalogue")), messages.Catalogue)
        return catalogue.Catalogue.from_json(reply.catalogue)

    def status(self) -> Dict[str, Any]:
        return self._ask(messages.GetStatus(self._next_id("status")), messages.Status).status

    def ping(self) -> float:
        """Seconds there and back."""
        started = time.perf_counter()
        self._ask(messages.Ping(self._next_id("ping")), messages.Pong)
        return time.perf_counter() - started

    def stop(self) -> None:
        """Ask the daemon to end, and wait until it closes the connection."""
        stop = messages.Stop(self._next_id("stop"))
        self._send(stop)
        deadline = time.monotonic() + self.silence_s
        try:
            while time.monotonic() < deadline:
                message = self._receive(POLL_S)
                if isinstance(message, Failure) and message.id == stop.id:
                    raise from_code(message.code, message.message, message.hint)
        except DaemonUnavailable:
            return
        raise DaemonUnavailable("Scumble's daemon does not stop.", "End its process by hand.")

    def close(self) -> None:
        """End the session; its jobs are dropped."""
        if self._lost is None:
            with contextlib.suppress(DaemonUnavailable):
                self._send(messages.Bye(self._next_id("bye")))
            self._lost = DaemonUnavailable("The session is closed.")
        self._jobs.clear()
        self._pixels.close()
        self._carrier.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_error: Any) -> None:
        self.close()

    # --- messages ------------------------------------------------------------------------------------------------

    def _next_id(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers)}"

    def _send(self, message: Message) -> None:
        self._guard(lambda: self._carrier.send(wire.encode(message)))

    def _receive(self, timeout_s: float) -> Optional[Message]:
        frames = self._guard(lambda: self._carrier.receive(timeout_s))
        if frames is None:
            return None
        self._heard_at, self._pinged_at = time.monotonic(), None
        return wire.decode(frames)

    def _guard(self, act: Callable[[], Any]) -> Any:
        if self._lost is not None:
            raise self._lost
        try:
            return act()
        except DaemonUnavailable as error:
            self._lost = error
            raise

    def _read(self, timeout_s: float) -> bool:
        """Take one message in; job messages go to the queue. False: nothing came."""
        message = self._receive(timeout_s)
        if message is not None:
            self._take_in(message)
        return message is not None

    def _take_in(self, message: Message) -> None:
        job = self._jobs.get(message.id)
        if job is None or not isinstance(message, _JobMessage):
            if isinstance(message, (Result, Preview)):
                self.release(message)  # of a job nobody knows any more
            return
        if not job.accepted:
            job.accepted = True
            if not isinstance(message, Failure):
                self._pixels.profiles_arrived(job.profiles)
        if isinstance(message, (Result, Failure)):
            del self._jobs[message.id]
            self._pixels.let_go(job.segments)
        if not job.abandoned:
            self._pending.append(message)
        elif isinstance(message, (Result, Preview)):
            self.release(message)

    def _ask(self, request: Any, expected: Type[_Reply], timeout_s: Optional[float] = None) -> _Reply:
        self._send(request)
        deadline = time.monotonic() + (self.silence_s if timeout_s is None else timeout_s)
        while True:
            message = self._receive(max(0.0, deadline - time.monotonic()))
            if message is None:
                self._lose("Scumble's daemon does not answer.")
            elif message.id != request.id:
                self._take_in(message)
            elif isinstance(message, expected):
                return message
            elif isinstance(message, Failure):
                raise from_code(message.code, message.message, message.hint)

    def _abandon(self, job_id: str) -> None:
        job = self._jobs.get(job_id)
        if job is None or self._lost is not None:
            return
        job.abandoned = True
        self.cancel(job_id)

    def _check_silence(self) -> None:
        """With nothing to read: a Ping while jobs are open, and the end when even that stays unanswered."""
        now = time.monotonic()
        if any(not job.accepted and now - job.sent_at > self.accept_within_s for job in self._jobs.values()):
            self._lose("Scumble's daemon did not take the job.")
        if not self._jobs:
            return
        if self._pinged_at is None:
            if now - self._heard_at > self.silence_s / 2:
                self._pinged_at = now
                self._send(messages.Ping(self._next_id("ping")))
        elif now - self._pinged_at > self.silence_s / 2:
            self._lose("Scumble's daemon has fallen silent.")

    def _lose(self, message: str) -> None:
        self._lost = DaemonUnavailable(message, "`scumble stop`, then run the operation again.")
        raise self._lost
