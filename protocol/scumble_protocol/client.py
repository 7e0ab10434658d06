"""One session with the daemon, as both plug-ins, the command line and a remote daemon use it."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional, Sequence, Set, Type, TypeVar, Union

from . import catalogue, messages
from .connection import is_sandboxed
from .errors import Cancelled, DaemonUnavailable, Invalid, from_code
from .image import Bounds, Point, Raster, Reference, ReferenceLayer
from .messages import Accepted, Failure, Message, Preview, Progress, Result, Welcome
from .model_board import ModelRequests
from .pixels import OutgoingRaster, SessionPixels, digest, rasters_of, segments_of
from .reach import POLL_S, reach
from .session import Session
from .transport import Transport

__all__ = ["Client", "OutgoingRaster", "digest"]

_Reply = TypeVar("_Reply")
_JobMessage = (Accepted, Progress, Preview, Result, Failure)


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

    def __init__(self, carrier: Transport, token: str, name: str, segments: bool = True) -> None:
        """Opens a session over `carrier`. Raises: Unauthorised · Unsupported · DaemonUnavailable"""
        self._session = Session(carrier, self.silence_s)
        self._jobs: Dict[str, _Job] = {}
        self._pending: Deque[Message] = deque()
        hello = messages.Hello(self._session.next_id("hello"), token, name, segments=segments, sandboxed=is_sandboxed())
        self.welcome = self._session.ask(hello, Welcome, self.accept_within_s, _ignore)
        self._pixels = SessionPixels(self.welcome.segments if segments else "")
        self.models = ModelRequests(self._session)

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
        command: Optional[List[str]] = None,
    ) -> "Client":
        """Find the daemon, or start it (by `command`, or as `scumble setup` has it), and open a session.

        `on_wait` is called about every 50 ms while the daemon starts. Raises: DaemonUnavailable, with a hint that says
        what to do · Unauthorised · Unsupported
        """
        return reach(
            lambda carrier, token: cls(carrier, token, name, segments),
            kind=transport,
            start=start,
            on_wait=on_wait,
            timeout_s=timeout_s,
            command=command,
        )

    def fileno(self) -> int:
        """For the editor's event loop. When it is readable, call `poll()` until it gives None."""
        return self._session.carrier.fileno()

    # --- pixels --------------------------------------------------------------------------------------------------

    def raster(self, bounds: Bounds, depth: str, channels: str, profile: Optional[bytes] = None) -> OutgoingRaster:
        """Room for a layer's pixels; `profile`: ICC bytes, None for sRGB. It is given back when its job ends."""
        return self._pixels.raster(bounds, depth, channels, profile)

    def put(self, data: Any, bounds: Bounds, depth: str, channels: str, profile: Optional[bytes] = None) -> Raster:
        """`raster`, filled with a copy of `data`. Raises: Invalid where that is not exactly as many bytes."""
        room = self.raster(bounds, depth, channels, profile)
        source = memoryview(data).cast("B")
        if source.nbytes != room.memory.nbytes:
            self.discard(room.raster)
            raise Invalid(f"The editor gave {source.nbytes} bytes of pixels, not {room.memory.nbytes}.")
        room.memory[:] = source
        return room.raster

    def discard(self, raster: Raster) -> None:
        """Give back room that will not be submitted after all."""
        self._pixels.discard(raster)

    def pixels(self, raster: Raster) -> memoryview:
        """A result's pixels, read-only and uncopied; valid until `release`."""
        return self._pixels.view(raster)

    def release(self, result: Union[Result, Preview]) -> None:
        """Give a result's segments back to the daemon. Nothing happens for one that came inline.

        Nor where the daemon has died meanwhile: the result was whole, and what comes next will learn of it.
        """
        names = segments_of(rasters_of(result))
        if names:
            with contextlib.suppress(DaemonUnavailable):
                self._session.send(messages.Release(self._session.next_id("release"), tuple(names)))

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
        reference_layer: Optional[ReferenceLayer] = None,
        source: str = "",
        priority: str = "interactive",
        previews: int = 0,
    ) -> str:
        """Send a job; its id. The answers come by `poll`. `previews`: how large the pictures may be that come while it
        runs, in pixels of their longest side; 0: none are made."""
        job = self._session.next_id("job")
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
            reference_layer=reference_layer,
            source=source,
            priority=priority,
            catalogue_digest=self.welcome.catalogue_digest,
            previews=previews,
        )
        submit = replace(submit, profiles=self._pixels.unsent_profiles(submit.rasters))
        held = set(segments_of(iter(submit.rasters)))
        self._pixels.hold(held)
        try:
            self._session.send(submit)
        except BaseException:
            self._pixels.let_go(held)
            raise
        self._jobs[job] = _Job(held, set(submit.profiles), time.monotonic())
        return job

    def cancel(self, job: str) -> None:
        """Ask for a job's end; it still ends with a Failure (code "cancelled"), or a Result that was faster."""
        self._session.send(messages.Cancel(job))

    def finish(self, job: str) -> None:
        """Ask for what a job of a `progressive` operation has by now; its Result comes soon, or had come already."""
        self._session.send(messages.Finish(job))

    def poll(self, timeout_s: float = 0) -> Optional[Message]:
        """The next Accepted, Progress, Preview, Result or Failure of a job, or answer to a request of `models`.

        They come in order; None: none came in time.
        """
        deadline = time.monotonic() + timeout_s
        while not self._pending:
            message = self._session.receive(max(0.0, deadline - time.monotonic()))
            if message is not None:
                self._take_in(message)
                continue
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
        is_enough: Callable[[], bool] = _never,
        on_preview: Callable[[Preview], None] = _ignore,
        **job: Any,
    ) -> Result:
        """Submit a job (as `submit` does) and wait for its end. `is_cancelled` and `is_enough` are asked at least every
        50 ms; the second ends a `progressive` operation with what it has by then.

        A Preview is released when `on_preview` returns.
        Raises: Cancelled · what the daemon answered · DaemonUnavailable
        """
        waited_for = self.submit(operation, image, canvas, **job)
        give_up_at: Optional[float] = None
        was_enough = False
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
                if give_up_at is None and not was_enough and is_enough():
                    was_enough = True
                    self.finish(waited_for)
                if give_up_at is not None and time.monotonic() >= give_up_at:
                    raise Cancelled("The job was cancelled.")
        except BaseException:
            self._abandon(waited_for)
            raise
        finally:
            self._pending.extendleft(reversed(others))

    # --- the daemon itself ---------------------------------------------------------------------------------------

    def catalogue(self) -> catalogue.Catalogue:
        request = messages.GetCatalogue(self._session.next_id("catalogue"))
        return catalogue.Catalogue.from_json(self._ask(request, messages.Catalogue).catalogue)

    def status(self) -> Dict[str, Any]:
        return self._ask(messages.GetStatus(self._session.next_id("status")), messages.Status).status

    def free(self) -> messages.Freed:
        """Have the warm models let go. Raises: Unsupported by a daemon that is older than this message."""
        return self._ask(messages.Free(self._session.next_id("free")), messages.Freed)

    def ping(self) -> float:
        """Seconds there and back."""
        started = time.perf_counter()
        self._ask(messages.Ping(self._session.next_id("ping")), messages.Pong)
        return time.perf_counter() - started

    def stop(self) -> None:
        """Ask the daemon to end, and wait until it closes the connection."""
        stop = messages.Stop(self._session.next_id("stop"))
        self._session.send(stop)
        deadline = time.monotonic() + self.silence_s
        try:
            while time.monotonic() < deadline:
                message = self._session.receive(POLL_S)
                if isinstance(message, Failure) and message.id == stop.id:
                    raise from_code(message.code, message.message, message.hint)
        except DaemonUnavailable:
            return
        raise DaemonUnavailable("Scumble's daemon does not stop.", "End its process by hand.")

    def close(self) -> None:
        """End the session; its jobs are dropped."""
        with contextlib.suppress(DaemonUnavailable):
            self._session.send(messages.Bye(self._session.next_id("bye")))
        self._session.close()
        self._jobs.clear()
        self._pixels.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_error: Any) -> None:
        self.close()

    # --- what comes in ---------------------------------------------------------------------------------------------

    def _take_in(self, message: Message) -> None:
        if self.models.take(message):
            self._pending.append(message)
            return
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

    def _ask(self, request: Any, expected: Type[_Reply]) -> _Reply:
        return self._session.ask(request, expected, self.silence_s, self._take_in)

    def _abandon(self, job_id: str) -> None:
        """Nobody waits for this job any more; what it still sends is given back unread."""
        kept, self._pending = self._pending, deque()
        for message in kept:
            if message.id != job_id:
                self._pending.append(message)
            elif isinstance(message, (Result, Preview)):
                self.release(message)
        job = self._jobs.get(job_id)
        if job is not None:
            job.abandoned = True
            with contextlib.suppress(DaemonUnavailable):
                self.cancel(job_id)

    def _check_silence(self) -> None:
        now = time.monotonic()
        if any(not job.accepted and now - job.sent_at > self.accept_within_s for job in self._jobs.values()):
            self._session.lose("Scumble's daemon did not take the job.")
        if self._jobs or self.models.is_waiting:
            self._session.check_silence()
