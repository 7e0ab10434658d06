"""What the clicks find so far, asked of the daemon in GTK's own loop: the newest question counts, nothing waits."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Generator, Optional

import gi

gi.require_version("Gtk", "3.0")
import fine_edge  # noqa: E402
import layers  # noqa: E402
import pixels  # noqa: E402
import placing  # noqa: E402
from gi.repository import Gimp, GLib  # noqa: E402
from link import Link  # noqa: E402
from scumble_protocol.client import Client  # noqa: E402
from scumble_protocol.errors import Cancelled, DaemonUnavailable, Internal, ScumbleError, from_code  # noqa: E402
from scumble_protocol.image import Bounds, Raster  # noqa: E402
from scumble_protocol.messages import Failure, Result  # noqa: E402
from scumble_protocol.prompts import Prompts  # noqa: E402

LOOK_MS = 200  # how often the connection is looked after where nothing comes


@dataclass(frozen=True)
class Question:
    """`prompts`: in pixels of the layer · `has_outline`: the selection outlines it roughly · `has_fine_edge`: the
    edge is then refined, along hair and fur."""

    operation: str
    parameters: Dict[str, Any] = field(default_factory=dict)
    prompts: Prompts = Prompts()
    has_outline: bool = False
    has_fine_edge: bool = False


Answer = Callable[[Optional[Raster], Optional[ScumbleError]], None]
"""Takes the mask that was found, with bytes of its own, measured from the layer's corner; or why there is none."""


class Looks:
    """To be closed. `on_wait(words)`: the daemon is being started; "" once it is there."""

    def __init__(self, image: Gimp.Image, layer: Gimp.Layer, answer: Answer, on_wait: Callable[[str], None]) -> None:
        self._image, self._layer = image, layer
        self._answer, self._on_wait = answer, on_wait
        self._link = Link("GIMP", self._look, on_wait)
        self._is_connecting = False
        self._question: Optional[Question] = None
        self._steps: Optional[Generator[None, None, None]] = None
        self._job, self._refines = "", False
        self._corner = Bounds(0, 0, 0, 0)
        self._idle = 0
        self._timer = GLib.timeout_add(LOOK_MS, self._look)

    @property
    def is_busy(self) -> bool:
        return self._question is not None

    def ask(self, question: Question) -> None:
        """Instead of what was asked before."""
        self.stop()
        self._question = question
        self._steps = self._send(question, None)
        self._wake()

    def stop(self) -> None:
        """Nobody waits for an answer any more."""
        self._question = None
        if self._steps is not None:
            self._steps.close()
            self._steps = None
        job, self._job = self._job, ""
        if job and self._link.client is not None:
            with contextlib.suppress(ScumbleError):
                self._link.client.cancel(job)

    def close(self) -> None:
        self._link.is_open = False
        self.stop()
        for source in (self._idle, self._timer):
            if source:
                GLib.source_remove(source)
        self._idle = self._timer = 0
        self._link.close()

    # --- sending -------------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self._idle and not self._is_connecting:
            self._idle = GLib.idle_add(self._step)

    def _step(self) -> bool:
        """A strip of pixels at a time; whether to go on being called."""
        try:
            if self._link.client is None:
                self._connect()
                self._idle = 0
                if self._steps is not None and self._link.client is not None:
                    self._wake()
                return False
            if self._steps is not None:
                next(self._steps)
                return True
        except StopIteration:
            self._steps = None
        except ScumbleError as error:
            self._fail(error)
        self._idle = 0
        return False

    def _connect(self) -> None:
        self._is_connecting = True
        try:
            self._link.connect()
        except Cancelled:
            return
        finally:
            self._is_connecting = False
        self._on_wait("")

    def _send(self, question: Question, found: Optional[Raster]) -> Generator[None, None, None]:
        """`found`: what is to be refined, in pixels of the image; None: first it is to be found."""
        layers.insist_on(self._image, self._layer)
        client = self._link.client
        assert client is not None  # a generator: it begins once there is one
        image = yield from pixels.reading_layer(client, self._image, self._layer)
        corner = self._corner = image.bounds
        selection = None
        if found is not None:
            selection = client.put(found.data, found.bounds, found.depth, "GRAY")
        elif question.has_outline:
            selection = pixels.read_selection(client, self._image, corner)
        self._refines = found is not None
        prompts = question.prompts.moved(corner.x, corner.y)
        parameters = question.parameters
        if question.has_fine_edge:
            parameters = fine_edge.steps(parameters)[self._refines]
        self._job = client.submit(
            fine_edge.REFINE if self._refines else question.operation,
            image,
            Bounds(0, 0, self._image.get_width(), self._image.get_height()),
            parameters=parameters,
            selection=selection,
            points=prompts.points if found is None else (),
            box=prompts.box if found is None else None,
            source=self._layer.get_name(),
        )

    # --- what comes ----------------------------------------------------------------------------------------------

    def _look(self) -> bool:
        """Take in what has come; whether to go on being called."""
        try:
            for client, message in self._link.messages():
                self._take(client, message)
        except ScumbleError as error:
            self._fail(error)
        return self._link.is_open

    def _take(self, client: Client, message: Any) -> None:
        if isinstance(message, Result):
            if message.id == self._job:
                self._take_found(client, message)
            client.release(message)
        elif isinstance(message, Failure) and message.id == self._job:
            self._end(None, from_code(message.code, message.message, message.hint))

    def _take_found(self, client: Client, result: Result) -> None:
        question, self._job = self._question, ""
        if result.selection is None or question is None:
            self._end(None, Internal(f"«{question and question.operation}» gave no selection."))
            return
        found = placing.at_hand(client, result.selection)
        if question.has_fine_edge and not self._refines:
            self._steps = self._send(question, found)
            self._wake()
        else:
            self._end(found.relative_to(self._corner), None)

    def _end(self, found: Optional[Raster], error: Optional[ScumbleError]) -> None:
        self._question, self._job = None, ""
        self._answer(found, error)

    def _fail(self, error: ScumbleError) -> None:
        """Before the daemon answered, or instead."""
        self._steps = None
        if isinstance(error, DaemonUnavailable):
            self._link.drop()
        was_asked, self._question, self._job = self.is_busy, None, ""
        if was_asked:
            self._answer(None, error)
