"""What an operation is given beside the image and its parameters, and how it reports back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scumble_protocol.errors import Cancelled, MissingModel
from scumble_protocol.image import Bounds, Point, Reference

if TYPE_CHECKING:
    from .imaging.image import Image, NewLayer
    from .models.running import Notes


def _ignore_progress(fraction: float, stage: str) -> None:
    pass


def _ignore_preview(make: Callable[[], np.ndarray], place: Bounds | None = None) -> None:
    pass


class Models(Protocol):
    """Networks that are kept warm between jobs."""

    def borrow(
        self, operation: str, wanted: str, context: Context, scale: int | None = None
    ) -> AbstractContextManager[Any]:
        """What runs a network for `operation`: `RunningModel` for image → image, `Segmenter` for select_object,
        `Foreground` for remove_background, `Edge` for refine_edge, `Filler` for erase_object, `Unshadow` for
        remove_shadow, `Scenery` for replace_sky, `Optimiser` or `OnePass` for transfer_style, `Brush` or
        `RunningModel` for stylize, `Translator` or `RunningModel` for translate_domain. A second one is named after the
        first in the recipe.

        `wanted`: a model's id, or "auto"; `scale`: what it has to enlarge by, at least. Raises: MissingModel.
        """
        ...

    def lend(self, operation: str, wanted: str, context: Context) -> AbstractContextManager[Any]:
        """The same where the operation can do without: None for "classical", and for "auto" where none is installed."""
        ...

    def paint(
        self,
        operation: str,
        wanted: str,
        image: Image,
        context: Context,
        name: str,
        strength: float = 1.0,
        scale: int | None = None,
        grows: int = 1,
        mix: float | None = None,
    ) -> NewLayer:
        """The layer `name` that a model makes of `image` where it shows and is selected.

        `strength`: how much of the change is taken over, or of the noise out · `grows`: how many times larger the layer
        gets · `mix`: how much of its first file, where a model is mixed from two.
        Raises: MissingModel, OutOfMemory, Cancelled, Invalid
        """
        ...

    def device(self) -> str:
        """Where torch computes, as it calls that: for what needs no model. Imports torch where there may be a GPU.

        Raises: Unsupported.
        """
        ...

    def notes(self, context: Context, stage: str, first: float, last: float) -> Notes:
        """For `RunningModel.over`: progress from `first` to `last` under the words `stage`."""
        ...


class NoModels:
    """What a context has that nobody gave any."""

    def borrow(self, *_: Any, **__: Any) -> Any:
        raise MissingModel("No model is at hand here.", "Run this through the daemon.")

    paint = notes = borrow

    def device(self) -> str:
        return "cpu"

    def lend(self, operation: str, wanted: str, context: Context) -> AbstractContextManager[Any]:
        return nullcontext() if wanted in ("auto", "classical") else self.borrow()


def private_bytes(length: int) -> tuple[memoryview, Any]:
    """Room for samples that nobody else sees: writable bytes, and what a `Raster` of them has as its data."""
    room = memoryview(bytearray(length))
    return room, room


@dataclass
class Context:
    """Everything an operation may know and say beyond its image and parameters.

    `selection`: H×W float32 coverage in [0, 1] over the layer's own bounds, or None where nothing is selected ·
    `points`, `box`: in pixels from the *layer's* top left corner (points may lie outside it, the box does not) ·
    `reference`: the file that was chosen · `reference_layer`: the layer that was chosen instead of a picture's file ·
    `preview`: `preview(make, place)` shows the artist what there is so far. `make` is called only when it is time for a
    picture and somebody looks, and gives it as H×W×3 float32 sRGB of any size; `place` is where it will lie, in image
    coordinates, the whole layer where None · `notes`: sentences that go with the result · `models`: networks ·
    `new_samples`: room for a result's samples, and what a `Raster` takes as its `data`; a large layer's can lie where
    the editor reads them · `seconds`: what parts of the job took, by name, for the result's timings."""

    selection: np.ndarray | None = None
    points: tuple[Point, ...] = ()
    box: Bounds | None = None
    reference: Reference | None = None
    reference_layer: Image | None = None
    device: str = "cpu"
    report: Callable[[float, str], None] = _ignore_progress
    is_cancelled: Callable[[], bool] = lambda: False
    is_finish_asked: Callable[[], bool] = lambda: False
    finished_at: float | None = None  # the share of the work that was done when the artist had seen enough
    preview: Callable[..., None] = _ignore_preview
    notes: list[str] = field(default_factory=list)
    models: Models = field(default_factory=NoModels)
    model: dict[str, Any] | None = None  # the one that was used, for the recipe
    new_samples: Callable[[int], tuple[memoryview, Any]] = private_bytes
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def has_reference(self) -> bool:
        return self.reference is not None or self.reference_layer is not None

    def reference_picture(self) -> Image:
        """The picture that was chosen, a layer as its document holds it or a file: upright, in its own depth and
        profile. Its size is its own. Raises: Invalid where there is none, or it is broken, too large or transparent."""
        from .imaging import reference

        return reference.open_picture(self.reference, self.reference_layer)

    def progress(self, fraction: float, stage: str) -> None:
        """Tell the artist how far the job is; `fraction` 0 to 1. Raises: Cancelled, so call it often."""
        self.check_cancelled()
        self.report(fraction, stage)

    def check_cancelled(self) -> None:
        """Raises: Cancelled."""
        if self.is_cancelled():
            raise Cancelled("The job was cancelled.")

    def should_finish(self, share: float) -> bool:
        """Whether the artist has seen enough and wants what there is so far: for a `progressive` operation to ask after
        each step. `share` of the work, 0 to 1, is done by now; the recipe tells it."""
        if self.finished_at is None and share < 1 and self.is_finish_asked():
            self.finished_at = share
        return self.finished_at is not None

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Count the seconds of what is done in it to that part of the job."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + time.monotonic() - started

    def note(self, sentence: str) -> None:
        """Say something with the result: a low confidence, a choice that was made."""
        self.notes.append(sentence)
